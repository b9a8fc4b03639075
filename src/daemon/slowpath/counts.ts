// SPDX-License-Identifier: Apache-2.0
/** What ALGs count. Written by the worker, read by the main thread: one number each, shared. */
import type { AlgCounts } from '../ports/datapath-view.js';

export const COUNTS = [
  'connections',
  'packets',
  'sent',
  'rewritten',
  'expected',
  'refused',
  'foreign',
  'dropBroken',
  'dropUnknown',
  'dropFull',
  'dropRate',
] as const satisfies readonly (keyof AlgCounts)[];

export type CountName = keyof AlgCounts;

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

  read(): AlgCounts {
    return Object.fromEntries(COUNTS.map((name, i) => [name, this.#values[i] ?? 0])) as Record<
      CountName,
      number
    >;
  }
}
