// SPDX-License-Identifier: Apache-2.0
/** Wrong policies and what belongs to them, beside baseState() and policyState(). */
import type { StoredObject } from '../../../src/model/index.js';
import type { BadInput } from './bad-inputs.js';
import { make } from './fixtures.js';

/** A tier, and one of each kind that refers. */
export function policyState(): StoredObject[] {
  return [
    make('Tier', 'security', { order: 10, defaultAction: 'pass' }),
    make('Profile', 'web', { labels: { role: 'web' }, ingress: [{ action: 'allow' }] }),
    make('Policy', 'open-web', {
      vpc: 'red',
      tier: 'security',
      selector: "role == 'web'",
      ingress: [{ action: 'allow', protocol: 'tcp', destination: { ports: ['http'] } }],
    }),
    make('NetworkSet', 'offices', { vpc: 'red', nets: ['198.51.100.0/24'] }),
  ];
}

type Fields = Record<string, unknown>;

/** A rule, third of the ingress list; `field` is below the rule. */
function rule(bad: Fields, field: string, says: RegExp): BadInput {
  const good = { action: 'allow' };
  return {
    object: 'Policy/new',
    field: field === '' ? 'spec.ingress[2]' : `spec.ingress[2].${field}`,
    rule: says,
    spec: { vpc: 'blue', ingress: [good, good, { ...good, ...bad }] },
  };
}

const tcp = { protocol: 'tcp' };

function ports(list: unknown, says: RegExp, at = '[0]'): BadInput {
  return rule({ ...tcp, destination: { ports: list } }, `destination.ports${at}`, says);
}

function nets(list: unknown, says: RegExp, at = '[0]'): BadInput {
  return rule({ source: { nets: list } }, `source.nets${at}`, says);
}

const RULES: readonly BadInput[] = [
  rule({ action: undefined }, 'action', /is required/),
  rule({ action: 'drop' }, 'action', /"drop" is not allowed: must be allow, deny, pass or log/),
  rule({ action: 'Allow' }, 'action', /"Allow" is not allowed/),
  rule({ ports: [80] }, 'ports', /unknown field/),
  rule({ source: { net: ['10.0.0.0/8'] } }, 'source.net', /unknown field/),
  rule({ source: 'all()' }, 'source', /is not an object/),
  rule({ ipVersion: 5 }, 'ipVersion', /5 is not allowed: must be 4 or 6/),
  rule({ ipVersion: '4' }, 'ipVersion', /must be 4 or 6/),
  // protocols
  rule({ protocol: 'gre' }, 'protocol', /"gre" is not allowed: must be tcp, udp, sctp, icmp/),
  rule({ protocol: 'TCP' }, 'protocol', /must be tcp, udp/),
  rule({ protocol: 256 }, 'protocol', /256 is out of range: must be at most 255/),
  rule({ protocol: -1 }, 'protocol', /at least 0/),
  rule({ protocol: 6.5 }, 'protocol', /0 to 255/),
  rule({ notProtocol: 'esp' }, 'notProtocol', /protocol number 0 to 255/),
  rule({ ...tcp, notProtocol: 'tcp' }, 'notProtocol', /tcp is the rule's protocol.*never be met/),
  rule({ ...tcp, notProtocol: 6 }, 'notProtocol', /can never be met/),
  rule({ protocol: 58, notProtocol: 'icmpv6' }, 'notProtocol', /can never be met/),
  rule({ ipVersion: 6, protocol: 'icmp' }, 'ipVersion', /6 contradicts protocol icmp.* of IPv4/),
  rule({ ipVersion: 4, protocol: 'icmpv6' }, 'ipVersion', /4 contradicts .* of IPv6/),
  rule({ ipVersion: 4, protocol: 58 }, 'ipVersion', /4 contradicts protocol 58/),
  // ICMP
  rule({ icmp: { type: 8 } }, 'icmp', /needs protocol icmp or icmpv6/),
  rule({ ...tcp, icmp: { type: 8 } }, 'icmp', /needs protocol icmp or icmpv6/),
  rule({ protocol: 'udp', notIcmp: { type: 8 } }, 'notIcmp', /needs protocol icmp or icmpv6/),
  rule({ protocol: 'icmp', icmp: {} }, 'icmp.type', /is required/),
  rule({ protocol: 'icmp', icmp: { type: 256 } }, 'icmp.type', /256 is out of range.*at most 255/),
  rule({ protocol: 'icmp', icmp: { type: -1 } }, 'icmp.type', /at least 0/),
  rule({ protocol: 'icmpv6', icmp: { type: 1, code: 256 } }, 'icmp.code', /at most 255/),
  rule({ protocol: 'icmpv6', icmp: { type: 1, code: 0.5 } }, 'icmp.code', /whole number/),
  rule({ protocol: 'icmp', icmp: { code: 0 } }, 'icmp.type', /is required/),
  rule(
    { protocol: 'icmp', icmp: { type: 8 }, notIcmp: { type: 8 } },
    'notIcmp',
    /denies all that icmp says: the rule can never be met/,
  ),
  rule(
    { protocol: 'icmp', icmp: { type: 3, code: 4 }, notIcmp: { type: 3 } },
    'notIcmp',
    /can never be met/,
  ),
  // ports
  rule({ destination: { ports: [80] } }, 'destination.ports', /needs protocol tcp, udp or sctp/),
  rule({ source: { notPorts: ['http'] } }, 'source.notPorts', /needs protocol tcp, udp or sctp/),
  rule(
    { protocol: 'icmp', destination: { ports: [80] } },
    'destination.ports',
    /needs protocol tcp, udp or sctp/,
  ),
  rule({ protocol: 47, source: { ports: ['1-2'] } }, 'source.ports', /others have no ports/),
  rule(
    { notProtocol: 'udp', destination: { ports: [80] } },
    'destination.ports',
    /needs protocol tcp, udp or sctp/,
  ),
  ports([0], /port 0 is reserved/),
  ports([65536], /the last port is 65535/),
  ports(['90-80'], /the first port is above the last/),
  ports([80, '1-65536'], /the last port is 65535/, '[1]'),
  ports(['0-10'], /port 0 is reserved/),
  ports(['80:90'], /"80:90" is not a port or a range of ports: write 8080 or 8000-8099/),
  ports([-5], /"-5" is not a port/),
  ports([1.5], /1.5 is not allowed: must be a port, a range/),
  ports(['HTTP'], /"HTTP" is not the name of a port.*lower-case/),
  ports(['web-'], /"web-" is not the name of a port/),
  ports(['1st'], /"1st" is not the name of a port: .*starts with a letter/),
  ports(['a-name-that-is-too-long'], /1 to 15/),
  ports([true], /must be a port/),
  ports([''], /is not a port/),
  ports([], /has 0 entries, must have at least 1/, ''),
  ports('80', /is not a list/, ''),
  ports(
    Array.from({ length: 10_001 }, (_, i) => i + 1),
    /10001 entries, must have at most 10000/,
    '',
  ),
  // nets
  nets(['10.0.0.1/24'], /bits behind the length must be zero, as in 10.0.0.0\/24/),
  nets(['2001:db8::1/32'], /bits behind the length must be zero/),
  nets(['10.0.0.0/8', '10.0.0.0/33'], /the length of an IPv4 prefix is 0..32/, '[1]'),
  nets(['10.0.0.300'], /"10.0.0.300" is not an IP address/),
  nets(['example.org'], /is not an IP address/),
  nets(['::ffff:10.0.0.1'], /write IPv4 addresses as IPv4/),
  nets([10], /10 is not a text/),
  nets([], /has 0 entries, must have at least 1/, ''),
  nets(Array(10_001).fill('10.0.0.0/8'), /10001 entries, must have at most 10000/, ''),
  rule(
    { source: { notNets: ['10.0.0.0'], nets: ['10.0.0.0/-1'] } },
    'source.nets[0]',
    /write ADDRESS\/LENGTH/,
  ),
  rule(
    { ipVersion: 4, source: { nets: ['10.0.0.0/8', 'fd00::/8'] } },
    'source.nets[1]',
    /fd00::\/8 is IPv6, which contradicts ipVersion 4/,
  ),
  rule(
    { ipVersion: 6, destination: { notNets: ['10.0.0.0/8'] } },
    'destination.notNets[0]',
    /10.0.0.0\/8 is IPv4, which contradicts ipVersion 6/,
  ),
  rule(
    { protocol: 'icmpv6', destination: { nets: ['10.0.0.1'] } },
    'destination.nets[0]',
    /10.0.0.1\/32 is IPv4, which contradicts protocol icmpv6/,
  ),
  rule(
    { source: { nets: ['10.0.0.0/8'] }, destination: { nets: ['fd00::/8', '::1'] } },
    'destination.nets',
    /no net of the family of source.nets: the rule can never be met/,
  ),
  // selectors
  rule({ source: { selector: 'role = 1' } }, 'source.selector', /not a selector: at character 6: /),
  rule({ source: { selector: "role == 'web" } }, 'source.selector', /no closing '/),
  rule({ destination: { notSelector: 'has(' } }, 'destination.notSelector', /at the end: /),
  rule({ source: { selector: 'all() all()' } }, 'source.selector', /at character 7: .*the end/),
  rule({ source: { selector: "a b == 'c'" } }, 'source.selector', /at character 3: /),
  rule({ source: { selector: "a$ == 'c'" } }, 'source.selector', /at character 2: /),
  rule({ source: { selector: `has(${'k'.repeat(513)})` } }, 'source.selector', /longer than 512/),
  rule(
    { source: { selector: 'x'.repeat(16_385) } },
    'source.selector',
    /must have at most 16384 characters/,
  ),
  rule({ source: { selector: 5 } }, 'source.selector', /5 is not a text/),
];

function policy(spec: Fields, field: string, says: RegExp): BadInput {
  return { object: 'Policy/new', field, rule: says, spec };
}

const allow = { action: 'allow' };
const manyPorts = { protocol: 'tcp', destination: { ports: Array(10_000).fill(80) } };

const POLICIES: readonly BadInput[] = [
  policy({ selector: 'role ==' }, 'spec.selector', /is not a selector: at the end: .*quotes/),
  policy({ order: 'first' }, 'spec.order', /"first" is not a number/),
  policy({ order: Infinity }, 'spec.order', /Infinity is not a finite number/),
  policy({ order: NaN }, 'spec.order', /NaN is not a finite number/),
  policy({ types: [] }, 'spec.types', /at least 1/),
  policy({ types: ['in'] }, 'spec.types[0]', /"in" is not allowed: must be ingress or egress/),
  policy({ types: ['egress', 'egress'] }, 'spec.types[1]', /egress is given twice/),
  policy({ ingress: allow }, 'spec.ingress', /is not a list/),
  policy({ rules: [] }, 'spec.rules', /unknown field/),
  policy({ egress: [{ action: 'allow', protocol: 'x' }] }, 'spec.egress[0].protocol', /tcp, udp/),
  policy({ ingress: Array(10_001).fill(allow) }, 'spec.ingress', /at most 10000/),
  policy(
    { ingress: Array(11).fill({ ...allow, ...manyPorts }) },
    'spec',
    /its lists have more than 100000 entries in all/,
  ),
  policy({ vpc: 'Blue' }, 'spec.vpc', /"Blue" is not a name/),
  policy({ tier: 'a_b' }, 'spec.tier', /"a_b" is not a name/),
  policy({ vpc: 'none' }, 'spec.vpc', /Vpc\/none does not exist/),
  policy({ tier: 'none' }, 'spec.tier', /Tier\/none does not exist/),
  {
    object: 'Policy/Upper',
    field: 'metadata.name',
    rule: /"Upper" is not a name/,
    spec: {},
  },
];

const OTHERS: readonly BadInput[] = [
  {
    object: 'Profile/new',
    field: 'spec.ingress[0].action',
    rule: /"pass" is not allowed: must be allow, deny or log/,
    spec: { ingress: [{ action: 'pass' }] },
  },
  {
    object: 'Profile/new',
    field: 'spec.egress[1].destination.ports',
    rule: /needs protocol tcp, udp or sctp/,
    spec: { egress: [allow, { action: 'deny', destination: { ports: [25] } }] },
  },
  {
    object: 'Profile/new',
    field: 'spec.labels["my key"]',
    rule: /"my key" is not a label key/,
    spec: { labels: { 'my key': 'x' } },
  },
  {
    object: 'Profile/new',
    field: 'spec.labels.role',
    rule: /is not a label value/,
    spec: { labels: { role: "it's" } },
  },
  { object: 'Profile/new', field: 'spec.order', rule: /unknown field/, spec: { order: 1 } },
  {
    object: 'Tier/new',
    field: 'spec.defaultAction',
    rule: /"allow" is not allowed: must be deny or pass/,
    spec: { defaultAction: 'allow' },
  },
  { object: 'Tier/new', field: 'spec.order', rule: /-Infinity is not/, spec: { order: -Infinity } },
  { object: 'Tier/new', field: 'spec.order', rule: /is not a number/, spec: { order: null } },
  { object: 'NetworkSet/new', field: 'spec.nets', rule: /is required/, spec: {} },
  {
    object: 'NetworkSet/new',
    field: 'spec.nets[1]',
    rule: /bits behind the length must be zero/,
    spec: { nets: ['10.0.0.1', '10.0.0.1/31'] },
  },
  {
    object: 'NetworkSet/new',
    field: 'spec.nets',
    rule: /at most 10000/,
    spec: { nets: Array(10_001).fill('10.0.0.1') },
  },
  {
    object: 'NetworkSet/new',
    field: 'spec.vpc',
    rule: /Vpc\/none does not exist/,
    spec: { vpc: 'none', nets: [] },
  },
  {
    object: 'NetworkSet/new',
    field: 'spec.labels',
    rule: /unknown/,
    spec: { nets: [], labels: {} },
  },
];

function endpoint(more: Fields, field: string, says: RegExp): BadInput {
  const spec = { host: 'host-a', vpc: 'blue', subnet: 'blue-a', addresses: ['10.0.0.50'], ...more };
  return { object: 'Endpoint/new', field: `spec.${field}`, rule: says, spec };
}

const http = { name: 'http', protocol: 'tcp', port: 80 };

const ENDPOINTS: readonly BadInput[] = [
  endpoint({ profiles: ['web', 'db', 'web'] }, 'profiles[2]', /Profile\/web is given twice/),
  endpoint({ profiles: ['a b'] }, 'profiles[0]', /"a b" is not a name/),
  endpoint({ profiles: Array.from({ length: 65 }, (_, i) => `p${i}`) }, 'profiles', /at most 64/),
  endpoint({ ports: [{ ...http, name: 'Http' }] }, 'ports[0].name', /"Http" is not the name of a/),
  endpoint({ ports: [{ ...http, name: 'http-' }] }, 'ports[0].name', /RFC 6335/),
  endpoint({ ports: [{ ...http, name: '8080' }] }, 'ports[0].name', /starts with a letter/),
  endpoint({ ports: [{ ...http, name: '' }] }, 'ports[0].name', /1 to 15/),
  endpoint({ ports: [{ ...http, name: 'abcdefghijklmnop' }] }, 'ports[0].name', /1 to 15/),
  endpoint({ ports: [{ ...http, protocol: 'icmp' }] }, 'ports[0].protocol', /tcp, udp or sctp/),
  endpoint({ ports: [{ ...http, port: 0 }] }, 'ports[0].port', /at least 1/),
  endpoint({ ports: [{ ...http, port: 65536 }] }, 'ports[0].port', /at most 65535/),
  endpoint({ ports: [{ ...http, port: '80' }] }, 'ports[0].port', /is not a .*number/),
  endpoint({ ports: [http, { ...http, port: 81 }] }, 'ports[1].name', /http of tcp is given twice/),
];

export const BAD_POLICY_INPUTS: readonly BadInput[] = [
  ...RULES,
  ...POLICIES,
  ...OTHERS,
  ...ENDPOINTS,
];
