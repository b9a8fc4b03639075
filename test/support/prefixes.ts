// SPDX-License-Identifier: Apache-2.0
/** Prefixes that stand for others, for a rig: what the daemon would write of NatGateways and Peerings. */
import { mappedLength, parseAddress, parsePrefix } from '../../src/base/net.js';
import type { Rig } from './rig.js';

/** A prefix that leads outside (NPTv6). */
export interface OutsidePrefix {
  readonly vni: number;
  readonly inside: string;
  readonly outside: string;
  /** Index of nat_gw whose endpoints it is for. */
  readonly gw: number;
}

/** What one VPC exposes to another, and as what that sees it. */
export interface Exposed {
  readonly vni: number;
  readonly peer: number;
  readonly prefix: string;
  readonly as?: string;
  /** The peer is behind a pool of this host. */
  readonly stateful?: boolean;
}

/** Endpoints of a VPC that share addresses in another: a pool of this host. */
export interface Masqueraded {
  readonly vni: number;
  readonly peer: number;
  /** Prefix of the shared addresses, and these. */
  readonly as: string;
  readonly pool: readonly string[];
  /** Index of nat_gw; positions of nat_ext_of and indexes of nat_ext begin at `first`. */
  readonly gw: number;
  readonly first: number;
  /** Addresses → index of nat_sub. */
  readonly users: Readonly<Record<string, number>>;
  readonly filtering?: 'endpoint' | 'address' | 'address-port';
  readonly blockSize?: number;
  readonly maxBlocks?: number;
}

const ROUTE_PUBLIC = 8;
const ROUTE_PEER = 9;
const STATEFUL = 8;
const FILTERING = { endpoint: 0, address: 1, 'address-port': 2 };
const SOURCE = 1;
const DESTINATION = 2;
const KEY_BITS = 96;
const ROUTE_BITS = 32;

interface Entry {
  readonly vni: number;
  readonly peer: number;
  readonly end: number;
  readonly from: string;
  readonly to: string;
  readonly toVni: number;
  readonly gw?: number;
  readonly neutral?: boolean;
}

/** RFC 1071, of a prefix' address. */
function sumOf(prefix: string): number {
  const { bytes } = parsePrefix(prefix).address;
  let sum = 0;
  for (let i = 0; i < 16; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return sum % 0xffff;
}

function write(rig: Rig, entry: Entry): void {
  const { vni, peer, end, toVni, gw = 0, neutral = false } = entry;
  const [from, to] = [parsePrefix(entry.from), parsePrefix(entry.to)];
  const { family } = from.address;
  const adjust = neutral ? (sumOf(entry.from) - sumOf(entry.to) + 0xffff) % 0xffff : 0;
  rig.write({
    map: 'nat_prefix',
    key: {
      struct: 'nat_prefix_key',
      value: {
        prefixlen: KEY_BITS + mappedLength(from),
        vni,
        peer,
        end,
        family,
        addr: from.address.bytes,
      },
    },
    struct: 'nat_prefix_val',
    value: {
      addr: to.address.bytes,
      vni: toVni,
      gw,
      length: mappedLength(to),
      neutral: neutral ? 1 : 0,
      adjust,
    },
  });
}

function route(rig: Rig, vni: number, text: string, kind: number, nh: number, flags = 0): void {
  const prefix = parsePrefix(text);
  const key = {
    struct: 'route_key',
    value: {
      prefixlen: ROUTE_BITS + mappedLength(prefix),
      vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
      family: prefix.address.family,
      addr: prefix.address.bytes,
    },
  };
  rig.write({ map: 'route', key, struct: 'route_val', value: { kind, nh, flags } });
}

export function addOutsidePrefix(rig: Rig, { vni, inside, outside, gw }: OutsidePrefix): void {
  const common = { peer: 0, gw, neutral: true };
  write(rig, { ...common, vni, end: SOURCE, from: inside, to: outside, toVni: 0 });
  write(rig, { ...common, vni: 0, end: DESTINATION, from: outside, to: inside, toVni: vni });
  route(rig, 0, outside, ROUTE_PUBLIC, 0);
}

export function addExposed(
  rig: Rig,
  { vni, peer, prefix, as = prefix, stateful = false }: Exposed,
): void {
  write(rig, { vni, peer, end: SOURCE, from: prefix, to: as, toVni: peer });
  write(rig, { vni: peer, peer: vni, end: DESTINATION, from: as, to: prefix, toVni: vni });
  route(rig, peer, as, ROUTE_PEER, vni, stateful ? STATEFUL : 0);
}

export function addMasqueraded(rig: Rig, spec: Masqueraded): void {
  const { vni, peer, as, gw, first, pool } = spec;
  const v6 = as.includes(':');
  rig.write({
    map: 'nat_gw',
    key: gw,
    struct: 'nat_gw_val',
    value: {
      filtering: FILTERING[spec.filtering ?? 'address-port'],
      block_size: spec.blockSize ?? 512,
      max_blocks: spec.maxBlocks ?? 4,
      quarantine: 120,
      ...(v6 ? { ext6: first, ext6_count: pool.length } : { ext4: first, ext4_count: pool.length }),
      owner: 1,
    },
  });
  pool.forEach((address, i) => {
    const ext = first + i;
    rig.write({ map: 'nat_ext_of', key: ext, struct: 'nat_ext_of_val', value: { ext } });
    const value = { addr: parseAddress(address).bytes, gw };
    rig.write({ map: 'nat_ext', key: ext, struct: 'nat_ext_val', value });
  });
  write(rig, { vni: peer, peer: vni, end: DESTINATION, from: as, to: as, toVni: vni, gw });
  route(rig, peer, as, ROUTE_PEER, vni, STATEFUL);
  for (const [address, sub] of Object.entries(spec.users)) {
    rig.write({ map: 'nat_sub', key: sub, struct: 'nat_sub_val', value: { gw } });
    const from = `${address}/${v6 ? 128 : 32}`;
    write(rig, { vni, peer, end: SOURCE, from, to: from, toVni: sub, gw });
  }
}
