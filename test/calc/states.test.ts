// SPDX-License-Identifier: Apache-2.0
/** What each named state gives, and that each walk between two of them ends in it. */
import { test } from 'tap';
import { vethName, type StoredObject } from '../../src/model/index.js';
import * as s from './states.js';
import { allocator, DROPLET_MAC, object, scratch, Walk, way } from './support.js';

const GW = '02:54:00:00:00:64';

test('the full state, table by table', (t) => {
  const walk = new Walk();
  const delta = walk.to(s.all);
  const tables = walk.mirror.plain();
  const nhOf = (vtep: string): number => (walk.mirror.tables.vtep.get(vtep) as { nh: number }).nh;
  const peer = nhOf('192.0.2.2');
  const [a, b] = [nhOf('198.51.100.8'), nhOf('198.51.100.9')];
  t.same(tables['vpc'], {
    100: { vpc: 1, icmpRate: 100, icmpBurst: 50, gwMac: GW, gw4: '10.0.0.1', gw6: '2001:db8::fe' },
  });
  t.same(tables['ep'], {
    7: {
      vni: 100,
      vpc: 1,
      ep: 1,
      mtu: 1450,
      mac: '0a:00:00:00:00:05',
      gwMac: GW,
      gw4: '10.0.0.1',
      gw6: '2001:db8::fe',
    },
  });
  const local = {
    kind: 'local',
    peer: true,
    mac: '0a:00:00:00:00:05',
    ep: 1,
    ifindex: 7,
    mtu: 1450,
    sub: 0,
  };
  const remote = { kind: 'remote', mac: '0a:00:00:00:00:06', nh: peer, sub: 0 };
  t.same(tables['addr'], {
    '100/10.0.0.1': { kind: 'gateway', mac: GW },
    '100/2001:db8::fe': { kind: 'gateway', mac: GW },
    '100/10.0.0.255': { kind: 'broadcast' },
    '100/10.0.0.5': local,
    '100/2001:db8::5': local,
    '100/10.0.0.6': remote,
  });
  t.same(tables['route'], {
    '100/10.0.0.0/24': { kind: 'subnet' },
    '100/2001:db8::/64': { kind: 'subnet' },
    '100/0.0.0.0/0': { kind: 'remote', mac: GW, nh: 1, group: true, sub: 0 },
    '100/172.16.0.0/16': { ...remote, group: false },
    '100/172.17.0.0/16': local,
    '100/172.18.0.0/16': { kind: 'blackhole' },
  });
  t.same(tables['nh_group'], { 1: { nh: [a, b] } }, 'sorted by address, each once');
  t.same(tables['local'], { '192.0.2.1': { ifindex: 2 }, '2001:db8:f::1': { ifindex: 2 } });
  const resolved = {
    resolved: true,
    dmac: '02:00:00:00:00:02',
    smac: '02:00:00:00:00:01',
    ifindex: 2,
    ttl: 33,
    dscp: 10,
    port: 4789,
  };
  const nh = walk.mirror.tables.nh;
  t.same(nh.get(String(peer)), { ...resolved, src: '192.0.2.1', dst: '192.0.2.2', mtu: 1450 });
  t.same(
    nh.get(String(nhOf('2001:db8:f::2'))),
    { ...resolved, src: '2001:db8:f::1', dst: '2001:db8:f::2', mtu: 1430 },
    'a source that is not ours gives way to the droplet address',
  );
  const unresolved = {
    resolved: false,
    dmac: '00:00:00:00:00:00',
    smac: '00:00:00:00:00:00',
    ifindex: 0,
    src: '0.0.0.0',
    mtu: 0,
    ttl: 0,
    dscp: 0,
    port: 4789,
  };
  t.same(
    nh.get(String(a)),
    { ...unresolved, dst: '198.51.100.8' },
    'not through a droplet of ours',
  );
  t.same(nh.get(String(b)), { ...unresolved, dst: '198.51.100.9' }, 'no way');
  t.same(tables['vteps'], ['192.0.2.2', '198.51.100.8', '198.51.100.9', '2001:db8:f::2']);
  t.same(tables['findings'], {});
  t.same(delta.touchedVpcs, [1]);
  t.same(delta.released, []);
  const desired = tables['devices'] as Record<string, { spec: unknown }>;
  t.same(desired['web']?.spec, {
    kind: 'veth',
    name: vethName('web'),
    netns: 'web',
    peer: 'eth0',
    mac: '0a:00:00:00:00:05',
    mtu: 1450,
    addresses: ['10.0.0.5/24', '2001:db8::5/64'],
    gateways: ['10.0.0.1', '2001:db8::fe'],
    hook: 'tc',
  });
  t.same(Object.keys(desired), ['web'], 'remote endpoints have no device here');
  t.same(tables['droplets'], {
    d1: {
      droplet: 'd1',
      device: 'eth0',
      addresses: ['192.0.2.1', '2001:db8:f::1'],
      hook: 'xdp',
      allowGeneric: false,
      outside: false,
      allMulticast: false,
    },
  });
  t.end();
});

test('each walk between three named states ends where it leads', (t) => {
  const indexes = allocator();
  const expected = Object.fromEntries(
    Object.entries(s.NAMED).map(([name, state]) => [name, scratch(state, indexes)]),
  );
  for (const [from, first] of Object.entries(s.NAMED))
    for (const [by, second] of Object.entries(s.NAMED))
      for (const [to, third] of Object.entries(s.NAMED)) {
        const walk = new Walk(indexes);
        walk.to(first);
        walk.to(second);
        walk.to(third);
        const way = `${from} > ${by} > ${to}`;
        if (JSON.stringify(walk.mirror.plain()) !== JSON.stringify(expected[to]))
          t.same(walk.mirror.plain(), expected[to], way);
        const dangling = walk.mirror.dangling();
        if (dangling.length > 0) t.same(dangling, [], way);
        const again = walk.flush();
        if (again.upserts.length + again.removals.length > 0) t.fail(`${way}: emitted twice`);
      }
  t.pass('all walks');
  t.end();
});

test('objects that cannot have an effect say why', (t) => {
  const finding = (objects: StoredObject[], key: string): unknown => {
    const walk = new Walk();
    walk.to({ objects, facts: [] });
    return walk.mirror.findings.get(key);
  };
  const { blue, blueNet, d1, d2, web, db, out, viaDb } = s;
  t.equal(finding([blueNet], 'Subnet/blue-a'), 'VpcMissing spec.vpc');
  t.equal(finding([out], 'Route/out'), 'VpcMissing spec.vpc');
  t.equal(finding([blue, web], 'Endpoint/web'), 'SubnetMissing spec.subnet');
  t.equal(finding([blue, blueNet, web], 'Endpoint/web'), 'DeviceMissing spec.device');
  t.equal(finding([blue, blueNet, d1, db], 'Endpoint/db'), 'NoUnderlay spec.host');
  t.equal(finding([blue, blueNet, d2, db], 'Endpoint/db'), 'NoUnderlay spec.host');
  t.equal(finding([blue, viaDb], 'Route/via-db'), 'EndpointMissing spec.endpoint');
  t.equal(finding([blue, db, viaDb], 'Route/via-db'), 'EndpointNotUsable spec.endpoint');
  const bare = object('Endpoint', 'bare', {
    host: 'h1',
    vpc: 'blue',
    subnet: 'blue-a',
    addresses: ['10.0.0.9'],
  });
  t.equal(finding([blue, blueNet, bare], 'Endpoint/bare'), 'NoDevice spec.device');
  const red = object('Vpc', 'red', { vni: 100 });
  t.equal(finding([blue, red], 'Vpc/red'), 'VniConflict spec.vni');
  const redNet = object('Subnet', 'red-a', { vpc: 'red', ipv4: { prefix: '10.0.0.0/24' } });
  t.equal(finding([blue, red, redNet], 'Subnet/red-a'), 'VpcNotUsable spec.vpc');
  const vtep = '198.51.100.8';
  const route = (nexthops: { vtep: string; mac?: string }[], vpc = 'blue'): StoredObject =>
    object('Route', 'r', { vpc, prefix: '10.9.0.0/16', nexthops });
  const mac = '0a:00:00:00:00:01';
  const mixed = route([{ vtep, mac }, { vtep: '198.51.100.9' }]);
  t.equal(finding([blue, mixed], 'Route/r'), 'MacConflict spec.nexthops');
  const own = route([{ vtep: '192.0.2.1' }]);
  t.equal(finding([blue, d1, own], 'Route/r'), 'OwnAddress spec.nexthops');
  t.equal(finding([blue, own], 'Route/r'), undefined);
  const green = object('Vpc', 'green', { vni: 7 });
  const across = object('Route', 'r', { vpc: 'green', prefix: '10.9.0.0/16', endpoint: 'db' });
  const mine = [blue, blueNet, d1, d2, db, green, across];
  t.equal(finding(mine, 'Route/r'), 'EndpointInOtherVpc spec.endpoint');
  t.end();
});

test('the underlay decides the VTEP and the MTU', (t) => {
  const { blueNet, web, db } = s;
  const dp = (name: string, host: string, ...addresses: string[]): StoredObject =>
    object('Droplet', name, { host, device: 'eth0', addresses });
  const result = (
    underlay: 'auto' | 'ipv4' | 'ipv6' | undefined,
    ...droplets: StoredObject[]
  ): unknown[] => {
    const vpc = object('Vpc', 'blue', { vni: 100, ...(underlay && { underlay }) });
    const walk = new Walk();
    walk.to({
      objects: [vpc, blueNet, web, db, ...droplets],
      facts: [
        {
          type: 'droplet',
          fact: { droplet: 'a', device: { ifindex: 2, mtu: 1500, mac: DROPLET_MAC } },
        },
        {
          type: 'droplet',
          fact: { droplet: 'b', device: { ifindex: 3, mtu: 9000, mac: DROPLET_MAC } },
        },
      ],
    });
    const entry = walk.mirror.tables.addr.get('100/10.0.0.6') as { nh: number } | undefined;
    const nh = walk.mirror.tables.nh.get(String(entry?.nh)) as { dst: string } | undefined;
    const desired = walk.mirror.devices.get('web') as { spec: { mtu?: number } };
    return [nh?.dst, desired.spec.mtu];
  };
  const [v4, v6] = [dp('a', 'h1', '192.0.2.1'), dp('a', 'h1', '2001:db8:f::1')];
  const both = dp('a', 'h1', '192.0.2.1', '2001:db8:f::1');
  const [r4, r6] = [dp('x', 'h2', '192.0.2.2'), dp('y', 'h2', '2001:db8:f::2')];
  t.same(result(undefined, both, r4, r6), ['192.0.2.2', 1450]);
  t.same(result('ipv6', both, r4, r6), ['2001:db8:f::2', 1430]);
  t.same(result('ipv4', v6, r4, r6), [undefined, 1450]);
  t.same(result('auto', v6, r4, r6), ['2001:db8:f::2', 1430]);
  t.same(result('auto', v4, r6), [undefined, 1450]);
  t.same(result('auto', both, r6), ['2001:db8:f::2', 1450]);
  t.same(result('auto', v4, dp('b', 'h1', '192.0.2.7'), r4), ['192.0.2.2', 1450], 'smallest MTU');
  t.same(
    result('auto', v4, dp('z', 'h2', '192.0.2.3'), dp('w', 'h2', '192.0.2.4')),
    ['192.0.2.4', 1450],
    'first droplet by name',
  );
  t.end();
});

test('what raises a generation, and what is released', (t) => {
  const walk = new Walk();
  walk.to(s.all);
  const moved = { ...s.all, facts: [...s.all.facts, way('192.0.2.2', 2, '192.0.2.1', 9000)] };
  const delta = walk.to(moved);
  t.same(
    delta.upserts.map(({ table }) => table),
    ['nh'],
  );
  t.same(delta.touchedVpcs, [], 'the data path reads the next hop on each packet');
  const without = (...gone: StoredObject[]) => ({
    ...moved,
    objects: moved.objects.filter((o) => !gone.includes(o)),
  });
  const routeGone = walk.to(without(s.out));
  t.same(routeGone.touchedVpcs, [1]);
  t.same(routeGone.released.map(({ space, key }) => `${space} ${key}`).sort(), [
    'group 3,4',
    'nexthop 198.51.100.8',
    'nexthop 198.51.100.9',
  ]);
  t.equal(routeGone.vteps.get('198.51.100.8'), false);
  const green = object('Vpc', 'green', { vni: 200 });
  const quiet = { ...without(s.out), objects: [...without(s.out).objects, green] };
  t.same(walk.to(quiet).touchedVpcs, [2]);
  const vtepGone = walk.to({
    ...quiet,
    objects: quiet.objects.filter((o) => o !== s.d2 && o !== s.db && o !== s.viaDb),
  });
  t.same(vtepGone.touchedVpcs, [1, 2], 'a known VTEP may have sent into any VPC');
  t.same(
    walk.to(s.empty).released.map(({ space }) => space),
    ['vpc', 'vpc', 'endpoint'],
  );
  t.end();
});

test('adding and removing within one window cancels', (t) => {
  const walk = new Walk();
  walk.to(s.net);
  const db = { kind: 'Endpoint', name: 'db' } as const;
  walk.calculator.objects([{ ...db, object: s.db }]);
  walk.calculator.objects([{ ...db, object: undefined }]);
  const delta = walk.flush();
  t.same([delta.upserts, delta.removals, delta.findings, delta.touchedVpcs], [[], [], [], []]);
  t.end();
});

test('a space that is full says so and recovers', (t) => {
  const indexes = allocator(1);
  const walk = new Walk(indexes);
  const green = object('Vpc', 'green', { vni: 200 });
  walk.to({ objects: [s.blue, green], facts: [] });
  t.equal(walk.mirror.findings.get('Vpc/green'), 'IndexExhausted spec.vni');
  const { released } = walk.to({ objects: [green], facts: [] });
  for (const { space, key } of released) indexes.release(space, key);
  t.equal(walk.mirror.tables.vpc.size, 0, 'not before the generation was raised');
  for (const { space, key } of released) indexes.free(space, key);
  walk.flush();
  t.same([...walk.mirror.tables.vpc.keys()], ['200']);
  t.same([...walk.mirror.findings], []);
  t.end();
});
