// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { test } from 'tap';
import { CalcError, IndexAllocator, type IndexSpace } from '../../src/daemon/calc/index.js';
import { limits } from './support.js';

const make = (limit: number): IndexAllocator => new IndexAllocator({ limits: limits(limit) });

test('lowest free index first, from 1, the same for the same key', (t) => {
  const indexes = make(3);
  t.same([indexes.vpc('a'), indexes.vpc('b'), indexes.vpc('a')], [1, 2, 1]);
  t.equal(indexes.endpoint('a'), 1, 'spaces are apart');
  indexes.release('vpc', 'a');
  t.equal(indexes.vpc('c'), 3, 'a released index is not free');
  t.throws(
    () => indexes.vpc('d'),
    { code: 'INDEX_EXHAUSTED', details: { space: 'vpc', limit: 3 } },
    'names the space and the limit',
  );
  indexes.free('vpc', 'a');
  t.equal(indexes.vpc('d'), 1);
  t.end();
});

test('a key taken again keeps its index, whatever is confirmed later', (t) => {
  const indexes = make(9);
  indexes.nexthop('a');
  indexes.release('nexthop', 'a');
  t.equal(indexes.nexthop('a'), 1);
  indexes.free('nexthop', 'a');
  t.equal(indexes.nexthop('b'), 2, 'the first release is void');
  indexes.release('nexthop', 'a');
  indexes.nexthop('a');
  indexes.release('nexthop', 'a');
  indexes.free('nexthop', 'a');
  t.equal(indexes.nexthop('c'), 3, 'the second release is not confirmed by the first');
  indexes.free('nexthop', 'a');
  t.equal(indexes.nexthop('d'), 1);
  indexes.free('nexthop', 'unknown');
  t.end();
});

test('adopted indexes are kept, what nobody claims is released', (t) => {
  const indexes = make(5);
  t.ok(indexes.adopt('group', 'x', 3));
  t.ok(indexes.adopt('group', 'y', 1));
  t.notOk(indexes.adopt('group', 'z', 3), 'index taken');
  t.notOk(indexes.adopt('group', 'x', 4), 'key known');
  t.notOk(indexes.adopt('group', 'z', 0), 'never given');
  t.notOk(indexes.adopt('group', 'z', 6), 'beyond the limit');
  t.same([indexes.group('x'), indexes.group('n'), indexes.group('m')], [3, 2, 4]);
  t.same(indexes.releaseUnclaimed(), [{ space: 'group', key: 'y' }]);
  t.same(indexes.releaseUnclaimed(), []);
  indexes.free('group', 'y');
  t.equal(indexes.group('o'), 1);
  t.end();
});

test('never two keys on one index', (t) => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const step = fc.oneof(
    fc.record({ op: fc.constantFrom('get', 'release', 'free'), key }),
    fc.record({ op: fc.constant('adopt'), key, index: fc.integer({ min: 0, max: 6 }) }),
  );
  const space: IndexSpace = 'vpc';
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const indexes = make(4);
      // Reserved: key → index, until as many frees as releases have passed without a holder.
      const reserved = new Map<string, { index: number; held: boolean; pending: number }>();
      for (const s of steps) {
        const known = reserved.get(s.key);
        if (s.op === 'get') {
          let index = 0;
          try {
            index = indexes.vpc(s.key);
          } catch (error) {
            if (!(error instanceof CalcError) || known || reserved.size < 4) throw error;
            continue;
          }
          if (known && known.index !== index) throw new Error('index changed');
          const used = new Set([...reserved.values()].map((r) => r.index));
          if (!known) {
            const lowest = [1, 2, 3, 4].find((n) => !used.has(n));
            if (index !== lowest) throw new Error(`${index} instead of ${lowest ?? 'none'}`);
          }
          reserved.set(s.key, { index, held: true, pending: known?.pending ?? 0 });
        } else if (s.op === 'adopt' && 'index' in s) {
          const taken = [...reserved.values()].some((r) => r.index === s.index);
          const legal = !known && !taken && s.index >= 1 && s.index <= 4;
          if (indexes.adopt(space, s.key, s.index) !== legal) throw new Error('adopt');
          if (legal) reserved.set(s.key, { index: s.index, held: false, pending: 0 });
        } else if (s.op === 'release') {
          indexes.release(space, s.key);
          if (known) reserved.set(s.key, { ...known, held: false, pending: known.pending + 1 });
        } else {
          indexes.free(space, s.key);
          if (!known || known.pending === 0) continue;
          const pending = known.pending - 1;
          if (pending === 0 && !known.held) reserved.delete(s.key);
          else reserved.set(s.key, { ...known, pending });
        }
      }
    }),
    { numRuns: 500 },
  );
  t.end();
});
