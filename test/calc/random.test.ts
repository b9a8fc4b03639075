// SPDX-License-Identifier: Apache-2.0
/**
 * Random configurations, random walks: the tables depend on the state alone. Objects refer to each
 * other by a few names, so that each reference is missing, late or going away often.
 */
import fc from 'fast-check';
import { test } from 'tap';
import type { StoredObject } from '../../src/model/index.js';
import { Calculator } from '../../src/daemon/calc/index.js';
import {
  allocator,
  device,
  difference,
  droplet,
  factKey,
  HOST,
  Mirror,
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
    }),
  ).map((spec) => spec && object('Vpc', name, spec as { vni: number })),
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
  maybe(fc.tuple(host, fc.constantFrom(1, 2, 3), maybe(fc.constantFrom(1, 9)))).map((drawn) => {
    if (!drawn) return undefined;
    const [on, families, ttl] = drawn;
    const addresses = [
      ...(families & 1 ? [`192.0.2.${i + 1}`] : []),
      ...(families & 2 ? [`2001:db8:f::${i + 1}`] : []),
    ];
    const spec = { host: on, device: `eth${i}`, addresses };
    return object('Droplet', name, ttl === undefined ? spec : { ...spec, ttl, dscp: ttl });
  }),
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

const present = <T>(list: readonly (T | undefined)[]): T[] =>
  list.filter((item): item is T => item !== undefined);

const objects: fc.Arbitrary<StoredObject[]> = fc
  .tuple(...[...vpcs, ...subnets, ...droplets, ...endpoints, ...routes])
  .map((list) => present(list));

const facts: fc.Arbitrary<Fact[]> = fc
  .tuple(
    ...['d1', 'd2', 'd3'].map((name, i) =>
      maybe(fc.constantFrom(1500, 9000)).map((mtu) => mtu && droplet(name, 2 + i, mtu)),
    ),
    ...['e1', 'e2', 'e3'].map((name, i) =>
      maybe(fc.constantFrom(1400, 1450)).map((mtu) => mtu && device(name, 10 + i, mtu)),
    ),
    ...vteps.map((vtep) =>
      maybe(fc.tuple(fc.constantFrom(2, 3, 99), fc.constantFrom(...vteps))).map(
        (drawn) => drawn && way(vtep, drawn[0], drawn[1]),
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
      let before: State = { objects: [], facts: [] };
      for (const next of [...states, { objects: [], facts: [] }]) {
        for (const step of steps(before, next)) step(calculator);
        before = next;
        const delta = calculator.flush();
        mirror.apply(delta);
        for (const { space, key } of delta.released) {
          const used =
            (space === 'nexthop' && mirror.tables.vtep.has(key)) ||
            (space === 'vpc' && mirror.tables.vpc.has(key));
          if (used) throw new Error(`${space} ${key} released in use`);
          indexes.release(space, key);
          indexes.free(space, key);
        }
        // Nothing may share an index: as many groups, hops and VPCs as there are entries.
        const nh = [...mirror.tables.vtep.values()].map((v) => (v as { nh: number }).nh);
        const vpc = [...mirror.tables.vpc.values()].map((v) => (v as { vpc: number }).vpc);
        for (const list of [nh, vpc])
          if (new Set(list).size !== list.length) throw new Error(`shared index: ${list.join()}`);
      }
      for (const space of ['vpc', 'endpoint', 'nexthop', 'group'] as const)
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
          const own = (key: string): boolean => key.startsWith(`${vni}/`);
          const { addr, route, ep } = mirror.tables;
          const parts = [
            [...addr].filter(([key]) => own(key)).sort(),
            [...route].filter(([key]) => own(key)).sort(),
            [...ep].filter(([, v]) => (v as { vpc: number }).vpc === vpc).sort(),
          ];
          out.set(vpc, JSON.stringify([value, parts]));
        }
        return out;
      };
      const old = entriesOf();
      for (const step of steps(first, second)) step(calculator);
      const delta = calculator.flush();
      mirror.apply(delta);
      const now = entriesOf();
      const touched = new Set(delta.touchedVpcs);
      const vtepGone = delta.removals.some(({ table }) => table === 'vtep');
      for (const vpc of new Set([...old.keys(), ...now.keys()])) {
        const changed = old.get(vpc) !== now.get(vpc);
        if (changed && !touched.has(vpc)) throw new Error(`VPC ${vpc} changed silently`);
        if (!changed && !vtepGone && touched.has(vpc)) throw new Error(`VPC ${vpc} touched`);
        if (vtepGone && now.has(vpc) && !touched.has(vpc)) throw new Error(`VPC ${vpc} missed`);
      }
    }),
    { numRuns: 400 },
  );
  t.end();
});
