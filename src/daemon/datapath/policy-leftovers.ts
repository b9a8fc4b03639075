// SPDX-License-Identifier: Apache-2.0
/**
 * Numbers of programs, blocks and classes that the pinned maps use. The maps do not say whose they
 * are, so a restarted daemon numbers anew. These numbers must not come to another content while the
 * old entries are in force: blocks and rows have one value, and would change before the epoch turns.
 */
import { ABI, decode, MAPS, POL_DIM } from '../../maps/index.js';
import type { Indexes } from '../calc/output.js';
import type { Driver } from './driver.js';

type Space = keyof Pick<Indexes, 'polBlock' | 'polProgram' | 'polClass'>;

export interface PolicyLeftover {
  readonly space: Space;
  readonly index: number;
}

/** Dimensions whose values are classes. */
const OF_CLASSES: ReadonlySet<number> = new Set([
  POL_DIM.SRC,
  POL_DIM.DST,
  POL_DIM.NSRC,
  POL_DIM.NDST,
]);

/** Also of what a flush that was cut short has written or left. */
export function* policyLeftovers(driver: Pick<Driver, 'actual'>): Generator<PolicyLeftover> {
  const spaces: Readonly<Record<Space, Set<number>>> = {
    polBlock: new Set(),
    polProgram: new Set(),
    polClass: new Set(),
  };
  const { polBlock: blocks, polProgram: programs, polClass: classes } = spaces;
  for (const { key } of driver.actual('pol_block')) blocks.add(decode(MAPS.pol_block.key, key));
  for (const { key } of driver.actual('pol_row')) {
    const { block, dim, value } = decode(MAPS.pol_row.key, key);
    blocks.add(block);
    if (OF_CLASSES.has(dim)) classes.add(value);
  }
  for (const { key } of driver.actual('pol_port')) blocks.add(decode(MAPS.pol_port.key, key).block);
  for (const { key } of driver.actual('pol_rule')) blocks.add(decode(MAPS.pol_rule.key, key).block);
  for (const { key, value } of driver.actual('pol_prog')) {
    programs.add(decode(MAPS.pol_prog.key, key));
    const { count, block } = decode(MAPS.pol_prog.value, value);
    for (const one of block.slice(0, count)) blocks.add((one & ~ABI.POL_TIER) >>> 0);
  }
  for (const { value } of driver.actual('pol_ep'))
    for (const of of decode(MAPS.pol_ep.value, value).of) {
      programs.add(Number(of & 0xffffffffn));
      programs.add(Number(of >> 32n));
    }
  for (const table of ['pol_host', 'pol_net', 'pol_named'] as const)
    for (const { value } of driver.actual(table))
      for (const one of decode(MAPS[table].value, value).class) classes.add(one);
  for (const space of ['polBlock', 'polProgram', 'polClass'] as const)
    for (const index of spaces[space]) if (index !== 0) yield { space, index };
}
