// SPDX-License-Identifier: Apache-2.0
/** Bytes in network order and the checksums of the Internet protocols, for building packets. */
import { parseAddress, parseMac } from '../../../src/base/net.js';

/** An address as text, or its bytes where the text form would be refused. */
export type Address = string | Uint8Array;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function u8(...values: readonly number[]): Uint8Array {
  return new Uint8Array(values);
}

export function u16(...values: readonly number[]): Uint8Array {
  const out = new Uint8Array(2 * values.length);
  for (const [i, v] of values.entries()) {
    out[2 * i] = v >>> 8;
    out[2 * i + 1] = v;
  }
  return out;
}

export function u32(...values: readonly number[]): Uint8Array {
  return concat(...values.map((v) => u16(v >>> 16, v & 0xffff)));
}

/** 4 bytes for IPv4 text, 16 for IPv6. */
export function ipBytes(address: Address): Uint8Array {
  if (typeof address !== 'string') return address;
  const parsed = parseAddress(address);
  return parsed.family === 4 ? parsed.bytes.slice(12) : parsed.bytes;
}

export function macBytes(mac: Address): Uint8Array {
  return typeof mac === 'string' ? parseMac(mac) : mac;
}

/** Length bytes that count upwards, so that a moved or lost byte shows. */
export function pattern(length: number): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = i * 7 + 1;
  return out;
}

/** RFC 1071: the ones' complement of the ones' complement sum. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

const CRC32C_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c;
});

/** RFC 9260 appendix A, in the order in which SCTP puts it on the wire. */
export function crc32c(bytes: Uint8Array): Uint8Array {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (CRC32C_TABLE[(crc ^ byte) & 0xff] ?? 0);
  crc = ~crc >>> 0;
  return u8(crc, crc >>> 8, crc >>> 16, crc >>> 24);
}

/** What a layer's header says: the right value, the one given, or 'bad' for a wrong checksum. */
export type Checksum = number | 'bad' | undefined;

export function chooseChecksum(right: number, wanted: Checksum): number {
  if (wanted === undefined) return right;
  return wanted === 'bad' ? right ^ 0x5a5a : wanted;
}

/** The frame with some bytes overwritten. */
export function patch(frame: Uint8Array, offset: number, bytes: readonly number[]): Uint8Array {
  const out = Uint8Array.from(frame);
  out.set(bytes, offset);
  return out;
}

/** The first length bytes. */
export function truncate(frame: Uint8Array, length: number): Uint8Array {
  return frame.slice(0, length);
}

/** The frame with length bytes appended. */
export function trailing(frame: Uint8Array, length: number): Uint8Array {
  return concat(frame, new Uint8Array(length).fill(0xee));
}
