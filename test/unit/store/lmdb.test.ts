// SPDX-License-Identifier: Apache-2.0
/** What is special to the LMDB store: damaged files, the lock, durability of a new file. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { t as tap, test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import { openLmdbStore, StoreError } from '../../../src/daemon/store/index.js';
import { checkPages } from '../../../src/daemon/store/lmdb/page-check.js';
import { put, vpc } from '../../contract/store.js';

const log = silentLogger();
const root = mkdtempSync(join(tmpdir(), 'transit-lmdb-'));
tap.teardown(() => {
  rmSync(root, { recursive: true, force: true });
});

let count = 0;
async function filledStore(): Promise<{ dataDir: string; path: string }> {
  const dataDir = join(root, String(count++));
  const store = await openLmdbStore({ log }, { dataDir });
  for (let i = 0; i < 20; i++) {
    await store.commit(Array.from({ length: 50 }, (_, k) => put(vpc(`vpc-${i}-${k}`))));
  }
  const big = vpc('big');
  const labels = Object.fromEntries(Array.from({ length: 500 }, (_, k) => [`label-${k}`, 'x']));
  await store.commit([put({ ...big, metadata: { ...big.metadata, labels } })]);
  await store.close();
  return { dataDir, path: join(dataDir, 'store.mdb') };
}

test('a healthy file passes the page check', async (t) => {
  const { dataDir, path } = await filledStore();
  const result = checkPages(path);
  t.equal(result.problem, undefined);
  t.same([...result.databases].sort(), ['facts', 'history', 'journal', 'objects']);
  t.notOk(existsSync(`${path}.new`));
  const store = await openLmdbStore({ log }, { dataDir });
  t.equal(store.list().length, 1001);
  await store.close();
});

test('damaged files are refused and left as they are', async (t) => {
  const good = await filledStore();
  const size = readFileSync(good.path).length;
  const foreign = join(root, 'foreign.mdb');
  const other = open({ path: foreign, noSubdir: true, overlappingSync: false });
  await other.put('key', 'value');
  await other.close();
  const cases: [string, RegExp, (path: string) => void][] = [
    [
      'empty',
      /empty/,
      (p) => {
        truncateSync(p, 0);
      },
    ],
    [
      'a few bytes',
      /not an LMDB/,
      (p) => {
        truncateSync(p, 100);
      },
    ],
    [
      'one page',
      /second header/,
      (p) => {
        truncateSync(p, 4096);
      },
    ],
    [
      'half',
      /cut short/,
      (p) => {
        truncateSync(p, Math.floor(size / 8192) * 4096);
      },
    ],
    [
      'its last pages lost',
      /cut short/,
      (p) => {
        truncateSync(p, size - 4096);
      },
    ],
    [
      'text',
      /not an LMDB/,
      (p) => {
        writeFileSync(p, 'hello\n'.repeat(5000));
      },
    ],
    [
      'another program',
      /not a store/,
      (p) => {
        copyFileSync(foreign, p);
      },
    ],
    [
      'zeros in the middle',
      /overwritten|checksum/,
      (p) => {
        const bytes = readFileSync(p);
        writeFileSync(p, bytes.fill(0, 8192, size - 8192));
      },
    ],
  ];
  for (const [name, rule, damage] of cases) {
    const dataDir = join(root, name);
    mkdirSync(dataDir);
    const path = join(dataDir, 'store.mdb');
    copyFileSync(good.path, path);
    damage(path);
    const before = readFileSync(path);
    const error: unknown = await openLmdbStore({ log }, { dataDir }).catch((e: unknown) => e);
    t.ok(error instanceof StoreError, name);
    if (!(error instanceof StoreError)) continue;
    t.equal(error.code, 'STORE_CORRUPT', name);
    t.match(error.message, rule, name);
    t.match(error.message, path, 'names the file');
    t.match(error.message, /backup/, 'says what to do');
    t.ok(before.equals(readFileSync(path)), `${name}: untouched`);
  }
});

test('a changed byte anywhere is found or harmless', async (t) => {
  const good = await filledStore();
  const whole = readFileSync(good.path);
  const expected = await contents(good.dataDir);
  let found = 0;
  for (let i = 0; i < 60; i++) {
    const dataDir = join(root, `flip-${i}`);
    mkdirSync(dataDir);
    const bytes = Buffer.from(whole);
    const at = (8192 + i * 7919 * 13) % bytes.length;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    writeFileSync(join(dataDir, 'store.mdb'), bytes);
    try {
      t.same(await contents(dataDir), expected, `byte ${at} belongs to no record`);
    } catch (error) {
      found++;
      t.match(error, { code: 'STORE_CORRUPT' }, `byte ${at}`);
    }
  }
  t.ok(found > 5, `${found} of 60 changed bytes mattered`);
});

async function contents(dataDir: string): Promise<string> {
  const store = await openLmdbStore({ log }, { dataDir });
  const all = JSON.stringify(store.list());
  await store.close();
  return all;
}

test('two daemons cannot share a store', async (t) => {
  const dataDir = join(root, 'locked');
  const store = await openLmdbStore({ log }, { dataDir });
  await t.rejects(openLmdbStore({ log }, { dataDir }), {
    code: 'STORE_LOCKED',
    details: { pid: process.pid },
  });
  await store.close();
  const script = new URL('../../contract/store-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await t.rejects(openLmdbStore({ log }, { dataDir }), {
    code: 'STORE_LOCKED',
    message: new RegExp(`process ${child.pid}`),
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
  const again = await openLmdbStore({ log }, { dataDir });
  t.ok(again.revision > 0, 'a dead holder holds nothing');
  await again.close();
});

test('a directory that cannot be made is named', async (t) => {
  writeFileSync(join(root, 'file'), '');
  await t.rejects(openLmdbStore({ log }, { dataDir: join(root, 'file', 'data') }), {
    code: 'STORE_UNAVAILABLE',
  });
});
