// SPDX-License-Identifier: Apache-2.0
/**
 * Commits for ever, three objects at a time, and prints each revision once it is acknowledged:
 * the child that store-kill.test.ts kills. Argument: the data directory.
 */
import { writeSync } from 'node:fs';
import { silentLogger } from '../../src/base/log.js';
import { openLmdbStore } from '../../src/daemon/store/index.js';
import { put, vpc } from './store.js';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('usage: store-writer DATADIR');
const store = await openLmdbStore({ log: silentLogger() }, { dataDir, historyLimit: 50 });
for (;;) {
  const next = store.revision + 1;
  const revision = await store.commit(
    ['a', 'b', 'c'].map((part) => put(vpc(`vpc-${next % 40}-${part}`, next))),
  );
  writeSync(1, `${revision}\n`);
}
