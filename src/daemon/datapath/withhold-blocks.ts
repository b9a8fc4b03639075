// SPDX-License-Identifier: Apache-2.0
/**
 * A new block of rules of which not all fits is not written: a value without its row would meet
 * other rules than it should. A program that names a block that is not there denies.
 */
import { decode, encode, MAPS } from '../../maps/index.js';
import type { DeltaTracker } from './delta-tracker.js';

type Table = 'pol_row' | 'pol_port' | 'pol_rule' | 'pol_block';

/** To be called before pol_block is written, after what its blocks are made of. */
export function withholdBlocks(trackers: Readonly<Record<Table, DeltaTracker>>): void {
  trackers.pol_block.retry();
  const incomplete = new Map<number, string>();
  for (const { key, reason } of trackers.pol_row.unwritten())
    incomplete.set(decode(MAPS.pol_row.key, key).block, reason);
  for (const { key, reason } of trackers.pol_port.unwritten())
    incomplete.set(decode(MAPS.pol_port.key, key).block, reason);
  for (const { key, reason } of trackers.pol_rule.unwritten())
    incomplete.set(decode(MAPS.pol_rule.key, key).block, reason);
  for (const [block, reason] of incomplete)
    trackers.pol_block.withhold(
      encode(MAPS.pol_block.key, block),
      `part of it is not there: ${reason}`,
    );
}
