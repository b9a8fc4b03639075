// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { test } from 'tap';
import { DeltaTracker } from '../../../src/daemon/datapath/delta-tracker.js';
import { FakeMap } from './fake-map.js';

const pause = (): Promise<void> => Promise.resolve();
const bytes = (number: number): Uint8Array => new Uint8Array(new Uint32Array([number]).buffer);
const entry = fc.record({ key: fc.nat(12), value: fc.integer({ min: 1, max: 3 }) });
const state = fc.uniqueArray(entry, { selector: ({ key }) => key });

async function write(tracker: DeltaTracker): Promise<void> {
  await tracker.writeUpserts();
  if ((await tracker.writeDeletes()) > 0) await tracker.writeUpserts();
}

const numbers = (map: FakeMap): [number, number][] =>
  [...map.data]
    .map(([key, value]): [number, number] => [Number(key.split(',')[0]), value[0] ?? 0])
    .filter(([, value]) => value !== 0)
    .sort(([a], [b]) => a - b);

for (const array of [false, true]) {
  test(`any states, one after the other, ${array ? 'array' : 'hash'}`, async () => {
    await fc.assert(
      fc.asyncProperty(state, fc.array(state, { minLength: 1 }), async (first, states) => {
        const map = new FakeMap({ keySize: 4, valueSize: 4, array, maxEntries: 16 });
        for (const { key, value } of first) map.update(bytes(key), bytes(value));
        const tracker = new DeltaTracker({ map, pause }, { array, chunk: 3 });
        tracker.readActual();
        let before = new Map(first.map(({ key, value }) => [key, value]));
        const desired = new Set<number>();
        for (const [round, next] of states.entries()) {
          map.writes = 0;
          const now = new Map(next.map(({ key, value }) => [key, value]));
          for (const key of desired) if (!now.has(key)) tracker.remove(bytes(key));
          desired.clear();
          for (const [key, value] of now) {
            tracker.set(bytes(key), bytes(value));
            desired.add(key);
          }
          if (round === 0) tracker.sweep();
          await write(tracker);
          const changed = [...now].filter(([key, value]) => before.get(key) !== value).length;
          const gone = [...before.keys()].filter((key) => !now.has(key)).length;
          if (map.writes !== changed + gone) return false;
          const expected = [...now].sort(([a], [b]) => a - b);
          if (JSON.stringify(numbers(map)) !== JSON.stringify(expected)) return false;
          before = now;
        }
        return tracker.pending === 0;
      }),
    );
  });
}

test('a full map', async (t) => {
  const map = new FakeMap({ keySize: 4, valueSize: 4, maxEntries: 2 });
  const tracker = new DeltaTracker({ map, pause }, { array: false });
  for (const key of [1, 2, 3, 4]) tracker.set(bytes(key), bytes(1));
  await tracker.writeUpserts();
  t.same(numbers(map), [
    [1, 1],
    [2, 1],
  ]);
  t.same(
    tracker.unwritten().map(({ key, reason }) => [key[0], reason]),
    [
      [3, 'no room'],
      [4, 'no room'],
    ],
  );
  t.equal(tracker.pending, 2);

  map.writes = 0;
  t.equal(await tracker.writeUpserts(), 0);
  t.equal(map.writes, 0, 'not tried again for nothing');
  tracker.set(bytes(1), bytes(2));
  t.equal(await tracker.writeUpserts(), 1, 'what is there can change');

  tracker.remove(bytes(2));
  await write(tracker);
  t.same(numbers(map), [
    [1, 2],
    [3, 1],
  ]);
  t.equal(tracker.unwritten().length, 1);
  tracker.remove(bytes(4));
  t.equal(tracker.pending, 0, 'not wanted any more');
});

test('desired before actual is known', async (t) => {
  const map = new FakeMap({ keySize: 4, valueSize: 4 });
  map.update(bytes(1), bytes(1));
  map.update(bytes(9), bytes(1));
  map.writes = 0;
  const tracker = new DeltaTracker({ map, pause }, { array: false });
  tracker.set(bytes(1), bytes(1));
  tracker.readActual();
  tracker.sweep();
  await write(tracker);
  t.equal(map.writes, 1, 'only the stale one goes');
  t.same(numbers(map), [[1, 1]]);
});
