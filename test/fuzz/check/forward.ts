// SPDX-License-Identifier: Apache-2.0
/**
 * A packet that was forwarded holds the bytes that came, but for what a router changes: MACs,
 * TTL and its checksum, and on leaving a tunnel the ECN field (RFC 6040).
 */
import type { Topology, VpcFacts, VtepFacts } from './topology.js';
import {
  fold,
  get16,
  get32,
  headerResidue,
  hex,
  same,
  sum16,
  type Frame,
  type Ip,
} from './wire.js';

/** ECN of the inner packet when the tunnel ends, RFC 6040 s4.2; undefined: must be dropped. */
export function ecnAfterTunnel(inner: number, outer: number): number | undefined {
  const [i, o] = [inner & 3, outer & 3];
  if (i === 0) return o === 3 ? undefined : 0;
  if (i === 3 || o === 3) return 3;
  return o === 1 ? 1 : i;
}

/** What the L3 packet at `at` in out must be, when it came as `input` says. */
export function packetProblem(
  input: Frame,
  out: Uint8Array,
  at: number,
  routed: boolean,
  tos: number,
): string {
  const b = input.bytes;
  const ip = input.ip!;
  if (out.length - at !== b.length - ip.off) {
    return `${b.length - ip.off} bytes behind Ethernet became ${out.length - at}`;
  }
  const four = ip.version === 4;
  const ttlAt = four ? 8 : 7;
  if (routed && ip.ttl <= 1) return `routed with TTL ${ip.ttl}`;
  if (out[at + ttlAt] !== ip.ttl - (routed ? 1 : 0))
    return `TTL ${ip.ttl} became ${out[at + ttlAt]!}`;
  const outTos = four ? out[at + 1]! : (get16(out, at) >> 4) & 0xff;
  if (outTos !== tos) return `traffic class ${outTos}, expected ${tos}`;
  if (four) {
    const before = headerResidue(b, ip);
    const after = fold(sum16(out, at, at + (b[ip.off]! & 0xf) * 4));
    if (before !== after) return `IPv4 header sum ${before} became ${after}`;
  }
  const length = b.length - ip.off;
  for (let i = 0; i < length; i++) {
    if (b[ip.off + i] === out[at + i]) continue;
    const changed = four
      ? i === 1 || i === 8 || i === 10 || i === 11
      : i === 7 ||
        ((i === 0 || i === 1) && (get32(b, ip.off) & 0xf00fffff) === (get32(out, at) & 0xf00fffff));
    if (!changed) return `byte ${i} of the packet changed`;
  }
  return '';
}

/** An outer header and the inner frame, as they leave for a VTEP. */
export interface Tunnelled {
  readonly vtep: VtepFacts;
  /** Where the inner Ethernet header starts. */
  readonly inner: number;
  readonly outerDst: Uint8Array;
  readonly outerTos: number;
}

/** Reads what leaves by the droplet; text when it is not what RFC 7348 and we say. */
export function readTunnel(out: Frame, vpc: VpcFacts, topo: Topology): Tunnelled | string {
  const { bytes: b, ip } = out;
  if (out.problem || !ip || out.tags.length) return `outer frame: ${out.problem || 'not IP'}`;
  if (ip.end !== b.length) return `${b.length - ip.end} bytes behind the outer packet`;
  if (!topo.dropletAddresses.has(hex(ip.src))) return `outer source ${hex(ip.src)}`;
  const vtep = topo.vteps.get(hex(ip.dst));
  if (!vtep?.resolved) return `outer destination ${hex(ip.dst)}`;
  if (!same(out.dmac, vtep.mac) || !same(out.smac, topo.dropletMac)) return 'outer MACs';
  if (ip.version === 4) {
    if (b[ip.off] !== 0x45 || get16(b, ip.off + 6) !== 0x4000) return 'outer IPv4 header';
    if (headerResidue(b, ip) !== 0xffff) return 'outer IPv4 checksum';
  }
  if (ip.ttl !== vtep.ttl || ip.protocol !== 17) return `outer TTL ${ip.ttl} or protocol`;
  const sport = get16(b, ip.l4);
  if (sport < 49152 || get16(b, ip.l4 + 2) !== 4789) return 'outer UDP ports';
  if (ip.version === 6 && (get32(b, ip.off) & 0xfffff) !== sport) return 'flow label';
  if (get16(b, ip.l4 + 4) !== ip.end - ip.l4 || get16(b, ip.l4 + 6) !== 0)
    return 'outer UDP header';
  if (get32(b, ip.l4 + 8) !== 0x08000000) return 'VXLAN flags';
  const vni = get32(b, ip.l4 + 12);
  if (vni !== vpc.vni * 256) return `a packet of VNI ${vpc.vni} leaves with VNI word ${vni}`;
  if (ip.end - ip.off > topo.dropletMtu) return `${ip.end - ip.off} bytes leave the droplet`;
  return { vtep, inner: ip.l4 + 16, outerDst: ip.dst, outerTos: ip.tos };
}

/** DSCP fixed or copied (RFC 2983), ECN copied (RFC 6040 s4.1). */
export function outerTos(vtep: VtepFacts, inner: number): number {
  return ((vtep.dscpCopy ? inner : vtep.tos) & 0xfc) | (inner & 3);
}

/** Bytes of the largest L3 packet this frame will be on a wire: a segment of a GSO frame. */
export function segmentLength(ip: Ip, b: Uint8Array, gsoSize: number): number {
  const segmented = gsoSize && ip.fragment === 'whole' && (ip.protocol === 6 || ip.protocol === 17);
  if (!segmented) return ip.end - ip.off;
  const header = ip.protocol === 6 ? (b[ip.l4 + 12]! >> 4) * 4 : 8;
  return ip.l4 - ip.off + header + gsoSize;
}
