// SPDX-License-Identifier: Apache-2.0
/** The packet that an ICMP error quotes, as far as it does (RFC 792, RFC 1812 s4.3.2.3, RFC 4443 s2.4c). */
import { hexAt, u8At, u16At } from './bytes.js';
import type { FlowIdentity } from './hash.js';
import type { Place } from './nat-rewrite.js';
import { ICMP4, ICMP6, PROTOCOL, type Family } from './numbers.js';
import { notEcho } from './parse.js';

export interface Quote extends Place {
  readonly flow: FlowIdentity;
}

interface Header {
  readonly protocol: number;
  readonly transportAt: number;
  readonly src: string;
  readonly dst: string;
}

function header4(bytes: Uint8Array, at: number, end: number): Header | undefined {
  const size = (u8At(bytes, at) & 0xf) * 4;
  if (at + 20 > end || u8At(bytes, at) >> 4 !== 4 || size < 20) return undefined;
  // only the first fragment has the ports
  if ((u16At(bytes, at + 6) & 0x1fff) !== 0) return undefined;
  const ends = { src: hexAt(bytes, at + 12, 4), dst: hexAt(bytes, at + 16, 4) };
  return { ...ends, protocol: u8At(bytes, at + 9), transportAt: at + size };
}

const EXTENSIONS: readonly number[] = [
  PROTOCOL.hopByHop,
  PROTOCOL.routing,
  PROTOCOL.destinationOptions,
  PROTOCOL.fragment,
  PROTOCOL.authentication,
  PROTOCOL.mobility,
];

function header6(bytes: Uint8Array, at: number, end: number): Header | undefined {
  if (at + 40 > end || u8At(bytes, at) >> 4 !== 6) return undefined;
  let protocol = u8At(bytes, at + 6);
  let next = at + 40;
  while (EXTENSIONS.includes(protocol)) {
    if (next + 8 > end) return undefined;
    if (protocol === PROTOCOL.fragment && (u16At(bytes, next + 2) & 0xfff8) !== 0) return undefined;
    const units = u8At(bytes, next + 1);
    const size =
      protocol === PROTOCOL.fragment
        ? 8
        : protocol === PROTOCOL.authentication
          ? (units + 2) * 4
          : (units + 1) * 8;
    protocol = u8At(bytes, next);
    next += size;
  }
  const ends = { src: hexAt(bytes, at + 8, 16), dst: hexAt(bytes, at + 24, 16) };
  return { ...ends, protocol, transportAt: next };
}

/** @returns undefined when it does not tell which connection it is of. */
export function readQuote(
  bytes: Uint8Array,
  at: number,
  end: number,
  family: Family,
): Quote | undefined {
  const header = family === 4 ? header4(bytes, at, end) : header6(bytes, at, end);
  if (!header || header.transportAt > end) return undefined;
  const { protocol, transportAt, src, dst } = header;
  const place = { family, at, transportAt, protocol, end };
  const isPorted =
    protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp || protocol === PROTOCOL.sctp;
  const isIcmp = protocol === (family === 4 ? PROTOCOL.icmp : PROTOCOL.icmp6);
  if (!isPorted && !isIcmp)
    return { ...place, isEcho: false, flow: { src, dst, sport: 0, dport: 0, protocol } };
  if (transportAt + 8 > end) return undefined;
  if (isPorted) {
    const [sport, dport] = [u16At(bytes, transportAt), u16At(bytes, transportAt + 2)];
    return { ...place, isEcho: false, flow: { src, dst, sport, dport, protocol } };
  }
  const type = u8At(bytes, transportAt);
  const echoes: readonly number[] =
    family === 4 ? [ICMP4.echo, ICMP4.echoReply] : [ICMP6.echo, ICMP6.echoReply];
  const id = u16At(bytes, transportAt + 4);
  const isEcho = echoes.includes(type);
  const ports = isEcho
    ? { sport: id, dport: id }
    : notEcho((type << 8) | u8At(bytes, transportAt + 1));
  return { ...place, isEcho, flow: { src, dst, ...ports, protocol } };
}
