// SPDX-License-Identifier: Apache-2.0
/** The Internet checksum (RFC 1071). */

function sum16(bytes: Uint8Array): number {
  let sum = 0;
  const even = bytes.length & ~1;
  for (let i = 0; i < even; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  if (even !== bytes.length) sum += (bytes[even] ?? 0) << 8;
  return sum;
}

/** The field's value over bytes in which it is 0; over bytes that have it: 0 when it is right. */
export function checksum(bytes: Uint8Array, before = 0): number {
  let sum = before + sum16(bytes);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** What the pseudo-header adds (RFC 9293 s3.1, RFC 8200 s8.1). Addresses are 16 bytes. */
export function pseudoHeader(
  family: 4 | 6,
  source: Uint8Array,
  destination: Uint8Array,
  proto: number,
  length: number,
): number {
  const from = family === 4 ? 12 : 0;
  return sum16(source.subarray(from)) + sum16(destination.subarray(from)) + proto + length;
}
