// SPDX-License-Identifier: Apache-2.0
/** What programs have left behind of translation: forgotten between two histories. */
import { decode, MAPS } from '../../src/maps/index.js';
import type { TestMap } from '../support/programs.js';

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** @param subs endpoints that may hold something */
export function forgetTranslation(map: (name: string) => TestMap, subs: number): void {
  const names = ['nat_map', 'nat_lease', 'nat_block', 'nat', 'age'];
  const [mappings, leases, blocks, connections, age] = names.map(map);
  if (!mappings || !leases || !blocks || !connections || !age) return;
  // what a connection holds goes when it ends, which here none has
  const { used: nodes } = decode(MAPS.age.value, age.lookup(u32(0))!);
  for (let node = 1; node <= nodes; node++)
    connections.update(u32(node), new Uint8Array(connections.valueSize));
  const used = new Set<number>();
  for (const key of mappings.keys()) {
    used.add(decode(MAPS.nat_map.value, mappings.lookup(key)!).block);
    mappings.delete(key);
  }
  for (let sub = 0; sub < subs; sub++) {
    const value = leases.lookup(u32(sub))!;
    if (value.every((byte) => byte === 0)) continue;
    const { v4, v6 } = decode(MAPS.nat_lease.value, value);
    for (const index of [...v4.block, ...v4.low, ...v6.block, ...v6.low]) used.add(index);
    leases.update(u32(sub), new Uint8Array(leases.valueSize));
  }
  for (const index of used) blocks.update(u32(index), new Uint8Array(blocks.valueSize));
}
