// SPDX-License-Identifier: Apache-2.0
/** kill -9 at any moment loses no acknowledged commit and tears none. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { openLmdbStore } from '../../src/daemon/store/index.js';

const KILLS = 4;
const log = silentLogger();

/** Runs the writer until it has acknowledged `until`, kills it, @returns the last acknowledged. */
async function writeAndKill(dataDir: string, until: number): Promise<number> {
  const script = new URL('store-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (output.split('\n').some((line) => Number(line) >= until)) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => {
    child.once('close', (_code, by) => {
      resolve(by);
    });
  });
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${output}`);
  return Math.max(...output.split('\n').map(Number));
}

test('kill -9 loses no acknowledged commit', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'transit-kill-'));
  t.teardown(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  let until = 0;
  for (let round = 0; round < KILLS; round++) {
    until += 30 + 17 * round;
    const acknowledged = await writeAndKill(dataDir, until);
    const store = await openLmdbStore({ log }, { dataDir, historyLimit: 50 });
    t.ok(
      store.revision === acknowledged || store.revision === acknowledged + 1,
      `acknowledged ${acknowledged}, found ${store.revision}`,
    );
    for (let revision = Math.max(1, store.revision - 39); revision <= store.revision; revision++) {
      for (const part of ['a', 'b', 'c']) {
        const object = store.get('Vpc', `vpc-${revision % 40}-${part}`);
        if (object?.metadata.resourceVersion !== revision) {
          t.fail(`revision ${revision}, part ${part}: ${JSON.stringify(object)}`);
        }
      }
    }
    let changes = 0;
    store.watch(Math.max(0, store.revision - 10), (list) => (changes += list.length));
    t.equal(changes, 30, 'the history is whole');
    until = store.revision;
    await store.close();
  }
});
