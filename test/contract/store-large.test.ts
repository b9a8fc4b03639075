// SPDX-License-Identifier: Apache-2.0
/** Large commits: all or nothing, to readers at any moment and after kill -9 at any moment. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'tap';
import { silentLogger } from '../../src/base/log.js';
import { createMemoryStore, openLmdbStore } from '../../src/daemon/store/index.js';
import type { Store } from '../../src/daemon/ports/store.js';
import { LARGE_SET } from './large-set.js';
import { put, remove, vpc } from './store.js';

const KILLS = 6;
const log = silentLogger();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function temporary(t: { teardown(done: () => void): void }): string {
  const dataDir = mkdtempSync(join(tmpdir(), 'transit-large-'));
  t.teardown(() => {
    rmSync(dataDir, { recursive: true, force: true });
  });
  return dataDir;
}

/** resourceVersions of the set's objects; 0: not there. */
function versions(store: Store): Set<number> {
  return new Set(
    LARGE_SET.filter((name) => name !== 'both').map(
      (name) => store.get('Vpc', name)?.metadata.resourceVersion ?? 0,
    ),
  );
}

async function readersSeeAllOrNothing(store: Store, report: (problem: string) => void) {
  const seen: number[] = [];
  store.watch(0, (changes) => seen.push(changes.length));
  const state = { done: false };
  const finished = (): boolean => state.done;
  const large = store.commit(LARGE_SET.map((name) => put(vpc(name, 1)))).finally(() => {
    state.done = true;
  });
  let overtook = 0;
  for (let i = 0; !finished(); i++) {
    const found = versions(store);
    if (found.size !== 1) report(`a reader saw ${found.size} revisions at once`);
    const listed = store.list('Vpc').filter(({ metadata }) => metadata.name.startsWith('large-'));
    if (listed.length !== 0 && listed.length !== LARGE_SET.length - 1)
      report(`a list had ${listed.length}`);
    await store.commit([put(vpc(`small-${i}`, i))]);
    if (!finished()) overtook++;
    await turn();
  }
  return { revision: await large, overtook, seen };
}

for (const kind of ['memory', 'lmdb'] as const) {
  test(`${kind}: readers see a large commit at once, small ones overtake it`, async (t) => {
    const store =
      kind === 'memory'
        ? createMemoryStore()
        : await openLmdbStore({ log }, { dataDir: temporary(t) });
    const { revision, overtook, seen } = await readersSeeAllOrNothing(store, (text) =>
      t.fail(text),
    );
    t.same([...versions(store)], [revision]);
    t.ok(overtook > 1, `${overtook} small commits were answered meanwhile`);
    t.equal(seen.filter((length) => length === LARGE_SET.length).length, 1, 'delivered as one');
    // A precondition on what the large commit made, and one that it broke.
    const bad = store.commit([{ ...put(vpc('large-0', 2)), expectedVersion: revision - 1 }]);
    await t.rejects(bad, { code: 'CONFLICT' });
    await store.commit([{ ...put(vpc('large-0', 2)), expectedVersion: revision }]);
    const stale = LARGE_SET.map((name) => ({ ...put(vpc(name, 3)), expectedVersion: revision }));
    await t.rejects(store.commit(stale), { code: 'CONFLICT' });
    await store.commit(LARGE_SET.map((name) => remove(name)));
    t.equal(store.list().filter(({ metadata }) => LARGE_SET.includes(metadata.name)).length, 0);
    await store.close();
  });
}

test('what was settled is what was written', async (t) => {
  const dataDir = temporary(t);
  let store = await openLmdbStore({ log }, { dataDir });
  const revision = await store.commit(LARGE_SET.map((name) => put(vpc(name, 1))));
  await store.commit([remove('large-5'), remove('large-2999')]);
  await store.commit([put(vpc('large-7', 9))]);
  await store.close();
  store = await openLmdbStore({ log }, { dataDir });
  t.equal(store.get('Vpc', 'large-5'), undefined);
  t.equal(store.get('Vpc', 'large-2999'), undefined);
  t.equal(store.get('Vpc', 'large-7')?.metadata.resourceVersion, revision + 2);
  t.equal(store.get('Vpc', 'large-8')?.metadata.resourceVersion, revision);
  t.equal(store.list().length, LARGE_SET.length - 2);
  await store.close();
});

/** Kills the writer some time after its first large commit. @returns what it acknowledged */
async function writeAndKill(dataDir: string, afterMs: number): Promise<string[]> {
  const script = new URL('large-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let armed = false;
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    if (armed || !output.includes('large')) return;
    armed = true;
    setTimeout(() => child.kill('SIGKILL'), afterMs);
  });
  const signal = await new Promise((resolve) => {
    child.once('close', (_code, by) => {
      resolve(by);
    });
  });
  if (signal !== 'SIGKILL') throw new Error(`the writer ended by itself: ${output}`);
  return output.split('\n').filter((line) => line !== '');
}

test('kill -9 tears no large commit and loses none that was acknowledged', async (t) => {
  const dataDir = temporary(t);
  for (let round = 0; round < KILLS; round++) {
    const lines = await writeAndKill(dataDir, 7 + 23 * round);
    const last = (word: string): string[] =>
      lines.findLast((line) => line.startsWith(word))?.split(' ') ?? [];
    const acknowledged = Number(last('large')[1]);
    const [, smallRevision, smallStep] = last('small').map(Number);
    const store = await openLmdbStore({ log }, { dataDir });
    const found = [...versions(store)];
    t.equal(found.length, 1, `one revision of the set: ${found.slice(0, 5).join()}`);
    t.ok((found[0] ?? 0) >= acknowledged, `acknowledged ${acknowledged}, found ${found[0]}`);
    if (smallRevision !== undefined && smallStep !== undefined) {
      const object = store.get('Vpc', `small-${smallStep % 10}`);
      t.ok((object?.metadata.resourceVersion ?? 0) >= smallRevision, 'small commits are there');
      // "both" is as the last commit left it: written by even steps, deleted by odd ones, unless
      // one that was not acknowledged any more came after.
      const both = store.get('Vpc', 'both')?.metadata.resourceVersion ?? 0;
      const next = store.get('Vpc', `small-${(smallStep + 1) % 10}`)?.metadata.resourceVersion ?? 0;
      const text = `step ${smallStep} in revision ${smallRevision}: both is of ${both}`;
      if (smallStep % 2 === 0) t.ok(both >= smallRevision || next > smallRevision, text);
      else t.ok(both === 0 || both > smallRevision, text);
    }
    await store.close();
  }
});
