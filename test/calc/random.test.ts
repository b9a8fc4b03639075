// SPDX-License-Identifier: Apache-2.0
/**
 * Random configurations, random walks: the tables depend on the state alone. Objects refer to each
 * other by a few names, so that each reference is missing, late or going away often.
 */
import fc from 'fast-check';
import { test } from 'tap';
import type { PortForwardSpec, StoredObject, VpcSpec } from '../../src/model/index.js';
import {
  Calculator,
  INDEX_SPACES,
  type Delta,
  type NatGwEntry,
  type TableName,
  type Upsert,
} from '../../src/daemon/calc/index.js';
import {
  allocator,
  device,
  difference,
  droplet,
  factKey,
  HOST,
  kernelRoute,
  Mirror,
  neighbour,
  object,
  PORT,
  scratch,
  tell,
  unsaid,
  way,
  type Fact,
  type State,
} from './support.js';

const maybe = <T>(arb: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arb, { nil: undefined });
const host = fc.constantFrom('h1', 'h1', 'h2', 'h3');
const vpcName = fc.constantFrom('v1', 'v2');
const vteps = [
  '192.0.2.1',
  '192.0.2.2',
  '192.0.2.3',
  '2001:db8:f::1',
  '2001:db8:f::2',
  '198.51.100.1',
];
const mac = fc.constantFrom('0a:00:00:00:00:01', '0a:00:00:00:00:02');

const vpcs = ['v1', 'v2'].map((name, i) =>
  maybe(
    fc.record({
      // Sometimes both want the same VNI, as between two writes that swap them.
      vni: fc.constantFrom(100 + i, 100 + i, 101),
      underlay: fc.constantFrom('auto', 'auto', 'ipv4', 'ipv6'),
      icmp: fc.record({ rate: fc.constantFrom(1, 2) }),
      outside: fc.constantFrom(undefined, { host: 'h1' }, { host: 'h1' }, { host: 'h2' }),
      timeouts: fc.constantFrom(undefined, { udp: 200 }, { udp: 300, icmp: 90 }),
    }),
  ).map((spec) => spec && object('Vpc', name, spec as VpcSpec)),
);

const subnets = ['s1', 's2', 's3'].map((name, i) =>
  maybe(fc.tuple(vpcName, fc.constantFrom(1, 2, 3))).map((drawn) => {
    if (!drawn) return undefined;
    const [vpc, families] = drawn;
    const ipv4 = { prefix: `10.0.${i}.0/24` };
    const ipv6 = { prefix: `2001:db8:0:${i}::/64` };
    return object('Subnet', name, {
      vpc,
      ...(families & 1 ? { ipv4 } : {}),
      ...(families & 2 ? { ipv6 } : {}),
    });
  }),
);

const droplets = ['d1', 'd2', 'd3', 'd4'].map((name, i) =>
  maybe(fc.tuple(host, fc.constantFrom(1, 2, 3), maybe(fc.constantFrom(1, 9)), fc.boolean())).map(
    (drawn) => {
      if (!drawn) return undefined;
      const [on, families, ttl, outside] = drawn;
      const services =
        ttl === 9 && families & 1 ? { addresses: [`192.0.2.${i + 101}`] } : undefined;
      const addresses = [
        ...(families & 1 ? [`192.0.2.${i + 1}`] : []),
        ...(families & 2 ? [`2001:db8:f::${i + 1}`] : []),
      ];
      const spec = {
        host: on,
        device: `eth${i}`,
        addresses,
        ...(outside ? { outside } : {}),
        ...(services ? { services } : {}),
      };
      return object('Droplet', name, ttl === undefined ? spec : { ...spec, ttl, dscp: ttl });
    },
  ),
);

const endpoints = ['e1', 'e2', 'e3', 'e4', 'e5'].map((name, i) =>
  maybe(
    fc.tuple(host, vpcName, fc.constantFrom(0, 1, 2), fc.boolean(), fc.boolean(), maybe(mac)),
  ).map((drawn) => {
    if (!drawn) return undefined;
    const [on, vpc, subnet, v6, withDevice, given] = drawn;
    const addresses = [`10.0.${subnet}.${i + 10}`];
    if (v6) addresses.push(`2001:db8:0:${subnet}::${i + 10}`);
    return object('Endpoint', name, {
      host: on,
      vpc,
      subnet: `s${subnet + 1}`,
      addresses,
      ...(given !== undefined && { mac: given }),
      ...(withDevice && { device: { kind: 'veth' as const, netns: name } }),
    });
  }),
);

const nexthops = fc.array(fc.record({ vtep: fc.constantFrom(...vteps) }), {
  minLength: 1,
  maxLength: 4,
});
const routes = ['r1', 'r2', 'r3', 'r4'].map((name, i) =>
  maybe(
    fc.tuple(
      vpcName,
      fc.oneof(
        nexthops.map((list) => ({ nexthops: list })),
        fc.tuple(nexthops, mac).map(([list, m]) => ({
          nexthops: list.map((hop, n) => (n === 2 ? hop : { ...hop, mac: m })),
        })),
        fc.constantFrom('e1', 'e2', 'e3').map((endpoint) => ({ endpoint })),
        fc.constant({ blackhole: true }),
      ),
    ),
  ).map(
    (drawn) =>
      drawn && object('Route', name, { vpc: drawn[0], prefix: `172.16.${i}.0/24`, ...drawn[1] }),
  ),
);

const endpointName = fc.constantFrom('e1', 'e2', 'e3', 'e4');
const publicAddress = fc.constantFrom('203.0.113.9', '203.0.113.10', '2001:db8:a::9');

const natGateways = ['n1', 'n2'].map((name, i) =>
  maybe(
    fc.record({
      sources: fc.array(
        fc.tuple(vpcName, fc.constantFrom({}, { subnets: ['s1'] }, { endpoints: ['e1', 'e2'] })),
        { minLength: 1, maxLength: 2 },
      ),
      // Pools that grow, shrink, and give an address to the other.
      addresses: fc.subarray(['203.0.113.4', `203.0.113.${i}`, `2001:db8:a::${i}`], {
        minLength: 1,
      }),
      exempt: fc.constantFrom(undefined, ['172.16.0.0/24'], ['198.51.100.0/24', '::/0']),
      filtering: fc.constantFrom(undefined, 'address' as const),
    }),
  ).map((spec) => {
    if (!spec) return undefined;
    const { exempt, filtering, ...rest } = spec;
    return object('NatGateway', name, {
      ...rest,
      ...(exempt && { exempt }),
      ...(filtering && { filtering }),
      sources: spec.sources.map(([vpc, which]) => ({ vpc, ...which })),
    });
  }),
);

const publicIps = ['p1', 'p2'].map((name) =>
  maybe(fc.record({ address: publicAddress, endpoint: endpointName })).map(
    (spec) => spec && object('PublicIp', name, spec),
  ),
);

const portForwards = ['f1', 'f2'].map((name) =>
  maybe(
    fc.record({
      address: publicAddress,
      endpoint: endpointName,
      protocol: fc.constantFrom('tcp', 'both'),
      port: fc.constantFrom('80', '1000-1099'),
    }),
  ).map((spec) => spec && object('PortForward', name, spec as PortForwardSpec)),
);

const virtualServices = ['x1', 'x2'].map((name, i) =>
  maybe(
    fc.tuple(
      fc.constantFrom({ allVpcs: true }, { vpcs: ['v1'] }, { vpcs: ['v1', 'v2'] }),
      // the same addresses in a VPC are of services with different ports; the last is a VTEP, too
      fc.constantFrom('198.51.100.53', '2001:db8:9::53', ...vteps.slice(0, 1)),
      fc.constantFrom(undefined, 7),
    ),
  ).map((drawn) => {
    if (!drawn) return undefined;
    const [seenBy, address, limit] = drawn;
    return object('VirtualService', name, {
      ...seenBy,
      address: '169.254.169.254',
      protocol: 'both',
      port: 53 + i,
      server: { address },
      ...(limit === undefined ? {} : { connectionsPerEndpoint: limit }),
    });
  }),
);

const present = <T>(list: readonly (T | undefined)[]): T[] =>
  list.filter((item): item is T => item !== undefined);

const objects: fc.Arbitrary<StoredObject[]> = fc
  .tuple(
    ...[...vpcs, ...subnets, ...droplets, ...endpoints, ...routes],
    ...[...natGateways, ...publicIps, ...portForwards, ...virtualServices],
  )
  .map((list) => present(list));

const facts: fc.Arbitrary<Fact[]> = fc
  .tuple(
    ...['d1', 'd2', 'd3'].map((name, i) =>
      maybe(fc.constantFrom(1500, 9000)).map((mtu) => mtu && droplet(name, 2 + i, mtu)),
    ),
    ...['e1', 'e2', 'e3'].map((name, i) =>
      maybe(fc.constantFrom(1400, 1450)).map((mtu) => mtu && device(name, 10 + i, mtu)),
    ),
    ...[...vteps, '198.51.100.53', '2001:db8:9::53'].map((vtep) =>
      maybe(fc.tuple(fc.constantFrom(2, 3, 99), fc.constantFrom(...vteps))).map(
        (drawn) => drawn && way(vtep, drawn[0], drawn[1]),
      ),
    ),
    ...['0.0.0.0/0', '203.0.113.0/24', '::/0'].map((prefix) =>
      maybe(
        fc.tuple(fc.constantFrom(2, 3), fc.constantFrom(1400, 1500), maybe(fc.constantFrom(1, 2))),
      ).map(
        (drawn) =>
          drawn && kernelRoute(prefix, drawn[0], drawn[2] && `203.0.113.${drawn[2]}`, drawn[1]),
      ),
    ),
    ...['203.0.113.1', '203.0.113.2', '203.0.113.9'].map((address) =>
      maybe(fc.tuple(fc.constantFrom(2, 3), maybe(fc.constant(1500)), fc.constantFrom(3, 4))).map(
        (drawn) => drawn && neighbour(drawn[0], address, drawn[1], drawn[2]),
      ),
    ),
  )
  .map((list) => list.filter((fact) => typeof fact === 'object'));

const state: fc.Arbitrary<State> = fc.record({ objects, facts });

type Step = (calculator: Calculator) => void;

/** What leads from one state to the next, one thing at a time. */
function steps(from: State, to: State): Step[] {
  const said = new Set(to.facts.map(factKey));
  const facts = [...from.facts.filter((f) => !said.has(factKey(f))).map(unsaid), ...to.facts];
  return [
    ...difference(from.objects, to.objects).map((change): Step => (calculator) => {
      calculator.objects([change]);
    }),
    ...facts.map((fact): Step => (calculator) => {
      tell(calculator, fact);
    }),
  ];
}

test('any walk, in any order and any batches, ends in what the last state says', (t) => {
  let runs = 0;
  fc.assert(
    fc.property(
      fc.array(state, { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat()),
      (states, random) => {
        const draw = (below: number): number => Number(random.next().value) % below;
        const indexes = allocator();
        const calculator = new Calculator({ indexes }, { host: HOST, vxlanPort: PORT });
        const mirror = new Mirror();
        const check = (): void => {
          const dangling = mirror.dangling();
          if (dangling.length > 0) throw new Error(`dangling: ${dangling.join(', ')}`);
        };
        let before: State = { objects: [], facts: [] };
        for (const next of states) {
          const todo = steps(before, next);
          while (todo.length > 0) {
            for (let n = 1 + draw(8); n > 0 && todo.length > 0; n--)
              todo.splice(draw(todo.length), 1)[0]?.(calculator);
            mirror.apply(calculator.flush(), check);
          }
          before = next;
          const expected = JSON.stringify(scratch(next, indexes));
          const found = JSON.stringify(mirror.plain());
          if (found !== expected) throw new Error(`found    ${found}\nexpected ${expected}`);
        }
        runs++;
      },
    ),
    { numRuns: 400 },
  );
  t.ok(runs >= 400);
  t.end();
});

test('an index in use is never reported as released', (t) => {
  fc.assert(
    fc.property(fc.array(state, { minLength: 2, maxLength: 6 }), (states) => {
      const indexes = allocator();
      const calculator = new Calculator({ indexes }, { host: HOST, vxlanPort: PORT });
      const mirror = new Mirror();
      const valuesOf = (table: TableName): { addr?: string }[] =>
        [...mirror.tables[table].values()] as { addr?: string }[];
      let before: State = { objects: [], facts: [] };
      for (const next of [...states, { objects: [], facts: [] }]) {
        for (const step of steps(before, next)) step(calculator);
        before = next;
        const delta = calculator.flush();
        mirror.apply(delta);
        for (const { space, key } of delta.released) {
          const used =
            (space === 'nexthop' && mirror.tables.vtep.has(key)) ||
            (space === 'ext' && valuesOf('nat_ext').some((value) => value.addr === key)) ||
            (space === 'vpc' && mirror.tables.vpc.has(key));
          if (used) throw new Error(`${space} ${key} released in use`);
          indexes.release(space, key);
          indexes.free(space, key);
        }
        // Nothing may share an index: as many groups, hops and VPCs as there are entries.
        const nh = [...mirror.tables.vtep.values()].map((v) => (v as { nh: number }).nh);
        const vpc = [...mirror.tables.vpc.values()].map((v) => (v as { vpc: number }).vpc);
        // Equal pools share a row; all others are apart.
        const rows = new Map<number, number>();
        for (const value of valuesOf('nat_gw') as unknown as NatGwEntry[]) {
          if (value.ext4Count > 0) rows.set(value.ext4, value.ext4Count);
          if (value.ext6Count > 0) rows.set(value.ext6, value.ext6Count);
        }
        const positions = [...rows].flatMap(([first, count]) =>
          Array.from({ length: count }, (_, i) => first + i),
        );
        const addresses = valuesOf('nat_ext').map((value) => value.addr);
        for (const list of [nh, vpc, positions, addresses] as (number | string)[][])
          if (new Set(list).size !== list.length) throw new Error(`shared index: ${list.join()}`);
      }
      for (const space of INDEX_SPACES)
        if (indexes[space]('fresh') !== 1) throw new Error(`${space} was not given back`);
    }),
    { numRuns: 300 },
  );
  t.end();
});

test('a change of an entry is told to its VPC, and nothing else is', (t) => {
  fc.assert(
    fc.property(state, state, (first, second) => {
      const calculator = new Calculator({ indexes: allocator() }, { host: HOST, vxlanPort: PORT });
      const mirror = new Mirror();
      for (const step of steps({ objects: [], facts: [] }, first)) step(calculator);
      mirror.apply(calculator.flush());
      const entriesOf = (): Map<number, string> => {
        const out = new Map<number, string>();
        for (const [vni, value] of mirror.tables.vpc) {
          const { vpc } = value as { vpc: number };
          const own = (key: string): boolean => vni !== '0' && key.startsWith(`${vni}/`);
          const { addr, route, ep, service } = mirror.tables;
          const parts = [
            [...service].filter(([key]) => own(key)).sort(),
            [...addr].filter(([key]) => own(key)).sort(),
            [...route].filter(([key]) => own(key)).sort(),
            [...ep].filter(([, v]) => (v as { vpc: number }).vpc === vpc).sort(),
          ];
          out.set(vpc, JSON.stringify([value, parts]));
        }
        return out;
      };
      const old = entriesOf();
      const { addr, nat_ext, nat_sub } = mirror.tables;
      const before = { addr: new Map(addr), nat_ext: new Map(nat_ext), nat_sub: new Map(nat_sub) };
      for (const step of steps(first, second)) step(calculator);
      const delta = calculator.flush();
      mirror.apply(delta);
      const now = entriesOf();
      const expected = new Set<number>();
      for (const vpc of new Set([...old.keys(), ...now.keys()]))
        if (old.get(vpc) !== now.get(vpc)) expected.add(vpc);
      const vtepGone = delta.removals.some(({ table }) => table === 'vtep');
      if (vtepGone) for (const vpc of now.keys()) if (vpc !== 0) expected.add(vpc);
      const here = meetHere(second, mirror);
      if (changedOutside(delta, before)) for (const vpc of here) expected.add(vpc);
      if (here.some((vpc) => expected.has(vpc))) expected.add(0);
      if (here.length === 0) expected.delete(0);
      const found = delta.touchedVpcs.join();
      const wanted = [...expected].sort((x, y) => x - y).join();
      if (found !== wanted) throw new Error(`touched ${found}, not ${wanted}`);
    }),
    { numRuns: 600 },
  );
  t.end();
});

/** Indexes of VPCs that meet the outside on this host. */
function meetHere({ objects: all }: State, mirror: Mirror): number[] {
  const holders = new Map<number, StoredObject & { kind: 'Vpc' }>();
  for (const o of all)
    if (o.kind === 'Vpc') {
      const holder = holders.get(o.spec.vni);
      if (!holder || o.metadata.name < holder.metadata.name) holders.set(o.spec.vni, o);
    }
  return [...holders.values()]
    .filter((o) => o.spec.outside?.host === HOST)
    .map((o) => (mirror.tables.vpc.get(String(o.spec.vni)) as { vpc: number }).vpc);
}

type Before = Readonly<Record<'addr' | 'nat_ext' | 'nat_sub', ReadonlyMap<string, unknown>>>;

/**
 * Whether it is in the records of those who meet the outside. A neighbour that comes is in none, nor
 * is an address that a pool gets; what a pool or an endpoint loses is.
 */
function changedOutside({ upserts, removals }: Delta, before: Before): boolean {
  const concerns = ({ table, key }: { table: TableName; key: string }): boolean =>
    table === 'nat_static' ||
    table === 'port_fwd' ||
    table === 'outside' ||
    ((table === 'addr' || table === 'route') && key.startsWith('0/'));
  const isNew = (upsert: Upsert): boolean =>
    upsert.table === 'addr' && upsert.value.kind === 'outside' && !before.addr.has(upsert.key);
  const takes = (upsert: Upsert): boolean => {
    if (upsert.table === 'nat_ext') return before.nat_ext.has(upsert.key);
    if (upsert.table !== 'nat_sub') return false;
    const old = before.nat_sub.get(upsert.key) as { readonly gw: number } | undefined;
    return old !== undefined && old.gw !== 0 && old.gw !== upsert.value.gw;
  };
  return (
    removals.some((one) => concerns(one) || one.table === 'nat_ext') ||
    upserts.some((one) => (concerns(one) && !isNew(one)) || takes(one))
  );
}
