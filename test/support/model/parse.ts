// SPDX-License-Identifier: Apache-2.0
/**
 * Reads one Ethernet frame: its own, or the one inside a tunnel. RFC 791, 8200, 9293, 768, 792,
 * 4443, 9260; fragments by RFC 791, 3128, 6946, 8200 s4.5.
 */
import { hexAt, u8At, u16At, u32At, type Address, type Mac } from './bytes.js';
import { ETHERNET, ETHERTYPE, ICMP4, ICMP6, PROTOCOL, type Family } from './numbers.js';
import type { Reason } from './reasons.js';

/** Frames up to this size may be padded (IEEE 802.3); nothing may follow a packet in longer ones. */
const PADDED = 60;
/** RFC 8200 s4.1 lists six kinds of extension headers, each meant to appear once. */
const MAX_EXTENSIONS = 6;
/** A chain of extension headers may reach this far into the frame as it arrived, bytes. */
const MAX_CHAIN = 1024;

export interface Fragment {
  readonly id: number;
  readonly first: boolean;
  /** The protocol as the fragment names it, before further extension headers. */
  readonly protocol: number;
}

export interface IpPacket {
  readonly family: Family;
  readonly src: Address;
  readonly dst: Address;
  readonly ttl: number;
  /** Traffic class: DSCP and ECN. */
  readonly tos: number;
  /** IP header and payload, bytes. */
  readonly length: number;
  readonly fragment: Fragment | undefined;
  /** Behind all extension headers; of a later fragment, what the fragment says. */
  protocol: number;
  /** Where the transport header is, from the frame's start. */
  readonly transportAt: number;
  /** Ports; an echo's identifier twice; other ICMP 0 and type, code; else 0. */
  sport: number;
  dport: number;
  readonly icmpType: number;
  readonly icmpCode: number;
}

export interface Frame {
  readonly bytes: Uint8Array;
  readonly dst: Mac;
  readonly src: Mac;
  readonly etherType: number;
  /** undefined: neither IPv4 nor IPv6. */
  readonly ip: IpPacket | undefined;
}

type Bad = Reason;

interface Header {
  readonly protocol: number;
  readonly transportAt: number;
  readonly fragment: Fragment | undefined;
}

const NO_TRANSPORT = { sport: 0, dport: 0, icmpType: 0, icmpCode: 0 };
type Transport = typeof NO_TRANSPORT;

/** Both zero would be the echo with identifier 0. */
export function notEcho(what: number): { readonly sport: number; readonly dport: number } {
  return { sport: what === 0 ? 0xffff : 0, dport: what };
}

function readIcmp(bytes: Uint8Array, at: number, family: Family): Transport {
  const icmpType = u8At(bytes, at);
  const icmpCode = u8At(bytes, at + 1);
  const echoes: readonly number[] =
    family === 4 ? [ICMP4.echo, ICMP4.echoReply] : [ICMP6.echo, ICMP6.echoReply];
  const id = u16At(bytes, at + 4);
  const ports = echoes.includes(icmpType)
    ? { sport: id, dport: id }
    : notEcho((icmpType << 8) | icmpCode);
  return { ...NO_TRANSPORT, ...ports, icmpType, icmpCode };
}

/** @param room bytes that the IP header says are behind `at` */
function readTransport(
  bytes: Uint8Array,
  header: Header,
  family: Family,
  room: number,
): Transport | Bad {
  const { protocol, transportAt: at, fragment } = header;
  if (fragment && !fragment.first) return NO_TRANSPORT;
  const tooShort: Bad = fragment ? 'FRAG_TINY' : 'TRUNCATED';
  const ports = { sport: u16At(bytes, at), dport: u16At(bytes, at + 2) };
  switch (protocol) {
    case PROTOCOL.tcp: {
      if (room < 20) return tooShort;
      const length = (u8At(bytes, at + 12) >> 4) * 4;
      if (length < 20 || (length > room && !fragment)) return 'BAD_HEADER';
      return { ...NO_TRANSPORT, ...ports };
    }
    case PROTOCOL.udp: {
      if (room < 8) return tooShort;
      const length = u16At(bytes, at + 4);
      if (length < 8 || (length > room && !fragment)) return 'BAD_LENGTH';
      return { ...NO_TRANSPORT, ...ports };
    }
    case PROTOCOL.icmp:
    case PROTOCOL.icmp6:
      return room < 8 ? tooShort : readIcmp(bytes, at, family);
    case PROTOCOL.sctp:
      return room < 12 ? tooShort : { ...NO_TRANSPORT, ...ports };
    default:
      return NO_TRANSPORT;
  }
}

/** RFC 3128: a fragment that begins at the second eight bytes could overwrite TCP's flags. */
function isOverlapping(protocol: number, offset: number): boolean {
  return protocol === PROTOCOL.tcp && offset === 8;
}

function readIp4(bytes: Uint8Array): IpPacket | Bad {
  const at = ETHERNET;
  if (bytes.length < at + 20) return 'TRUNCATED';
  const header = (u8At(bytes, at) & 0xf) * 4;
  if (u8At(bytes, at) >> 4 !== 4 || header < 20) return 'BAD_HEADER';
  const length = u16At(bytes, at + 2);
  if (length < header || length > bytes.length - at) return 'BAD_LENGTH';
  const protocol = u8At(bytes, at + 9);
  const word = u16At(bytes, at + 6);
  const offset = (word & 0x1fff) * 8;
  const more = (word & 0x2000) !== 0;
  if (isOverlapping(protocol, offset)) return 'FRAG_TINY';
  const fragment: Fragment | undefined =
    more || offset > 0 ? { id: u16At(bytes, at + 4), first: offset === 0, protocol } : undefined;
  const behind = { protocol, transportAt: at + header, fragment };
  const transport = readTransport(bytes, behind, 4, length - header);
  if (typeof transport === 'string') return transport;
  return {
    family: 4,
    src: hexAt(bytes, at + 12, 4),
    dst: hexAt(bytes, at + 16, 4),
    ttl: u8At(bytes, at + 8),
    tos: u8At(bytes, at + 1),
    length,
    ...behind,
    ...transport,
  };
}

const EXTENSIONS: ReadonlySet<number> = new Set([
  PROTOCOL.hopByHop,
  PROTOCOL.routing,
  PROTOCOL.destinationOptions,
  PROTOCOL.fragment,
  PROTOCOL.authentication,
  PROTOCOL.mobility,
]);

/** Follows the extension headers (RFC 8200 s4). @param before bytes of tunnel in front */
function readChain(bytes: Uint8Array, first: number, before: number): Header | Bad {
  let at = ETHERNET + 40;
  let protocol = first;
  let fragment: Fragment | undefined;
  for (let n = 0; EXTENSIONS.has(protocol); n++) {
    if (n === MAX_EXTENSIONS || before + at > MAX_CHAIN) return 'EXT_HEADERS';
    if (at + 8 > bytes.length) return 'TRUNCATED';
    const next = u8At(bytes, at);
    if (protocol === PROTOCOL.fragment) {
      if (fragment) return 'BAD_HEADER';
      const offset = u16At(bytes, at + 2) & 0xfff8;
      const more = (u16At(bytes, at + 2) & 1) !== 0;
      // RFC 6946: neither offset nor more is an ordinary packet
      if (offset > 0 || more)
        fragment = { id: u32At(bytes, at + 4), first: offset === 0, protocol: next };
      if (isOverlapping(next, offset)) return 'FRAG_TINY';
      at += 8;
    } else {
      const units = u8At(bytes, at + 1);
      at += protocol === PROTOCOL.authentication ? (units + 2) * 4 : (units + 1) * 8;
    }
    protocol = next;
    if (fragment && !fragment.first) break;
  }
  if (before + at > MAX_CHAIN) return 'EXT_HEADERS';
  return { protocol, transportAt: at, fragment };
}

function readIp6(bytes: Uint8Array, before: number): IpPacket | Bad {
  const at = ETHERNET;
  if (bytes.length < at + 40) return 'TRUNCATED';
  if (u8At(bytes, at) >> 4 !== 6) return 'BAD_HEADER';
  const length = u16At(bytes, at + 4) + 40;
  if (length > bytes.length - at) return 'BAD_LENGTH';
  const behind = readChain(bytes, u8At(bytes, at + 6), before);
  if (typeof behind === 'string') return behind;
  const room = length - (behind.transportAt - at);
  if (room < 0) return 'BAD_LENGTH';
  const transport = readTransport(bytes, behind, 6, room);
  if (typeof transport === 'string') return transport;
  return {
    family: 6,
    src: hexAt(bytes, at + 8, 16),
    dst: hexAt(bytes, at + 24, 16),
    ttl: u8At(bytes, at + 7),
    tos: (u16At(bytes, at) >> 4) & 0xff,
    length,
    ...behind,
    ...transport,
  };
}

/**
 * The frame, or what is wrong with it.
 * @param before bytes of tunnel headers that were in front of it
 */
export function readFrame(bytes: Uint8Array, before = 0): Frame | Bad {
  if (bytes.length < ETHERNET) return 'TRUNCATED';
  const etherType = u16At(bytes, 12);
  let ip: IpPacket | Bad | undefined;
  if (etherType === ETHERTYPE.ipv4) ip = readIp4(bytes);
  else if (etherType === ETHERTYPE.ipv6) ip = readIp6(bytes, before);
  if (typeof ip === 'string') return ip;
  if (ip && bytes.length - ETHERNET !== ip.length && bytes.length > PADDED) return 'BAD_LENGTH';
  return { bytes, dst: hexAt(bytes, 0, 6), src: hexAt(bytes, 6, 6), etherType, ip };
}
