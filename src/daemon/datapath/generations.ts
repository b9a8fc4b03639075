// SPDX-License-Identifier: Apache-2.0
/**
 * The generation of each VPC, in map vpc_gen by VPC index. Never reset, not even when a VPC
 * goes: its index's next owner must not find itself in a generation that old records name.
 * VPC 0's is 0 while there is no outside. When there is again it goes on from where it was; a
 * daemon that does not know begins anywhere, as records of then may still be there.
 */
import { randomInt } from 'node:crypto';
import type { BpfMap } from '../ports/bpf.js';

const OUTSIDE = 0;

export class Generations {
  #values = new Uint32Array();
  #closedAt = randomInt(2 ** 31);

  constructor(private readonly deps: { readonly map: BpfMap }) {}

  /** Reads what the kernel has. */
  read(): void {
    const { keys, values, count } = this.deps.map.entries();
    const keyView = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    const valueView = new DataView(values.buffer, values.byteOffset, values.byteLength);
    this.#values = new Uint32Array(this.deps.map.maxEntries);
    for (let i = 0; i < count; i++) {
      this.#values[keyView.getUint32(4 * i, true)] = valueView.getUint32(4 * i, true);
    }
  }

  get(vpc: number): number {
    return this.#values[vpc] ?? 0;
  }

  /** Every index that ever was a VPC's. */
  used(): number[] {
    return [...this.#values.keys()].filter((vpc) => this.#values[vpc] !== 0);
  }

  /** Raises by one; 0 is left out, as it means "never programmed". */
  raise(vpcs: ReadonlySet<number>): void {
    if (vpcs.size === 0) return;
    const indexes = Uint32Array.from(vpcs);
    const raised = indexes.map((vpc) => (this.#last(vpc) + 1) >>> 0 || 1);
    this.deps.map.updateBatch(
      new Uint8Array(indexes.buffer),
      new Uint8Array(raised.buffer),
      indexes.length,
    );
    for (const [i, vpc] of indexes.entries()) this.#values[vpc] = raised[i] ?? 1;
  }

  /** There is no outside: the programs need not look for it. */
  closeOutside(): void {
    if (this.get(OUTSIDE) === 0) return;
    this.#closedAt = this.get(OUTSIDE);
    this.deps.map.update(new Uint8Array(4), new Uint8Array(4));
    this.#values[OUTSIDE] = 0;
  }

  /** The generation to go on from. */
  #last(vpc: number): number {
    return vpc === OUTSIDE && this.get(OUTSIDE) === 0 ? this.#closedAt : this.get(vpc);
  }
}
