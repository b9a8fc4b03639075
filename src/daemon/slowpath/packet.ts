// SPDX-License-Identifier: Apache-2.0
/**
 * A frame that the data path handed over (struct alg_tag in bpf/include/transit/types/slow_path.h): read,
 * and made anew with another payload. Everything in it is of somebody else's making.
 */
import { ABI } from '../../maps/index.js';
import { checksum, pseudoHeader } from './checksum.js';

export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const TCP = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32 } as const;

const ETH = 14;
const ETHERTYPE_V4 = 0x0800;
const ETHERTYPE_V6 = 0x86dd;
/** Extension headers that are skipped: hop-by-hop, routing, destination options. */
const SKIPPED = new Set([0, 43, 60]);
const MAX_EXTENSIONS = 4;

/** Connection and direction. */
export interface Tag {
  /** Index of age_node. */
  readonly node: number;
  /** Of the direction that did not open the connection. */
  readonly reply: boolean;
}

export interface Packet {
  readonly tag: Tag;
  readonly family: 4 | 6;
  readonly proto: number;
  /** 16 bytes, IPv4 mapped. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sport: number;
  readonly dport: number;
  /** The frame, without what is behind the IP packet. */
  readonly frame: Uint8Array;
  /** Offsets in it. */
  readonly l4: number;
  readonly payloadAt: number;
}

export interface TcpFields {
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly urgent: number;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function mapped(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(16);
  out[10] = 0xff;
  out[11] = 0xff;
  out.set(bytes, 12);
  return out;
}

interface L3 {
  readonly family: 4 | 6;
  readonly proto: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly l4: number;
  readonly end: number;
}

function readV4(frame: Uint8Array, view: DataView): L3 | undefined {
  if (frame.length < ETH + 20) return undefined;
  const header = (view.getUint8(ETH) & 0xf) * 4;
  const end = ETH + view.getUint16(ETH + 2);
  const fragment = view.getUint16(ETH + 6) & 0x3fff;
  if (view.getUint8(ETH) >> 4 !== 4 || header < 20 || fragment !== 0) return undefined;
  if (end > frame.length || ETH + header > end) return undefined;
  return {
    family: 4,
    proto: view.getUint8(ETH + 9),
    source: mapped(frame.subarray(ETH + 12, ETH + 16)),
    destination: mapped(frame.subarray(ETH + 16, ETH + 20)),
    l4: ETH + header,
    end,
  };
}

function readV6(frame: Uint8Array, view: DataView): L3 | undefined {
  if (frame.length < ETH + 40 || view.getUint8(ETH) >> 4 !== 6) return undefined;
  const end = ETH + 40 + view.getUint16(ETH + 4);
  if (end > frame.length) return undefined;
  let proto = view.getUint8(ETH + 6);
  let l4 = ETH + 40;
  for (let i = 0; SKIPPED.has(proto); i++) {
    if (i === MAX_EXTENSIONS || l4 + 8 > end) return undefined;
    proto = view.getUint8(l4);
    l4 += (view.getUint8(l4 + 1) + 1) * 8;
  }
  return {
    family: 6,
    proto,
    source: frame.slice(ETH + 8, ETH + 24),
    destination: frame.slice(ETH + 24, ETH + 40),
    l4,
    end,
  };
}

/** undefined: it is not a whole TCP or UDP packet with a tag. */
export function readPacket(bytes: Uint8Array): Packet | undefined {
  if (bytes.length < ETH) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0) !== ABI.ALG_MAGIC) return undefined;
  const ethertype = view.getUint16(12);
  const l3 =
    ethertype === ETHERTYPE_V4
      ? readV4(bytes, view)
      : ethertype === ETHERTYPE_V6
        ? readV6(bytes, view)
        : undefined;
  if (l3 === undefined) return undefined;
  const { l4, end, proto } = l3;
  const least = proto === PROTO_TCP ? 20 : proto === PROTO_UDP ? 8 : Infinity;
  if (l4 + least > end) return undefined;
  const header = proto === PROTO_TCP ? (view.getUint8(l4 + 12) >> 4) * 4 : 8;
  if (header < least || l4 + header > end) return undefined;
  return {
    tag: { node: view.getUint32(4), reply: view.getUint32(8) === 1 },
    family: l3.family,
    proto,
    source: l3.source,
    destination: l3.destination,
    sport: view.getUint16(l4),
    dport: view.getUint16(l4 + 2),
    frame: bytes.subarray(0, end),
    l4,
    payloadAt: l4 + header,
  };
}

export function payloadOf(packet: Packet): Uint8Array {
  return packet.frame.subarray(packet.payloadAt);
}

export function tcpFields({ frame, l4 }: Packet): TcpFields {
  const view = viewOf(frame);
  return {
    seq: view.getUint32(l4 + 4),
    ack: view.getUint32(l4 + 8),
    flags: view.getUint8(l4 + 13),
    urgent: view.getUint16(l4 + 18),
  };
}

function sumOf(packet: Packet, frame: Uint8Array): number {
  const { source, destination, proto, family, l4 } = packet;
  const segment = frame.subarray(l4);
  const pseudo = pseudoHeader(family, source, destination, proto, segment.length);
  return checksum(segment, pseudo);
}

/** Whether the checksum of TCP is right: what was broken on its way must not be mended here. */
export function isSound(packet: Packet): boolean {
  return packet.proto !== PROTO_TCP || sumOf(packet, packet.frame) === 0;
}

export interface Change {
  readonly payload: Uint8Array;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly urgent: number;
  /** TCP options in place of the packet's, as long as these. */
  readonly options?: Uint8Array;
}

/** The TCP packet with another payload and other numbers: a frame with right lengths and sums. */
export function remake(packet: Packet, change: Change): Uint8Array {
  const { l4, payloadAt, family } = packet;
  const frame = new Uint8Array(payloadAt + change.payload.length);
  frame.set(packet.frame.subarray(0, payloadAt));
  frame.set(change.payload, payloadAt);
  if (change.options !== undefined) frame.set(change.options, l4 + 20);
  const view = viewOf(frame);
  view.setUint32(l4 + 4, change.seq);
  view.setUint32(l4 + 8, change.ack);
  view.setUint8(l4 + 13, change.flags);
  view.setUint16(l4 + 18, change.urgent);
  view.setUint16(l4 + 16, 0);
  if (family === 4) {
    view.setUint16(ETH + 2, frame.length - ETH);
    view.setUint16(ETH + 10, 0);
    view.setUint16(ETH + 10, checksum(frame.subarray(ETH, ETH + (view.getUint8(ETH) & 0xf) * 4)));
  } else {
    view.setUint16(ETH + 4, frame.length - ETH - 40);
  }
  view.setUint16(l4 + 16, sumOf(packet, frame));
  return frame;
}

/** Options of a TCP header. */
export function optionsOf({ frame, l4, payloadAt }: Packet): Uint8Array {
  return frame.subarray(l4 + 20, payloadAt);
}
