// SPDX-License-Identifier: Apache-2.0
/** The libbpf adapter's maps against the running kernel: one by one, in batches, full. */
import { compile, failure, load, words } from './fixtures/adapter.js';
import { test } from 'tap';
import type { BpfMap, BpfObject } from '../../src/daemon/ports/bpf.js';

const object = compile('adapter');
const COUNT = 10_000;

function opened(dir: string, maxEntries: Record<string, number> = {}): BpfObject {
  return load(object, dir, { maxEntries });
}

/** Keys 0..count-1 of 8 bytes, values of 16 that hold twice the key. */
function hashEntries(count: number): { keys: Uint8Array; values: Uint8Array } {
  const keys = new BigUint64Array(count);
  const values = new BigUint64Array(count * 2);
  for (let i = 0; i < count; i++) {
    keys[i] = BigInt(i);
    values[2 * i] = BigInt(i) * 2n;
  }
  return { keys: new Uint8Array(keys.buffer), values: new Uint8Array(values.buffer) };
}

/** Reads all and checks each entry against what hashEntries wrote; returns the keys. */
function readBack(map: BpfMap): Set<bigint> {
  const all = map.entries();
  const keys = new BigUint64Array(all.keys.slice().buffer);
  const values = new BigUint64Array(all.values.slice().buffer);
  keys.forEach((key, i) => {
    if (values[2 * i] !== key * 2n) throw new Error(`entry ${key} is torn`);
  });
  return new Set(keys);
}

test('one entry at a time', (t) => {
  const o = opened('single');
  const map = o.maps.get('t_hash')!;
  const key = words(5, 0);
  t.same([map.type, map.keySize, map.valueSize, map.perCpu], [1, 8, 16, false]);
  t.equal(map.lookup(key), undefined);
  t.equal(map.delete(key), false);
  t.match(
    failure(() => {
      map.update(key, words(1, 2, 3, 4), 'exist');
    }),
    { code: 'BPF_CALL', errno: 'ENOENT' },
  );
  map.update(key, words(1, 2, 3, 4), 'noexist');
  t.match(
    failure(() => {
      map.update(key, words(1, 2, 3, 4), 'noexist');
    }),
    { code: 'BPF_CALL', errno: 'EEXIST', message: /bpf_map_update_elem\(map t_hash\): EEXIST: F/ },
  );
  t.same(map.lookup(key), words(1, 2, 3, 4));
  t.equal(map.count(), 1);
  t.equal(map.delete(key), true);
  t.equal(map.count(), 0);
  t.same(map.entries(), { keys: new Uint8Array(0), values: new Uint8Array(0), count: 0 });
  o.close();
  t.end();
});

test('bytes of the wrong length never reach the kernel', (t) => {
  const o = opened('sizes');
  const map = o.maps.get('t_hash')!;
  const calls = [
    () => map.lookup(words(1)),
    () => {
      map.update(words(1, 0), words(1));
    },
    () => map.delete(words(1, 2, 3)),
    () => {
      map.updateBatch(words(1, 0), words(1, 2, 3, 4), 2);
    },
    () => map.deleteBatch(words(1, 0), 2),
  ];
  for (const call of calls) t.match(failure(call), { code: 'BAD_BPF_ARGUMENT' });
  o.close();
  t.end();
});

test(`${COUNT} entries of a hash in batches`, (t) => {
  const o = opened('hash', { t_hash: COUNT });
  const map = o.maps.get('t_hash')!;
  const { keys, values } = hashEntries(COUNT);
  map.updateBatch(keys, values, COUNT);
  t.equal(map.count(), COUNT);
  const read = readBack(map);
  t.equal(read.size, COUNT);
  const odd = new BigUint64Array(COUNT / 2).map((_, i) => BigInt(2 * i + 1));
  const oddBytes = new Uint8Array(odd.buffer);
  t.equal(map.deleteBatch(oddBytes, odd.length), COUNT / 2);
  t.equal(map.count(), COUNT / 2);
  // half of these are missing, in turn with those that are there
  t.equal(map.deleteBatch(keys, 1000), 500);
  t.ok([...readBack(map)].every((key) => key % 2n === 0n && key >= 1000n));
  o.close();
  t.end();
});

test(`${COUNT} entries of an LPM trie in batches`, (t) => {
  const o = opened('lpm', { t_lpm: COUNT });
  const map = o.maps.get('t_lpm')!;
  const keys = new Uint8Array(COUNT * 20);
  const values = new Uint32Array(COUNT);
  const view = new DataView(keys.buffer);
  for (let i = 0; i < COUNT; i++) {
    view.setUint32(i * 20, 32, true);
    view.setUint32(i * 20 + 4, i << 8);
    values[i] = i;
  }
  map.updateBatch(keys, new Uint8Array(values.buffer), COUNT);
  const all = map.entries();
  t.equal(all.count, COUNT);
  t.equal(map.count(), COUNT);
  const read = new DataView(all.keys.buffer, all.keys.byteOffset);
  const seen = new Uint32Array(all.values.slice().buffer);
  t.ok(seen.every((value, i) => read.getUint32(i * 20 + 4) === value << 8));
  t.equal(map.deleteBatch(keys, COUNT), COUNT);
  t.equal(map.deleteBatch(keys, 10), 0);
  t.equal(map.count(), 0);
  const bad = new Uint8Array(40);
  new DataView(bad.buffer).setUint32(20, 129, true);
  t.match(
    failure(() => {
      map.updateBatch(bad, words(1, 2), 2);
    }),
    { code: 'BPF_CALL', errno: 'EINVAL', details: { call: 'bpf_map_update_elem' } },
    'the entry that is wrong is found',
  );
  t.equal(map.count(), 1);
  o.close();
  t.end();
});

test('a full map says which and how much it holds', (t) => {
  const o = opened('full', { t_hash: 100, t_lpm: 1 });
  const map = o.maps.get('t_hash')!;
  const { keys, values } = hashEntries(101);
  t.match(
    failure(() => {
      map.updateBatch(keys, values, 101);
    }),
    {
      code: 'MAP_FULL',
      message: /map t_hash is full: it holds at most 100 entries/,
      details: { object: 'map t_hash', maxEntries: 100, errno: 'E2BIG', written: 100 },
    },
  );
  t.match(
    failure(() => {
      map.update(words(1000, 0), words(1, 1, 1, 1));
    }),
    { code: 'MAP_FULL' },
  );
  map.update(words(1, 0), words(2, 0, 0, 0));
  const lpm = o.maps.get('t_lpm')!;
  lpm.update(words(8, 1, 0, 0, 0), words(1));
  t.match(
    failure(() => {
      lpm.update(words(8, 2, 0, 0, 0), words(1));
    }),
    { code: 'MAP_FULL', details: { errno: 'ENOSPC' } },
  );
  o.close();
  t.end();
});

test('arrays and per-CPU arrays', (t) => {
  const o = opened('array');
  const array = o.maps.get('t_array')!;
  array.updateBatch(words(0, 2), words(1, 2, 3, 4, 5, 6, 7, 8), 2);
  const all = array.entries();
  t.same([all.count, array.count()], [4, 4]);
  t.same(all.keys, words(0, 1, 2, 3));
  t.same(all.values, words(1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8, 0, 0, 0, 0));
  t.match(
    failure(() => {
      array.update(words(4), words(1, 1, 1, 1));
    }),
    { code: 'BPF_CALL', errno: 'E2BIG' },
    'an index out of range is not fullness',
  );
  const perCpu = o.maps.get('t_percpu')!;
  t.ok(perCpu.perCpu);
  t.equal(perCpu.valueSize % 8, 0);
  const value = new Uint8Array(perCpu.valueSize);
  value[0] = 1;
  value[perCpu.valueSize - 8] = 9;
  perCpu.update(words(3), value);
  t.same(perCpu.lookup(words(3)), value);
  const read = perCpu.entries();
  t.equal(read.count, 4);
  t.same(read.values.subarray(3 * perCpu.valueSize), value);
  o.close();
  t.end();
});

test('a map without batch calls is done one by one', (t) => {
  const o = opened('stages');
  const stages = o.maps.get('t_stages')!;
  t.equal(stages.count(), 1);
  t.same(stages.entries().keys, words(1));
  t.same(stages.entries().values, words(o.programs.get('xdp_stage')!.id));
  t.equal(stages.deleteBatch(words(0, 1), 2), 1);
  t.equal(stages.count(), 0);
  o.close();
  t.end();
});
