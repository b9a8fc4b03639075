// SPDX-License-Identifier: Apache-2.0
/** Rules that can never decide: by hand, and held against packets. */
import fc from 'fast-check';
import { test } from 'tap';
import { conditionsOf, covers } from '../../../src/model/policy-cover.js';
import { ruleFaults, unreachableRules, type PolicyRule } from '../../../src/model/index.js';

type Asked = Omit<PolicyRule, 'action'>;
const covered = (outer: Asked, inner: Asked): boolean =>
  covers(conditionsOf({ action: 'allow', ...outer }), conditionsOf({ action: 'deny', ...inner }));
const to = (destination: PolicyRule['destination'], more: Asked = { protocol: 'tcp' }): Asked => ({
  ...more,
  ...(destination && { destination }),
});

test('what decides before', (t) => {
  const rule = (action: PolicyRule['action'], more: Asked = {}): PolicyRule => ({
    action,
    ...more,
  });
  const of = (...rules: PolicyRule[]) =>
    unreachableRules(rules).map(({ rule, behind }) => `${rule} behind ${behind}`);
  t.same(of(), []);
  t.same(of(rule('allow'), rule('deny'), rule('log')), ['1 behind 0', '2 behind 0']);
  t.same(of(rule('pass'), rule('allow', { protocol: 'tcp' })), ['1 behind 0']);
  t.same(of(rule('log'), rule('log'), rule('allow')), [], 'log decides nothing');
  t.same(of(rule('allow', { protocol: 'tcp' }), rule('deny', { protocol: 6 })), ['1 behind 0']);
  t.same(
    of(rule('allow', { protocol: 'tcp' }), rule('deny', { protocol: 'udp' }), rule('deny')),
    [],
  );
  t.same(
    of(
      rule('allow', to({ ports: ['1-100'] })),
      rule('allow', to({ ports: [80] })),
      rule('deny', to({ ports: [80, 101] })),
      rule('deny', to({ ports: [80] })),
    ),
    ['1 behind 0', '3 behind 0'],
    'the first of those it is behind is named',
  );
  t.end();
});

test('each condition, covered and not', (t) => {
  const yes: [Asked, Asked][] = [
    [{}, to({ ports: [1] })],
    [{ ipVersion: 4 }, { protocol: 'icmp' }],
    [{ ipVersion: 6 }, { source: { nets: ['fd00::/8'] } }],
    [{ notProtocol: 'udp' }, { protocol: 'tcp' }],
    [{ notProtocol: 'udp' }, { notProtocol: 17 }],
    [
      { protocol: 'icmp', icmp: { type: 3 } },
      { protocol: 'icmp', icmp: { type: 3, code: 4 } },
    ],
    [
      { protocol: 'icmp', notIcmp: { type: 3, code: 4 } },
      { protocol: 'icmp', notIcmp: { type: 3 } },
    ],
    [
      { protocol: 'icmp', notIcmp: { type: 3 } },
      { protocol: 'icmp', icmp: { type: 8 } },
    ],
    [{ source: { nets: ['10.0.0.0/8', 'fd00::/8'] } }, { source: { nets: ['10.1.0.0/16'] } }],
    [
      { source: { nets: ['10.0.0.0/8'] } },
      { source: { nets: ['10.1.2.3/32'], selector: 'has(a)' } },
    ],
    [{ source: { notNets: ['10.1.0.0/16'] } }, { source: { notNets: ['10.0.0.0/8'] } }],
    [{ source: { notNets: ['10.1.0.0/16'] } }, { source: { nets: ['10.2.0.0/16'] } }],
    [{ source: { selector: "a=='b'" } }, { source: { selector: '(a == "b")' } }],
    [{ source: { selector: '' } }, { source: { selector: 'has(a)' } }],
    [{ source: { notSelector: 'has(a)' } }, { source: { notSelector: 'all()' } }],
    [to({ ports: ['1-50', '51-100'] }), to({ ports: ['40-60'] })],
    [to({ ports: ['http', 1] }), to({ ports: ['http'] })],
    [to({ notPorts: [80] }), to({ ports: ['1-79'] })],
    [to({ notPorts: [80] }), to({ notPorts: ['70-90'] })],
  ];
  for (const [outer, inner] of yes) t.ok(covered(outer, inner), JSON.stringify([outer, inner]));
  const no: [Asked, Asked][] = [
    [{ protocol: 'tcp' }, {}],
    [{ ipVersion: 4 }, { protocol: 'tcp' }],
    [{ ipVersion: 4 }, { source: { nets: ['10.0.0.0/8', 'fd00::/8'] } }],
    [{ notProtocol: 'udp' }, {}],
    [{ notProtocol: 'udp' }, { protocol: 'udp' }],
    [
      { protocol: 'icmp', icmp: { type: 3, code: 4 } },
      { protocol: 'icmp', icmp: { type: 3 } },
    ],
    [
      { protocol: 'icmp', notIcmp: { type: 3 } },
      { protocol: 'icmp', notIcmp: { type: 3, code: 1 } },
    ],
    [{ source: { nets: ['10.0.0.0/8'] } }, { destination: { nets: ['10.0.0.0/8'] } }],
    [{ source: { nets: ['10.0.0.0/8'] } }, { source: { selector: 'has(a)' } }],
    [{ source: { nets: ['10.1.0.0/16'] } }, { source: { nets: ['10.0.0.0/8'] } }],
    [{ source: { notNets: ['10.0.0.0/8'] } }, { source: { nets: ['10.1.0.0/16'] } }],
    [{ source: { selector: 'all()' } }, { source: { nets: ['10.0.0.0/8'] } }],
    [{ source: { notSelector: 'all()' } }, { source: { notSelector: 'has(a)' } }],
    [to({ ports: ['1-50', '52-100'] }), to({ ports: ['40-60'] })],
    [to({ ports: ['1-65535'] }), to({})],
    [to({ ports: [80] }), to({ ports: ['http'] })],
    [to({ notPorts: [80] }), to({ ports: ['http'] })],
  ];
  for (const [outer, inner] of no) t.notOk(covered(outer, inner), JSON.stringify([outer, inner]));
  t.end();
});

const net = fc.constantFrom('0.0.0.0/0', '10.0.0.0/8', '10.1.0.0/16', '10.1.0.1/32', 'fd00::/8');
const port = fc.constantFrom(1, 2, 3, '1-2', '2-3', '3-4', '1-65535');
const list = <T>(one: fc.Arbitrary<T>) =>
  fc.option(fc.array(one, { minLength: 1, maxLength: 2 }), { nil: undefined });
const icmp = fc.option(
  fc.record({
    type: fc.constantFrom(3, 8),
    code: fc.option(fc.constantFrom(0, 1), { nil: undefined }),
  }),
  { nil: undefined },
);
const defined = <T extends object>(of: T): T => JSON.parse(JSON.stringify(of)) as T;
const side = fc.record({
  nets: list(net),
  notNets: list(net),
  ports: list(port),
  notPorts: list(port),
});
const asked = fc
  .record({
    ipVersion: fc.constantFrom(undefined, undefined, 4 as const, 6 as const),
    protocol: fc.constantFrom(undefined, 'tcp' as const, 'tcp' as const, 'icmp' as const, 17),
    notProtocol: fc.constantFrom(undefined, undefined, 'udp' as const, 'tcp' as const),
    icmp,
    notIcmp: icmp,
    source: side,
    destination: side,
  })
  .map((rule): PolicyRule => {
    const { icmp, notIcmp, protocol, source, destination, ...rest } = rule;
    const hasPorts = protocol === 'tcp' || protocol === 17;
    const bare = ({ nets, notNets, ports, notPorts }: typeof source) =>
      hasPorts ? { nets, notNets, ports, notPorts } : { nets, notNets };
    return defined({
      action: 'allow' as const,
      ...rest,
      protocol,
      ...(protocol === 'icmp' ? { icmp, notIcmp } : {}),
      source: bare(source),
      destination: bare(destination),
    }) as PolicyRule;
  })
  .filter((rule) => ruleFaults(rule).length === 0);

interface Packet {
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly addresses: readonly [string, string];
  readonly ports: readonly [number, number];
  readonly icmp: readonly [number, number];
}

const IN: Readonly<Record<string, readonly string[]>> = {
  '0.0.0.0/0': ['10.1.0.1', '10.1.0.2', '10.2.0.1', '11.0.0.1'],
  '10.0.0.0/8': ['10.1.0.1', '10.1.0.2', '10.2.0.1'],
  '10.1.0.0/16': ['10.1.0.1', '10.1.0.2'],
  '10.1.0.1/32': ['10.1.0.1'],
  'fd00::/8': ['fd00::1'],
};

/** By what the fields mean, in other words than the code. */
function meets(rule: PolicyRule, packet: Packet): boolean {
  const number = (p: unknown) => (p === 'tcp' ? 6 : p === 'udp' ? 17 : p === 'icmp' ? 1 : p);
  const isType = (one: { type: number; code?: number }) =>
    packet.protocol === 1 &&
    packet.icmp[0] === one.type &&
    (one.code ?? packet.icmp[1]) === packet.icmp[1];
  const inPorts = (specs: readonly (string | number)[], n: number) =>
    specs.some((spec) => {
      const [from, till = from] = String(spec).split('-').map(Number) as [number, number?];
      return from <= n && n <= till;
    });
  if (rule.ipVersion !== undefined && rule.ipVersion !== packet.family) return false;
  if (rule.protocol !== undefined && number(rule.protocol) !== packet.protocol) return false;
  if (rule.notProtocol !== undefined && number(rule.notProtocol) === packet.protocol) return false;
  if (rule.icmp && !isType(rule.icmp)) return false;
  if (rule.notIcmp && isType(rule.notIcmp)) return false;
  return [rule.source ?? {}, rule.destination ?? {}].every((one, i) => {
    const [address, n] = [packet.addresses[i]!, packet.ports[i]!];
    if (one.nets && !one.nets.some((p) => IN[p]!.includes(address))) return false;
    if (one.notNets?.some((p) => IN[p]!.includes(address)) === true) return false;
    if (one.ports && !inPorts(one.ports, n)) return false;
    return !(one.notPorts && inPorts(one.notPorts, n));
  });
}

const packet: fc.Arbitrary<Packet> = fc.constantFrom(4 as const, 6 as const).chain((family) => {
  const address =
    family === 6 ? fc.constantFrom('fd00::1', 'fe00::1') : fc.constantFrom(...IN['0.0.0.0/0']!);
  return fc.record({
    family: fc.constant(family),
    protocol: family === 6 ? fc.constantFrom(6, 17, 47) : fc.constantFrom(6, 17, 1, 47),
    addresses: fc.tuple(address, address),
    ports: fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })),
    icmp: fc.tuple(fc.constantFrom(3, 8, 13), fc.constantFrom(0, 1)),
  });
});

test('a rule that is not reached decides no packet', (t) => {
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(asked, { minLength: 2, maxLength: 8 }),
      fc.array(packet, { minLength: 200, maxLength: 200 }),
      (rules, packets) => {
        for (const { rule, behind } of unreachableRules(rules)) {
          found++;
          for (const one of packets)
            if (meets(rules[rule]!, one) && !meets(rules[behind]!, one)) return false;
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
  t.ok(found > 10, `${found} found`);
  t.end();
});

test('long lists take no long time', (t) => {
  const rules = Array.from({ length: 10_000 }, (_, i): PolicyRule => ({
    action: 'allow',
    protocol: 'tcp',
    source: { nets: [`10.${i >> 8}.${i & 255}.0/24`] },
    destination: { ports: [1 + (i % 60_000)] },
  }));
  const started = performance.now();
  t.same(unreachableRules([...rules, rules[9_999]!]), [{ rule: 10_000, behind: 9_999 }]);
  const ms = performance.now() - started;
  t.comment(`${Math.round(ms)} ms`);
  t.ok(ms < 5000);
  t.same(
    unreachableRules([{ action: 'deny' }, ...rules]).length,
    rules.length,
    'all behind one that meets everything',
  );
  t.end();
});
