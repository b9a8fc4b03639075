// SPDX-License-Identifier: Apache-2.0
/** A map in memory that counts what it is asked and can be too small. */
import type { BpfMap } from '../../../src/daemon/ports/bpf.js';

export interface FakeMapOptions {
  readonly name?: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries?: number;
  readonly array?: boolean;
  /** Called at each write: "update addr", "delete addr". */
  readonly onWrite?: (what: string) => void;
}

class MapFull extends Error {
  readonly code = 'MAP_FULL';
}

export class FakeMap implements BpfMap {
  readonly name: string;
  readonly id = 1;
  readonly type = 1;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly perCpu = false;
  readonly data = new Map<string, Uint8Array>();
  /** Entries written or deleted, attempts that failed included. */
  writes = 0;
  readonly #array: boolean;
  readonly #onWrite: (what: string) => void;

  constructor(opts: FakeMapOptions) {
    this.name = opts.name ?? 'fake';
    this.keySize = opts.keySize;
    this.valueSize = opts.valueSize;
    this.maxEntries = opts.maxEntries ?? 1024;
    this.#array = opts.array ?? false;
    this.#onWrite = opts.onWrite ?? (() => undefined);
    if (this.#array) {
      for (let i = 0; i < this.maxEntries; i++) {
        const key = new Uint8Array(new Uint32Array([i]).buffer);
        this.data.set(key.toString(), new Uint8Array(this.valueSize));
      }
    }
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.data.get(key.toString());
  }

  update(key: Uint8Array, value: Uint8Array): void {
    this.writes++;
    this.#onWrite(`update ${this.name}`);
    this.#put(key, value);
  }

  delete(key: Uint8Array): boolean {
    this.writes++;
    this.#onWrite(`delete ${this.name}`);
    return this.data.delete(key.toString());
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    this.#onWrite(`update ${this.name}`);
    for (let i = 0; i < count; i++) {
      this.writes++;
      this.#put(
        keys.subarray(i * this.keySize, (i + 1) * this.keySize),
        values.subarray(i * this.valueSize, (i + 1) * this.valueSize),
      );
    }
  }

  deleteBatch(keys: Uint8Array, count: number): number {
    this.#onWrite(`delete ${this.name}`);
    let there = 0;
    for (let i = 0; i < count; i++) {
      this.writes++;
      if (this.data.delete(keys.subarray(i * this.keySize, (i + 1) * this.keySize).toString()))
        there++;
    }
    return there;
  }

  entries() {
    const keys = [...this.data.keys()].flatMap((key) => key.split(',').map(Number));
    const values = [...this.data.values()].flatMap((value) => [...value]);
    return {
      keys: Uint8Array.from(keys),
      values: Uint8Array.from(values),
      count: this.data.size,
    };
  }

  count(): number {
    return this.data.size;
  }

  close(): void {
    // nothing is held
  }

  #put(key: Uint8Array, value: Uint8Array): void {
    const id = key.toString();
    if (!this.data.has(id) && this.data.size >= this.maxEntries) throw new MapFull('no room');
    this.data.set(id, Uint8Array.from(value));
  }
}
