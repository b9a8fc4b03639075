// SPDX-License-Identifier: Apache-2.0
/**
 * What the slow path counts. Written by the worker, read by the main thread: one number each,
 * shared.
 */
import type { AlgCounts, FragmentCounts } from '../ports/datapath-view.js';

export const ALG_COUNTS = [
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

export const FRAGMENT_COUNTS = [
  'held',
  'heldBytes',
  'taken',
  'released',
  'timedOut',
  'refusedDatagram',
  'refusedSource',
  'refusedRoom',
] as const satisfies readonly (keyof FragmentCounts)[];

/** Bytes that so many take. */
export function bytesOf(names: readonly string[]): number {
  return names.length * 8;
}

export class SharedCounts<Name extends string = keyof AlgCounts> {
  readonly #values: Float64Array;
  readonly #slot: ReadonlyMap<Name, number>;

  constructor(
    memory: ArrayBufferLike,
    private readonly names: readonly Name[],
  ) {
    this.#values = new Float64Array(memory);
    this.#slot = new Map(names.map((name, i) => [name, i]));
  }

  add(name: Name, n = 1): void {
    const slot = this.#slot.get(name) ?? 0;
    this.#values[slot] = (this.#values[slot] ?? 0) + n;
  }

  set(name: Name, value: number): void {
    this.#values[this.#slot.get(name) ?? 0] = value;
  }

  read(): Record<Name, number> {
    return Object.fromEntries(this.names.map((name, i) => [name, this.#values[i] ?? 0])) as Record<
      Name,
      number
    >;
  }
}
