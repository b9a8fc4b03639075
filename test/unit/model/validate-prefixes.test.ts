// SPDX-License-Identifier: Apache-2.0
/** Peerings and translated prefixes: what is refused, what is right, and changes of several. */
import t from 'tap';
import { parseObjects } from '../../../src/api/index.js';
import {
  prefixAdjustment,
  StateIndex,
  validateState,
  type Problem,
  type StoredObject,
} from '../../../src/model/index.js';
import { BAD_POOL_INPUTS } from './bad-inputs-pools.js';
import { BAD_PREFIX_INPUTS, prefixState } from './bad-inputs-prefixes.js';
import { baseState, change, make, natState } from './fixtures.js';

const state = [...baseState(), ...natState(), ...prefixState()];
const index = new StateIndex(state);

function judge(...objects: StoredObject[]): Problem[] {
  return index.check(objects.map(change));
}

t.same(validateState(state), [], 'the state is valid');
t.same(validateState([...state].reverse()), [], 'in any order');

for (const bad of [...BAD_PREFIX_INPUTS, ...BAD_POOL_INPUTS]) {
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
    { found },
  );
}
t.ok(BAD_PREFIX_INPUTS.length >= 30, `${BAD_PREFIX_INPUTS.length} wrong configurations`);

const expose = (prefix: string, as?: string) => ({ prefix, ...(as === undefined ? {} : { as }) });
const peering = (name: string, ...sides: unknown[]) => make('Peering', name, { sides });

void t.test('what is right is accepted', (t) => {
  const right: [string, StoredObject][] = [
    [
      'the same addresses, each under another prefix',
      peering(
        'new',
        { vpc: 'pine', expose: [expose('10.20.0.0/24', '100.80.0.0/24')] },
        { vpc: 'plum', expose: [expose('10.20.0.0/24', '100.80.0.0/24')] },
      ),
    ],
    [
      'part of a subnet, and single addresses',
      peering(
        'new',
        { vpc: 'pine', expose: [expose('10.20.0.7/32', '100.80.0.1/32')] },
        {
          vpc: 'plum',
          expose: [expose('fd20:1::/65', 'fd80::/65'), expose('10.20.0.8/32', '9.9.9.9/32')],
        },
      ),
    ],
    [
      'untranslated, as nothing is in the way',
      peering(
        'new',
        { vpc: 'plum', expose: [expose('10.20.0.0/24')] },
        { vpc: 'pear', expose: [expose('10.30.0.0/24')] },
      ),
    ],
    [
      'behind a pool of a few addresses, beside others address by address',
      make('Peering', 'new', {
        host: 'host-a',
        sides: [
          {
            vpc: 'pine',
            expose: [
              { prefix: '10.20.0.0/25', as: '100.80.0.0/28', nat: 'masquerade' },
              { prefix: 'fd20:1::/64', as: 'fd80::/128', nat: 'masquerade' },
              { prefix: '10.20.0.128/25', as: '100.80.1.0/25', nat: 'static' },
            ],
          },
          { vpc: 'plum', expose: [expose('10.20.0.0/24', '100.81.0.0/24')] },
        ],
      }),
    ],
    [
      'a shorter Route may contain what is seen',
      make('Route', 'new', { vpc: 'pear', prefix: '100.64.0.0/10', blackhole: true }),
    ],
    [
      'prefixes beside a pool',
      make('NatGateway', 'new', {
        sources: [{ vpc: 'lime' }],
        addresses: ['203.0.113.200'],
        prefixes: [{ inside: 'fd30::/64', outside: '2001:db8:a4:1::/64' }],
      }),
    ],
    [
      'the same inside prefix in another VPC',
      make('NatGateway', 'new', {
        sources: [{ vpc: 'lime' }],
        prefixes: [{ inside: 'fd20:1::/48', outside: '2001:db8:a4::/48' }],
      }),
    ],
  ];
  for (const [what, object] of right) t.same(judge(object), [], what);
  t.end();
});

void t.test('of two in conflict the later one is blamed', (t) => {
  const one = peering(
    'new',
    { vpc: 'plum', expose: [expose('10.20.0.0/24', '100.80.0.0/24')] },
    { vpc: 'pear', expose: [expose('10.30.0.0/24', '100.81.0.0/24')] },
  );
  const subnet = make('Subnet', 'plum-b', { vpc: 'plum', ipv4: { prefix: '100.81.0.0/16' } });
  t.match(judge(one, subnet), [{ object: 'Subnet/plum-b' }]);
  t.match(judge(subnet, one), [{ object: 'Peering/new' }]);
  t.end();
});

void t.test('a Vpc stays while it is peered', (t) => {
  const gone = index.check([{ kind: 'Vpc', name: 'pear', object: undefined }]);
  t.match(gone, [{ object: 'Vpc/pear', rule: /Peering\/pine-pear/ }]);
  t.end();
});

// @rfc 6296 s3.7
void t.test('the adjustment is that of the RFC', (t) => {
  // RFC 6296 s3.6: FD01:0203:0405:/48 and 2001:0DB8:0001:/48
  t.equal(prefixAdjustment('fd01:203:405::/48', '2001:db8:1::/48'), 0xd54f);
  t.equal(prefixAdjustment('2001:db8:1::/48', 'fd01:203:405::/48'), 0xffff - 0xd54f);
  t.end();
});
