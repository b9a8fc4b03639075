// SPDX-License-Identifier: Apache-2.0
/**
 * Reads a frame strictly, from the RFCs and from nothing of the product: RFC 894, 791, 8200,
 * 768, 9293, 792, 4443, 9260, IEEE 802.1Q. A frame is well formed when every length in it
 * agrees with every other.
 */

export type Fragment = 'whole' | 'first' | 'later';

export interface Ip {
  readonly version: 4 | 6;
  /** From the start of the frame to the IP header, bytes. */
  readonly off: number;
  /** Behind the IP header and extension headers. */
  readonly l4: number;
  /** Where the packet ends by its own header. */
  readonly end: number;
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly ttl: number;
  readonly tos: number;
  readonly protocol: number;
  readonly fragment: Fragment;
  readonly fragmentId: number;
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly dmac: Uint8Array;
  readonly smac: Uint8Array;
  /** Tag control information, outermost first. */
  readonly tags: readonly { readonly tpid: number; readonly tci: number }[];
  readonly ethertype: number;
  /** Behind the Ethernet header and tags. */
  readonly l3: number;
  readonly ip?: Ip;
  /** Why the frame is not well formed; empty when it is. */
  readonly problem: string;
}

export const ETHER = 14;
export const TYPE = { ip4: 0x0800, arp: 0x0806, vlan: 0x8100, qinq: 0x88a8, ip6: 0x86dd };
export const PROTO = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };
/** Hop-by-hop, routing, fragment, authentication, destination options, mobility. */
const EXTENSIONS: ReadonlySet<number> = new Set([0, 43, 44, 51, 60, 135]);

export const get16 = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);
export const get32 = (b: Uint8Array, at: number): number =>
  ((get16(b, at) << 16) | get16(b, at + 2)) >>> 0;

/** Ones' complement sum of bytes from..to, as if padded with a zero (RFC 1071), not folded. */
export function sum16(b: Uint8Array, from: number, to: number): number {
  let sum = 0;
  let i = from;
  for (; i + 1 < to; i += 2) sum += (b[i]! << 8) | b[i + 1]!;
  if (i < to) sum += b[i]! << 8;
  return sum;
}

export function fold(sum: number): number {
  let s = sum;
  while (s > 0xffff) s = (s % 0x10000) + Math.floor(s / 0x10000);
  return s;
}

/** Folded sum of an IPv4 header with its checksum: 0xffff when that is right. */
export function headerResidue(b: Uint8Array, ip: Ip): number {
  return fold(sum16(b, ip.off, ip.off + (b[ip.off]! & 0xf) * 4));
}

/** The part of the transport sum that comes from addresses, length and protocol. */
export function pseudoSum(ip: Ip, length: number): number {
  return (
    sum16(ip.src, 0, ip.src.length) +
    sum16(ip.dst, 0, ip.dst.length) +
    (length >>> 16) +
    (length & 0xffff) +
    ip.protocol
  );
}

/**
 * Folded sum of a transport segment with its checksum and pseudo-header: 0xffff when right.
 * Undefined where there is none to ask: fragments, other protocols, UDP without a checksum.
 */
export function transportResidue(b: Uint8Array, ip: Ip): number | undefined {
  if (ip.fragment !== 'whole') return undefined;
  const { l4, end, protocol } = ip;
  if (protocol === PROTO.icmp && ip.version === 4) return fold(sum16(b, l4, end));
  const known =
    protocol === PROTO.tcp ||
    protocol === PROTO.udp ||
    (protocol === PROTO.icmp6 && ip.version === 6);
  if (!known) return undefined;
  if (protocol !== PROTO.udp) return fold(sum16(b, l4, end) + pseudoSum(ip, end - l4));
  if (get16(b, l4 + 6) === 0) return undefined;
  const length = get16(b, l4 + 4);
  return fold(sum16(b, l4, l4 + length) + pseudoSum(ip, length));
}

function transportProblem(b: Uint8Array, ip: Ip): string {
  const have = ip.end - ip.l4;
  if (ip.fragment === 'later') return '';
  const whole = ip.fragment === 'whole';
  switch (ip.protocol) {
    case PROTO.tcp: {
      if (have < 20) return 'TCP header cut';
      const header = (b[ip.l4 + 12]! >> 4) * 4;
      return header < 20 || (whole && header > have) ? 'TCP data offset' : '';
    }
    case PROTO.udp: {
      if (have < 8) return 'UDP header cut';
      const length = get16(b, ip.l4 + 4);
      return length < 8 || (whole && length > have) ? 'UDP length' : '';
    }
    case PROTO.icmp:
    case PROTO.icmp6:
      return have < 8 ? 'ICMP header cut' : '';
    case PROTO.sctp:
      return have < 12 ? 'SCTP header cut' : '';
  }
  return '';
}

function readIp4(b: Uint8Array, off: number, limit: number): [Ip | undefined, string] {
  if (off + 20 > limit) return [undefined, 'IPv4 header cut'];
  const header = (b[off]! & 0xf) * 4;
  if (b[off]! >> 4 !== 4) return [undefined, 'IPv4 version'];
  const length = get16(b, off + 2);
  const field = get16(b, off + 6);
  const offset = field & 0x1fff;
  const ip: Ip = {
    version: 4,
    off,
    l4: off + header,
    end: off + length,
    src: b.subarray(off + 12, off + 16),
    dst: b.subarray(off + 16, off + 20),
    ttl: b[off + 8]!,
    tos: b[off + 1]!,
    protocol: b[off + 9]!,
    fragment: offset > 0 ? 'later' : field & 0x2000 ? 'first' : 'whole',
    fragmentId: get16(b, off + 4),
  };
  if (header < 20) return [ip, 'IPv4 IHL'];
  if (length < header || off + length > limit) return [ip, 'IPv4 total length'];
  return [ip, ''];
}

function readIp6(b: Uint8Array, off: number, limit: number): [Ip | undefined, string] {
  if (off + 40 > limit) return [undefined, 'IPv6 header cut'];
  if (b[off]! >> 4 !== 6) return [undefined, 'IPv6 version'];
  const end = off + 40 + get16(b, off + 4);
  let next = b[off + 6]!;
  let at = off + 40;
  let fragment: Fragment = 'whole';
  let fragmentId = 0;
  let problem = end > limit ? 'IPv6 payload length' : '';
  while (!problem && EXTENSIONS.has(next) && fragment !== 'later') {
    if (at + 8 > end) {
      problem = 'IPv6 extension header cut';
      break;
    }
    const length = next === 44 ? 8 : next === 51 ? (b[at + 1]! + 2) * 4 : (b[at + 1]! + 1) * 8;
    if (next === 44) {
      const field = get16(b, at + 2);
      if (field & 0xfff8) fragment = 'later';
      else if (field & 1) fragment = 'first';
      fragmentId = get32(b, at + 4);
    }
    next = b[at]!;
    at += length;
  }
  if (!problem && at > end) problem = 'IPv6 extension header length';
  const ip: Ip = {
    version: 6,
    off,
    l4: at,
    end,
    src: b.subarray(off + 8, off + 24),
    dst: b.subarray(off + 24, off + 40),
    ttl: b[off + 7]!,
    tos: (get16(b, off) >> 4) & 0xff,
    protocol: next,
    fragment,
    fragmentId,
  };
  return [ip, problem];
}

/** Reads the Ethernet frame that starts at off and takes the rest of the bytes. */
export function read(bytes: Uint8Array, off = 0): Frame {
  const limit = bytes.length;
  const dmac = bytes.subarray(off, off + 6);
  const smac = bytes.subarray(off + 6, off + 12);
  const tags: { tpid: number; tci: number }[] = [];
  let l3 = off + ETHER;
  if (l3 > limit) {
    return { bytes, dmac, smac, tags, ethertype: 0, l3, problem: 'Ethernet header cut' };
  }
  let ethertype = get16(bytes, l3 - 2);
  while ((ethertype === TYPE.vlan || ethertype === TYPE.qinq) && l3 + 4 <= limit) {
    tags.push({ tpid: ethertype, tci: get16(bytes, l3) });
    ethertype = get16(bytes, l3 + 2);
    l3 += 4;
  }
  let ip: Ip | undefined;
  let problem = '';
  if (ethertype === TYPE.ip4) [ip, problem] = readIp4(bytes, l3, limit);
  else if (ethertype === TYPE.ip6) [ip, problem] = readIp6(bytes, l3, limit);
  else if (ethertype === TYPE.vlan || ethertype === TYPE.qinq) problem = 'tag cut';
  if (ip && !problem) problem = transportProblem(bytes, ip);
  return { bytes, dmac, smac, tags, ethertype, l3, problem, ...(ip ? { ip } : {}) };
}

export const same = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
