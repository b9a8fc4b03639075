// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers of policies that the pinned maps name. What they stood for the maps do not say: blocks,
 * programs, classes and rules get new ones, written beside the old, which hold until the first
 * write turns the epoch and are removed behind it. Meanwhile theirs must not be given again.
 */
import { decode, MAPS, POL_DIM } from '../../maps/index.js';
import type { Indexes } from '../calc/output.js';
import type { Driver } from './driver.js';

type Space = Extract<keyof Indexes, 'polBlock' | 'polProgram' | 'polClass' | 'rule'>;

export function* policyIndexesInUse(
  driver: Pick<Driver, 'actual'>,
): Generator<{ readonly space: Space; readonly index: number }> {
  const found = {
    polBlock: new Set<number>(),
    polProgram: new Set<number>(),
    polClass: new Set<number>(),
    rule: new Set<number>(),
  } as const satisfies Record<Space, Set<number>>;
  for (const { key } of driver.actual('pol_block'))
    found.polBlock.add(decode(MAPS.pol_block.key, key));
  for (const { key } of driver.actual('pol_row')) {
    const { block, dim, value } = decode(MAPS.pol_row.key, key);
    found.polBlock.add(block);
    if (dim >= POL_DIM.SRC) found.polClass.add(value);
  }
  for (const { key } of driver.actual('pol_port'))
    found.polBlock.add(decode(MAPS.pol_port.key, key).block);
  for (const { key, value } of driver.actual('pol_rule')) {
    found.polBlock.add(decode(MAPS.pol_rule.key, key).block);
    found.rule.add(decode(MAPS.pol_rule.value, value).hit);
  }
  for (const { key } of driver.actual('pol_prog'))
    found.polProgram.add(decode(MAPS.pol_prog.key, key));
  for (const { value } of driver.actual('pol_ep'))
    for (const programs of decode(MAPS.pol_ep.value, value).of) {
      found.polProgram.add(Number(programs & 0xffffffffn));
      found.polProgram.add(Number(programs >> 32n));
    }
  for (const table of ['pol_host', 'pol_net', 'pol_named'] as const)
    for (const { value } of driver.actual(table))
      for (const number of decode(MAPS[table].value, value).class) found.polClass.add(number);
  for (const [space, indexes] of Object.entries(found))
    for (const index of indexes) if (index !== 0) yield { space: space as Space, index };
}
