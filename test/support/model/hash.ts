// SPDX-License-Identifier: Apache-2.0
/**
 * The flow's hash: outer source port and choice among equal paths. No RFC says which; ours is a
 * property of the wire all the same, since all hosts must choose alike. It is the finish of
 * MurmurHash3 over VNI, addresses (IPv4 mapped), ports and protocol, in little-endian words.
 */
import { familyOf } from './address.js';
import type { Address } from './bytes.js';

export interface FlowIdentity {
  readonly src: Address;
  readonly dst: Address;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
}

function words(address: Address): number[] {
  const mapped = familyOf(address) === 4 ? `${'0'.repeat(20)}ffff${address}` : address;
  const bytes = Buffer.from(mapped, 'hex');
  return [0, 4, 8, 12].map((at) => bytes.readUInt32LE(at));
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function mix(h: number, v: number): number {
  const x = h ^ Math.imul(v, 0xcc9e2d51);
  const rotated = (x << 13) | (x >>> 19);
  return (Math.imul(rotated, 5) + 0xe6546b64) | 0;
}

export function flowHash(flow: FlowIdentity, vni: number): number {
  let h = vni;
  for (const word of [...words(flow.src), ...words(flow.dst)]) h = mix(h, word);
  h = mix(h, (swap16(flow.sport) << 16) | swap16(flow.dport));
  h = mix(h, flow.protocol);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** RFC 7348 s5: the dynamic ports, 49152..65535. */
export function sourcePort(hash: number): number {
  return 0xc000 | (hash & 0x3fff);
}

/** Which of some equal paths. */
export function choice(hash: number, paths: number): number {
  return (hash >>> 14) % paths;
}
