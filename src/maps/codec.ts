// SPDX-License-Identifier: Apache-2.0
/**
 * Values to bytes and back. The functions for each structure are generated code
 * (generated/codecs.ts): every offset is a constant and every object has one shape.
 */
import { TransitError } from '../base/errors.js';

export interface Codec<T> {
  /** Name of the structure in C, or of the scalar kind. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Consists of u64 only, so that values can be summed word by word. */
  readonly counters: boolean;
  /** Writes all size bytes at an offset; view and bytes are the same memory. */
  write(value: T, view: DataView, bytes: Uint8Array, at: number): void;
  read(view: DataView, bytes: Uint8Array, at: number): T;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/**
 * Where single values are written before they are copied out. A view of each value's own bytes
 * would move these from V8's heap into memory of their own: twice the time, and more to collect.
 */
const SCRATCH = new Uint8Array(256);
const SCRATCH_VIEW = viewOf(SCRATCH);

/** @throws TransitError BAD_LAYOUT when a byte field has the wrong length */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array<ArrayBuffer> {
  if (codec.size > SCRATCH.length) return encodeAll(codec, [value]);
  codec.write(value, SCRATCH_VIEW, SCRATCH, 0);
  return SCRATCH.slice(0, codec.size);
}

/** Lays values end to end, as batch calls take them. */
export function encodeAll<T>(codec: Codec<T>, values: readonly T[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(codec.size * values.length);
  const view = viewOf(bytes);
  let at = 0;
  for (const value of values) {
    codec.write(value, view, bytes, at);
    at += codec.size;
  }
  return bytes;
}

/** @throws TransitError BAD_LAYOUT when there are fewer bytes than the structure has */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  requireBytes(codec, bytes, 1);
  return codec.read(viewOf(bytes), bytes, 0);
}

/** @throws TransitError BAD_LAYOUT when there are fewer bytes than count structures have */
export function decodeAll<T>(codec: Codec<T>, bytes: Uint8Array, count: number): T[] {
  requireBytes(codec, bytes, count);
  const view = viewOf(bytes);
  const values: T[] = [];
  for (let i = 0; i < count; i++) values.push(codec.read(view, bytes, i * codec.size));
  return values;
}

function requireBytes<T>(codec: Codec<T>, bytes: Uint8Array, count: number): void {
  const needed = codec.size * count;
  if (bytes.length >= needed) return;
  throw new TransitError(
    'BAD_LAYOUT',
    `${codec.name}: ${needed} bytes expected, got ${bytes.length}`,
    { object: codec.name },
  );
}

/** Copies a byte field of fixed length. For generated code. */
export function writeBytes(
  value: Uint8Array,
  bytes: Uint8Array,
  at: number,
  size: number,
  field: string,
): void {
  if (value.length !== size) {
    throw new TransitError('BAD_LAYOUT', `${field}: ${size} bytes expected, got ${value.length}`, {
      field,
    });
  }
  for (let i = 0; i < size; i++) bytes[at + i] = value[i] ?? 0;
}

/** A copy, also of a Buffer's part. For generated code. */
export function readBytes(bytes: Uint8Array, at: number, size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = bytes[at + i] ?? 0;
  return out;
}

/** For generated code. @throws TransitError BAD_LAYOUT */
export function requireCount(
  value: { readonly length: number },
  count: number,
  field: string,
): void {
  if (value.length === count) return;
  throw new TransitError('BAD_LAYOUT', `${field}: ${count} items expected, got ${value.length}`, {
    field,
  });
}
