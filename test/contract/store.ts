// SPDX-License-Identifier: Apache-2.0
/** What every Store does. Run against each adapter by a test file of its own. */
import { test } from 'tap';
import type { Store, StoreChange, StoreWrite } from '../../src/daemon/ports/store.js';
import type { StoredObject } from '../../src/model/index.js';

export interface StoreHarness {
  /** A new, empty store. */
  open(opts?: { readonly historyLimit?: number }): Promise<Store>;
  /** The same store again, after close; undefined when it does not outlive its close. */
  readonly reopen: ((opts?: { readonly historyLimit?: number }) => Promise<Store>) | undefined;
}

/** A VPC as admission would hand it over. */
export function vpc(name: string, vni = 1): StoredObject {
  return {
    kind: 'Vpc',
    metadata: { name, generation: 1, resourceVersion: 0, createdAt: '2026-01-01T00:00:00.000Z' },
    spec: { vni },
  };
}

/** Writes an object as it is. */
export function put(object: StoredObject, expectedVersion?: number): StoreWrite {
  const write = { kind: object.kind, name: object.metadata.name, object };
  return expectedVersion === undefined ? write : { ...write, expectedVersion };
}

/** Deletes a Vpc. */
export function remove(name: string, expectedVersion?: number): StoreWrite {
  const write = { kind: 'Vpc', name, object: undefined };
  return expectedVersion === undefined ? write : { ...write, expectedVersion };
}

function endpoint(i: number): StoredObject {
  return {
    kind: 'Endpoint',
    metadata: {
      name: `endpoint-${i}`,
      labels: { app: 'web', tier: 'front' },
      generation: 1,
      resourceVersion: 0,
      createdAt: '2026-01-01T00:00:00.000Z',
    },
    spec: {
      host: `host-${i % 100}`,
      vpc: 'blue',
      subnet: 'blue-a',
      addresses: [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`],
    },
  };
}

const text = (changes: readonly StoreChange[]): string[] =>
  changes.map((c) => `${c.revision} ${c.name}${c.object === undefined ? ' gone' : ''}`);

/** Registers the suite. */
export function storeContract(label: string, makeHarness: () => StoreHarness): void {
  test(`${label}: an empty store`, async (t) => {
    const store = await makeHarness().open();
    t.equal(store.revision, 0);
    t.equal(store.get('Vpc', 'blue'), undefined);
    t.same(store.list(), []);
    t.same(store.list('Vpc'), []);
    t.equal(await store.commit([]), 0, 'nothing to do is no revision');
    t.equal(await store.commit([remove('blue')]), 0, 'deleting what is not there either');
    await store.close();
  });

  test(`${label}: commits raise the revision and stamp objects`, async (t) => {
    const store = await makeHarness().open();
    t.equal(await store.commit([put(vpc('blue')), put(vpc('red', 2))]), 1);
    t.equal(await store.commit([put(vpc('blue', 3))]), 2);
    t.equal(store.get('Vpc', 'blue')?.metadata.resourceVersion, 2);
    t.equal(store.get('Vpc', 'red')?.metadata.resourceVersion, 1);
    t.same(store.get('Vpc', 'blue')?.spec, { vni: 3 });
    t.same(
      store.list('Vpc').map((o) => o.metadata.name),
      ['blue', 'red'],
    );
    t.equal(await store.commit([remove('blue')]), 3);
    t.same(
      store.list().map((o) => o.metadata.name),
      ['red'],
    );
    await store.close();
  });

  test(`${label}: a list is the caller's own`, async (t) => {
    const store = await makeHarness().open();
    await store.commit([put(vpc('blue'))]);
    store.list('Vpc').pop();
    t.equal(store.list('Vpc').length, 1);
    await store.close();
  });

  test(`${label}: preconditions`, async (t) => {
    const store = await makeHarness().open();
    await store.commit([put(vpc('blue'), 0)]);
    const conflict = { code: 'CONFLICT', details: { object: 'Vpc/blue' } };
    await t.rejects(store.commit([put(vpc('blue'), 0)]), conflict, 'exists');
    await t.rejects(store.commit([put(vpc('blue'), 7)]), conflict, 'other version');
    await t.rejects(store.commit([remove('red', 4)]), { code: 'CONFLICT' }, 'not there');
    await t.rejects(store.commit([put(vpc('red')), put(vpc('blue'), 7)]), conflict, 'together');
    t.equal(store.get('Vpc', 'red'), undefined, 'all or nothing');
    t.equal(store.revision, 1);
    t.equal(await store.commit([put(vpc('blue', 9), 1)]), 2);
    t.equal(await store.commit([remove('blue', 2)]), 3);
    await store.close();
  });

  test(`${label}: of two commits with one precondition, one wins`, async (t) => {
    const store = await makeHarness().open();
    const results = await Promise.allSettled(
      [1, 2, 3].map((vni) => store.commit([put(vpc('blue', vni), 0)])),
    );
    t.same(
      results.map((r) => r.status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    t.same(store.get('Vpc', 'blue')?.spec, { vni: 1 });
    await store.close();
  });

  test(`${label}: commits that make no sense`, async (t) => {
    const store = await makeHarness().open();
    const bad = { code: 'STORE_BAD_COMMIT' };
    await t.rejects(store.commit([put(vpc('a')), put(vpc('a', 2))]), bad);
    await t.rejects(store.commit([{ kind: 'Vpc', name: 'b', object: vpc('a') }]), bad);
    t.equal(await store.commit([put(vpc('a'))]), 1, 'and the store goes on');
    await store.close();
  });

  test(`${label}: watch replays, then follows`, async (t) => {
    const store = await makeHarness().open();
    await store.commit([put(vpc('a'))]);
    await store.commit([put(vpc('b', 2)), put(vpc('c', 3))]);
    const all: string[][] = [];
    const late: string[][] = [];
    const stop = store.watch(0, (changes) => all.push(text(changes)));
    store.watch(2, (changes) => late.push(text(changes)));
    store.watch(2, () => {
      throw new Error('a watcher that fails');
    });
    await store.commit([remove('a')]);
    stop();
    await store.commit([put(vpc('d', 4))]);
    t.same(all, [['1 a'], ['2 b', '2 c'], ['3 a gone']]);
    t.same(late, [['3 a gone'], ['4 d']]);
    await store.close();
  });

  test(`${label}: history is bounded by changes`, async (t) => {
    const store = await makeHarness().open({ historyLimit: 3 });
    for (const name of ['a', 'b', 'c', 'd']) await store.commit([put(vpc(name))]);
    t.throws(() => store.watch(0, () => undefined), { code: 'REVISION_GONE' });
    const seen: string[] = [];
    store.watch(1, (changes) => seen.push(...text(changes)));
    t.same(seen, ['2 b', '3 c', '4 d']);
    await store.commit(['e', 'f', 'g', 'h'].map((name) => put(vpc(name))));
    t.equal(seen.length, 7, 'who watches already gets them all');
    t.throws(() => store.watch(4, () => undefined), { code: 'REVISION_GONE' });
    t.throws(() => store.watch(6, () => undefined), { code: 'REVISION_GONE' }, 'the future');
    store.watch(5, () => undefined);
    await store.close();
  });

  test(`${label}: a closed store says so`, async (t) => {
    const store = await makeHarness().open();
    const pending = store.commit([put(vpc('a'))]);
    await store.close();
    t.equal(await pending, 1, 'close waits for what was under way');
    await t.rejects(store.commit([put(vpc('b'))]), { code: 'STORE_CLOSED' });
    t.throws(() => store.watch(0, () => undefined), { code: 'STORE_CLOSED' });
    await store.close();
  });

  test(`${label}: 100,000 objects in one commit`, async (t) => {
    const harness = makeHarness();
    const store = await harness.open();
    const writes = Array.from({ length: 100_000 }, (_, i) => put(endpoint(i)));
    const start = performance.now();
    t.equal(await store.commit(writes), 1);
    const tookMs = performance.now() - start;
    t.comment(`committed in ${Math.round(tookMs)} ms`);
    t.ok(tookMs < 3000, `${Math.round(tookMs)} ms is less than 3 s`);
    t.equal(store.list('Endpoint').length, 100_000);
    await store.close();
    if (harness.reopen === undefined) return;
    const again = await harness.reopen();
    t.comment(`open again: ${Math.round(performance.now() - start - tookMs)} ms with the rest`);
    t.equal(again.list().length, 100_000);
    t.same(again.get('Endpoint', 'endpoint-77')?.spec, endpoint(77).spec);
    await again.close();
  });

  test(`${label}: outlives its close`, async (t) => {
    const harness = makeHarness();
    if (harness.reopen === undefined) {
      t.pass('this store is not meant to');
      return;
    }
    const store = await harness.open({ historyLimit: 2 });
    for (const name of ['a', 'b', 'c']) await store.commit([put(vpc(name))]);
    await store.commit([remove('b')]);
    const before = store.list();
    await store.close();
    const again = await harness.reopen({ historyLimit: 2 });
    t.equal(again.revision, 4);
    t.same(again.list(), before);
    const seen: StoreChange[] = [];
    again.watch(2, (changes) => seen.push(...changes));
    t.same(text(seen), ['3 c', '4 b gone']);
    t.equal(seen[0]?.previous, undefined);
    t.equal(seen[1]?.previous?.metadata.resourceVersion, 2, 'what was deleted is told');
    t.throws(() => again.watch(1, () => undefined), { code: 'REVISION_GONE' });
    t.equal(await again.commit([put(vpc('d'))]), 5);
    await again.close();
  });
}
