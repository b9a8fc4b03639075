// SPDX-License-Identifier: Apache-2.0
/**
 * Records as bytes: CRC-32 (big-endian) of the rest, then JSON. The sum catches what the file's
 * structure cannot show: a record whose bytes were changed.
 */
import { crc32 } from 'node:zlib';

/** @throws nothing: what we store is plain data. */
export function encodeRecord(value: unknown): Buffer {
  const text = JSON.stringify(value);
  const bytes = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  bytes.write(text, 4);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** @throws Error when the sum or the JSON is wrong. */
export function decodeRecord(bytes: Uint8Array | undefined): unknown {
  if (bytes === undefined) throw new Error('the record is missing');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.length < 4 || buffer.readUInt32BE(0) !== crc32(buffer.subarray(4))) {
    throw new Error('the record has a wrong checksum');
  }
  return JSON.parse(buffer.toString('utf8', 4)) as unknown;
}
