// SPDX-License-Identifier: Apache-2.0
/**
 * Random sequences of changes against a naive model: after each flush the sum of all flushes is what
 * the model computes from scratch, and when everything is gone nothing is kept. TRANSIT_SEQUENCES
 * sets how many; fast-check prints seed and path of the smallest one that fails.
 */
import fc from 'fast-check';
import suite, { test } from 'tap';
import { outcome, type World } from '../support/policy-naive.js';
import {
  after,
  all,
  BROKEN,
  EMPTY,
  isNothing,
  meaning,
  plain,
  SELECTOR_TEXTS,
  tell,
  Walk,
  type Step,
} from './policy-support.js';
import { PolicyGraph } from '../../src/daemon/calc/policy/graph.js';

const SEQUENCES = Number(process.env['TRANSIT_SEQUENCES'] ?? 20_000);
suite.setTimeout(3_600_000);

const optional = { requiredKeys: [] };
const vpc = fc.constantFrom('v1', 'v1', 'v1', 'v2');
const forVpc = fc.constantFrom('v1', 'v1', 'v2');
const selector = fc.constantFrom(...SELECTOR_TEXTS, ...SELECTOR_TEXTS, BROKEN);
const profile = fc.constantFrom('p1', 'p2', 'p3');
const labels = fc.record(
  { role: fc.constantFrom('web', 'db'), env: fc.constantFrom('prod', 'test') },
  optional,
);
const address = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.1.1', '2001:db8::1', '2001:db8::2');
const net = fc.constantFrom(
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.0.0.0/24',
  '10.0.0.0/31',
  '10.0.0.1/32',
  '10.0.0.1',
  '10.0.1.0/24',
  '::/0',
  '2001:db8::/64',
  '2001:db8::1/128',
);
const nets = fc.array(net, { maxLength: 3 });
const port = fc.record({
  name: fc.constantFrom('http', 'dns'),
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
  port: fc.constantFrom(80, 81, 53),
});
const ports = fc.array(fc.constantFrom(80, 81, '82', '80-90', '5-7', 'http', 'http', 'dns'), {
  maxLength: 3,
});

const side = fc.record(
  { nets, notNets: nets, selector, notSelector: selector, ports, notPorts: ports },
  optional,
);
const portless = fc.record({ nets, notNets: nets, selector, notSelector: selector }, optional);
const action = fc.constantFrom('allow' as const, 'deny' as const, 'pass' as const, 'log' as const);
const rule = fc.oneof(
  fc.record(
    {
      action,
      protocol: fc.constantFrom('tcp' as const, 'udp' as const, 6, 17),
      source: side,
      destination: side,
    },
    { requiredKeys: ['action', 'protocol'] },
  ),
  fc.record(
    {
      action,
      ipVersion: fc.constantFrom(4 as const, 6 as const),
      protocol: fc.constantFrom('icmp' as const, 'sctp' as const, 47),
      notProtocol: fc.constantFrom('icmpv6' as const, 1),
      icmp: fc.constantFrom({ type: 8 }, { type: 3, code: 4 }),
      notIcmp: fc.constantFrom({ type: 8 }),
      source: portless,
      destination: portless,
    },
    { requiredKeys: ['action'] },
  ),
);
const rules = fc.array(rule, { maxLength: 2 });
const order = fc.constantFrom(1, 2, -1);

const endpoint = fc.record({
  vpc,
  labels,
  profiles: fc.array(profile, { maxLength: 2 }),
  addresses: fc.array(address, { maxLength: 2 }),
  ports: fc.array(port, { maxLength: 2 }),
  local: fc.boolean(),
});
const networkSet = fc.record({ vpc: forVpc, labels, nets }, { requiredKeys: ['nets', 'labels'] });
const profileSpec = fc.record({ labels, ingress: rules, egress: rules }, optional);
const tier = fc.record(
  { order, defaultAction: fc.constantFrom('deny' as const, 'pass' as const) },
  optional,
);
const policy = fc.record(
  {
    vpc: forVpc,
    tier: fc.constantFrom('default', 't1', 't2'),
    order,
    selector,
    types: fc.constantFrom(
      ['ingress' as const],
      ['egress' as const],
      ['ingress' as const, 'egress' as const],
    ),
    ingress: rules,
    egress: rules,
  },
  optional,
);

const of = <K extends Step[0]>(
  kind: K,
  names: readonly string[],
  value: fc.Arbitrary<World[K][string]>,
): fc.Arbitrary<Step> =>
  fc
    .tuple(fc.constantFrom(...names), fc.option(value, { nil: undefined, freq: 4 }))
    .map(([name, drawn]) => [kind, name, drawn] as unknown as Step);

const vni = fc.constantFrom(100, 100, 200, 300);
const steps = fc.oneof(
  { weight: 1, arbitrary: of('vpcs', ['v1', 'v2'], vni) },
  { weight: 4, arbitrary: of('endpoints', ['e1', 'e2', 'e3'], endpoint) },
  { weight: 2, arbitrary: of('networkSets', ['n1', 'n2', 'e1'], networkSet) },
  { weight: 2, arbitrary: of('profiles', ['p1', 'p2'], profileSpec) },
  { weight: 1, arbitrary: of('tiers', ['t1', 'default'], tier) },
  { weight: 4, arbitrary: of('policies', ['a', 'b', 'c'], policy) },
);

/** Something to begin with, so that not all sequences are about nothing. */
const some: World = {
  ...EMPTY,
  vpcs: { v1: 100 },
  endpoints: {
    e1: {
      vpc: 'v1',
      labels: { role: 'web' },
      profiles: [],
      addresses: ['10.0.0.1'],
      ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
      local: true,
    },
    e2: {
      vpc: 'v1',
      labels: { role: 'db' },
      profiles: ['p1'],
      addresses: ['10.0.0.2', '2001:db8::2'],
      ports: [],
      local: false,
    },
  },
};
const more: World = {
  ...some,
  networkSets: { n1: { labels: { env: 'prod' }, nets: ['10.0.0.0/8', '2001:db8::/64'] } },
  profiles: { p1: { labels: { env: 'prod', role: 'web' } } },
  policies: {
    c: {
      ingress: [
        { action: 'allow', protocol: 'tcp', destination: { ports: ['http'] } },
        {
          action: 'allow',
          source: { selector: 'role == "db" || has(env)', notNets: ['10.0.0.0/31'] },
        },
        { action: 'deny', source: { selector: 'role != "web"', nets: ['0.0.0.0/0'] } },
      ],
    },
  },
};

const sequences = fc.record({
  start: fc.constantFrom(more, more, some, EMPTY),
  changes: fc.array(fc.record({ step: steps, flush: fc.boolean(), twice: fc.boolean() }), {
    minLength: 1,
    maxLength: 30,
    size: 'max',
  }),
});

test(`${SEQUENCES} sequences of changes`, { timeout: 3_600_000 }, (t) => {
  let flushes = 0;
  let entries = 0;
  const check = (walk: Walk, world: World): void => {
    flushes++;
    walk.flush();
    const expected = outcome(world, meaning);
    const [is, should] = [plain(walk.mirror.outcome()), plain(expected)];
    if (is !== should) throw new Error(`is:     ${is}\nshould: ${should}`);
    entries += Object.keys(expected.hosts).length + Object.keys(expected.nets).length;
  };
  fc.assert(
    fc.property(sequences, ({ start: first, changes }) => {
      const walk = new Walk();
      let world = first;
      walk.tell(all(first));
      for (const { step, flush, twice } of changes) {
        world = after(world, step);
        tell(walk.graph, step);
        if (twice) tell(walk.graph, step);
        if (!flush) continue;
        check(walk, world);
        tell(walk.graph, step);
        if (!isNothing(walk.flush())) throw new Error('the same again is said again');
      }
      check(walk, world);
      const size = walk.graph.size();
      const scratch = new PolicyGraph(() => 1);
      for (const step of all(world)) tell(scratch, step);
      scratch.flush();
      if (scratch.size() !== size) throw new Error(`keeps ${size}, from scratch ${scratch.size()}`);
      for (const [kind, name] of all(world)) tell(walk.graph, [kind, name, undefined] as Step);
      check(walk, EMPTY);
      if (walk.graph.size() !== 0) throw new Error(`keeps ${walk.graph.size()} of nothing`);
    }),
    { numRuns: SEQUENCES },
  );
  t.ok(flushes > SEQUENCES, `${flushes} flushes`);
  t.ok(entries > SEQUENCES, `${entries} entries`);
  t.end();
});
