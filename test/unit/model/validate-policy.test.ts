// SPDX-License-Identifier: Apache-2.0
/** Policies, profiles, tiers and network sets: what is refused, what is right, what it becomes. */
import t from 'tap';
import { parseObject, parseObjects } from '../../../src/api/index.js';
import {
  isPortName,
  parsePortSpec,
  policyTypes,
  protocolNumber,
  StateIndex,
  validateState,
  type Problem,
  type StoredObject,
} from '../../../src/model/index.js';
import { BAD_POLICY_INPUTS, policyState } from './bad-inputs-policy.js';
import { baseState, change, make } from './fixtures.js';

const state = [...baseState(), ...policyState()];
const index = new StateIndex(state);

function judge(...objects: StoredObject[]): Problem[] {
  return index.check(objects.map(change));
}

t.same(validateState(state), [], 'the state is valid');

for (const bad of BAD_POLICY_INPUTS) {
  const [kind, name] = bad.object.split('/');
  const input = { kind, metadata: { name }, spec: bad.spec };
  const { objects, problems } = parseObjects([input]);
  const found = problems.length > 0 ? problems : judge(...objects.map(({ object }) => object));
  t.ok(
    found.some(
      ({ object, field, rule }) =>
        object === bad.object && field === bad.field && bad.rule.test(rule),
    ),
    `${bad.object}: ${bad.field}: ${bad.rule.source}`,
    { found: found.slice(0, 5) },
  );
}
t.ok(BAD_POLICY_INPUTS.length >= 100, `${BAD_POLICY_INPUTS.length} wrong configurations`);

const policy = (spec: unknown): StoredObject => make('Policy', 'new', spec);

void t.test('what is right is accepted', (t) => {
  const right: [string, StoredObject][] = [
    ['nothing said: closes ingress of all endpoints', policy({})],
    ['the default tier without an object', policy({ tier: 'default' })],
    ['the default tier as an object', make('Tier', 'default', { defaultAction: 'pass' })],
    ['negative and broken orders', policy({ order: -0.5 })],
    ['an empty selector', policy({ selector: '' })],
    ['rules of a direction that types leaves out', policy({ types: ['ingress'], egress: [] })],
    [
      'the number of a protocol with ports',
      policy({ ingress: [{ action: 'allow', protocol: 132, source: { ports: [1] } }] }),
    ],
    [
      'a protocol without another',
      policy({ ingress: [{ action: 'pass', protocol: 'tcp', notProtocol: 'udp' }] }),
    ],
    [
      'one code of a type is left out',
      policy({
        ingress: [{ action: 'log', protocol: 1, icmp: { type: 3 }, notIcmp: { type: 3, code: 4 } }],
      }),
    ],
    [
      'nets of both families that share one',
      policy({
        egress: [
          {
            action: 'allow',
            source: { nets: ['10.0.0.0/8', 'fd00::/8'] },
            destination: { nets: ['fd01::/16'] },
          },
        ],
      }),
    ],
    [
      '10,000 rules',
      policy({ ingress: Array.from({ length: 10_000 }, () => ({ action: 'allow' })) }),
    ],
    ['an empty network set of every VPC', make('NetworkSet', 'new', { nets: [] })],
    ['an empty profile', make('Profile', 'new', {})],
    [
      'an endpoint with a profile that is not there, and one name for two protocols',
      make('Endpoint', 'new', {
        host: 'host-a',
        vpc: 'blue',
        subnet: 'blue-a',
        addresses: ['10.0.0.50'],
        profiles: ['nobody', 'web'],
        ports: [
          { name: 'dns', protocol: 'udp', port: 53 },
          { name: 'dns', protocol: 'tcp', port: 53 },
        ],
      }),
    ],
  ];
  for (const [what, object] of right) t.same(judge(object), [], what);
  t.end();
});

void t.test('what passes is canonical', (t) => {
  const spec = {
    vpc: 'blue',
    selector: "  role=='web' ",
    ingress: [
      {
        action: 'allow',
        protocol: 'tcp',
        source: { nets: ['2001:DB8:0::/32', '10.0.0.7', 'FD00::0:1', '0.0.0.0/0'] },
        destination: { ports: ['080', 81, '90-90', '0100-00200', 'http-alt'] },
      },
    ],
  };
  t.match(policy(spec).spec, {
    selector: "  role=='web' ",
    ingress: [
      {
        source: { nets: ['2001:db8::/32', '10.0.0.7/32', 'fd00::1/128', '0.0.0.0/0'] },
        destination: { ports: [80, 81, 90, '100-200', 'http-alt'] },
      },
    ],
  });
  const set = make('NetworkSet', 'new', { nets: ['192.0.2.1', '::'] });
  t.same(set.spec, { nets: ['192.0.2.1/32', '::/128'] });
  const again = policy(policy(spec).spec);
  t.same(again, policy(spec), 'what is canonical stays as it is');
  t.end();
});

void t.test('what is referred to cannot go, and may come in the same change', (t) => {
  const gone = (kind: 'Tier' | 'Vpc' | 'Profile', name: string): Problem[] =>
    index.check([{ kind, name, object: undefined }]);
  t.match(gone('Tier', 'security'), [
    { object: 'Tier/security', rule: /cannot be deleted: Policy\/open-web refers to it/ },
  ]);
  t.match(gone('Vpc', 'red'), [
    { object: 'Vpc/red', rule: /NetworkSet\/offices, Policy\/open-web/ },
  ]);
  t.same(gone('Profile', 'web'), [], 'endpoints do without: they are closed');
  const tier = make('Tier', 'late', {});
  t.same(judge(policy({ tier: 'late' }), tier), [], 'in any order');
  t.end();
});

void t.test('problems are bounded, whatever is wrong', (t) => {
  const nets = Array.from({ length: 9000 }, () => 'x');
  const result = parseObject({ kind: 'ns', metadata: { name: 'new' }, spec: { nets } });
  t.equal(result.ok ? 0 : result.problems.length, 100);
  t.end();
});

void t.test('what fields mean', (t) => {
  t.same(
    (['icmp', 'tcp', 'udp', 'icmpv6', 'sctp', 47] as const).map(protocolNumber),
    [1, 6, 17, 58, 132, 47],
  );
  t.same(parsePortSpec(80), { from: 80, to: 80 });
  t.same(parsePortSpec('80'), { from: 80, to: 80 });
  t.same(parsePortSpec('80-90'), { from: 80, to: 90 });
  t.same(parsePortSpec('a'), { name: 'a' });
  t.same(parsePortSpec('a-90'), { name: 'a-90' });
  t.throws(() => parsePortSpec('9-1'), { code: 'BAD_PORTS' });
  t.ok(isPortName('abcdefghijklmno'));
  t.notOk(isPortName('abcdefghijklmnop'));
  t.same(policyTypes({}), ['ingress']);
  t.same(policyTypes({ ingress: [] }), ['ingress']);
  t.same(policyTypes({ egress: [] }), ['egress']);
  t.same(policyTypes({ ingress: [], egress: [] }), ['ingress', 'egress']);
  t.same(policyTypes({ types: ['egress'], ingress: [] }), ['egress']);
  t.end();
});
