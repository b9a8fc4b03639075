// SPDX-License-Identifier: Apache-2.0
/** Codecs of keys and values that are a number or plain bytes. */
import { type Codec, readBytes, writeBytes } from './codec.js';

/** A 32-bit number in host byte order. */
export const u32: Codec<number> = {
  name: 'u32',
  size: 4,
  counters: false,
  write(value, view, _bytes, at) {
    view.setUint32(at, value, true);
  },
  read: (view, _bytes, at) => view.getUint32(at, true),
};

/** A 64-bit number in host byte order. */
export const u64: Codec<bigint> = {
  name: 'u64',
  size: 8,
  counters: true,
  write(value, view, _bytes, at) {
    view.setBigUint64(at, value, true);
  },
  read: (view, _bytes, at) => view.getBigUint64(at, true),
};

/** Bytes of a fixed number: addresses in network order, or what only the reader can tell. */
export function bytesCodec(size: number): Codec<Uint8Array> {
  const name = `bytes${size}`;
  return {
    name,
    size,
    counters: false,
    write(value, _view, bytes, at) {
      writeBytes(value, bytes, at, size, name);
    },
    read: (_view, bytes, at) => readBytes(bytes, at, size),
  };
}
