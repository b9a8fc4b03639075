// SPDX-License-Identifier: Apache-2.0
/** What is shown of translation, from maps filled as the programs fill them. */
import { test } from 'tap';
import { parseAddress } from '../../../src/base/net.js';
import { Names } from '../../../src/daemon/datapath/names.js';
import { natTables } from '../../../src/daemon/datapath/nat-tables.js';
import { natUse } from '../../../src/daemon/datapath/nat-use.js';
import { KernelView } from '../../../src/daemon/datapath/view.js';
import { natWho } from '../../../src/daemon/datapath/nat-who.js';
import {
  ABI,
  FLOW_ACTION,
  FLOW_FLAGS,
  MAPS,
  NAT_MAP_FLAGS,
  TypedMap,
  type MapCodecs,
  type LimitUseVal,
  type NatLease,
  type NatMapVal,
} from '../../../src/maps/index.js';
import type { StoredObject } from '../../../src/model/index.js';
import { make } from '../model/fixtures.js';
import { FakeMap } from './fake-map.js';

const bytes = (text: string): Uint8Array => parseAddress(text).bytes;

const OBJECTS: readonly StoredObject[] = [
  make('Vpc', 'blue', { vni: 100, outside: { host: 'h' } }),
  make('Subnet', 's', {
    vpc: 'blue',
    ipv4: { prefix: '10.0.0.0/24' },
    ipv6: { prefix: '2001:db8::/64' },
  }),
  make('Endpoint', 'web', {
    host: 'h',
    vpc: 'blue',
    subnet: 's',
    addresses: ['10.0.0.5', '2001:db8::5'],
  }),
  make('Endpoint', 'db', { host: 'h', vpc: 'blue', subnet: 's', addresses: ['10.0.0.6'] }),
  make('NatGateway', 'ng', {
    sources: [{ vpc: 'blue' }],
    addresses: ['203.0.113.1', '203.0.113.2', '2001:db8:f::1'],
  }),
  make('NatGateway', 'fixed', {
    sources: [{ vpc: 'blue', subnets: ['s'] }],
    addresses: ['203.0.113.80'],
    deterministic: { overflow: 26 },
  }),
  make('PublicIp', 'pip', { address: '203.0.113.9', endpoint: 'db' }),
  make('PortForward', 'pf', {
    address: '203.0.113.1',
    protocol: 'both',
    port: '8000-8009',
    endpoint: 'db',
    endpointPort: '80-89',
  }),
];

/** Maps by name, and typed access to fill them. */
class Maps {
  readonly #maps = new Map<string, FakeMap>();

  readonly get = (name: string): FakeMap => {
    const codecs: MapCodecs<never, never> | undefined = (
      MAPS as unknown as Record<string, MapCodecs<never, never>>
    )[name];
    if (codecs === undefined) throw new Error(`no map ${name}`);
    const made =
      this.#maps.get(name) ??
      new FakeMap({ name, keySize: codecs.key.size, valueSize: codecs.value.size });
    this.#maps.set(name, made);
    return made;
  };

  set<K, V>(codecs: MapCodecs<K, V>, key: K, value: V): void {
    new TypedMap(this.get(codecs.name), codecs).set(key, value);
  }
}

const EMPTY: NatLease = {
  ext: 0,
  mappings: 0,
  refused_quota: 0,
  refused_pool: 0,
  refused_table: 0,
  refused_s: 0,
  refused_reason: 0,
  pairs: 0,
  block: [0, 0, 0, 0, 0, 0, 0, 0],
  low: [0, 0],
};

const USE: LimitUseVal = {
  opened: { connections: 20, half_open: 2 },
  accepted: { connections: 1, half_open: 0 },
  bucket: 0n,
  refused_connections: 0n,
  refused_half_open: 0n,
  refused_rate: 0n,
  refused_s: 990,
  refused_now: 1,
  refused_reason: 48,
};

function outsideEntry(over: {
  readonly proto: number;
  readonly port: number;
  readonly refs: number;
  readonly flags?: number;
  readonly inside?: string;
}): NatMapVal {
  const { proto, port, refs, flags = NAT_MAP_FLAGS.OUTSIDE, inside = '10.0.0.5' } = over;
  return {
    key: {
      scope: ABI.SCOPE_OUTSIDE | (flags === NAT_MAP_FLAGS.OUTSIDE ? 0 : flags),
      saddr: new Uint8Array(16),
      daddr: bytes('203.0.113.2'),
      sport: 0,
      dport: port,
      proto,
      family: 4,
    },
    addr: bytes(inside),
    port: 40000,
    flags,
    family: 4,
    vni: 100,
    sub: 7,
    block: 1,
    refs,
    idle_since: refs === 0 ? 970 : 0,
    peer: 1n,
  };
}

const STORE = {
  get: (kind: string, name: string) =>
    OBJECTS.find((object) => object.kind === kind && object.metadata.name === name),
  list: (kind?: string) => OBJECTS.filter((object) => object.kind === kind),
};

function world() {
  const maps = new Maps();
  maps.set(MAPS.clock, 0, { now_s: 1000 });
  for (const [index, address] of [
    [3, '203.0.113.1'],
    [5, '203.0.113.2'],
    [6, '2001:db8:f::1'],
  ] as const)
    maps.set(MAPS.nat_ext, index, { addr: bytes(address), gw: 2 });
  maps.set(MAPS.nat_ext, 9, { addr: bytes('203.0.113.77'), gw: 0 });
  maps.set(MAPS.nat_gw, 2, {
    algs: 0,
    filtering: 0,
    block_size: 512,
    max_blocks: 4,
    quarantine: 120,
    ext4: 1,
    ext4_count: 2,
    ext6: 3,
    ext6_count: 1,
    fixed_blocks: 0,
    owner: 1,
  });
  const block = (ext: number, number: number, sub: number, used: number[]): void => {
    const lease = (BigInt(sub) << 32n) | BigInt(used.reduce((a, b) => a + b, 0));
    const index = 1 + (ext - 1) * ABI.NAT_EXT_BLOCKS + number;
    maps.set(MAPS.nat_block, index, { lease, used, owner: 1 });
  };
  block(5, 1, 7, [3, 2, 4, 0, 1, 0]);
  block(5, 4, 7, [1, 0, 0, 0, 0, 0]);
  block(5, 9, 8, [0, 0, 0, 1, 0, 0]);
  block(6, 2, 7, [0, 6, 0, 0, 0, 0]);
  const addr = (address: string, sub: number, ep: number): void => {
    maps.set(
      MAPS.addr,
      { vni: 100, addr: bytes(address) },
      { kind: 1, flags: 0, mac: new Uint8Array(6), ep, ifindex: 1, mtu: 1500, nh: 0, sub },
    );
  };
  addr('10.0.0.5', 7, 1);
  addr('10.0.0.6', 8, 0);
  // of an endpoint of this host, and of one of another
  maps.set(MAPS.limit_use, 2, { ...USE, refused_connections: 3n });
  maps.set(MAPS.limit_use, 2 * 8 + 1, { ...USE, refused_rate: 4n, refused_half_open: 5n });
  for (const sub of [7, 8]) maps.set(MAPS.nat_sub, sub, { gw: 2, fixed: 0, fixed_count: 0 });
  maps.set(MAPS.nat_lease, 7, {
    v4: { ...EMPTY, ext: 5, mappings: 11, refused_quota: 4 },
    v6: { ...EMPTY, ext: 6, mappings: 6 },
  });
  maps.set(MAPS.nat_lease, 8, {
    v4: { ...EMPTY, ext: 5, mappings: 1, refused_pool: 3, refused_table: 2 },
    v6: { ...EMPTY, refused_pool: 5 },
  });
  for (const [name, entry] of [
    [1n, outsideEntry({ proto: 6, port: 600, refs: 2 })],
    [2n, outsideEntry({ proto: 17, port: 600, refs: 0 })],
    [3n, outsideEntry({ proto: 6, port: 600, refs: 1, flags: NAT_MAP_FLAGS.PERMIT })],
    [4n, outsideEntry({ proto: 1, port: 601, refs: 1 })],
  ] as const)
    maps.set(MAPS.nat_map, name, entry);
  return natTables(maps.get, STORE);
}

test('how far pools are used, and by whom', (t) => {
  const { gateways, endpoints } = natUse(world());
  t.equal(gateways.length, 1);
  t.match(gateways[0], { gateway: 'ng', blockSize: 512, refusedQuota: 4, refusedPool: 8 });
  t.match(gateways[0], { refusedTable: 2, refusedLimits: 12 });
  const free = { blocks: 128, blocksUsed: 0, ports: 65535, tcpPorts: 0, endpoints: 0 };
  t.match(gateways[0]?.addresses, [
    { address: '203.0.113.1', ...free },
    {
      address: '203.0.113.2',
      blocks: 128,
      blocksUsed: 3,
      tcpPorts: 6,
      udpPorts: 5,
      icmpIds: 1,
      endpoints: 2,
    },
    { address: '2001:db8:f::1', blocksUsed: 1, tcpPorts: 6, endpoints: 1 },
  ]);
  t.equal(gateways[0]?.addresses.length, 3, 'what left the pool is not of it');
  const base = { vpc: 'blue', gateway: 'ng' };
  t.same(endpoints, [
    {
      ...base,
      endpoint: 'web',
      address: '203.0.113.2',
      blocks: [
        { first: 512, last: 1023, mappings: 10 },
        { first: 2048, last: 2559, mappings: 1 },
      ],
      mappings: 11,
      refusedQuota: 4,
      refusedPool: 0,
      refusedTable: 0,
      connections: 20,
      refusedLimits: 3,
    },
    {
      ...base,
      endpoint: 'web',
      address: '2001:db8:f::1',
      blocks: [{ first: 1024, last: 1535, mappings: 6 }],
      mappings: 6,
      refusedQuota: 0,
      refusedPool: 0,
      refusedTable: 0,
      connections: 20,
      refusedLimits: 3,
    },
    {
      ...base,
      endpoint: 'db',
      address: '203.0.113.2',
      blocks: [{ first: 4608, last: 5119, mappings: 1 }],
      mappings: 1,
      refusedQuota: 0,
      refusedPool: 3,
      refusedTable: 2,
      connections: 20,
      refusedLimits: 9,
    },
    {
      ...base,
      endpoint: 'db',
      address: '',
      blocks: [],
      mappings: 0,
      refusedQuota: 0,
      refusedPool: 5,
      refusedTable: 0,
      connections: 20,
      refusedLimits: 9,
    },
  ]);
  t.end();
});

test('who has a public address and port', (t) => {
  const tables = world();
  const who = (address: string, port: number, protocol?: 'tcp' | 'udp' | 'icmp') =>
    natWho(tables, { address, port, protocol }).holders;
  const web = { vpc: 'blue', endpoint: 'web', address: '10.0.0.5', port: 40000 };
  const db = { vpc: 'blue', endpoint: 'db', address: '10.0.0.6' };
  t.same(who('203.0.113.2', 600), [
    { ...web, protocol: 'tcp', via: 'NatGateway/ng', state: 'mapped', connections: 2 },
    { ...web, protocol: 'udp', via: 'NatGateway/ng', state: 'quarantined', idleSeconds: 30 },
  ]);
  t.match(who('203.0.113.2', 600, 'udp'), [{ state: 'quarantined' }]);
  t.match(who('203.0.113.2', 601, 'icmp'), [{ protocol: 'icmp', state: 'mapped' }]);
  t.same(
    who('203.0.113.2', 602),
    [
      {
        vpc: 'blue',
        endpoint: 'web',
        protocol: 'any',
        via: 'NatGateway/ng',
        state: 'block',
        address: '',
        port: 0,
      },
    ],
    'not mapped, but in a block that is held',
  );
  t.same(who('203.0.113.2', 40000), []);
  t.same(who('203.0.113.9', 40000), [
    { ...db, protocol: 'any', via: 'PublicIp/pip', state: 'static', port: 40000 },
  ]);
  const forwarded = { ...db, via: 'PortForward/pf', state: 'forwarded', port: 83 };
  t.same(who('203.0.113.1', 8003), [
    { ...forwarded, protocol: 'tcp' },
    { ...forwarded, protocol: 'udp' },
  ]);
  t.same(who('203.0.113.1', 8003, 'tcp'), [{ ...forwarded, protocol: 'tcp' }]);
  t.same(who('203.0.113.1', 8003, 'icmp'), []);
  t.same(
    who('203.0.113.80', 1024 + 512 * 6 + 1),
    [
      {
        ...db,
        protocol: 'any',
        via: 'NatGateway/fixed',
        state: 'fixed',
        port: 0,
      },
    ],
    'by arithmetic, without any state',
  );
  t.match(who('203.0.113.80', 1024 + 512 * 7), [{ endpoint: '', address: '10.0.0.7' }]);
  t.same(who('203.0.113.80', 65535), [], 'beyond the last inside address');
  t.same(who('192.0.2.1', 1), []);
  t.end();
});

test('flows show both tuples of a translated connection', (t) => {
  const maps = new Maps();
  maps.set(MAPS.clock, 0, { now_s: 1000 });
  const mac = new Uint8Array(6);
  const inside = { addr: bytes('10.0.0.5'), port: 40000 };
  const outside = { addr: bytes('203.0.113.2'), port: 600 };
  const server = { addr: bytes('198.51.100.9'), port: 443 };
  const tuple = (from: typeof inside, to: typeof inside) => ({
    saddr: from.addr,
    daddr: to.addr,
    sport: from.port,
    dport: to.port,
  });
  const flow = (name: bigint, scope: number, key: ReturnType<typeof tuple>, over: object): void => {
    maps.set(MAPS.flow, name, {
      key: { scope, ...key, proto: 6, family: 4 },
      in_dmac: mac,
      in_smac: mac,
      out_dmac: mac,
      out_smac: mac,
      generation: 1,
      vni: 100,
      vpc: 1,
      in_id: 1,
      out_id: 0,
      out_ifindex: 0,
      last_seen: 990,
      out_arg: 1400,
      action: FLOW_ACTION.DELIVER,
      flags: 0,
      node: 12,
      ...over,
    });
  };
  const { NAT, REPLY } = FLOW_FLAGS;
  flow(1n, 4, tuple(inside, server), { flags: NAT, action: FLOW_ACTION.FORWARD, out_id: 3 });
  flow(2n, ABI.SCOPE_OUTSIDE, tuple(server, outside), { flags: NAT | REPLY, out_ifindex: 4 });
  flow(3n, 4, tuple(inside, server), { out_ifindex: 5 });
  const rest = { addr_diff: 0, port_diff: 0, family: 4 };
  maps.set(MAPS.nat, 12, {
    fwd: { ...tuple(outside, server), ...rest },
    reply: { ...tuple(server, inside), ...rest },
    map: 0n,
    permit: 0n,
  });
  maps.set(MAPS.nh, 3, {
    dmac: mac,
    smac: mac,
    ifindex: 9,
    src: bytes('192.0.2.1'),
    dst: bytes('192.0.2.254'),
    mtu: 1500,
    flags: 9,
    ttl: 64,
    tos: 0,
    port: 0,
  });
  const names = new Names({ store: STORE });
  names.setDevice(4, 'veth-web', 'web');
  const view = new KernelView({
    programs: { map: maps.get },
    names,
    driver: { generation: () => 1 },
  } as never);
  const { flows } = view.flows({ limit: 10 });
  const about = { vpc: 'blue', idleSeconds: 10, current: true };
  const out = { source: '203.0.113.2', sourcePort: 600, destination: '198.51.100.9' };
  t.match(flows[0], { ...about, scope: 'web', source: '10.0.0.5', sourcePort: 40000 });
  t.match(flows[0], { translated: { ...out, destinationPort: 443 }, mtu: 1500 });
  t.match(flows[0], { action: 'forward', target: '192.0.2.254' });
  t.match(flows[1], { scope: 'outside', action: 'deliver', target: 'web', mtu: 1400 });
  t.match(flows[1], { destination: '203.0.113.2', destinationPort: 600 });
  t.match(flows[1]?.translated, { source: '198.51.100.9', destination: '10.0.0.5' });
  t.equal(flows[1]?.translated?.destinationPort, 40000);
  t.equal(flows[2]?.translated, undefined, 'what is not translated has one tuple');
  t.end();
});
