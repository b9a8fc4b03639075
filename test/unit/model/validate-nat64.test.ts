// SPDX-License-Identifier: Apache-2.0
/** Rules of NAT64: prefixes, what they may be beside, and static entries. */
import t from 'tap';
import { parseObjects } from '../../../src/api/index.js';
import {
  nat64Reason,
  StateIndex,
  validateState,
  type StoredObject,
} from '../../../src/model/index.js';
import { baseState, change, make, natState } from './fixtures.js';

const INSIDE = '2001:db8:9::5';
const gate = {
  sources: [{ vpc: 'mint', subnets: ['mint-a'] }],
  addresses: ['203.0.113.160'],
  nat64: { prefix: '64:ff9b::/96' },
};
const state: StoredObject[] = [
  ...baseState(),
  ...natState(),
  make('Vpc', 'mint', { vni: 410, outside: { host: 'host-a' } }),
  make('Subnet', 'mint-a', { vpc: 'mint', ipv6: { prefix: '2001:db8:9::/64' } }),
  make('Subnet', 'mint-b', { vpc: 'mint', ipv6: { prefix: '2001:db8:a::/64' } }),
  make('Endpoint', 'mint-1', {
    host: 'host-b',
    vpc: 'mint',
    subnet: 'mint-a',
    addresses: [INSIDE],
  }),
  make('NatGateway', 'ng-mint', gate),
  make('PublicIp', 'pip-64', {
    address: '203.0.113.162',
    endpoint: 'mint-1',
    endpointAddress: INSIDE,
  }),
];
const index = new StateIndex(state);

t.same(validateState(state), [], 'the state is valid');

interface Bad {
  readonly object: string;
  readonly field: string;
  readonly rule: RegExp;
  readonly spec: Record<string, unknown>;
}

const gateway = (spec: Record<string, unknown>, field: string, rule: RegExp): Bad => ({
  object: 'NatGateway/ng-mint',
  field,
  rule,
  spec: { ...gate, ...spec },
});
const prefix = (text: unknown, rule: RegExp): Bad =>
  gateway({ nat64: { prefix: text } }, 'spec.nat64.prefix', rule);
const publicIp = (spec: Record<string, unknown>, field: string, rule: RegExp): Bad => ({
  object: 'PublicIp/new',
  field,
  rule,
  spec: { address: '203.0.113.200', endpoint: 'mint-1', ...spec },
});
const forward = (spec: Record<string, unknown>, field: string, rule: RegExp): Bad => ({
  object: 'PortForward/new',
  field,
  rule,
  spec: { address: '203.0.113.201', protocol: 'tcp', port: 80, endpoint: 'mint-1', ...spec },
});

// @rfc 6052 s2.2
const BAD: readonly Bad[] = [
  prefix('10.0.0.0/8', /is IPv4, must be an IPv6 prefix/),
  prefix('2001:db8:64::', /not a prefix/),
  prefix('2001:db8:64::1/96', /bits behind the length must be zero/),
  prefix(96, /not a text|not a string|must be/),
  ...[0, 16, 31, 33, 44, 60, 72, 95, 97, 128].map((bits) =>
    prefix(`${bits === 0 ? '::' : '2000::'}/${bits}`, new RegExp(`has ${bits} bits, must have 32`)),
  ),
  prefix('2001:db8:64:0:100::/96', /bits 64 to 71 must be zero/),
  prefix('64:ff9b::/32', /contains 64:ff9b::\/96, which is a prefix by itself/),
  prefix('64:ff9b::/48', /contains 64:ff9b::\/96/),
  prefix('ff05::/96', /multicast/),
  prefix('fe80::/64', /link-local/),
  prefix('::/96', /unspecified/),
  prefix('0:0:1::/96', /reserved/),
  prefix('2001:db8:9::/96', /overlaps Subnet\/mint-a in Vpc\/mint/),
  prefix('2001:db8:9::/48', /overlaps Subnet\/mint-a in Vpc\/mint/),
  prefix('2001:db8::/32', /overlaps Subnet\/mint-[ab] in Vpc\/mint/),
  gateway({ nat64: {} }, 'spec.nat64.prefix', /required/),
  gateway({ nat64: 'yes' }, 'spec.nat64', /not an object/),
  gateway({ nat64: { prefix: '64:ff9b::/96', dns: true } }, 'spec.nat64.dns', /unknown field/),
  gateway({ addresses: ['2001:db8:ff:1::/126'] }, 'spec.nat64', /no IPv4 address to translate to/),
  gateway(
    { nat64: { prefix: '2001:db8:64::/96' }, addresses: ['203.0.113.160', '2001:db8:64::9'] },
    'spec.addresses[1]',
    /2001:db8:64::9 is within 2001:db8:64::\/96 of spec.nat64/,
  ),
  gateway(
    { exempt: ['64:ff9b::c633:6400/120'] },
    'spec.exempt[0]',
    /is within 64:ff9b::\/96 of spec.nat64/,
  ),
  gateway({ nat64: undefined }, 'spec.nat64', /cannot be removed while PublicIp\/pip-64 needs it/),
  {
    object: 'NatGateway/new',
    field: 'spec.nat64',
    rule: /differs from that of NatGateway\/ng-mint, which serves Vpc\/mint, too/,
    spec: { sources: [{ vpc: 'mint', subnets: ['mint-b'] }], addresses: ['203.0.113.170'] },
  },
  {
    object: 'NatGateway/new',
    field: 'spec.nat64.prefix',
    rule: /differs from that of NatGateway\/ng-mint/,
    spec: {
      sources: [{ vpc: 'mint', subnets: ['mint-b'] }],
      addresses: ['203.0.113.170'],
      nat64: { prefix: '64:ff9b:1::/48' },
    },
  },
  {
    object: 'Subnet/new',
    field: 'spec.ipv6.prefix',
    rule: /64:ff9b::\/112 overlaps 64:ff9b::\/96, under which Vpc\/mint finds IPv4/,
    spec: { vpc: 'mint', ipv6: { prefix: '64:ff9b::/112' } },
  },
  {
    object: 'Route/new',
    field: 'spec.prefix',
    rule: /64:ff9b::\/96/,
    spec: { vpc: 'mint', prefix: '64:ff9b::/96', blackhole: true },
  },
  publicIp({}, 'spec.endpoint', /no IPv4 address for 203.0.113.200: name its IPv6 address in/),
  publicIp(
    { endpointAddress: '2001:db8:9::6' },
    'spec.endpointAddress',
    /2001:db8:9::6 is not an address of Endpoint\/mint-1/,
  ),
  publicIp(
    { endpointAddress: INSIDE },
    'spec.endpointAddress',
    /2001:db8:9::5 of Endpoint\/mint-1 has PublicIp\/pip-64 \(203.0.113.162\)/,
  ),
  publicIp(
    { address: '2001:db8:fe::9', endpoint: 'lime-1', endpointAddress: '10.0.0.5' },
    'spec.endpointAddress',
    /10.0.0.5 is IPv4, spec.address is IPv6: only an IPv6 address/,
  ),
  publicIp(
    { endpoint: 'green-1', endpointAddress: '2001:db8:4::5' },
    'spec.endpointAddress',
    /Vpc\/green needs a NatGateway with spec.nat64/,
  ),
  forward({}, 'spec.endpoint', /name its IPv6 address in spec.endpointAddress/),
  forward(
    { endpoint: 'green-1', endpointAddress: '2001:db8:4::5' },
    'spec.endpointAddress',
    /Vpc\/green needs a NatGateway with spec.nat64/,
  ),
];

for (const bad of BAD) {
  const [kind, name] = bad.object.split('/');
  const { objects, problems } = parseObjects([{ kind, metadata: { name }, spec: bad.spec }]);
  const found =
    problems.length > 0 ? problems : index.check(objects.map(({ object }) => change(object)));
  t.ok(
    found.some(
      ({ object, field, rule }) =>
        object === bad.object && field === bad.field && bad.rule.test(rule),
    ),
    `${bad.object}: ${bad.field}: ${bad.rule.source}`,
    { found },
  );
}
t.ok(BAD.length >= 25, `${BAD.length} wrong configurations`);

void t.test('a gateway stays while what stands for IPv6 addresses needs its prefix', (t) => {
  const remove = (kind: 'NatGateway' | 'PublicIp', name: string) => ({
    kind,
    name,
    object: undefined,
  });
  t.match(index.check([remove('NatGateway', 'ng-mint')]), [
    {
      object: 'NatGateway/ng-mint',
      field: '',
      rule: /^cannot be deleted: PublicIp\/pip-64 needs its spec.nat64$/,
    },
  ]);
  const both = [remove('NatGateway', 'ng-mint'), remove('PublicIp', 'pip-64')];
  t.same(index.check(both), [], 'both may go together');
  const other = make('NatGateway', 'ng-other', {
    sources: [{ vpc: 'mint', subnets: ['mint-b'] }],
    addresses: ['203.0.113.171'],
    nat64: gate.nat64,
  });
  t.same(index.check([change(other), remove('NatGateway', 'ng-mint')]), [], 'another has it, too');
  t.end();
});

void t.test('what is right is accepted', (t) => {
  for (const text of [
    '64:ff9b::/96',
    '64:ff9b:1::/48',
    '64:ff9b:1:fffe::/96',
    '2001:db8::/32',
    '2001:db8:100::/40',
    '2001:db8:122::/48',
    '2001:db8:122:300::/56',
    '2001:db8:122:344::/64',
    'fd00:64::/96',
  ])
    t.equal(nat64Reason(text), undefined, text);
  const right: StoredObject[] = [
    make('NatGateway', 'ng-mint', { ...gate, nat64: { prefix: '64:ff9b:1::/48' } }),
    make('NatGateway', 'ng-mint', { ...gate, exempt: ['::/0'] }),
    make('PublicIp', 'six', { address: '2001:db8:fe::7', endpoint: 'mint-1' }),
    make('PortForward', 'web', {
      address: '203.0.113.160',
      protocol: 'both',
      port: '80-89',
      endpoint: 'mint-1',
      endpointAddress: INSIDE,
    }),
  ];
  for (const object of right)
    t.same(index.check([change(object)]), [], `${object.kind}/${object.metadata.name}`);
  t.end();
});
