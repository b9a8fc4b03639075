// SPDX-License-Identifier: Apache-2.0
/** What ALGs count. Written by the worker, read by the main thread: one number each, shared. */

export const COUNTS = [
  /** Control connections watched now. */
  'connections',
  /** Packets that came. */
  'packets',
  /** Packets that were sent on, those made here included. */
  'sent',
  /** Lines that got another address or port. */
  'rewritten',
  /** Data connections that were let in, and that could not be. */
  'expected',
  'refused',
  /** Lines that name another host, or a port below 1024: left as they are. */
  'foreign',
  /** Packets dropped: not readable, no connection of that kind, too many connections or packets. */
  'dropBroken',
  'dropUnknown',
  'dropFull',
  'dropRate',
] as const;

export type CountName = (typeof COUNTS)[number];
export type Counts = Readonly<Record<CountName, number>>;

/** Bytes that all of them take. */
export const COUNT_BYTES = COUNTS.length * 8;

const SLOT = new Map<CountName, number>(COUNTS.map((name, i) => [name, i]));

export class SharedCounts {
  readonly #values: Float64Array;

  constructor(memory: ArrayBufferLike) {
    this.#values = new Float64Array(memory);
  }

  add(name: CountName, n = 1): void {
    const slot = SLOT.get(name) ?? 0;
    this.#values[slot] = (this.#values[slot] ?? 0) + n;
  }

  set(name: CountName, value: number): void {
    this.#values[SLOT.get(name) ?? 0] = value;
  }

  read(): Counts {
    return Object.fromEntries(COUNTS.map((name, i) => [name, this.#values[i] ?? 0])) as Counts;
  }
}
