// SPDX-License-Identifier: Apache-2.0
/** The data path's own maps in the kernel, through their generated codecs. */
import { compile, loader, PINS } from './fixtures/adapter.js';
import { test } from 'tap';
import {
  ABI,
  CounterMap,
  encodeAll,
  HOOK,
  MAP_LAYOUTS,
  type MapLayout,
  MAPS,
  TypedMap,
} from '../../src/maps/index.js';

const object = loader.load({
  path: compile('abi', 'tools/abi.bpf.c'),
  pinDir: `${PINS}/typed`,
  maxEntries: { flow: 1024, age_node: 2048 },
});
const layouts: readonly MapLayout[] = Object.values(MAP_LAYOUTS);

function mapped(bytes: readonly number[]): Uint8Array {
  return Uint8Array.from([...new Array<number>(10).fill(0), 0xff, 0xff, ...bytes]);
}

test('the kernel made every map as the catalogue says', (t) => {
  t.same([...object.maps.keys()].sort(), layouts.map((layout) => layout.name).sort());
  for (const layout of layouts) {
    const map = object.maps.get(layout.name)!;
    t.equal(map.type, layout.type, layout.name);
    t.equal(map.keySize, layout.keySize, layout.name);
    if (!map.perCpu) t.equal(map.valueSize, layout.valueSize, layout.name);
  }
  t.end();
});

test('every map with keys takes its codecs', (t) => {
  for (const [name, codecs] of Object.entries(MAPS)) {
    const map = object.maps.get(name)!;
    if (!map.perCpu) t.ok(new TypedMap<unknown, unknown>(map, codecs), name);
    else if (codecs.value.counters) t.ok(new CounterMap<unknown, unknown>(map, codecs), name);
    else t.equal(name, 'event_limit', 'only the programs read this one');
  }
  t.end();
});

test('routes: the longest prefix wins', (t) => {
  const routes = new TypedMap(object.maps.get('route')!, MAPS.route);
  const vni = Uint8Array.of(0, 0, 7);
  const key = (bits: number, address: readonly number[]) => ({
    prefixlen: 32 + 96 + bits,
    vni,
    family: 4,
    addr: mapped(address),
  });
  const value = (nh: number) => ({
    kind: 3,
    flags: 0,
    mac: Uint8Array.of(2, 0, 0, 0, 0, nh),
    ep: 0,
    ifindex: 0,
    mtu: 0,
    nh,
    sub: 0,
  });
  routes.setAll([
    [key(8, [10, 0, 0, 0]), value(1)],
    [key(24, [10, 1, 2, 0]), value(2)],
  ]);
  t.same(routes.get(key(32, [10, 1, 2, 3])), value(2));
  t.same(routes.get(key(32, [10, 9, 9, 9])), value(1));
  t.equal(routes.get(key(32, [11, 0, 0, 1])), undefined);
  t.equal(routes.get({ ...key(32, [10, 0, 0, 1]), vni: Uint8Array.of(0, 0, 8) }), undefined);
  t.same(new Set(routes.entries().map(([, v]) => v.nh)), new Set([1, 2]));
  t.end();
});

test('counters are the sum of all CPUs', (t) => {
  const raw = object.maps.get('counters')!;
  const counters = new CounterMap(raw, MAPS.counters);
  const value = (n: bigint) => ({
    received: n,
    received_bytes: n * 100n,
    sent: 0n,
    passed: n,
    punted: 0n,
    generated: 0n,
    drop: new Array<bigint>(ABI.REASON_SLOTS).fill(n),
    node: new Array<bigint>(ABI.NODE_SLOTS).fill(0n),
  });
  const { size } = MAPS.counters.value;
  const cpus = raw.valueSize / size;
  const values = Array.from({ length: cpus }, (_, cpu) => value(BigInt(cpu + 1)));
  const key = encodeAll(MAPS.counters.key, [HOOK.AGENT_TC]);
  raw.update(key, encodeAll(MAPS.counters.value, values));
  t.same(counters.sum(HOOK.AGENT_TC), value(BigInt((cpus * (cpus + 1)) / 2)));
  t.same(counters.perCpu(HOOK.AGENT_TC), values);
  t.equal(counters.entries().length, ABI.HOOK_COUNT);
  t.end();
});
