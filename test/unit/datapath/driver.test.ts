// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import {
  TABLE_NAMES,
  type Delta,
  type Removal,
  type TableName,
  type Upsert,
} from '../../../src/daemon/calc/output.js';
import { Driver } from '../../../src/daemon/datapath/driver.js';
import { encodeKey } from '../../../src/daemon/datapath/keys.js';
import type { FlushMark } from '../../../src/daemon/datapath/flush-mark.js';
import { MAPS } from '../../../src/maps/index.js';
import { FakeMap } from './fake-map.js';

const mac = '02:00:00:00:00:01';
const ARRAYS = [
  ...['nh', 'nh_group', 'vpc_gen', 'ep_stats', 'pol_epoch', 'timeout'],
  ...['nat_ext', 'nat_ext_of', 'nat_gw', 'nat_sub', 'pol_prog', 'pol_ep'],
];

class Mark implements FlushMark {
  left = false;
  stands = false;
  set(): void {
    this.stands = true;
  }
  clear(): void {
    this.stands = false;
  }
}

function rig(sizes: Readonly<Record<string, number>> = {}) {
  const writes: string[] = [];
  const make = (name: TableName | 'vpc_gen' | 'ep_stats' | 'pol_epoch') =>
    new FakeMap({
      name,
      keySize: MAPS[name].key.size,
      valueSize: MAPS[name].value.size,
      array: ARRAYS.includes(name),
      maxEntries: sizes[name] ?? 16,
      onWrite: (what) => writes.push(what),
    });
  const names = [...TABLE_NAMES, 'vpc_gen', 'ep_stats', 'pol_epoch'] as const;
  const maps = Object.fromEntries(names.map((name) => [name, make(name)])) as Record<
    (typeof names)[number],
    FakeMap
  >;
  const mark = new Mark();
  const driver = (): Driver =>
    new Driver({ maps, log: silentLogger(), pause: () => Promise.resolve(), mark });
  return { maps, writes, driver, mark };
}

function delta(
  upserts: readonly Upsert[],
  removals: readonly Removal[] = [],
  touchedVpcs: readonly number[] = [],
): Delta {
  return {
    upserts,
    removals,
    touchedVpcs,
    devices: new Map(),
    droplets: new Map(),
    vteps: new Map(),
    findings: [],
    released: [],
  };
}

const vpc: Upsert = {
  table: 'vpc',
  key: '100',
  value: { vpc: 3, icmpRate: 1, icmpBurst: 1, gwMac: mac, gw4: undefined, gw6: undefined },
};
const vtep: Upsert = { table: 'vtep', key: '192.0.2.1', value: { nh: 1 } };
const addr = (last: number): Upsert => ({
  table: 'addr',
  key: `100/10.0.0.${last}`,
  value: { kind: 'remote', mac, nh: 1, sub: 0 },
});
const route: Upsert = { table: 'route', key: '100/10.0.0.0/24', value: { kind: 'subnet' } };

test('what is referred to comes first and goes last; then the generation', async (t) => {
  const { writes, driver } = rig();
  const it = driver();
  it.readActual();
  await it.sync();
  await it.apply(delta([route, addr(1), vtep, vpc], [], [3]));
  t.same(writes, ['update vpc', 'update vtep', 'update addr', 'update route', 'update vpc_gen']);
  t.equal(it.generation(3), 1);
  writes.length = 0;
  const all = [vpc, vtep, addr(1), route].map(({ table, key }): Removal => ({ table, key }));
  await it.apply(delta([], all, [3]));
  t.same(writes, ['delete route', 'delete addr', 'delete vtep', 'delete vpc', 'update vpc_gen']);
  t.equal(it.generation(3), 2, 'never reset');
  writes.length = 0;
  await it.apply(delta([]));
  t.same(writes, [], 'nothing to write, nothing raised');
});

test('after a restart only the difference is written', async (t) => {
  const { maps, writes, driver } = rig();
  const first = driver();
  first.readActual();
  await first.sync();
  await first.apply(delta([vpc, vtep, addr(1), addr(2), route], [], [3]));
  writes.length = 0;

  const same = driver();
  same.readActual();
  await same.apply(delta([vpc, vtep], [], [3]));
  await same.apply(delta([addr(1), addr(2), route], [], [3]));
  t.same(writes, [], 'only collected');
  await same.sync();
  t.same(writes, [], 'all was there');

  const other = driver();
  other.readActual();
  await other.apply(delta([vpc, vtep, addr(1), addr(5), route], [], [3]));
  await other.sync();
  t.same(writes, ['update addr', 'delete addr', 'update vpc_gen']);
  t.equal(maps.addr.data.size, 2);
  t.equal(other.generation(3), 2);
});

test('a generation wraps to 1', async (t) => {
  const { maps, driver } = rig();
  maps.vpc_gen.update(encodeKey('vpc', '3'), Uint8Array.of(255, 255, 255, 255));
  const it = driver();
  it.readActual();
  await it.sync();
  await it.apply(delta([vpc], [], [3]));
  t.equal(it.generation(3), 1);
});

test('what does not fit is told, and written when there is room', async (t) => {
  const { maps, driver } = rig({ addr: 2 });
  const it = driver();
  it.readActual();
  await it.sync();
  await it.apply(delta([vpc, addr(1), addr(2), addr(3)], [], [3]));
  t.same(it.missing(), [{ table: 'addr', key: '100/10.0.0.3', reason: 'no room' }]);
  t.equal(it.generation(3), 1);
  await it.apply(delta([], [{ table: 'addr', key: '100/10.0.0.1' }], [3]));
  t.same(it.missing(), []);
  t.equal(maps.addr.data.size, 2);
  t.equal(it.generation(3), 2);
  await it.apply(delta([addr(4)], [], [3]));
  t.equal(it.missing().length, 1);
  maps.addr.data.clear();
  t.equal(await it.retry(), true);
  t.same(it.missing(), []);
  t.equal(it.generation(3), 4, 'raised again for the late one');
});

test('a daemon killed before generations were raised', async (t) => {
  const { maps, writes, driver, mark } = rig();
  const killed = driver();
  killed.readActual();
  await killed.sync();
  await killed.apply(delta([vpc, addr(1)], [], [3]));
  t.equal(mark.stands, false);
  maps.vpc_gen.updateBatch = () => {
    throw new Error('killed');
  };
  await t.rejects(killed.apply(delta([], [{ table: 'addr', key: '100/10.0.0.1' }], [3])));
  t.equal(mark.stands, true);

  const next = rig();
  Object.assign(next.maps, { ...maps, vpc_gen: next.maps.vpc_gen });
  next.maps.vpc_gen.update(encodeKey('vpc', '3'), Uint8Array.of(1, 0, 0, 0));
  next.mark.left = true;
  writes.length = 0;
  const it = next.driver();
  it.readActual();
  await it.apply(delta([vpc]));
  await it.sync();
  t.same(writes, [], 'the maps were right');
  t.equal(it.generation(3), 2, 'the records were not');
  t.equal(next.mark.stands, false);
});

test('an endpoint index starts to count at zero again', async (t) => {
  const { maps, driver } = rig();
  const it = driver();
  it.readActual();
  await it.sync();
  const ep = (index: number): Upsert => ({
    table: 'ep',
    key: '7',
    value: {
      vni: 100,
      vpc: 3,
      ep: index,
      mtu: 1450,
      mac,
      gwMac: mac,
      gw4: undefined,
      gw6: undefined,
    },
  });
  const counted = (index: number): number | undefined =>
    maps.ep_stats.lookup(Uint8Array.of(index, 0, 0, 0))?.[0];
  const count = (index: number): void => {
    maps.ep_stats.update(
      Uint8Array.of(index, 0, 0, 0),
      new Uint8Array(maps.ep_stats.valueSize).fill(1),
    );
  };
  await it.apply(delta([vpc, ep(1)], [], [3]));
  count(1);
  await it.apply(delta([{ ...ep(1), value: { ...ep(1).value, mtu: 1400 } } as Upsert], [], [3]));
  t.equal(counted(1), 1, 'a change of the same endpoint keeps its counters');
  await it.apply(delta([ep(2)], [], [3]));
  t.equal(counted(1), 0, 'its device became another’s');
  count(2);
  await it.apply(delta([], [{ table: 'ep', key: '7' }], [3]));
  t.equal(counted(2), 0, 'its device went');
});

test('the generation of VPC 0 says whether there is an outside', async (t) => {
  const { maps, writes, driver } = rig();
  const it = driver();
  it.readActual();
  await it.sync();
  await it.apply(delta([vpc], [], [3]));
  t.equal(it.generation(0), 0, 'no VPC meets it here');
  const zero: Upsert = { ...vpc, key: '0', value: { ...vpc.value, vpc: 0 } };
  const pair: Upsert = {
    table: 'nat_static',
    key: '0/203.0.113.9',
    value: { vni: 100, addr: '10.0.0.1' },
  };
  writes.length = 0;
  await it.apply(delta([zero, pair], [], [0, 3]));
  t.same(writes, ['update vpc', 'update nat_static', 'update vpc_gen']);
  const opened = it.generation(0);
  t.ok(opened > 0);
  await it.apply(delta([], [{ table: 'nat_static', key: '0/203.0.113.9' }], [0, 3]));
  t.equal(it.generation(0), opened + 1);
  writes.length = 0;
  await it.apply(delta([], [{ table: 'vpc', key: '0' }], [3]));
  t.same(writes.slice(0, 2), ['update vpc_gen', 'delete vpc'], 'nobody looks there any more');
  t.equal(it.generation(0), 0);
  await it.apply(delta([zero], [], [0]));
  t.equal(it.generation(0), opened + 2, 'no generation comes twice');

  const next = driver();
  next.readActual();
  await next.apply(delta([vpc, zero]));
  await next.sync();
  t.equal(next.generation(0), opened + 2, 'taken over');
  const last = driver();
  last.readActual();
  await last.apply(delta([vpc]));
  await last.sync();
  t.equal(last.generation(0), 0, 'the outside went while no daemon ran');
  t.equal(maps.vpc_gen.lookup(new Uint8Array(4))?.[0], 0);
});
