// SPDX-License-Identifier: Apache-2.0
/**
 * ICMP errors about packets that cannot go on: RFC 792, 1191, 1812 s4.3, 4443. Sent from the gateway
 * of the VPC to the inner sender; the packet itself is dropped.
 */
import { isGroupMac, isMulticast } from './address.js';
import { checksum, onesSum, put16, put32, putHex, u16At, type Address, type Mac } from './bytes.js';
import { ETHERNET, ETHERTYPE, ICMP4, ICMP6, PROTOCOL } from './numbers.js';
import type { Frame, IpPacket } from './parse.js';
import type { Reason } from './reasons.js';

/** Quoted: what fits into 576 bytes (RFC 1812 s4.3.2.3), into 1280 bytes (RFC 4443 s2.4c). */
export const MAX_QUOTE = { 4: 576 - 20 - 8, 6: 1280 - 40 - 8 } as const;
const ERROR_TTL = 64;
/** Internetwork control, RFC 1812 s4.3.2.5. */
const ERROR_TOS4 = 0xc0;

interface Told {
  readonly type: number;
  readonly code: number;
}

/** RFC 5508 REQ-8: communication administratively prohibited. */
const PROHIBITED = {
  4: { type: ICMP4.unreachable, code: 13 },
  6: { type: ICMP6.unreachable, code: 1 },
} as const;

/** Type and code for IPv4 and IPv6; other reasons are silent. */
const TOLD: Partial<Record<Reason, Readonly<Record<4 | 6, Told>>>> = {
  TTL_EXCEEDED: {
    4: { type: ICMP4.timeExceeded, code: 0 },
    6: { type: ICMP6.timeExceeded, code: 0 },
  },
  TOO_BIG: { 4: { type: ICMP4.unreachable, code: 4 }, 6: { type: ICMP6.packetTooBig, code: 0 } },
  NO_ROUTE: { 4: { type: ICMP4.unreachable, code: 0 }, 6: { type: ICMP6.unreachable, code: 0 } },
  HOST_UNREACHABLE: {
    4: { type: ICMP4.unreachable, code: 1 },
    6: { type: ICMP6.unreachable, code: 3 },
  },
  NO_NAT: PROHIBITED,
  NAT_QUOTA: PROHIBITED,
  NAT_EXHAUSTED: PROHIBITED,
  NAT_TABLE_FULL: PROHIBITED,
  FLOW_TABLE_FULL: PROHIBITED,
};

/** An ICMP error, RFC 1122 s3.2.2, RFC 4443 s2.1: as such it quotes a packet. */
export function isError(ip: IpPacket): boolean {
  if (ip.fragment && !ip.fragment.first) return false;
  if (ip.family === 6)
    return ip.protocol === PROTOCOL.icmp6 && (ip.icmpType < 128 || ip.icmpType === ICMP6.redirect);
  const errors: readonly number[] = [
    ICMP4.unreachable,
    ICMP4.sourceQuench,
    ICMP4.redirect,
    ICMP4.timeExceeded,
    ICMP4.parameterProblem,
  ];
  return ip.protocol === PROTOCOL.icmp && errors.includes(ip.icmpType);
}

/** Whether an error may be sent: RFC 1122 s3.2.2, RFC 4443 s2.4e. */
export function mayTell(reason: Reason, frame: Frame, ip: IpPacket): boolean {
  if (TOLD[reason] === undefined) return false;
  if (isError(ip)) return false;
  if (ip.fragment && !ip.fragment.first) return false;
  return !isGroupMac(frame.dst) && !isMulticast(ip.src);
}

/**
 * The checksum field of a transport header that was never finished holds the pseudo-header's sum.
 * Finished later, the segment sums up to the complement of that.
 * @returns that, or undefined when the segment is not of this kind
 */
function unfinished(frame: Frame, ip: IpPacket): number | undefined {
  if (ip.fragment) return undefined;
  const offset = ip.protocol === PROTOCOL.tcp ? 16 : ip.protocol === PROTOCOL.udp ? 6 : undefined;
  if (offset === undefined) return undefined;
  const length = ip.length - (ip.transportAt - ETHERNET);
  const pseudo = onesSum(Buffer.from(ip.src + ip.dst, 'hex'), length + ip.protocol);
  const field = u16At(frame.bytes, ip.transportAt + offset);
  return field === pseudo ? ~field & 0xffff : undefined;
}

export interface ErrorFields {
  readonly reason: Reason;
  readonly gateway: Address;
  readonly gatewayMac: Mac;
  /** Largest packet the path takes, bytes: RFC 1191 s4, RFC 4443 s3.2. */
  readonly mtu: number;
  /** tc: the frame may wait for its transport checksum. XDP frames are complete. */
  readonly mayBeUnfinished: boolean;
}

export function buildError(frame: Frame, ip: IpPacket, fields: ErrorFields): Uint8Array {
  const { family } = ip;
  const told = TOLD[fields.reason]?.[family];
  if (!told) throw new Error(`no error tells about ${fields.reason}`);
  const quoted = Math.min(ip.length, MAX_QUOTE[family]);
  const header = family === 4 ? 20 : 40;
  const icmp = ETHERNET + header;
  const out = new Uint8Array(icmp + 8 + quoted);
  out.set(frame.bytes.subarray(ETHERNET, ETHERNET + quoted), icmp + 8);
  putHex(out, 0, frame.src);
  putHex(out, 6, fields.gatewayMac);
  out.set([told.type, told.code], icmp);
  const mtu = fields.reason === 'TOO_BIG' ? fields.mtu : 0;
  let covered = 0;
  if (family === 4) {
    put16(out, 12, ETHERTYPE.ipv4);
    out.set([0x45, ERROR_TOS4], 14);
    put16(out, 16, header + 8 + quoted);
    put16(out, 20, 0x4000);
    out.set([ERROR_TTL, PROTOCOL.icmp], 22);
    putHex(out, 26, fields.gateway + ip.src);
    put16(out, 24, checksum(out.subarray(14, 34)));
    put16(out, icmp + 6, mtu);
  } else {
    put16(out, 12, ETHERTYPE.ipv6);
    put32(out, 14, 0x60000000);
    put16(out, 18, 8 + quoted);
    out.set([PROTOCOL.icmp6, ERROR_TTL], 20);
    putHex(out, 22, fields.gateway + ip.src);
    put32(out, icmp + 4, mtu);
    covered = onesSum(out.subarray(22, 54), 8 + quoted + PROTOCOL.icmp6);
  }
  const finished = fields.mayBeUnfinished ? unfinished(frame, ip) : undefined;
  if (finished === undefined) covered = onesSum(out.subarray(icmp), covered);
  else {
    const until = icmp + 8 + ip.transportAt - ETHERNET;
    covered = onesSum(out.subarray(icmp, until), covered + finished);
  }
  put16(out, icmp + 2, ~covered & 0xffff);
  return out;
}
