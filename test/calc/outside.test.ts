// SPDX-License-Identifier: Apache-2.0
/** What the outside gives, table by table: on the host where a VPC meets it, and elsewhere. */
import { test } from 'tap';
import type { NatGatewaySpec, StoredObject, SubnetSpec } from '../../src/model/index.js';
import { portPrefixes } from '../../src/daemon/calc/port-prefixes.js';
import { allocator, device, droplet, DROPLET_MAC, kernelRoute, neighbour } from './support.js';
import { object, Walk, way, type State } from './support.js';
import { blueNet, d1, d2, db, web } from './states.js';

const GW = '02:54:00:00:00:64';
const blue = object('Vpc', 'blue', { vni: 100, outside: { host: 'h1' }, timeouts: { udp: 200 } });
const exit = object('Droplet', 'a-exit', {
  host: 'h1',
  device: 'eth9',
  addresses: ['203.0.113.2'],
  outside: true,
});
const natSpec = {
  sources: [{ vpc: 'blue' }],
  addresses: ['203.0.113.9', '203.0.113.8', '2001:db8:a::/127'],
  exempt: ['198.51.100.0/24'],
  blocksPerEndpoint: 2,
};
const nat = object('NatGateway', 'nat', natSpec);
const publicIp = object('PublicIp', 'p', { address: '203.0.113.20', endpoint: 'db' });
const forwardSpec = {
  address: '203.0.113.8',
  protocol: 'tcp' as const,
  port: '8000-8002',
  endpoint: 'web',
  endpointPort: '9000-9002',
};
const forward = object('PortForward', 'f', forwardSpec);
const facts = [
  droplet('d1', 2, 9000),
  droplet('a-exit', 9, 1500),
  device('web', 7),
  way('192.0.2.2', 2, '192.0.2.1'),
];
const base = [blue, blueNet, d1, d2, exit, web, db];
const full: State = { objects: [...base, nat, publicIp, forward], facts };

const value = (walk: Walk, table: keyof Walk['mirror']['tables'], key: string): unknown =>
  walk.mirror.tables[table].get(key);

test('on the gateway host', (t) => {
  const walk = new Walk();
  const delta = walk.to(full);
  const tables = walk.mirror.plain();
  t.same(delta.touchedVpcs, [0, 1]);
  t.match(value(walk, 'vpc', '0'), { vpc: 0, gwMac: DROPLET_MAC, gw4: '203.0.113.2' });
  t.same(tables['outside'], {
    9: { mac: DROPLET_MAC, mtu: 1500, gw4: '203.0.113.2', gw6: undefined },
  });
  t.match(tables['timeout'], { 1: { udp: 200, icmp: 0 } });
  t.same(tables['nat_gw'], {
    1: {
      filtering: 'endpoint',
      algs: [],
      blockSize: 512,
      maxBlocks: 2,
      quarantine: 120,
      ext4: 1,
      ext4Count: 2,
      ext6: 3,
      ext6Count: 2,
      fixedBlocks: 0,
      owner: 1,
    },
  });
  t.same(tables['nat_ext'], {
    1: { addr: '203.0.113.8', gw: 1 },
    2: { addr: '203.0.113.9', gw: 1 },
    3: { addr: '2001:db8:a::', gw: 1 },
    4: { addr: '2001:db8:a::1', gw: 1 },
  });
  t.same(tables['nat_ext_of'], { 1: { ext: 1 }, 2: { ext: 2 }, 3: { ext: 3 }, 4: { ext: 4 } });
  const dynamic = { gw: 1, fixed: 0, fixedCount: 0 };
  t.same(tables['nat_sub'], { 1: dynamic, 2: dynamic });
  const subs = ['100/10.0.0.5', '100/2001:db8::5', '100/10.0.0.6'].map(
    (key) => (value(walk, 'addr', key) as { sub: number }).sub,
  );
  t.equal(subs[0], subs[1], 'one for all addresses of an endpoint');
  t.same([...new Set(subs)].sort(), [1, 2], 'remote endpoints, too');
  for (const address of ['203.0.113.8', '203.0.113.20', '2001:db8:a::1'])
    t.same(value(walk, 'addr', `0/${address}`), { kind: 'public' }, address);
  t.same(tables['nat_static'], {
    '0/203.0.113.20': { vni: 100, addr: '10.0.0.6' },
    '100/10.0.0.6': { vni: 0, addr: '203.0.113.20' },
  });
  const to = { vni: 100, addr: '10.0.0.5', from: 8000, to: 9000 };
  t.same(tables['port_fwd'], { '203.0.113.8/6/8000/15': to, '203.0.113.8/6/8002/16': to });
  t.same(value(walk, 'route', '100/0.0.0.0/0'), { kind: 'outside', exempt: false });
  t.same(value(walk, 'route', '100/::/0'), { kind: 'outside', exempt: false });
  t.same(value(walk, 'route', '100/198.51.100.0/24'), { kind: 'outside', exempt: true });
  t.match(walk.mirror.devices.get('web'), { spec: { mtu: 8950 } }, 'tunnels do not go that way');
  t.same(tables['findings'], {});
  t.end();
});

test('elsewhere there is the way to the gateway host, and nothing else', (t) => {
  const walk = new Walk(allocator(), 'h2');
  walk.to({ objects: full.objects, facts: [droplet('d2', 2)] });
  const tables = walk.mirror.plain();
  for (const table of ['outside', 'nat_gw', 'nat_ext', 'nat_sub', 'nat_static', 'port_fwd'])
    t.same(tables[table], {}, table);
  t.equal(value(walk, 'vpc', '0'), undefined);
  const { nh } = value(walk, 'vtep', '192.0.2.1') as { nh: number };
  const remote = { kind: 'remote', mac: GW, nh, group: false, sub: 0 };
  for (const prefix of ['0.0.0.0/0', '::/0', '198.51.100.0/24'])
    t.same(value(walk, 'route', `100/${prefix}`), remote, `${prefix}: not to the exit's address`);
  t.match(value(walk, 'addr', '100/10.0.0.5'), { sub: 0 });
  t.match(tables['timeout'], { 1: { udp: 200 } });
  t.end();
});

test('default routes are of the families that lead out, and Routes come first', (t) => {
  const prefixes = (...more: StoredObject[]): string[] => {
    const walk = new Walk();
    walk.to({ objects: [...base, ...more], facts });
    const { route } = walk.mirror.tables;
    return [...route]
      .filter(([, entry]) => (entry as { kind: string }).kind === 'outside')
      .map(([key]) => key)
      .sort();
  };
  t.same(prefixes(), []);
  t.same(prefixes(publicIp), ['100/0.0.0.0/0']);
  t.same(prefixes(forward), ['100/0.0.0.0/0']);
  const six = object('NatGateway', 'nat', {
    sources: [{ vpc: 'blue', subnets: ['blue-a'] }],
    addresses: ['2001:db8:a::1'],
  });
  t.same(prefixes(six), ['100/::/0']);
  const firewall = object('Route', 'r', { vpc: 'blue', prefix: '::/0', endpoint: 'missing' });
  t.same(prefixes(six, firewall), [], 'also when it cannot be programmed');
  t.end();
});

test('routes and neighbours of the kernel', (t) => {
  const walk = new Walk();
  const on = (...more: State['facts']): State => ({ ...full, facts: [...facts, ...more] });
  const link = kernelRoute('203.0.113.0/24', 9);
  const out = kernelRoute('0.0.0.0/0', 9, '203.0.113.1', 1400);
  walk.to(on(link, out));
  t.same(value(walk, 'route', '0/203.0.113.0/24'), { kind: 'onlink' });
  t.same(value(walk, 'addr', '0/203.0.113.255'), { kind: 'broadcast' });
  const { nh } = value(walk, 'route', '0/0.0.0.0/0') as { nh: number };
  const hop = {
    plain: true,
    resolved: false,
    dmac: '00:00:00:00:00:00',
    smac: '00:00:00:00:00:00',
    ifindex: 9,
    dst: '203.0.113.1',
    mtu: 1400,
  };
  t.same(value(walk, 'nh', String(nh)), hop);
  const known = walk.to(on(link, out, neighbour(9, '203.0.113.1', 1500)));
  const macs = { resolved: true, dmac: '02:00:00:00:00:03', smac: DROPLET_MAC };
  t.same(value(walk, 'nh', String(nh)), { ...hop, ...macs });
  const own = value(walk, 'addr', '0/203.0.113.1') as { kind: string; nh: number };
  t.equal(own.kind, 'outside');
  t.same(value(walk, 'nh', String(own.nh)), { ...hop, ...macs, mtu: 1500 }, 'another MTU');
  t.same(known.touchedVpcs, [], 'a neighbour that comes was in no record');
  const moved = walk.to(on(link, out, neighbour(9, '203.0.113.1', 1500, 4)));
  t.same(
    moved.upserts.map(({ table }) => table),
    ['nh', 'nh'],
  );
  t.same(moved.touchedVpcs, [], 'MACs are read on each packet');
  const gone = walk.to(on(link, out));
  t.same(gone.touchedVpcs, [0, 1]);
  t.same(gone.released, [{ space: 'nexthop', key: 'outside/9/203.0.113.1/1500' }]);
  t.same([...gone.vteps], [], 'it is no VTEP');
  const pool = object('NatGateway', 'nat', {
    sources: [{ vpc: 'blue' }],
    addresses: ['203.0.113.255'],
  });
  walk.to({ ...on(link), objects: [...base, pool] });
  t.same(value(walk, 'addr', '0/203.0.113.255'), { kind: 'public' }, 'what is ours comes first');
  t.end();
});

test('ports by arithmetic: the blocks of each endpoint, and what moves them', (t) => {
  const walk = new Walk();
  const fixed = (more: Partial<NatGatewaySpec> = {}): StoredObject =>
    object('NatGateway', 'nat', {
      sources: [{ vpc: 'blue', subnets: ['blue-a'] }],
      addresses: ['203.0.113.8/30'],
      blockSize: 64,
      deterministic: {},
      ...more,
    });
  const subOf = (address: string): unknown =>
    value(walk, 'nat_sub', String((value(walk, 'addr', `100/${address}`) as { sub: number }).sub));
  walk.to({ objects: [...base, fixed()], facts });
  t.match(value(walk, 'nat_gw', '1'), { maxBlocks: 0, fixedBlocks: 1008 });
  // inside addresses 5 and 6; low ports have the first 16 blocks
  t.same(subOf('10.0.0.5'), { gw: 1, fixed: 1 + 16 + 5, fixedCount: 1 });
  t.same(subOf('10.0.0.6'), { gw: 1, fixed: 1 + 16 + 6, fixedCount: 1 });
  const wider = { deterministic: { blocks: 250, overflow: 8 } };
  walk.to({ objects: [...base, fixed(wider)], facts });
  t.match(value(walk, 'nat_gw', '1'), { maxBlocks: 4, fixedBlocks: 1000 }, 'four for an address');
  t.same(subOf('10.0.0.5'), { gw: 1, fixed: 1 + 1024 + 16 + 250, fixedCount: 250 });
  t.same(walk.mirror.plain()['findings'], {
    'NatGateway/nat': 'PoolTooSmall spec.addresses',
  });
  const moved = object('Subnet', 'blue-a', {
    ...(blueNet.spec as SubnetSpec),
    ipv4: { prefix: '10.0.0.4/30' },
  });
  const rest = base.filter((o) => o !== blueNet);
  walk.to({ objects: [...rest, moved, fixed()], facts });
  t.same(subOf('10.0.0.5'), { gw: 1, fixed: 1 + 16 + 1, fixedCount: 1 }, 'the subnet counts');
  t.end();
});

test('changes of pools and timeouts touch nobody; of who may go out and from where, all', (t) => {
  const walk = new Walk();
  walk.to(full);
  const change = (...objects: StoredObject[]): readonly number[] => {
    const names = new Set(objects.map((o) => `${o.kind}/${o.metadata.name}`));
    const rest = full.objects.filter((o) => !names.has(`${o.kind}/${o.metadata.name}`));
    return walk.to({ objects: [...rest, ...objects], facts }).touchedVpcs;
  };
  const other = (spec: Partial<NatGatewaySpec>): StoredObject =>
    object('NatGateway', 'nat', { ...natSpec, ...spec });
  t.same(change(other({ quarantine: 7, filtering: 'address' })), []);
  t.same(change(object('Vpc', 'blue', { vni: 100, outside: { host: 'h1' } })), []);
  t.same(
    change(other({ sources: [{ vpc: 'blue', endpoints: ['db'] }] })),
    [0, 1],
    'web is only forwarded to: its mappings end',
  );
  t.match(
    value(walk, 'nat_sub', String((value(walk, 'addr', '100/10.0.0.5') as { sub: number }).sub)),
    {
      gw: 0,
    },
  );
  t.same(change(other({ addresses: ['203.0.113.8', '2001:db8:a::/127'] })), [0, 1], 'one less');
  t.same(change(other({ addresses: ['2001:db8:a::/127'] })), [0, 1], 'one that stays public');
  t.same(walk.to({ objects: base, facts }).touchedVpcs, [0, 1]);
  const inside = object('Vpc', 'blue', { vni: 100 });
  const closed = walk.to({ objects: [inside, ...base.slice(1)], facts });
  t.same(closed.touchedVpcs, [], 'there is no outside any more, and nothing led there');
  t.same(
    closed.removals.filter(({ table }) => table === 'vpc'),
    [{ table: 'vpc', key: '0' }],
  );
  t.end();
});

test('what cannot have an effect says why', (t) => {
  const finding = (key: string, objects: StoredObject[], room = 1_000_000): unknown => {
    const walk = new Walk(allocator(room));
    walk.to({ objects, facts });
    return walk.mirror.findings.get(key);
  };
  const inside = object('Vpc', 'blue', { vni: 100 });
  const rest = [blueNet, d1, d2, web, db];
  t.equal(finding('NatGateway/nat', [nat]), 'VpcMissing spec.sources[0].vpc');
  t.equal(finding('NatGateway/nat', [inside, nat]), 'NoOutside spec.sources[0].vpc');
  t.equal(finding('NatGateway/nat', [blue, nat], 3), 'IndexExhausted spec.addresses');
  t.equal(finding('PublicIp/p', [blue, publicIp]), 'EndpointMissing spec.endpoint');
  t.equal(finding('PublicIp/p', [inside, ...rest, publicIp]), 'NoOutside spec.endpoint');
  const six = object('PublicIp', 'p', { address: '2001:db8:a::5', endpoint: 'db' });
  t.equal(finding('PublicIp/p', [...base, six]), 'NoAddress spec.endpoint');
  const wrong = object('PortForward', 'f', {
    ...forwardSpec,
    endpointAddress: '10.0.0.6',
  });
  t.equal(finding('PortForward/f', [...base, wrong]), 'NoAddress spec.endpointAddress');
  t.equal(finding('Vpc/blue', [blue, ...rest]), 'NoOutsideDroplet spec.outside.host');
  const away = object('Vpc', 'blue', { vni: 100, outside: { host: 'h7' } });
  t.equal(finding('Vpc/blue', [away, ...rest, publicIp]), 'GatewayUnreachable spec.outside.host');
  t.equal(finding('Vpc/blue', [...base, nat]), undefined);
  t.end();
});

test('a range of ports is covered by its prefixes, and nothing else is', (t) => {
  for (const [first, last] of [
    [1, 65535],
    [80, 80],
    [1, 2],
    [1000, 1099],
    [65535, 65535],
    [1024, 2047],
    [3, 40000],
  ] as const) {
    const prefixes = portPrefixes({ first, last });
    let next = first;
    for (const { port, bits } of prefixes) {
      const size = 1 << (16 - bits);
      if (port !== next || port % size !== 0) t.fail(`${first}-${last}: ${port}/${bits}`);
      next = port + size;
    }
    t.equal(next, last + 1, `${first}-${last} in ${prefixes.length}`);
    t.ok(prefixes.length <= 30);
  }
  t.end();
});
