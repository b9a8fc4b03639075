// SPDX-License-Identifier: Apache-2.0
/** A map of values instead of bytes. */
import { TransitError } from '../base/errors.js';
import { type Codec, decode, decodeAll, encode, encodeAll } from './codec.js';

/** What a typed map needs of a map of bytes; the daemon's BpfMap has it. */
export interface RawMap {
  readonly name: string;
  readonly keySize: number;
  /** Bytes as user space sees it: for a per-CPU map, of all CPUs, each rounded up to 8. */
  readonly valueSize: number;
  readonly perCpu: boolean;
  lookup(key: Uint8Array): Uint8Array | undefined;
  update(key: Uint8Array, value: Uint8Array, flags?: 'any' | 'noexist' | 'exist'): void;
  delete(key: Uint8Array): boolean;
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void;
  deleteBatch(keys: Uint8Array, count: number): number;
  entries(): { readonly keys: Uint8Array; readonly values: Uint8Array; readonly count: number };
  count(): number;
}

/** A map's codecs: an entry of MAPS. */
export interface MapCodecs<K, V> {
  readonly name: string;
  readonly key: Codec<K>;
  readonly value: Codec<V>;
}

function mismatch(map: RawMap, what: string, expected: number, got: number): TransitError {
  return new TransitError(
    'BAD_LAYOUT',
    `map ${map.name}: ${what} of ${expected} bytes expected, the kernel's map has ${got}`,
    { object: `map ${map.name}` },
  );
}

function requireKey<K>(map: RawMap, key: Codec<K>): void {
  if (map.keySize !== key.size) throw mismatch(map, 'keys', key.size, map.keySize);
}

function requireOneValue(map: RawMap, perCpu: boolean): void {
  if (map.perCpu === perCpu) return;
  const kind = map.perCpu ? 'is' : 'is not';
  throw new TransitError('BAD_LAYOUT', `map ${map.name} ${kind} per CPU`, {
    object: `map ${map.name}`,
  });
}

/** Maps with one value per key. Values are copies: nothing changes under the reader. */
export class TypedMap<K, V> {
  readonly raw: RawMap;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;

  /** @throws TransitError BAD_LAYOUT when the kernel's map has other sizes */
  constructor(raw: RawMap, codecs: MapCodecs<K, V>) {
    requireKey(raw, codecs.key);
    requireOneValue(raw, false);
    if (raw.valueSize !== codecs.value.size) {
      throw mismatch(raw, 'values', codecs.value.size, raw.valueSize);
    }
    this.raw = raw;
    this.#key = codecs.key;
    this.#value = codecs.value;
  }

  get(key: K): V | undefined {
    const bytes = this.raw.lookup(encode(this.#key, key));
    return bytes && decode(this.#value, bytes);
  }

  set(key: K, value: V, flags?: 'any' | 'noexist' | 'exist'): void {
    this.raw.update(encode(this.#key, key), encode(this.#value, value), flags);
  }

  /** @returns false when it was not there */
  delete(key: K): boolean {
    return this.raw.delete(encode(this.#key, key));
  }

  setAll(entries: readonly (readonly [K, V])[]): void {
    if (entries.length === 0) return;
    const keys = encodeAll(
      this.#key,
      entries.map(([key]) => key),
    );
    const values = encodeAll(
      this.#value,
      entries.map(([, value]) => value),
    );
    this.raw.updateBatch(keys, values, entries.length);
  }

  /** @returns how many were there */
  deleteAll(keys: readonly K[]): number {
    return keys.length === 0 ? 0 : this.raw.deleteBatch(encodeAll(this.#key, keys), keys.length);
  }

  entries(): [K, V][] {
    const { keys, values, count } = this.raw.entries();
    const decoded = decodeAll(this.#value, values, count);
    return decodeAll(this.#key, keys, count).map((key, i) => [key, decoded[i] as V]);
  }

  count(): number {
    return this.raw.count();
  }
}

/** Per-CPU maps of counters, read as sums over all CPUs. */
export class CounterMap<K, V> {
  readonly raw: RawMap;
  readonly #key: Codec<K>;
  readonly #value: Codec<V>;
  readonly #cpus: number;

  /** @throws TransitError BAD_LAYOUT when sizes differ or the values are not all u64 */
  constructor(raw: RawMap, codecs: MapCodecs<K, V>) {
    requireKey(raw, codecs.key);
    requireOneValue(raw, true);
    const { value } = codecs;
    if (!value.counters || raw.valueSize % value.size !== 0) {
      throw mismatch(raw, 'u64 values', value.size, raw.valueSize);
    }
    this.raw = raw;
    this.#key = codecs.key;
    this.#value = value;
    this.#cpus = raw.valueSize / value.size;
  }

  /** Sum over all CPUs. CPUs go on counting meanwhile: sums of a busy key differ by a few. */
  sum(key: K): V | undefined {
    const bytes = this.raw.lookup(encode(this.#key, key));
    return bytes && decode(this.#value, this.#add(bytes, 0));
  }

  /** One value per possible CPU, in their order. */
  perCpu(key: K): V[] | undefined {
    const bytes = this.raw.lookup(encode(this.#key, key));
    return bytes && decodeAll(this.#value, bytes, this.#cpus);
  }

  /** Sums of all keys. */
  entries(): [K, V][] {
    const { keys, values, count } = this.raw.entries();
    return decodeAll(this.#key, keys, count).map((key, i) => [
      key,
      decode(this.#value, this.#add(values, i * this.raw.valueSize)),
    ]);
  }

  /** Adds word by word, as the data path's u64 wrap. */
  #add(bytes: Uint8Array, at: number): Uint8Array {
    const { size } = this.#value;
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, this.raw.valueSize);
    const sums = new BigUint64Array(size / 8);
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      for (let word = 0; word < sums.length; word++) {
        const more = view.getBigUint64(cpu * size + word * 8, true);
        if (more !== 0n) sums[word] = (sums[word] ?? 0n) + more;
      }
    }
    return new Uint8Array(sums.buffer);
  }
}
