// SPDX-License-Identifier: Apache-2.0
/** Addresses, ports and identifiers of a packet replaced; its checksums follow (RFC 1624, RFC 3022 s4.2). */
import { put16, putHex, u16At, updatedChecksum, type Address } from './bytes.js';
import type { FlowIdentity } from './hash.js';
import { PROTOCOL, type Family } from './numbers.js';

/** An IP packet somewhere in a frame: its own, or one that an ICMP error quotes. */
export interface Place {
  readonly family: Family;
  /** Of the IP header. */
  readonly at: number;
  /** Of the transport header; undefined in later fragments. */
  readonly transportAt: number | undefined;
  readonly protocol: number;
  /** An ICMP message whose ports are its identifier. */
  readonly isEcho: boolean;
  /** Nothing of the packet is here or behind. */
  readonly end: number;
}

interface Words {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

function words(from: Address, to: Address): Words {
  const list = (address: Address): number[] =>
    Array.from({ length: address.length / 4 }, (_, i) =>
      parseInt(address.slice(4 * i, 4 * i + 4), 16),
    );
  return { from: list(from), to: list(to) };
}

function update(bytes: Uint8Array, at: number, { from, to }: Words): void {
  let sum = u16At(bytes, at);
  from.forEach((word, i) => {
    if (word !== to[i]) sum = updatedChecksum(sum, word, to[i] ?? 0);
  });
  put16(bytes, at, sum);
}

/** Where the transport's checksum is, and whether it covers the addresses (RFC 8200 s8.1). */
function checksumOf(
  place: Place,
): { readonly offset: number; readonly pseudo: boolean } | undefined {
  switch (place.protocol) {
    case PROTOCOL.tcp:
      return { offset: 16, pseudo: true };
    case PROTOCOL.udp:
      return { offset: 6, pseudo: true };
    case PROTOCOL.icmp:
      return { offset: 2, pseudo: false };
    case PROTOCOL.icmp6:
      return { offset: 2, pseudo: true };
    default:
      // SCTP's is over itself (RFC 9260 s6.8); of others nothing is known
      return undefined;
  }
}

function translateTransport(bytes: Uint8Array, place: Place, addresses: Words, ports: Words): void {
  const at = place.transportAt;
  if (at === undefined) return;
  const isPorted = place.protocol === PROTOCOL.tcp || place.protocol === PROTOCOL.udp;
  // of both ports an echo has one field
  const changed: Words = place.isEcho
    ? { from: ports.from.slice(0, 1), to: ports.to.slice(0, 1) }
    : isPorted
      ? ports
      : { from: [], to: [] };
  const sum = checksumOf(place);
  const fits = sum && at + sum.offset + 2 <= place.end;
  // RFC 768: zero means that there is none
  const none = place.protocol === PROTOCOL.udp && u16At(bytes, at + 6) === 0;
  if (sum && fits && !none) {
    if (sum.pseudo) update(bytes, at + sum.offset, addresses);
    update(bytes, at + sum.offset, changed);
    if (place.protocol === PROTOCOL.udp && u16At(bytes, at + 6) === 0) put16(bytes, at + 6, 0xffff);
  }
  const where = place.isEcho ? [4] : [0, 2];
  changed.to.forEach((port, i) => {
    const position = at + (where[i] ?? 0);
    if (position + 2 <= place.end) put16(bytes, position, port);
  });
}

export function translate(
  bytes: Uint8Array,
  place: Place,
  before: FlowIdentity,
  after: FlowIdentity,
): void {
  const src = words(before.src, after.src);
  const dst = words(before.dst, after.dst);
  const addresses = { from: [...src.from, ...dst.from], to: [...src.to, ...dst.to] };
  const ports = { from: [before.sport, before.dport], to: [after.sport, after.dport] };
  putHex(bytes, place.at + (place.family === 4 ? 12 : 8), after.src + after.dst);
  if (place.family === 4) update(bytes, place.at + 10, addresses);
  translateTransport(bytes, place, addresses, ports);
}
