// SPDX-License-Identifier: Apache-2.0
/** What services of the underlay give, table by table. */
import { test } from 'tap';
import type { VirtualServiceSpec } from '../../src/model/index.js';
import { allocator, device, droplet, DROPLET_MAC, object, scratch, Walk, way } from './support.js';
import type { State } from './support.js';
import { blue, blueNet, d2, web } from './states.js';

const GW = '02:54:00:00:00:64';
const RED_GW = '02:54:00:00:00:c8';
const red = object('Vpc', 'red', { vni: 200 });
const d1 = (services?: { addresses?: string[]; ports?: string }) =>
  object('Droplet', 'd1', {
    host: 'h1',
    device: 'eth0',
    addresses: ['192.0.2.1', '2001:db8:f::1'],
    ...(services === undefined ? {} : { services }),
  });
const spec: VirtualServiceSpec = {
  vpcs: ['blue'],
  address: '10.0.0.53',
  protocol: 'both',
  port: 53,
  server: { address: '198.51.100.53', port: 5353 },
};
const dns = object('VirtualService', 'dns', spec);
const everywhere = object('VirtualService', 'meta', {
  allVpcs: true,
  address: '169.254.169.254',
  protocol: 'tcp',
  port: 80,
  server: { address: '2001:db8:9::80' },
  connectionsPerEndpoint: 7,
  timeouts: { udp: 60 },
});
const facts = [
  droplet('d1', 2, 9000),
  device('web', 7),
  way('198.51.100.53', 2, '192.0.2.1', 9000),
  way('2001:db8:9::80', 2, '2001:db8:f::1', 1400),
];
const base = [blue, red, blueNet, d1(), d2, web];
const full: State = { objects: [...base, dns, everywhere], facts };

const table = (walk: Walk, name: string): Record<string, unknown> =>
  walk.mirror.plain()[name] as Record<string, unknown>;

test('a service, table by table', (t) => {
  const walk = new Walk();
  const delta = walk.to(full);
  t.same([...delta.touchedVpcs].sort(), [1, 2]);
  t.match(table(walk, 'vpc')['0'], { vpc: 0 }, 'packets without a tunnel are looked at');
  const addr = table(walk, 'addr');
  t.same(addr['100/10.0.0.53'], { kind: 'service', mac: GW, ifindex: 0 });
  t.same(addr['100/169.254.169.254'], { kind: 'service', mac: GW, ifindex: 0 });
  t.same(addr['200/169.254.169.254'], { kind: 'service', mac: RED_GW, ifindex: 0 });
  t.equal(addr['200/10.0.0.53'], undefined, 'red does not see it');
  const service = table(walk, 'service');
  const one = service['100/10.0.0.53/17/53'] as { nh: number; service: number };
  t.same(one, {
    service: 1,
    nh: one.nh,
    server: '198.51.100.53',
    port: 5353,
    source: '192.0.2.1',
    first: 16384,
    count: 16384,
    limit: 1024,
  });
  t.same(service['100/10.0.0.53/6/53'], one, 'both protocols');
  const meta = service['200/169.254.169.254/6/80'] as { nh: number };
  t.match(meta, {
    server: '2001:db8:9::80',
    port: 80,
    source: '2001:db8:f::1',
    limit: 7,
  });
  t.same(Object.keys(service).length, 4);
  t.same(table(walk, 'nh')[one.nh], {
    plain: true,
    server: true,
    resolved: true,
    dmac: (table(walk, 'nh')[one.nh] as { dmac: string }).dmac,
    smac: (table(walk, 'nh')[one.nh] as { smac: string }).smac,
    ifindex: 2,
    dst: '198.51.100.53',
    mtu: 9000,
  });
  t.match(table(walk, 'nh')[meta.nh], { dst: '2001:db8:9::80', mtu: 1400 });
  t.match(table(walk, 'service_timeout'), {
    1: { udp: 30, tcpEstablished: 7440, tcpTransitory: 120 },
    2: { udp: 60, tcpEstablished: 7440, tcpTransitory: 120 },
  });
  t.notOk(Object.keys(table(walk, 'vtep')).includes('198.51.100.53'), 'a server sends no tunnels');
  t.same(table(walk, 'findings'), {});
  t.same(walk.mirror.plain(), scratch(full, allocator()), 'as from scratch');
  t.end();
});

test('addresses that are set aside', (t) => {
  const walk = new Walk();
  const aside = d1({ addresses: ['192.0.2.201', '2001:db8:f::201'] });
  walk.to({ objects: [blue, red, blueNet, aside, d2, web, dns, everywhere], facts });
  const addr = table(walk, 'addr');
  for (const address of ['192.0.2.201', '2001:db8:f::201'])
    t.same(addr[`0/${address}`], { kind: 'service', mac: DROPLET_MAC, ifindex: 2 });
  t.match(table(walk, 'service')['100/10.0.0.53/17/53'], {
    source: '192.0.2.201',
    first: 1024,
    count: 64512,
  });
  t.match(table(walk, 'droplets'), { d1: { allMulticast: true, outside: false } });
  walk.to({ objects: [blue, red, blueNet, aside, d2, web], facts });
  t.match(table(walk, 'addr')['0/192.0.2.201'], { kind: 'service' }, 'without a service, too');
  t.match(table(walk, 'vpc')['0'], { vpc: 0 });
  walk.to({ objects: [blue, red, blueNet, d1({ ports: '2000-2999' }), d2, web, dns], facts });
  t.equal(table(walk, 'addr')['0/192.0.2.201'], undefined);
  t.match(table(walk, 'service')['100/10.0.0.53/17/53'], {
    source: '192.0.2.1',
    first: 2000,
    count: 1000,
  });
  t.end();
});

test('while there is no way the service keeps its place', (t) => {
  const walk = new Walk();
  walk.to({ objects: [...base, dns], facts: facts.slice(0, 2) });
  const before = table(walk, 'service')['100/10.0.0.53/17/53'] as { nh: number };
  t.match(before, { source: undefined, count: 0 });
  t.match(table(walk, 'nh')[before.nh], { resolved: false, dst: '198.51.100.53' });
  t.same(table(walk, 'findings'), {
    'VirtualService/dns': 'ServerUnreachable spec.server.address',
  });
  t.equal(walk.mirror.vteps.has('198.51.100.53'), true, 'its way is followed');
  walk.to({ objects: [...base, dns], facts });
  t.match(table(walk, 'service')['100/10.0.0.53/17/53'], { nh: before.nh, source: '192.0.2.1' });
  t.same(table(walk, 'findings'), {});
  walk.to({ objects: base, facts });
  t.same(table(walk, 'service'), {});
  t.equal(table(walk, 'vpc')['0'], undefined, 'what comes without a tunnel is the host’s again');
  t.equal(walk.mirror.vteps.has('198.51.100.53'), false);
  t.end();
});

test('a VPC that comes sees what all see; one that goes takes nothing along', (t) => {
  const walk = new Walk();
  walk.to({ objects: [blue, blueNet, d1(), d2, web, dns, everywhere], facts });
  t.same(Object.keys(table(walk, 'service')).length, 3);
  walk.to(full);
  t.ok(table(walk, 'service')['200/169.254.169.254/6/80']);
  walk.to({ objects: [red, d1(), d2, dns, everywhere], facts });
  t.same(Object.keys(table(walk, 'service')), ['200/169.254.169.254/6/80']);
  t.same(table(walk, 'findings'), { 'VirtualService/dns': 'VpcMissing spec.vpcs[0]' });
  t.end();
});

test('a server that is a VTEP, too, has both next hops, and its way is followed once', (t) => {
  const walk = new Walk();
  const service = object('VirtualService', 'dns', { ...spec, server: { address: '192.0.2.2' } });
  const db = object('Endpoint', 'db', {
    host: 'h2',
    vpc: 'blue',
    subnet: 'blue-net',
    addresses: ['10.0.0.6'],
  });
  const more = [...facts, way('192.0.2.2', 2, '192.0.2.1')];
  walk.to({ objects: [...base, db, service], facts: more });
  const { nh } = table(walk, 'vtep')['192.0.2.2'] as { nh: number };
  const own = table(walk, 'service')['100/10.0.0.53/17/53'] as { nh: number };
  t.not(nh, own.nh);
  walk.to({ objects: [...base, db], facts: more });
  t.equal(walk.mirror.vteps.has('192.0.2.2'), true);
  t.end();
});
