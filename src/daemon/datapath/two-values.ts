// SPDX-License-Identifier: Apache-2.0
/**
 * A map whose entries have two values, of which PolicyEpoch says the one in force. A change is
 * written in three steps, so that it takes effect with those of other such maps at once:
 *
 *     writeUpserts()  the value not in force; the other says what holds by now
 *     (the epoch is turned)
 *     writeDeletes()  both values alike; what is not desired goes
 *
 * Between two flushes both are alike. What a step that failed left is written again with the next
 * flush. Values are given and kept as the map has them, both halves alike.
 */
import type { BpfMap } from '../ports/bpf.js';
import { DeltaTracker, type Unwritten } from './delta-tracker.js';
import type { Epoch } from './policy-epoch.js';

export interface TwoValuesDeps {
  readonly map: BpfMap;
  readonly pause: () => Promise<void>;
  readonly epoch: { readonly now: Epoch };
}

/** What holds where there is no entry: by what holds now, and when all that is staged is done. */
export interface Absent {
  before(key: Uint8Array): Uint8Array | undefined;
  after(key: Uint8Array): Uint8Array | undefined;
}

export interface TwoValuesOptions {
  readonly array: boolean;
  /** undefined, or an answer of undefined: zero. */
  readonly absent?: Absent;
  /** A removed entry holds until it is deleted, not until the turn. */
  readonly goesLate?: boolean;
  /** Told each key that comes. */
  readonly onKey?: (key: Uint8Array) => void;
}

interface Change {
  readonly key: Uint8Array;
  /** undefined: the entry goes. */
  readonly half: Uint8Array | undefined;
}

const CHUNK = 4096;

export class TwoValues {
  readonly #tracker: DeltaTracker;
  readonly #zero: Uint8Array;
  /** Since the last writeUpserts(). */
  #staged = new Map<string, Change>();
  /** Of which the value not in force was written, or was about to be. */
  #open = new Map<string, Change>();
  #turns = false;

  constructor(
    private readonly deps: TwoValuesDeps,
    private readonly opts: TwoValuesOptions,
  ) {
    this.#tracker = new DeltaTracker(deps, { array: opts.array });
    this.#zero = new Uint8Array(deps.map.valueSize / 2);
  }

  /** Writes still to be made, refused ones included. */
  get pending(): number {
    return this.#tracker.pending + this.#staged.size + this.#open.size;
  }

  /** Entries that are there. */
  get present(): number {
    return this.#tracker.present;
  }

  /** Whether what writeUpserts() wrote waits for the epoch. */
  get turns(): boolean {
    return this.#turns;
  }

  /** Reads what the kernel has; where a flush was cut short, what is in force becomes both. */
  readActual(): void {
    this.#tracker.readActual();
    const torn = [...this.#tracker.actual()].filter(({ value }) => !isEven(value));
    const { map } = this.deps;
    for (let i = 0; i < torn.length; i += CHUNK) {
      const part = torn.slice(i, i + CHUNK);
      const keys = new Uint8Array(part.length * map.keySize);
      const values = new Uint8Array(part.length * map.valueSize);
      for (const [j, { key, value }] of part.entries()) {
        keys.set(key, j * map.keySize);
        values.set(both(this.#half(value)), j * map.valueSize);
      }
      map.updateBatch(keys, values, part.length);
    }
    if (torn.length > 0) this.#tracker.readActual();
    for (const { key } of this.#tracker.actual()) this.opts.onKey?.(key);
  }

  actual(): ReturnType<DeltaTracker['actual']> {
    return this.#tracker.actual();
  }

  /** The half that is in force. */
  inForce(key: Uint8Array): Uint8Array | undefined {
    const value = this.#tracker.actualOf(key);
    return value && this.#half(value);
  }

  /** The half that will be, when all that is staged is written. */
  coming(key: Uint8Array): Uint8Array | undefined {
    const id = idOf(key);
    const change = this.#staged.get(id) ?? this.#open.get(id);
    if (change !== undefined) return change.half;
    return this.#tracker.desired(key)?.subarray(0, this.#zero.length);
  }

  /** @param value both halves alike */
  set(key: Uint8Array, value: Uint8Array): void {
    const id = idOf(key);
    this.opts.onKey?.(key);
    const actual = this.#tracker.actualOf(key);
    if (actual !== undefined && isSame(actual, value) && !this.#open.has(id)) {
      this.#staged.delete(id);
      this.#tracker.set(key, value);
    } else this.#staged.set(id, { key, half: value.slice(0, this.#zero.length) });
  }

  remove(key: Uint8Array): void {
    const id = idOf(key);
    if (this.#tracker.actualOf(key) === undefined && !this.#open.has(id)) {
      this.#staged.delete(id);
      this.#tracker.remove(key);
    } else this.#staged.set(id, { key, half: undefined });
  }

  /** Marks everything that is there and not desired for removal. */
  sweep(): void {
    for (const { key } of this.#tracker.actual())
      if (this.coming(key) === undefined) this.#staged.set(idOf(key), { key, half: undefined });
  }

  /** Keys and values about to be in force or (as they are) no longer, where it makes a difference. */
  *changes(): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    for (const change of this.#staged.values()) {
      const { before, after } = this.#effect(change);
      if (!isSame(before, after))
        yield { key: change.key, value: both(change.half === undefined ? before : after) };
    }
  }

  /** Refused writes are tried again by the next writeUpserts(). */
  retry(): void {
    this.#tracker.retry();
  }

  /** What the kernel refused last. */
  unwritten(): Unwritten[] {
    return this.#tracker.unwritten();
  }

  /** The value not in force. @returns how many entries were written; see turns */
  async writeUpserts(): Promise<number> {
    this.#restage();
    this.#open = this.#staged;
    this.#staged = new Map();
    const pairs: { readonly key: Uint8Array; readonly value: Uint8Array }[] = [];
    await this.#each(this.#open.values(), (change) => {
      if (change.half === undefined && this.opts.goesLate === true) return;
      const { before, after } = this.#effect(change);
      if (!isSame(before, after)) this.#turns = true;
      pairs.push({ key: change.key, value: this.#pair(before, after) });
    });
    await this.#each(pairs, ({ key, value }) => {
      this.#tracker.set(key, value);
    });
    return this.#tracker.writeUpserts();
  }

  /** After the turn. @returns how many entries were removed */
  async writeDeletes(): Promise<number> {
    await this.settle();
    const removed = await this.#tracker.writeDeletes();
    this.#close();
    return removed;
  }

  /** After the turn: both values alike. */
  async settle(): Promise<void> {
    if (this.#open.size === 0) return;
    await this.#each(this.#open.values(), ({ key, half }) => {
      if (half === undefined) this.#tracker.remove(key);
      else this.#tracker.set(key, both(half));
    });
    this.#turns = false;
    await this.#tracker.writeUpserts();
    this.#close();
  }

  /** What is not alike must not be forgotten: the next turn would bring back what was before. */
  #close(): void {
    for (const [id, { key }] of this.#open) {
      const value = this.#tracker.actualOf(key);
      if (value === undefined || isEven(value)) this.#open.delete(id);
    }
  }

  /** Lets the event loop run between two batches. */
  async #each<T>(items: Iterable<T>, work: (item: T) => void): Promise<void> {
    let count = 0;
    for (const item of items) {
      if (++count % CHUNK === 0) await this.deps.pause();
      work(item);
    }
  }

  /** What holds at its key now, and what will. */
  #effect({ key, half }: Change): { readonly before: Uint8Array; readonly after: Uint8Array } {
    const { absent } = this.opts;
    return {
      before: this.inForce(key) ?? absent?.before(key) ?? this.#zero,
      after: half ?? absent?.after(key) ?? this.#zero,
    };
  }

  /** Of a flush that was cut short: what holds of it the epoch says. */
  #restage(): void {
    for (const [id, change] of this.#open) if (!this.#staged.has(id)) this.#staged.set(id, change);
    this.#open.clear();
    this.#turns = false;
  }

  #half(value: Uint8Array): Uint8Array {
    const size = this.#zero.length;
    return this.deps.epoch.now === 0 ? value.subarray(0, size) : value.subarray(size);
  }

  #pair(before: Uint8Array, after: Uint8Array): Uint8Array {
    return this.deps.epoch.now === 0 ? joined(before, after) : joined(after, before);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const out = new Uint8Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}

function both(half: Uint8Array): Uint8Array {
  return joined(half, half);
}

function isEven(value: Uint8Array): boolean {
  const half = value.length / 2;
  return isSame(value.subarray(0, half), value.subarray(half));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return a.length === b.length;
}

function idOf(key: Uint8Array): string {
  return Reflect.apply(String.fromCharCode, undefined, key) as string;
}
