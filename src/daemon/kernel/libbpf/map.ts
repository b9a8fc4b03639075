// SPDX-License-Identifier: Apache-2.0
/** A map through its descriptor. */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import type { BpfMap } from '../../ports/bpf.js';
import { readBatch, removeBatch, unsupported, writeBatch } from './batch.js';
import { callError, check } from './check.js';
import { BpfError, errnoName } from './errors.js';
import { canBeFull, isArray, isPerCpu } from './map-types.js';
import { map as native } from './native.js';

const { E2BIG, ENOENT, ENOSPC } = constants.errno;
const FLAGS = { any: 0, noexist: 1, exist: 2 } as const; // linux/bpf.h BPF_ANY...
/** struct transit_map_info, native/bpf_info.c. */
const INFO_NAME = 24;
const INFO_BYTES = 40;

/** What the kernel says of a map; valueSize is of one CPU. */
export interface MapInfo {
  readonly id: number;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** At most 15 characters. */
  readonly name: string;
}

export function mapInfo(fd: number, object: string): MapInfo {
  const info = new Uint8Array(INFO_BYTES);
  check(native.info(fd, info), 'bpf_obj_get_info_by_fd', object);
  const [id = 0, type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0] = new Uint32Array(
    info.buffer,
    0,
    INFO_NAME / 4,
  );
  const text = Buffer.from(info.subarray(INFO_NAME)).toString('latin1');
  const name = text.slice(0, text.indexOf('\0'));
  return { id, type, keySize, valueSize, maxEntries, flags, name };
}

let cpus = 0;
function possibleCpus(): number {
  cpus ||= check(native.possibleCpus(), 'libbpf_num_possible_cpus', 'the machine');
  return cpus;
}

export class KernelMap implements BpfMap {
  readonly name: string;
  readonly id: number;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly perCpu: boolean;
  /** Ours until close(). */
  readonly fd: number;
  #open = true;

  /** Takes fd over. name is the full one: the kernel keeps 15 characters. */
  constructor(fd: number, name?: string) {
    const info = mapInfo(fd, name === undefined ? 'map' : `map ${name}`);
    this.fd = fd;
    this.name = name ?? info.name;
    this.id = info.id;
    this.type = info.type;
    this.keySize = info.keySize;
    this.perCpu = isPerCpu(info.type);
    this.valueSize = this.perCpu
      ? possibleCpus() * Math.ceil(info.valueSize / 8) * 8
      : info.valueSize;
    this.maxEntries = info.maxEntries;
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    this.#size('key', key, this.keySize);
    const value = new Uint8Array(this.valueSize);
    const err = native.lookup(this.fd, key, value);
    if (err === -ENOENT) return undefined;
    if (err < 0) throw this.#error('bpf_map_lookup_elem', -err);
    return value;
  }

  update(key: Uint8Array, value: Uint8Array, flags: keyof typeof FLAGS = 'any'): void {
    this.#size('key', key, this.keySize);
    this.#size('value', value, this.valueSize);
    const err = native.update(this.fd, key, value, FLAGS[flags]);
    if (err < 0) throw this.#error('bpf_map_update_elem', -err);
  }

  delete(key: Uint8Array): boolean {
    this.#size('key', key, this.keySize);
    const err = native.delete(this.fd, key);
    if (err === -ENOENT) return false;
    if (err < 0) throw this.#error('bpf_map_delete_elem', -err);
    return true;
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    this.#size('keys', keys, count * this.keySize);
    this.#size('values', values, count * this.valueSize);
    const result = writeBatch(this, keys, values, count);
    if (result === unsupported) {
      for (let i = 0; i < count; i++) {
        this.update(this.#slice(keys, i, this.keySize), this.#slice(values, i, this.valueSize));
      }
    } else if (result.errno !== 0) {
      throw this.#error('bpf_map_update_batch', result.errno, result.done);
    }
  }

  deleteBatch(keys: Uint8Array, count: number): number {
    this.#size('keys', keys, count * this.keySize);
    const removed = removeBatch(this, keys, count);
    if (removed !== unsupported) return removed;
    let n = 0;
    for (let i = 0; i < count; i++) {
      if (this.delete(this.#slice(keys, i, this.keySize))) n++;
    }
    return n;
  }

  entries(): { readonly keys: Uint8Array; readonly values: Uint8Array; readonly count: number } {
    const keys: Uint8Array[] = [];
    const values: Uint8Array[] = [];
    let count = 0;
    this.#read((k, v, n) => {
      keys.push(k.slice(0, n * this.keySize));
      values.push(v.slice(0, n * this.valueSize));
      count += n;
    });
    return { keys: join(keys), values: join(values), count };
  }

  count(): number {
    if (isArray(this.type)) return this.maxEntries;
    let count = 0;
    this.#read((_keys, _values, n) => {
      count += n;
    });
    return count;
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }

  #read(onBatch: (keys: Uint8Array, values: Uint8Array, count: number) => void): void {
    if (readBatch(this, onBatch) !== unsupported) return;
    const key = new Uint8Array(this.keySize);
    const next = new Uint8Array(this.keySize);
    // a key deleted under the pass restarts it: do not run for ever
    for (let steps = 0; steps < 2 * this.maxEntries; steps++) {
      const err = native.nextKey(this.fd, steps === 0 ? null : key, next);
      if (err === -ENOENT) return;
      if (err < 0) throw this.#error('bpf_map_get_next_key', -err);
      key.set(next);
      const value = this.lookup(key);
      if (value) onBatch(key, value, 1);
    }
  }

  #slice(bytes: Uint8Array, index: number, size: number): Uint8Array {
    return bytes.subarray(index * size, (index + 1) * size);
  }

  /** C would read past the end of what is too short. */
  #size(what: string, bytes: Uint8Array, size: number): void {
    const plural = what.endsWith('s');
    if (plural ? bytes.length >= size : bytes.length === size) return;
    throw new BpfError(
      'BAD_BPF_ARGUMENT',
      `map ${this.name}: ${what} of ${size} bytes expected, got ${bytes.length}`,
      { object: `map ${this.name}` },
    );
  }

  #error(call: string, errno: number, written?: number): BpfError {
    const object = `map ${this.name}`;
    if (!canBeFull(this.type) || (errno !== E2BIG && errno !== ENOSPC)) {
      return callError(call, object, errno);
    }
    return new BpfError(
      'MAP_FULL',
      `${object} is full: it holds at most ${this.maxEntries} entries`,
      { object, call, errno: errnoName(errno), maxEntries: this.maxEntries, written },
    );
  }
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first && parts.length === 1) return first;
  const out = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
