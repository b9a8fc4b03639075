// SPDX-License-Identifier: Apache-2.0
/**
 * One map's desired and actual contents, and the writes that make them equal. Actual is read
 * from the kernel once, at start; from then on it is what was written, as nobody else writes.
 * Bytes only: what an entry means is encode.ts' business.
 */
import { errorText } from '../../base/errors.js';
import type { BpfMap } from '../ports/bpf.js';

export interface DeltaTrackerDeps {
  readonly map: BpfMap;
  /** Lets the event loop run between two batches. */
  readonly pause: () => Promise<void>;
}

export interface DeltaTrackerOptions {
  /** Arrays have no absent entries: a zero value stands for one. */
  readonly array: boolean;
  /** Entries of one batch. */
  readonly chunk?: number;
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** An entry that could not be written, and why. */
export interface Unwritten {
  readonly key: Uint8Array;
  readonly reason: string;
}

const CHUNK = 4096;

function idOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function join(parts: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(parts.length * size);
  for (const [i, part] of parts.entries()) out.set(part, i * size);
  return out;
}

export class DeltaTracker {
  readonly #actual = new Map<string, Entry>();
  readonly #desired = new Map<string, Entry>();
  readonly #upserts = new Set<string>();
  readonly #deletes = new Map<string, Entry>();
  /** Upserts the kernel refused; tried again when room was made or on retry(). */
  readonly #refused = new Map<string, string>();
  readonly #chunk: number;

  constructor(
    private readonly deps: DeltaTrackerDeps,
    private readonly opts: DeltaTrackerOptions,
  ) {
    this.#chunk = opts.chunk ?? CHUNK;
  }

  get map(): BpfMap {
    return this.deps.map;
  }

  /** Writes still to be made, refused ones included. */
  get pending(): number {
    return this.#upserts.size + this.#deletes.size;
  }

  /** Entries that should be there. */
  get size(): number {
    return this.#desired.size;
  }

  /** Reads what the kernel has. */
  readActual(): void {
    const { keySize, valueSize } = this.deps.map;
    const { keys, values, count } = this.deps.map.entries();
    this.#actual.clear();
    for (let i = 0; i < count; i++) {
      const key = keys.slice(i * keySize, (i + 1) * keySize);
      const value = values.slice(i * valueSize, (i + 1) * valueSize);
      if (!this.opts.array || !isZero(value)) this.#actual.set(idOf(key), { key, value });
    }
    for (const [id, entry] of this.#desired) this.#compare(id, entry);
  }

  /** What the kernel has now. */
  actual(): Iterable<Entry> {
    return this.#actual.values();
  }

  /** The value that should be there. */
  desired(key: Uint8Array): Uint8Array | undefined {
    return this.#desired.get(idOf(key))?.value;
  }

  desiredEntries(): Iterable<Entry> {
    return this.#desired.values();
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const id = idOf(key);
    const entry = { key, value };
    this.#desired.set(id, entry);
    this.#refused.delete(id);
    this.#compare(id, entry);
  }

  remove(key: Uint8Array): void {
    const id = idOf(key);
    this.#desired.delete(id);
    this.#upserts.delete(id);
    this.#refused.delete(id);
    const there = this.#actual.get(id);
    if (there !== undefined) this.#deletes.set(id, there);
  }

  /** Marks everything that is there and not desired for removal. */
  sweep(): void {
    for (const [id, entry] of this.#actual) {
      if (!this.#desired.has(id)) this.#deletes.set(id, entry);
    }
  }

  /** Keys and values about to be written or (as they are in the kernel) deleted. */
  *changes(): Generator<Entry> {
    for (const id of this.#upserts) {
      const entry = this.#desired.get(id);
      if (entry !== undefined) yield entry;
    }
    yield* this.#deletes.values();
  }

  /** Refused writes are tried again by the next writeUpserts(). */
  retry(): void {
    this.#refused.clear();
  }

  /** What the kernel refused last. */
  unwritten(): Unwritten[] {
    const out: Unwritten[] = [];
    for (const [id, reason] of this.#refused) {
      const entry = this.#desired.get(id);
      if (entry !== undefined) out.push({ key: entry.key, reason });
    }
    return out;
  }

  /** @returns how many entries were written. Refusals stay pending, see unwritten(). */
  async writeUpserts(): Promise<number> {
    let written = 0;
    let batch: [string, Entry][] = [];
    let first = true;
    const flush = async (): Promise<void> => {
      if (batch.length === 0) return;
      if (!first) await this.deps.pause();
      first = false;
      written += this.#writeBatch(batch);
      batch = [];
    };
    for (const id of [...this.#upserts]) {
      const entry = this.#desired.get(id);
      if (entry === undefined || this.#refused.has(id)) continue;
      batch.push([id, entry]);
      if (batch.length === this.#chunk) await flush();
    }
    await flush();
    return written;
  }

  /** @returns how many entries were removed. */
  async writeDeletes(): Promise<number> {
    const all = [...this.#deletes];
    const { map } = this.deps;
    for (let i = 0; i < all.length; i += this.#chunk) {
      if (i > 0) await this.deps.pause();
      const part = all.slice(i, i + this.#chunk);
      const keys = join(
        part.map(([, entry]) => entry.key),
        map.keySize,
      );
      if (this.opts.array) {
        map.updateBatch(keys, new Uint8Array(part.length * map.valueSize), part.length);
      } else {
        map.deleteBatch(keys, part.length);
      }
      for (const [id] of part) {
        this.#actual.delete(id);
        this.#deletes.delete(id);
      }
    }
    // There is room again for what did not fit.
    if (all.length > 0) this.#refused.clear();
    return all.length;
  }

  #compare(id: string, { value }: Entry): void {
    const there = this.#actual.get(id)?.value;
    const same = there === undefined ? this.opts.array && isZero(value) : equal(there, value);
    if (same) this.#upserts.delete(id);
    else this.#upserts.add(id);
    this.#deletes.delete(id);
  }

  #writeBatch(batch: readonly [string, Entry][]): number {
    const { map } = this.deps;
    const keys = batch.map(([, entry]) => entry.key);
    const values = batch.map(([, entry]) => entry.value);
    try {
      map.updateBatch(join(keys, map.keySize), join(values, map.valueSize), batch.length);
    } catch {
      // Which entry was refused, and why, is only known one by one.
      return this.#writeSingly(batch);
    }
    for (const [id, entry] of batch) this.#wrote(id, entry);
    return batch.length;
  }

  #writeSingly(batch: readonly [string, Entry][]): number {
    let written = 0;
    let full: string | undefined;
    for (const [id, entry] of batch) {
      // Once the map is full, new entries cannot fit, but those that are there can change.
      if (full !== undefined && !this.#actual.has(id)) {
        this.#refused.set(id, full);
        continue;
      }
      try {
        this.deps.map.update(entry.key, entry.value);
      } catch (error) {
        const reason = errorText(error);
        this.#refused.set(id, reason);
        if (!this.opts.array && isMapFull(error)) full = reason;
        continue;
      }
      this.#wrote(id, entry);
      written++;
    }
    return written;
  }

  #wrote(id: string, entry: Entry): void {
    this.#upserts.delete(id);
    if (this.opts.array && isZero(entry.value)) this.#actual.delete(id);
    else this.#actual.set(id, entry);
  }
}

function isMapFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MAP_FULL';
}
