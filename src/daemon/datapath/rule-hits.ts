// SPDX-License-Identifier: Apache-2.0
/** Packets that each rule has decided: map pol_hit, by index of the rule. */
import { CounterMap, MAPS } from '../../maps/index.js';
import type { BpfMap } from '../ports/bpf.js';

/** Entries that are written at once. */
const BATCH = 4096;

export class RuleHits {
  constructor(private readonly deps: { readonly map: BpfMap }) {}

  /** Over all CPUs. */
  sum(index: number): number {
    return Number(new CounterMap(this.deps.map, MAPS.pol_hit).sum(index) ?? 0n);
  }

  /** The next rule with this index starts at 0. */
  clear(index: number): void {
    const { map } = this.deps;
    map.update(new Uint8Array(Uint32Array.of(index).buffer), new Uint8Array(map.valueSize));
  }

  /** Which rule has which index is known to this run of the daemon only. */
  clearAll(): void {
    const { map } = this.deps;
    for (let from = 0; from < map.maxEntries; from += BATCH) {
      const count = Math.min(BATCH, map.maxEntries - from);
      const keys = Uint32Array.from({ length: count }, (_, i) => from + i);
      map.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(count * map.valueSize), count);
    }
  }
}
