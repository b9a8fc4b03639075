// SPDX-License-Identifier: Apache-2.0
/**
 * Commits large sets for ever, with small ones between, and prints "large N" or "small N" once a
 * commit is acknowledged: the child that store-large.test.ts kills. Argument: the data directory.
 */
import { writeSync } from 'node:fs';
import { silentLogger } from '../../src/base/log.js';
import { openLmdbStore } from '../../src/daemon/store/index.js';
import { LARGE_SET } from './large-set.js';
import { put, remove, vpc } from './store.js';

const dataDir = process.argv[2];
if (dataDir === undefined) throw new Error('usage: large-writer DATADIR');
const store = await openLmdbStore({ log: silentLogger() }, { dataDir });

async function large(): Promise<void> {
  for (;;) {
    // Each set replaces the one before, so that some of it is always not in its place yet.
    const revision = await store.commit(LARGE_SET.map((name) => put(vpc(name, 1))));
    writeSync(1, `large ${revision}\n`);
  }
}

async function small(): Promise<void> {
  for (let i = 0; ; i++) {
    const name = `small-${i % 10}`;
    // A deletion must not be undone by what was staged before it, so one of them is in the set.
    const writes = [put(vpc(name, i)), i % 2 === 0 ? put(vpc('both', i)) : remove('both')];
    const revision = await store.commit(writes);
    writeSync(1, `small ${revision} ${i}\n`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

await Promise.all([large(), small()]);
