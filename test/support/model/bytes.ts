// SPDX-License-Identifier: Apache-2.0
/** Reading and writing network byte order. MACs and addresses are hexadecimal text. */

/** Twelve hexadecimal digits. */
export type Mac = string;
/** Eight hexadecimal digits for IPv4, thirty-two for IPv6: the length tells the family. */
export type Address = string;

export function hexAt(bytes: Uint8Array, at: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString('hex');
}

export function u8At(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

export function u16At(bytes: Uint8Array, at: number): number {
  return (u8At(bytes, at) << 8) | u8At(bytes, at + 1);
}

export function u32At(bytes: Uint8Array, at: number): number {
  return u16At(bytes, at) * 0x10000 + u16At(bytes, at + 2);
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >>> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, value >>> 16);
  put16(bytes, at + 2, value & 0xffff);
}

export function putHex(bytes: Uint8Array, at: number, text: string): void {
  bytes.set(Buffer.from(text, 'hex'), at);
}

/** RFC 1071: sum of 16-bit words, carries added back; an odd byte is followed by zero. */
export function onesSum(bytes: Uint8Array, start = 0): number {
  let sum = start;
  for (let i = 0; i < bytes.length; i += 2) sum += u16At(bytes, i);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** RFC 1071: the complement of the sum. */
export function checksum(bytes: Uint8Array, start = 0): number {
  return ~onesSum(bytes, start) & 0xffff;
}

/**
 * RFC 1624: a checksum after one 16-bit word changed. A wrong checksum stays wrong: we do not
 * repair what others broke.
 */
export function updatedChecksum(old: number, from: number, to: number): number {
  let sum = (~old & 0xffff) + (~from & 0xffff) + to;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
