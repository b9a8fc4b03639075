// SPDX-License-Identifier: Apache-2.0
/**
 * What Transit says itself: ARP (RFC 826), neighbour advertisements (RFC 4861), echo replies
 * and ICMP errors (RFC 792, 1812 s4.3, 4443). Each function gets the packet that came and
 * returns what is wrong with the answer, or with answering at all.
 */
import { isGroupMac, isIcmpError, isMulticast, isSingleHost, isZero } from './addresses.js';
import type { VpcFacts } from './topology.js';
import {
  fold,
  get16,
  get32,
  headerResidue,
  hex,
  pseudoSum,
  same,
  sum16,
  transportResidue,
  TYPE,
  type Frame,
  type Ip,
} from './wire.js';

export function arpProblem(input: Frame, out: Uint8Array, vpc: VpcFacts): string {
  const b = input.bytes.subarray(input.l3);
  const a = out.subarray(14);
  if (input.ethertype !== TYPE.arp || b.length < 28) return 'an answer to what is not ARP';
  if (get32(b, 0) !== 0x00010800 || get16(b, 4) !== 0x0604 || get16(b, 6) !== 1) {
    return 'an answer to what is not a request for an IPv4 address';
  }
  if (isGroupMac(b.subarray(8, 14))) return 'the asking hardware address is a group';
  const target = b.subarray(24, 28);
  const mac = vpc.known.get(hex(target));
  if (mac === undefined) return `an answer for ${hex(target)}, which nobody has`;
  const expected = Buffer.concat([
    input.smac, Buffer.from(mac, 'hex'), Uint8Array.of(8, 6, 0, 1, 8, 0, 6, 4, 0, 2),
    Buffer.from(mac, 'hex'), target, b.subarray(8, 14), b.subarray(14, 18),
    b.subarray(28),
  ]); // prettier-ignore
  return same(expected, out) || a.length < 28
    ? ''
    : `ARP answer is not ${expected.toString('hex')}`;
}

/** RFC 4861 s7.1.1: what a node must silently discard. */
function solicitationProblem(b: Uint8Array, ip: Ip): string {
  const { l4, end } = ip;
  if (ip.ttl !== 255) return 'hop limit is not 255';
  if (transportResidue(b, ip) !== 0xffff) return 'checksum is wrong';
  if (b[l4] !== 135 || b[l4 + 1] !== 0) return 'type or code';
  if (end - l4 < 24) return 'shorter than 24 bytes';
  if (isMulticast(b.subarray(l4 + 8, l4 + 24))) return 'target is multicast';
  let sourceOption = false;
  for (let at = l4 + 24; at < end; at += b[at + 1]! * 8) {
    if (at + 2 > end || b[at + 1] === 0) return 'option of length 0';
    if (at + b[at + 1]! * 8 > end) return 'option behind the end';
    sourceOption ||= b[at] === 1;
  }
  if (!isZero(ip.src)) return '';
  if (sourceOption) return 'no source but a source link-layer address';
  const solicited = hex(ip.dst.subarray(0, 13)) === 'ff0200000000000000000001ff';
  return solicited ? '' : 'no source and not to a solicited-node address';
}

export function advertisementProblem(input: Frame, out: Frame, vpc: VpcFacts): string {
  const b = input.bytes;
  const { ip } = input;
  const o = out.bytes;
  if (!ip || ip.version !== 6 || ip.protocol !== 58) return 'an answer to no solicitation';
  const bad = input.problem || solicitationProblem(b, ip);
  if (bad) return `an answer to an invalid solicitation: ${bad}`;
  const target = b.subarray(ip.l4 + 8, ip.l4 + 24);
  const mac = vpc.known.get(hex(target));
  if (mac === undefined) return `an answer for ${hex(target)}, which nobody has`;
  const probe = isZero(ip.src);
  const to = probe ? Buffer.from('ff020000000000000000000000000001', 'hex') : ip.src;
  const flags = (vpc.gateways.has(hex(target)) ? 0x80 : 0) | (probe ? 0 : 0x40) | 0x20;
  const expected = Buffer.concat([
    probe ? Buffer.from('333300000001', 'hex') : input.smac,
    Buffer.from(mac, 'hex'),
    Uint8Array.of(0x86, 0xdd, 0x60, 0, 0, 0, 0, 32, 58, 255),
    target,
    to,
    Uint8Array.of(136, 0, o[56] ?? 0, o[57] ?? 0, flags, 0, 0, 0),
    target,
    Uint8Array.of(2, 1),
    Buffer.from(mac, 'hex'),
  ]);
  if (!same(expected, o)) return `advertisement is not ${expected.toString('hex')}`;
  return transportResidue(o, out.ip!) === 0xffff ? '' : 'advertisement with a wrong checksum';
}

export function echoProblem(input: Frame, out: Frame, vpc: VpcFacts): string {
  const b = input.bytes;
  const o = out.bytes;
  const [ip, oip] = [input.ip!, out.ip!];
  if (!vpc.gateways.has(hex(ip.dst))) return 'an echo reply for what is no gateway';
  const v4 = ip.version === 4;
  // what an IPv6 fragment holds only its first one says: extension headers may be between
  const told = v4 || ip.fragment !== 'later';
  if (told && ip.protocol !== (v4 ? 1 : 58)) return 'an echo reply to what is not ICMP';
  if (!same(out.dmac, input.smac) || !same(out.smac, vpc.gatewayMac))
    return 'MACs of the echo reply';
  if (!same(oip.src, ip.dst) || !same(oip.dst, ip.src)) return 'addresses of the echo reply';
  if (o.length - oip.off !== b.length - ip.off || oip.ttl !== 64)
    return 'length or TTL of the echo reply';
  const first = ip.fragment !== 'later';
  if (first && b[ip.l4] !== (v4 ? 8 : 128)) return 'an echo reply to what is no echo request';
  if (first && o[oip.l4] !== (v4 ? 0 : 129)) return 'not an echo reply';
  if (v4 && headerResidue(b, ip) !== headerResidue(o, oip))
    return 'IPv4 checksum of the echo reply';
  const [before, after] = [transportResidue(b, ip), transportResidue(o, oip)];
  // a wrong one stays wrong by as much; zero and 0xffff are the same number
  if (
    before === 0xffff
      ? after !== 0xffff
      : before !== undefined && before % 0xffff !== after! % 0xffff
  ) {
    return `ICMP sum ${before} became ${after!}`;
  }
  const covered = (x: Uint8Array, i: Ip): number => fold(sum16(x, i.l4, i.end)) % 0xffff;
  if (!first ? covered(b, ip) !== covered(o, oip) : covered(b, ip) !== covered(o, oip)) {
    return 'sum of the echo reply';
  }
  const fixed = v4 ? 12 : 8;
  const header = v4 ? 20 : 40;
  for (let i = 0; i < b.length - ip.off; i++) {
    if (b[ip.off + i] === o[oip.off + i]) continue;
    const at = ip.off + i - ip.l4;
    const may = v4 ? i === 8 || i === 10 || i === 11 : i === 7;
    if (may || (i >= fixed && i < header) || (first && (at === 0 || at === 2 || at === 3)))
      continue;
    return `byte ${i} of the echo request changed`;
  }
  return '';
}

/** Errors that are sent, by version: type and code. */
const ERRORS: Readonly<Record<4 | 6, ReadonlySet<string>>> = {
  // 3/13, 1/1: no room for the connection, or beyond its quota
  4: new Set(['11/0', '3/0', '3/1', '3/4', '3/13']),
  6: new Set(['3/0', '2/0', '1/0', '1/1', '1/3']),
};
const QUOTE = { 4: 576 - 28, 6: 1280 - 48 };

/** Whether an error about this packet may be sent at all. */
export function errorAllowed(input: Frame, vpc: VpcFacts): string {
  const ip = input.ip!;
  if (input.problem) return `about a broken packet (${input.problem})`;
  if (isIcmpError(input.bytes, ip)) return 'about an ICMP error';
  if (ip.fragment === 'later') return 'about a fragment that is not the first';
  if (isGroupMac(input.dmac)) return 'about a frame to a group MAC';
  if (isGroupMac(input.smac) || isZero(input.smac)) return 'to a MAC that is nobody';
  if (isMulticast(ip.dst) || vpc.broadcasts.has(hex(ip.dst))) return 'about a packet to a group';
  if (!isSingleHost(ip.src, vpc)) return 'to an address that is no single host';
  return '';
}

/**
 * On tc nothing tells a complete transport checksum from one that still waits and holds the
 * pseudo-header's sum; an error about such a packet is right for the completed one.
 */
function looksPartial(b: Uint8Array, ip: Ip): boolean {
  const at = ip.protocol === 6 ? 16 : ip.protocol === 17 ? 6 : undefined;
  if (at === undefined || ip.fragment !== 'whole') return false;
  const field = get16(b, ip.l4 + at);
  const length = ip.end - ip.l4;
  return field === fold(pseudoSum(ip, length)) || field === fold(pseudoSum(ip, 0));
}

/** The error frame, without a tunnel: out.ip is the error's header. */
export function errorProblem(input: Frame, out: Frame, vpc: VpcFacts, tc: boolean): string {
  const b = input.bytes;
  const o = out.bytes;
  const [ip, oip] = [input.ip!, out.ip!];
  const not = errorAllowed(input, vpc);
  if (not) return `an ICMP error ${not}`;
  if (oip.version !== ip.version || oip.protocol !== (ip.version === 4 ? 1 : 58)) return 'not ICMP';
  if (!same(out.dmac, input.smac) || !same(out.smac, vpc.gatewayMac)) return 'MACs of the error';
  if (!vpc.gateways.has(hex(oip.src)) || !same(oip.dst, ip.src)) return 'addresses of the error';
  if (oip.version === 4 && headerResidue(o, oip) !== 0xffff) return 'IPv4 checksum of the error';
  const kind = `${o[oip.l4]!}/${o[oip.l4 + 1]!}`;
  if (!ERRORS[ip.version].has(kind)) return `an ICMP error of type ${kind}`;
  const quote = o.subarray(oip.l4 + 8);
  const original = b.subarray(ip.off, ip.end);
  if (quote.length !== Math.min(original.length, QUOTE[ip.version])) {
    return `${quote.length} bytes quoted of ${original.length}`;
  }
  if (!same(quote, original.subarray(0, quote.length))) return 'the quote is not what came';
  if (oip.end !== o.length) return 'bytes behind the error';
  const tooBig = kind === '3/4' || (ip.version === 6 && kind === '2/0');
  const word = get32(o, oip.l4 + 4);
  if (tooBig ? word < 576 || word > 1500 : word !== 0) return `the error's second word is ${word}`;
  const expired = kind === '11/0' || (ip.version === 6 && kind === '3/0');
  if (expired && ip.ttl > 1) return `time exceeded with TTL ${ip.ttl}`;
  if (transportResidue(o, oip) !== 0xffff && !(tc && looksPartial(b, ip))) {
    return 'the error has a wrong ICMP checksum';
  }
  return '';
}
