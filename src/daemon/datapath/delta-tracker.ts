// SPDX-License-Identifier: Apache-2.0
/**
 * One map's desired and actual contents, and the writes that make them equal. Actual is read
 * from the kernel once, at start; from then on it is what was written, as nobody else writes.
 * Bytes only: what an entry means is encode.ts' business.
 */
import { errorText } from '../../base/errors.js';
import type { BpfMap } from '../ports/bpf.js';
import { Rows } from './rows.js';

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
const NOT_QUEUED = -1;

enum Pending {
  Nothing,
  Upsert,
  Delete,
}

/**
 * What is known of one key. Desired and actual side by side, so that a write that succeeded is
 * noted by one assignment: with 100,000 entries the bookkeeping must cost less than the kernel.
 */
interface Slot {
  readonly id: string;
  readonly key: Uint8Array;
  desired: Uint8Array | undefined;
  actual: Uint8Array | undefined;
  pending: Pending;
  /** Place in the queue and row; NOT_QUEUED: none. */
  row: number;
  /** Why the kernel refused it last; tried again when room was made or on retry(). */
  refused: string | undefined;
}

function idOf(key: Uint8Array): string {
  // twice as fast as by the spread, which goes through the iterator
  return Reflect.apply(String.fromCharCode, undefined, key) as string;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

export class DeltaTracker {
  readonly #slots = new Map<string, Slot>();
  /** Slots that were pending when they were put here; those done since are skipped. */
  #queue: Slot[] = [];
  /** What is to be written for each slot of the queue, at the same place. */
  readonly #rows: Rows;
  #pending = 0;
  #desired = 0;
  #refused = 0;
  #present = 0;
  readonly #chunk: number;

  constructor(
    private readonly deps: DeltaTrackerDeps,
    private readonly opts: DeltaTrackerOptions,
  ) {
    this.#chunk = opts.chunk ?? CHUNK;
    this.#rows = new Rows(deps.map);
  }

  get map(): BpfMap {
    return this.deps.map;
  }

  /** Writes still to be made, refused ones included. */
  get pending(): number {
    return this.#pending;
  }

  /** Entries that should be there. */
  get size(): number {
    return this.#desired;
  }

  /** Entries that are there. */
  get present(): number {
    return this.#present;
  }

  /** Reads what the kernel has. */
  readActual(): void {
    const { keySize, valueSize } = this.deps.map;
    const { keys, values, count } = this.deps.map.entries();
    for (const slot of [...this.#slots.values()]) {
      this.#found(slot, undefined);
      if (slot.desired === undefined) this.#forget(slot);
    }
    for (let i = 0; i < count; i++) {
      const value = values.slice(i * valueSize, (i + 1) * valueSize);
      if (this.opts.array && isZero(value)) continue;
      this.#found(this.#slot(keys.slice(i * keySize, (i + 1) * keySize)), value);
    }
    for (const slot of this.#slots.values()) if (slot.desired !== undefined) this.#compare(slot);
  }

  /** What the kernel has now. */
  *actual(): Generator<Entry> {
    for (const { key, actual } of this.#slots.values()) {
      if (actual !== undefined) yield { key, value: actual };
    }
  }

  /** The value that is there. */
  actualOf(key: Uint8Array): Uint8Array | undefined {
    return this.#slots.get(idOf(key))?.actual;
  }

  /** The value that should be there. */
  desired(key: Uint8Array): Uint8Array | undefined {
    return this.#slots.get(idOf(key))?.desired;
  }

  *desiredEntries(): Generator<Entry> {
    for (const { key, desired } of this.#slots.values()) {
      if (desired !== undefined) yield { key, value: desired };
    }
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const slot = this.#slot(key);
    if (slot.desired === undefined) this.#desired++;
    slot.desired = value;
    this.#accept(slot);
    this.#compare(slot);
  }

  remove(key: Uint8Array): void {
    const slot = this.#slots.get(idOf(key));
    if (slot === undefined) return;
    if (slot.desired !== undefined) this.#desired--;
    slot.desired = undefined;
    this.#accept(slot);
    if (slot.actual === undefined) this.#forget(slot);
    else this.#plan(slot, Pending.Delete);
  }

  /** Marks everything that is there and not desired for removal. */
  sweep(): void {
    for (const slot of this.#slots.values()) {
      if (slot.actual !== undefined && slot.desired === undefined) {
        this.#plan(slot, Pending.Delete);
      }
    }
  }

  /** Keys and values about to be written or (as they are in the kernel) deleted. */
  *changes(): Generator<Entry> {
    for (const { key, desired, actual, pending } of this.#queue) {
      const value = pending === Pending.Upsert ? desired : actual;
      if (pending !== Pending.Nothing && value !== undefined) yield { key, value };
    }
  }

  /** Keys and values in the kernel that pending writes are about to replace or delete. */
  *leaving(): Generator<Entry> {
    for (const { key, actual, pending } of this.#queue) {
      if (pending !== Pending.Nothing && actual !== undefined) yield { key, value: actual };
    }
  }

  /** Keeps a new entry back until retry(): what it needs is not there. */
  withhold(key: Uint8Array, reason: string): void {
    const slot = this.#slots.get(idOf(key));
    if (slot?.pending !== Pending.Upsert || slot.actual !== undefined) return;
    this.#refuse(slot, reason);
  }

  /** Refused writes are tried again by the next writeUpserts(). */
  retry(): void {
    if (this.#refused === 0) return;
    for (const slot of this.#queue) this.#accept(slot);
  }

  /** What the kernel refused last. */
  unwritten(): Unwritten[] {
    if (this.#refused === 0) return [];
    return this.#queue.flatMap(({ key, refused }) =>
      refused === undefined ? [] : [{ key, reason: refused }],
    );
  }

  /** @returns how many entries were written. Refusals stay pending, see unwritten(). */
  async writeUpserts(): Promise<number> {
    let written = 0;
    // What comes meanwhile is written the next time.
    const end = this.#queue.length;
    for (let at = 0; at < end;) {
      const from = at;
      while (at < end && at - from < this.#chunk && isReady(this.#queue[at])) at++;
      if (at === from) {
        at++;
        continue;
      }
      if (written > 0) await this.deps.pause();
      written += this.#writeRows(from, at);
    }
    this.#compact();
    return written;
  }

  /** @returns how many entries were removed. */
  async writeDeletes(): Promise<number> {
    const all = this.#queue.filter(({ pending }) => pending === Pending.Delete);
    const { map } = this.deps;
    for (let i = 0; i < all.length; i += this.#chunk) {
      if (i > 0) await this.deps.pause();
      const part = all.slice(i, i + this.#chunk);
      const keys = new Uint8Array(part.length * map.keySize);
      for (const [j, { key }] of part.entries()) keys.set(key, j * map.keySize);
      if (this.opts.array) {
        map.updateBatch(keys, new Uint8Array(part.length * map.valueSize), part.length);
      } else {
        map.deleteBatch(keys, part.length);
      }
      for (const slot of part) {
        this.#found(slot, undefined);
        this.#plan(slot, Pending.Nothing);
        if (slot.desired === undefined) this.#forget(slot);
      }
    }
    // There is room again for what did not fit.
    if (all.length > 0) this.retry();
    this.#compact();
    return all.length;
  }

  #slot(key: Uint8Array): Slot {
    const id = idOf(key);
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = {
        id,
        key,
        desired: undefined,
        actual: undefined,
        pending: Pending.Nothing,
        row: NOT_QUEUED,
        refused: undefined,
      };
      this.#slots.set(id, slot);
    }
    return slot;
  }

  #forget(slot: Slot): void {
    this.#plan(slot, Pending.Nothing);
    this.#slots.delete(slot.id);
  }

  /** The kernel has this, as far as we know. */
  #found(slot: Slot, actual: Uint8Array | undefined): void {
    if (slot.actual === undefined && actual !== undefined) this.#present++;
    if (slot.actual !== undefined && actual === undefined) this.#present--;
    slot.actual = actual;
  }

  #accept(slot: Slot): void {
    if (slot.refused === undefined) return;
    slot.refused = undefined;
    this.#refused--;
  }

  #refuse(slot: Slot, reason: string): void {
    if (slot.refused === undefined) this.#refused++;
    slot.refused = reason;
  }

  #plan(slot: Slot, pending: Pending): void {
    if ((slot.pending === Pending.Nothing) !== (pending === Pending.Nothing)) {
      this.#pending += pending === Pending.Nothing ? -1 : 1;
    }
    slot.pending = pending;
    if (pending === Pending.Nothing) return;
    if (slot.row === NOT_QUEUED) slot.row = this.#queue.push(slot) - 1;
    if (slot.desired !== undefined) this.#rows.put(slot.row, slot.key, slot.desired);
  }

  #compact(): void {
    let kept = 0;
    for (const slot of this.#queue) {
      if (slot.pending === Pending.Nothing) {
        slot.row = NOT_QUEUED;
        continue;
      }
      this.#rows.move(slot.row, kept);
      this.#queue[kept] = slot;
      slot.row = kept++;
    }
    this.#queue.length = kept;
    if (kept === 0) this.#rows.clear();
  }

  #compare(slot: Slot): void {
    const { desired, actual } = slot;
    if (desired === undefined) return;
    const same = actual === undefined ? this.opts.array && isZero(desired) : equal(actual, desired);
    this.#plan(slot, same ? Pending.Nothing : Pending.Upsert);
  }

  #writeRows(from: number, to: number): number {
    try {
      this.deps.map.updateBatch(this.#rows.keys(from, to), this.#rows.values(from, to), to - from);
    } catch {
      // Which entry was refused, and why, is only known one by one.
      return this.#writeSingly(this.#queue.slice(from, to));
    }
    for (let at = from; at < to; at++) {
      const slot = this.#queue[at];
      if (slot !== undefined) this.#wrote(slot);
    }
    return to - from;
  }

  #writeSingly(batch: readonly Slot[]): number {
    let written = 0;
    let full: string | undefined;
    for (const slot of batch) {
      // Once the map is full, new entries cannot fit, but those that are there can change.
      if (full !== undefined && slot.actual === undefined) {
        this.#refuse(slot, full);
        continue;
      }
      if (slot.desired === undefined) continue;
      try {
        this.deps.map.update(slot.key, slot.desired);
      } catch (error) {
        const reason = errorText(error);
        this.#refuse(slot, reason);
        if (!this.opts.array && isMapFull(error)) full = reason;
        continue;
      }
      this.#wrote(slot);
      written++;
    }
    return written;
  }

  #wrote(slot: Slot): void {
    const absent = this.opts.array && slot.desired !== undefined && isZero(slot.desired);
    this.#found(slot, absent ? undefined : slot.desired);
    this.#plan(slot, Pending.Nothing);
  }
}

/** Whether it is to be written, and was not refused. */
function isReady(slot: Slot | undefined): boolean {
  return slot?.pending === Pending.Upsert && slot.refused === undefined;
}

function isMapFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MAP_FULL';
}
