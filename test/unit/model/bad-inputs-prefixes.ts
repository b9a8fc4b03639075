// SPDX-License-Identifier: Apache-2.0
/** Wrong Peerings and translated prefixes; prefixState() is there, beside natState(). */
import type { StoredObject } from '../../../src/model/index.js';
import type { BadInput } from './bad-inputs.js';
import { make } from './fixtures.js';

/** VPCs to be peered, one Peering, one prefix. */
export function prefixState(): StoredObject[] {
  return [
    make('Vpc', 'pine', { vni: 500, outside: { host: 'host-a' } }),
    make('Vpc', 'plum', { vni: 501 }),
    make('Vpc', 'pear', { vni: 502 }),
    ...['pine', 'plum'].map((vpc) =>
      make('Subnet', `${vpc}-a`, {
        vpc,
        ipv4: { prefix: '10.20.0.0/24' },
        ipv6: { prefix: 'fd20:1::/64' },
      }),
    ),
    make('Subnet', 'pear-a', { vpc: 'pear', ipv4: { prefix: '10.30.0.0/24' } }),
    make('Route', 'plum-vip', { vpc: 'plum', prefix: '10.40.1.0/28', blackhole: true }),
    make('Endpoint', 'pine-1', {
      host: 'host-b',
      vpc: 'pine',
      subnet: 'pine-a',
      addresses: ['10.20.0.5', 'fd20:1::5'],
    }),
    make('NatGateway', 'ng-pine', {
      sources: [{ vpc: 'pine', subnets: ['pine-a'] }],
      prefixes: [{ inside: 'fd20:1::/48', outside: '2001:db8:a1::/48' }],
    }),
    make('Peering', 'pine-pear', {
      sides: [
        { vpc: 'pine', expose: [{ prefix: '10.20.0.0/25', as: '100.70.0.0/25' }] },
        { vpc: 'pear', expose: [{ prefix: '10.30.0.0/24' }] },
      ],
    }),
  ];
}

type Exposed = { readonly prefix: string; readonly as?: string };

/** pine and plum, each with one good prefix; `bad` takes the place of pine's. */
function peering(bad: Exposed | readonly Exposed[], field: string, rule: RegExp): BadInput {
  const expose = Array.isArray(bad) ? bad : [bad];
  return {
    object: 'Peering/new',
    field: `spec.sides[0].${field}`,
    rule,
    spec: {
      sides: [
        { vpc: 'pine', expose },
        { vpc: 'plum', expose: [{ prefix: '10.20.0.0/24', as: '100.81.0.0/24' }] },
      ],
    },
  };
}

const side = (vpc: string, prefix = '10.20.0.0/24', as = '100.80.0.0/24') => ({
  vpc,
  expose: [{ prefix, as }],
});

function sides(field: string, rule: RegExp, ...list: unknown[]): BadInput {
  return { object: 'Peering/new', field, rule, spec: { sides: list } };
}

const PEERING_ROWS: readonly BadInput[] = [
  { object: 'Peering/new', field: 'spec.sides', rule: /required/, spec: {} },
  sides('spec.sides', /2/, side('pine')),
  sides('spec.sides', /2/, side('pine'), side('plum'), side('pear')),
  sides('spec.sides[1].vpc', /Vpc\/pine is given twice/, side('pine'), side('pine')),
  sides('spec.sides[1].vpc', /Vpc\/none does not exist/, side('pine'), side('none')),
  sides('spec.sides[0].vpc', /"Pine" is not a name/, side('Pine'), side('plum')),
  sides(
    'spec.sides',
    /the way between Vpc\/pear and Vpc\/pine is Peering\/pine-pear/,
    side('pear', '10.30.0.0/25', '100.90.0.0/25'),
    side('pine', '10.20.0.128/25', '100.91.0.0/25'),
  ),
  sides('spec.sides[0].expose', /required/, { vpc: 'pine' }, side('plum')),
  sides('spec.sides[0].expose', /1/, { vpc: 'pine', expose: [] }, side('plum')),
  sides(
    'spec.sides[0].pool',
    /unknown field/,
    { ...side('pine'), pool: ['100.80.0.1'] },
    side('plum', '10.20.0.0/24', '100.81.0.0/24'),
  ),
  peering({ prefix: '10.20.0.0' }, 'expose[0].prefix', /ADDRESS\/LENGTH/),
  peering(
    { prefix: '10.20.0.1/24', as: '100.80.0.0/24' },
    'expose[0].prefix',
    /bits behind the length must be zero/,
  ),
  peering(
    { prefix: '10.20.0.0/24', as: '100.80.0.1/24' },
    'expose[0].as',
    /bits behind the length must be zero/,
  ),
  peering(
    { prefix: '10.20.0.0/24', as: '100.80.0.0/25' },
    'expose[0].as',
    /100.80.0.0\/25 must be as long as 10.20.0.0\/24/,
  ),
  peering(
    { prefix: '10.20.0.0/24', as: '100.80.0.0/23' },
    'expose[0].as',
    /100.80.0.0\/23 must be as long as/,
  ),
  peering(
    { prefix: '10.20.0.0/24', as: 'fd80::/24' },
    'expose[0].as',
    /fd80::\/24 must be of the family of 10.20.0.0\/24/,
  ),
  peering({ prefix: '0.0.0.0/0' }, 'expose[0].prefix', /0.0.0.0\/0 cannot be exposed/),
  peering({ prefix: '::/0', as: '::/0' }, 'expose[0].as', /::\/0 cannot be exposed/),
  peering({ prefix: '127.0.0.0/8' }, 'expose[0].prefix', /127.0.0.0\/8 cannot be exposed/),
  peering({ prefix: '10.20.0.0/24', as: '224.0.1.0/24' }, 'expose[0].as', /cannot be exposed/),
  peering({ prefix: '169.254.1.0/24' }, 'expose[0].prefix', /cannot be exposed/),
  peering({ prefix: '10.20.0.0/24', as: '240.1.0.0/24' }, 'expose[0].as', /cannot be exposed/),
  peering({ prefix: 'fd20:1::/64', as: 'fe80::/64' }, 'expose[0].as', /cannot be exposed/),
  peering({ prefix: 'fd20:1::/64', as: 'ff05::/64' }, 'expose[0].as', /cannot be exposed/),
  peering(
    [
      { prefix: '10.20.0.0/24', as: '100.80.0.0/24' },
      { prefix: '10.20.0.128/25', as: '100.82.0.0/25' },
    ],
    'expose[1].prefix',
    /10.20.0.128\/25 overlaps 10.20.0.0\/24 of spec.sides\[0\].expose\[0\]/,
  ),
  peering(
    [
      { prefix: '10.20.0.0/25', as: '100.80.0.0/25' },
      { prefix: '10.20.0.128/25', as: '100.80.0.0/25' },
    ],
    'expose[1].as',
    /100.80.0.0\/25 overlaps 100.80.0.0\/25 of spec.sides\[0\].expose\[0\]/,
  ),
  peering(
    { prefix: '10.20.0.0/24' },
    'expose[0].prefix',
    /10.20.0.0\/24 is already used by Subnet\/plum-a|overlaps Subnet\/plum-a in Vpc\/plum/,
  ),
  peering(
    { prefix: '10.20.0.0/25', as: '10.20.0.128/25' },
    'expose[0].as',
    /10.20.0.128\/25 overlaps Subnet\/plum-a in Vpc\/plum, which is to see it: use as/,
  ),
  peering(
    { prefix: 'fd20:1::/64' },
    'expose[0].prefix',
    /fd20:1::\/64 (is already used by|overlaps) Subnet\/plum-a/,
  ),
  peering(
    { prefix: '10.20.0.0/28', as: '10.40.1.0/28' },
    'expose[0].as',
    /10.40.1.0\/28 is already used by Route\/plum-vip in Vpc\/plum/,
  ),
  peering(
    { prefix: '10.20.0.0/24', as: '10.40.1.0/24' },
    'expose[0].as',
    /10.40.1.0\/24 contains 10.40.1.0\/28 of Route\/plum-vip in Vpc\/plum/,
  ),
  peering(
    { prefix: '10.30.0.0/28', as: '100.80.0.0/28' },
    'expose[0].prefix',
    /10.30.0.0\/28 overlaps 10.30.0.0\/24 of Vpc\/pear, which Vpc\/pine sees through Peering\/pine-pear: no peering leads through another/,
  ),
  sides(
    'spec.sides[0].expose[0].as',
    /10.30.0.128\/25 overlaps 10.30.0.0\/24 of Vpc\/pear at Peering\/pine-pear in Vpc\/pine/,
    side('plum', '10.20.0.0/25', '10.30.0.128/25'),
    side('pine', '10.20.0.128/25', '100.81.0.0/25'),
  ),
  sides(
    'spec.sides[0].expose[0].as',
    /10.20.0.0\/26 overlaps 10.20.0.0\/25, which Vpc\/pine exposes through Peering\/pine-pear/,
    side('plum', '10.20.0.0/26', '10.20.0.0/26'),
    side('pine', '10.20.0.128/25', '100.81.0.0/25'),
  ),
  {
    object: 'Subnet/pear-b',
    field: 'spec.ipv4.prefix',
    rule: /100.70.0.0\/16 overlaps 100.70.0.0\/25 of Vpc\/pine, seen through Peering\/pine-pear/,
    spec: { vpc: 'pear', ipv4: { prefix: '100.70.0.0/16' } },
  },
  {
    object: 'Subnet/pear-b',
    field: 'spec.ipv4.prefix',
    rule: /100.70.0.0\/25 is (already used by|seen through) Peering\/pine-pear/,
    spec: { vpc: 'pear', ipv4: { prefix: '100.70.0.0/25' } },
  },
  {
    object: 'Route/pear-r',
    field: 'spec.prefix',
    rule: /100.70.0.8\/32 is part of 100.70.0.0\/25 of Vpc\/pine, seen through Peering\/pine-pear/,
    spec: { vpc: 'pear', prefix: '100.70.0.8/32', blackhole: true },
  },
  {
    object: 'Route/pear-r',
    field: 'spec.prefix',
    rule: /100.70.0.0\/25 is .*Peering\/pine-pear/,
    spec: { vpc: 'pear', prefix: '100.70.0.0/25', blackhole: true },
  },
];

type Prefix = { readonly vpc?: string; readonly inside: string; readonly outside: string };

function gateway(prefix: Prefix, field: string, rule: RegExp): BadInput {
  return {
    object: 'NatGateway/new',
    field: `spec.prefixes[0].${field}`,
    rule,
    spec: { sources: [{ vpc: 'lime' }], prefixes: [prefix] },
  };
}

const INSIDE = 'fd30::/48';
const OUTSIDE = '2001:db8:a2::/48';

const PREFIX_ROWS: readonly BadInput[] = [
  {
    object: 'NatGateway/new',
    field: 'spec',
    rule: /has addresses, prefixes or both/,
    spec: { sources: [{ vpc: 'lime' }] },
  },
  {
    object: 'NatGateway/new',
    field: 'spec.prefixes',
    rule: /1/,
    spec: { sources: [{ vpc: 'lime' }], prefixes: [] },
  },
  gateway({ inside: INSIDE, outside: '2001:db8:a2::' }, 'outside', /ADDRESS\/LENGTH/),
  gateway(
    { inside: 'fd30::1/48', outside: OUTSIDE },
    'inside',
    /bits behind the length must be zero/,
  ),
  gateway(
    { inside: '10.0.0.0/24', outside: '203.0.113.0/24' },
    'inside',
    /10.0.0.0\/24 is IPv4: only IPv6 prefixes \(RFC 6296\)/,
  ),
  gateway(
    { inside: INSIDE, outside: '2001:db8:a2::/56' },
    'outside',
    /2001:db8:a2::\/56 must be as long as fd30::\/48/,
  ),
  gateway(
    { inside: 'fd30::/80', outside: '2001:db8:a2::/80' },
    'inside',
    /fd30::\/80: the length must be \/16 to \/64/,
  ),
  gateway({ inside: 'fc00::/7', outside: '2000::/7' }, 'inside', /must be \/16 to \/64/),
  gateway({ inside: INSIDE, outside: 'ff05::/48' }, 'outside', /cannot be translated/),
  gateway({ inside: 'fe80::/64', outside: '2001:db8:a2::/64' }, 'inside', /cannot be translated/),
  gateway({ inside: INSIDE, outside: INSIDE }, 'outside', /is the inside prefix fd30::\/48/),
  gateway({ vpc: 'gold', inside: INSIDE, outside: OUTSIDE }, 'vpc', /Vpc\/gold is none of the/),
  {
    object: 'NatGateway/new',
    field: 'spec.prefixes[0].vpc',
    rule: /must be given, as there is more than one source/,
    spec: {
      sources: [{ vpc: 'lime' }, { vpc: 'gold', subnets: ['gold-b'] }],
      prefixes: [{ inside: INSIDE, outside: OUTSIDE }],
    },
  },
  {
    object: 'NatGateway/new',
    field: 'spec.prefixes[1].outside',
    rule: /2001:db8:a2::\/56 overlaps 2001:db8:a2::\/48 of spec.prefixes\[0\]/,
    spec: {
      sources: [{ vpc: 'lime' }],
      prefixes: [
        { inside: INSIDE, outside: OUTSIDE },
        { inside: 'fd31::/56', outside: '2001:db8:a2::/56' },
      ],
    },
  },
  {
    object: 'NatGateway/new',
    field: 'spec.prefixes[1].inside',
    rule: /fd30::\/56 overlaps fd30::\/48 of spec.prefixes\[0\] in Vpc\/lime/,
    spec: {
      sources: [{ vpc: 'lime' }],
      prefixes: [
        { inside: INSIDE, outside: OUTSIDE },
        { inside: 'fd30::/56', outside: '2001:db8:a3::/56' },
      ],
    },
  },
  gateway(
    { inside: INSIDE, outside: '2001:db8:a1::/48' },
    'outside',
    /2001:db8:a1::\/48 overlaps 2001:db8:a1::\/48 of NatGateway\/ng-pine/,
  ),
  gateway(
    { inside: INSIDE, outside: '2001:db8:ff::/48' },
    'outside',
    /2001:db8:ff::\/48 contains 2001:db8:ff::, in the pool of NatGateway\/ng-green/,
  ),
  gateway(
    { inside: INSIDE, outside: '2001:db8:fe::/48' },
    'outside',
    /2001:db8:fe::\/48 contains 2001:db8:fe::1, the address of PublicIp\/pip-6/,
  ),
  gateway(
    { inside: INSIDE, outside: '2001:db8:f::/48' },
    'outside',
    /2001:db8:f::\/48 contains 2001:db8:f::b, an underlay address of Droplet\/host-b/,
  ),
  {
    object: 'PublicIp/new',
    field: 'spec.address',
    rule: /2001:db8:a1::9 is of the outside prefix 2001:db8:a1::\/48 of NatGateway\/ng-pine/,
    spec: { address: '2001:db8:a1::9', endpoint: 'green-1' },
  },
  {
    object: 'PortForward/new',
    field: 'spec.address',
    rule: /of the outside prefix 2001:db8:a1::\/48 of NatGateway\/ng-pine/,
    spec: { address: '2001:db8:a1::9', protocol: 'tcp', port: 80, endpoint: 'green-1' },
  },
  {
    object: 'NatGateway/new',
    field: 'spec.addresses[0]',
    rule: /of the outside prefix 2001:db8:a1::\/48 of NatGateway\/ng-pine/,
    spec: { sources: [{ vpc: 'lime' }], addresses: ['2001:db8:a1::/127'] },
  },
  {
    object: 'Droplet/new',
    field: 'spec.addresses[0]',
    rule: /2001:db8:a1::1 is of the outside prefix 2001:db8:a1::\/48 of NatGateway\/ng-pine/,
    spec: { host: 'host-c', device: 'eth0', addresses: ['2001:db8:a1::1'] },
  },
];

export const BAD_PREFIX_INPUTS: readonly BadInput[] = [...PEERING_ROWS, ...PREFIX_ROWS];
