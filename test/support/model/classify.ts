// SPDX-License-Identifier: Apache-2.0
/**
 * What a frame on a droplet is: the host's own, or VXLAN (RFC 7348) that may be for us. Whether
 * the outer addresses are ours and known is not judged here.
 */
import { hexAt, onesSum, u8At, u16At, type Address } from './bytes.js';
import { ETHERNET, ETHERTYPE, PROTOCOL, TUNNEL, VXLAN_PORT, type Family } from './numbers.js';
import type { Reason } from './reasons.js';

export interface Tunnelled {
  readonly src: Address;
  readonly dst: Address;
  readonly tos: number;
  readonly family: Family;
  readonly vni: number;
  /** The inner frame. */
  readonly inner: Uint8Array;
  /** Why the outer headers cannot be believed. */
  readonly bad: Reason | undefined;
}

export interface Classified {
  /** The frame without a priority tag. */
  readonly bytes: Uint8Array;
  /** undefined: the host's. */
  readonly tunnelled: Tunnelled | undefined;
}

/** IEEE 802.1Q: without the tag behind the MACs. */
export function withoutTag(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length - 4);
  out.set(bytes.subarray(0, 12));
  out.set(bytes.subarray(16), 12);
  return out;
}

/**
 * A priority tag (VID 0) in front of UDP for our port and an address of ours. What is the host's
 * reaches it as it came, and other tags are for its VLAN devices.
 */
function isOursBehindTag(bytes: Uint8Array, isOwn: (address: Address) => boolean): boolean {
  if (bytes.length < 18 || (u16At(bytes, 14) & 0xfff) !== 0) return false;
  const type = u16At(bytes, 16);
  const at = 18;
  const version = u8At(bytes, at) >> 4;
  let udp: number;
  let dst: Address;
  if (type === ETHERTYPE.ipv4) {
    const header = (u8At(bytes, at) & 0xf) * 4;
    if (bytes.length < at + 20 || version !== 4 || header < 20) return false;
    if (u8At(bytes, at + 9) !== PROTOCOL.udp || (u16At(bytes, at + 6) & 0x1fff) !== 0) return false;
    udp = at + header;
    dst = hexAt(bytes, at + 16, 4);
  } else if (type === ETHERTYPE.ipv6) {
    if (bytes.length < at + 40 || version !== 6 || u8At(bytes, at + 6) !== PROTOCOL.udp)
      return false;
    udp = at + 40;
    dst = hexAt(bytes, at + 24, 16);
  } else return false;
  return bytes.length >= udp + 8 && u16At(bytes, udp + 2) === VXLAN_PORT && isOwn(dst);
}

/** undefined: not for our port. */
function readUdp(
  bytes: Uint8Array,
  at: number,
  length: number,
): { readonly bad: Reason | undefined } | undefined {
  if (bytes.length < at + 8 || u16At(bytes, at + 2) !== VXLAN_PORT) return undefined;
  const says = u16At(bytes, at + 4);
  // nor may anything behind the outer packet become part of the inner one
  if (says !== length || says !== bytes.length - at || says < 16) return { bad: 'BAD_LENGTH' };
  if (bytes.length < at + 16) return { bad: 'TRUNCATED' };
  if ((u8At(bytes, at + 8) & 0x08) === 0) return { bad: 'BAD_TUNNEL' }; // RFC 7348 s5: the I flag
  return { bad: undefined };
}

function readOuter4(bytes: Uint8Array): Tunnelled | undefined {
  const at = ETHERNET;
  if (bytes.length < at + 20 || u8At(bytes, at + 9) !== PROTOCOL.udp) return undefined;
  const header = (u8At(bytes, at) & 0xf) * 4;
  if (u8At(bytes, at) >> 4 !== 4 || header < 20) return undefined;
  const word = u16At(bytes, at + 6);
  const common = {
    src: hexAt(bytes, at + 12, 4),
    dst: hexAt(bytes, at + 16, 4),
    tos: u8At(bytes, at + 1),
    family: 4,
    vni: u16At(bytes, 46) * 256 + u8At(bytes, 48),
    inner: bytes.subarray(TUNNEL[4]),
  } as const;
  if (header > 20) {
    const udp = at + header;
    const ours = bytes.length >= udp + 8 && u16At(bytes, udp + 2) === VXLAN_PORT;
    return ours ? { ...common, bad: 'BAD_TUNNEL' } : undefined;
  }
  // a later fragment has no port: it cannot be told from the host's
  if ((word & 0x1fff) !== 0) return undefined;
  const udp = readUdp(bytes, at + 20, u16At(bytes, at + 2) - 20);
  if (!udp) return undefined;
  let { bad } = udp;
  if ((word & 0x2000) !== 0) bad = 'BAD_TUNNEL';
  if (!bad && onesSum(bytes.subarray(at, at + 20)) !== 0xffff) bad = 'BAD_CHECKSUM';
  return { ...common, bad };
}

function readOuter6(bytes: Uint8Array): Tunnelled | undefined {
  const at = ETHERNET;
  if (bytes.length < at + 40 || u8At(bytes, at + 6) !== PROTOCOL.udp) return undefined;
  if (u8At(bytes, at) >> 4 !== 6) return undefined;
  const udp = readUdp(bytes, at + 40, u16At(bytes, at + 4));
  if (!udp) return undefined;
  return {
    src: hexAt(bytes, at + 8, 16),
    dst: hexAt(bytes, at + 24, 16),
    tos: (u16At(bytes, at) >> 4) & 0xff,
    family: 6,
    vni: u16At(bytes, 66) * 256 + u8At(bytes, 68),
    inner: bytes.subarray(TUNNEL[6]),
    bad: udp.bad,
  };
}

/** @param isOwn whether an underlay address is ours */
export function classify(frame: Uint8Array, isOwn: (address: Address) => boolean): Classified {
  let bytes = frame;
  if (u16At(bytes, 12) === ETHERTYPE.vlan) {
    if (!isOursBehindTag(bytes, isOwn)) return { bytes, tunnelled: undefined };
    bytes = withoutTag(bytes);
  }
  const type = u16At(bytes, 12);
  if (type === ETHERTYPE.ipv4) return { bytes, tunnelled: readOuter4(bytes) };
  if (type === ETHERTYPE.ipv6) return { bytes, tunnelled: readOuter6(bytes) };
  return { bytes, tunnelled: undefined };
}
