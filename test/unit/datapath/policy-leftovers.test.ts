// SPDX-License-Identifier: Apache-2.0
/** Numbers of policies that pinned maps use, wherever they are named. */
import { test } from 'tap';
import type { TableName } from '../../../src/daemon/calc/index.js';
import type { PolicyTable } from '../../../src/daemon/calc/policy/entries.js';
import { adoptIndexes } from '../../../src/daemon/datapath/adopt.js';
import { encodePolicyKey } from '../../../src/daemon/datapath/keys-policy.js';
import { policyLeftovers } from '../../../src/daemon/datapath/policy-leftovers.js';
import { IndexAllocator } from '../../../src/daemon/calc/index.js';
import { ABI, encode, MAPS, POL_DIM } from '../../../src/maps/index.js';
import { limits } from '../../calc/support.js';

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const row = (table: PolicyTable, key: string, value: Uint8Array = new Uint8Array()): Row => ({
  key: encodePolicyKey(table, key),
  value,
});
const blocks = [(3 | ABI.POL_TIER) >>> 0, 4, 99]; // the last one behind the end
const ENTRIES: Partial<Record<TableName, readonly Row[]>> = {
  pol_block: [row('pol_block', '1')],
  pol_row: [
    row('pol_row', `2/${POL_DIM.SRC}/0/11`),
    row('pol_row', `2/${POL_DIM.NDST}/0/12`),
    row('pol_row', `2/${POL_DIM.DPORT}/0/443`),
  ],
  pol_port: [row('pol_port', `5/${POL_DIM.DPORT}/80/16`)],
  pol_rule: [row('pol_rule', '6/0')],
  pol_prog: [
    row(
      'pol_prog',
      '21',
      encode(MAPS.pol_prog.value, {
        vni: 7,
        count: 2,
        block: [...blocks, ...Array.from({ length: ABI.POL_BLOCKS - blocks.length }, () => 0)],
      }),
    ),
  ],
  pol_ep: [row('pol_ep', '1', encode(MAPS.pol_ep.value, { of: [22n, 23n << 32n] }))],
  pol_host: [row('pol_host', '7/10.0.0.1', encode(MAPS.pol_host.value, { class: [13, 0] }))],
  pol_net: [row('pol_net', '7/10.0.0.0/8', encode(MAPS.pol_net.value, { class: [14, 15] }))],
  pol_named: [
    row('pol_named', '7/10.0.0.1/6/80', encode(MAPS.pol_named.value, { class: [16, 16] })),
  ],
};
const driver = { actual: (table: TableName) => ENTRIES[table] ?? [] };

test('every number in the maps, of both values', (t) => {
  const found = new Map<string, number[]>();
  for (const { space, index } of policyLeftovers(driver))
    found.set(
      space,
      [...(found.get(space) ?? []), index].sort((a, b) => a - b),
    );
  t.same(Object.fromEntries(found), {
    polBlock: [1, 2, 3, 4, 5, 6],
    polProgram: [21, 22, 23],
    polClass: [11, 12, 13, 14, 15, 16],
  });
  t.end();
});

test('they come to nothing else before the first flush is done', (t) => {
  const indexes = new IndexAllocator({ limits: limits(100) });
  adoptIndexes(driver, indexes, [], 'h1');
  t.equal(indexes.polBlock('some block'), 7);
  t.equal(indexes.polProgram('some program'), 1);
  t.equal(indexes.polClass('7|some set'), 1);
  const released = indexes.releaseUnclaimed();
  t.not(indexes.polBlock('another block'), 1, 'released, not yet free');
  for (const { space, key } of released) indexes.free(space, key);
  t.equal(indexes.polBlock('a third block'), 1);
  t.end();
});
