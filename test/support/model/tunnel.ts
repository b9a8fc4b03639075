// SPDX-License-Identifier: Apache-2.0
/** VXLAN headers on and off: RFC 7348, 6040 (ECN), 2983 (DSCP), 6438 (flow label), 6935 (checksum). */
import { checksum, put16, put32, putHex, type Address } from './bytes.js';
import { familyOf } from './address.js';
import { ECN, ETHERNET, ETHERTYPE, PROTOCOL, TUNNEL, VXLAN_PORT } from './numbers.js';
import type { Nexthop } from './destination.js';

/** RFC 6040 s4.2, figure 4: the inner field after decapsulation; undefined drops the packet. */
export function ecnDecapsulated(inner: number, outer: number): number | undefined {
  if (outer === ECN.ce) return inner === ECN.none ? undefined : ECN.ce;
  if (outer === ECN.ect1 && inner === ECN.ect0) return ECN.ect1;
  return inner;
}

/** Outer traffic class: ECN as inside (RFC 6040 s4.1), DSCP copied or fixed (RFC 2983). */
export function outerTos(inner: number, dscp: 'copy' | number): number {
  const high = dscp === 'copy' ? inner & 0xfc : dscp << 2;
  return high | (inner & 0x03);
}

export interface TunnelHeader {
  readonly vni: number;
  readonly vtep: Address;
  /** Carries the flow's hash, RFC 7348 s5. */
  readonly sourcePort: number;
  /** Traffic class of the inner packet. */
  readonly innerTos: number;
}

/** The frame in a tunnel to a VTEP, ready for the underlay. */
export function encapsulate(inner: Uint8Array, header: TunnelHeader, way: Nexthop): Uint8Array {
  const family = familyOf(header.vtep);
  const size = TUNNEL[family];
  const out = new Uint8Array(size + inner.length);
  out.set(inner, size);
  putHex(out, 0, way.dmac);
  putHex(out, 6, way.smac);
  put16(out, 12, family === 4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6);
  const udpLength = 8 + 8 + inner.length;
  const tos = outerTos(header.innerTos, way.dscp);
  if (family === 4) putOuter4(out, header, way, udpLength, tos);
  else putOuter6(out, header, way, udpLength, tos);
  const udp = size - 16;
  put16(out, udp, header.sourcePort);
  put16(out, udp + 2, VXLAN_PORT);
  put16(out, udp + 4, udpLength);
  put16(out, udp + 6, 0); // RFC 7348 s5, RFC 6935 s5: none, the inner packet has its own
  put32(out, udp + 8, 0x08000000);
  put32(out, udp + 12, header.vni << 8);
  return out;
}

function putOuter4(
  out: Uint8Array,
  header: TunnelHeader,
  way: Nexthop,
  udpLength: number,
  tos: number,
): void {
  const at = ETHERNET;
  out[at] = 0x45;
  out[at + 1] = tos;
  put16(out, at + 2, 20 + udpLength);
  put16(out, at + 4, 0); // RFC 6864 s4.1: an atomic datagram's id means nothing
  put16(out, at + 6, 0x4000); // RFC 7348 s4.3: VTEPs do not fragment
  out[at + 8] = way.ttl;
  out[at + 9] = PROTOCOL.udp;
  putHex(out, at + 12, way.source);
  putHex(out, at + 16, header.vtep);
  put16(out, at + 10, checksum(out.subarray(at, at + 20)));
}

function putOuter6(
  out: Uint8Array,
  header: TunnelHeader,
  way: Nexthop,
  udpLength: number,
  tos: number,
): void {
  const at = ETHERNET;
  // RFC 6438 s3: the flow label tells flows apart as the source port does
  put32(out, at, (0x60000000 | (tos << 20) | header.sourcePort) >>> 0);
  put16(out, at + 4, udpLength);
  out[at + 6] = PROTOCOL.udp;
  out[at + 7] = way.ttl;
  putHex(out, at + 8, way.source);
  putHex(out, at + 24, header.vtep);
}
