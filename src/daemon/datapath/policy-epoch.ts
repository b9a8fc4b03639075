// SPDX-License-Identifier: Apache-2.0
/** Which of two values is in force: one number that the programs read, so one write turns all. */
import type { BpfMap } from '../ports/bpf.js';

export type Epoch = 0 | 1;

const KEY = new Uint8Array(4);

export class PolicyEpoch {
  #now: Epoch = 0;

  constructor(private readonly deps: { readonly map: BpfMap }) {}

  get now(): Epoch {
    return this.#now;
  }

  /** Reads what the kernel has. */
  read(): void {
    this.#now = this.deps.map.lookup(KEY)?.some((byte) => byte !== 0) === true ? 1 : 0;
  }

  /** The other value of every entry is in force. */
  turn(): void {
    const next = this.#now === 0 ? 1 : 0;
    this.deps.map.update(KEY, Uint8Array.of(next, 0, 0, 0));
    this.#now = next;
  }
}
