// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { t as tap } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { openLmdbStore } from '../../src/daemon/store/index.js';
import { storeContract } from './store.js';

const root = mkdtempSync(join(tmpdir(), 'transit-store-'));
tap.teardown(() => {
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
storeContract('lmdb', () => {
  const dataDir = join(root, String(count++));
  const open = (opts: { readonly historyLimit?: number } = {}) =>
    openLmdbStore({ log: silentLogger() }, { dataDir, ...opts });
  return { open, reopen: open };
});
