// SPDX-License-Identifier: Apache-2.0
/** Named states for the graph of policies, each a few changes from the one before. */
import type { World } from '../support/policy-naive.js';
import { after, BROKEN, EMPTY, type Step } from './policy-support.js';
import type { EndpointInput } from '../../src/daemon/calc/policy/inputs.js';
import type { PolicyRule, PolicySpec } from '../../src/model/index.js';

const web1: EndpointInput = {
  vpc: 'blue',
  labels: { role: 'web' },
  profiles: [],
  addresses: ['10.0.0.1', '2001:db8::1'],
  ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
  local: true,
};
const db1: EndpointInput = {
  vpc: 'blue',
  labels: { role: 'db', env: 'prod' },
  profiles: [],
  addresses: ['10.0.0.2'],
  ports: [
    { name: 'sql', protocol: 'tcp', port: 5432 },
    { name: 'sql', protocol: 'udp', port: 5432 },
  ],
  local: false,
};
const allow = (rule: Omit<PolicyRule, 'action'>): PolicyRule => ({ action: 'allow', ...rule });
const fromWeb = allow({ source: { selector: 'role == "web"' } });
const toDb = allow({
  protocol: 'tcp',
  destination: { selector: '(role == "db")', ports: ['sql', 22] },
});
const ingress = (...rules: PolicyRule[]): PolicySpec => ({ ingress: rules });

const vpc = (name: string, vni?: number): Step => ['vpcs', name, vni];
const endpoint = (name: string, input?: EndpointInput): Step => ['endpoints', name, input];
const policy = (name: string, spec?: PolicySpec): Step => ['policies', name, spec];
const netset = (name: string, input?: World['networkSets'][string]): Step => [
  'networkSets',
  name,
  input,
];
const profile = (name: string, spec?: World['profiles'][string]): Step => ['profiles', name, spec];
const tier = (name: string, spec?: World['tiers'][string]): Step => ['tiers', name, spec];

/** Name, and what is different from the state before. */
const CHAIN: readonly (readonly [string, ...Step[]])[] = [
  ['a VPC without anything', vpc('blue', 100)],
  ['one open local endpoint', endpoint('web1', web1)],
  ['a remote endpoint beside it', endpoint('db1', db1)],
  [
    'a policy that matches nobody',
    policy('p', { selector: 'role == "none"', ...ingress(fromWeb) }),
  ],
  [
    'a policy that matches the remote one only',
    policy('p', { selector: 'role == "db"', ...ingress(fromWeb) }),
  ],
  ['a policy for all', policy('p', ingress(fromWeb))],
  ['the same by another selector', policy('p', { selector: "role=='web'", ...ingress(fromWeb) })],
  ['an empty policy closes ingress', policy('p', {})],
  ['an empty policy closes egress', policy('p', { types: ['egress'] })],
  ['an empty policy closes both', policy('p', { types: ['ingress', 'egress'] })],
  [
    'types without ingress hide its rules',
    policy('p', { types: ['egress'], ingress: [fromWeb], egress: [toDb] }),
  ],
  ['both directions', policy('p', { ingress: [fromWeb], egress: [toDb] })],
  ['the database is here, too', endpoint('db1', { ...db1, local: true })],
  ['only the database is here', endpoint('web1', { ...web1, local: false })],
  ['nobody is here', endpoint('db1', db1)],
  ['web is back', endpoint('web1', web1)],
  ['broken selector of the policy', policy('p', { selector: BROKEN, ...ingress(fromWeb) })],
  ['broken selector in a rule', policy('p', ingress(allow({ source: { selector: BROKEN } })))],
  ['nets', policy('p', ingress(allow({ source: { nets: ['10.0.0.0/8', '2001:db8::/32'] } })))],
  [
    'nets without some',
    policy(
      'p',
      ingress(allow({ source: { nets: ['10.0.0.0/8'], notNets: ['10.0.0.0/24', '10.0.0.9/32'] } })),
    ),
  ],
  [
    'the same nets in another order, twice',
    policy(
      'p',
      ingress(
        allow({
          source: { nets: ['10.0.0.0/8'], notNets: ['10.0.0.9/32', '10.0.0.0/24', '10.0.0.9/32'] },
        }),
      ),
    ),
  ],
  [
    'a net and a selector',
    policy('p', ingress(allow({ source: { nets: ['10.0.0.0/8'], selector: 'has(env)' } }))),
  ],
  [
    'a net around all',
    policy('p', ingress(allow({ source: { nets: ['0.0.0.0/0', '::/0'] } }), fromWeb)),
  ],
  [
    'a net that is an endpoint',
    policy('p', ingress(allow({ source: { nets: ['10.0.0.2/32'] } }), fromWeb)),
  ],
  [
    'negated selectors',
    policy(
      'p',
      ingress(
        allow({ source: { notSelector: 'has(env)' }, destination: { notSelector: '!has(env)' } }),
      ),
    ),
  ],
  [
    'named ports',
    policy(
      'p',
      ingress(
        allow({ protocol: 'tcp', destination: { ports: ['http', 'sql', 80, '90-99', 100] } }),
      ),
    ),
  ],
  [
    'named ports of the other protocol',
    policy('p', ingress(allow({ protocol: 17, destination: { ports: ['sql'] } }))),
  ],
  [
    'negated ports',
    policy(
      'p',
      ingress(
        allow({
          protocol: 'tcp',
          destination: { notPorts: ['http', '1-1023'] },
          source: { ports: ['1024-65535'] },
        }),
      ),
    ),
  ],
  [
    'a second owner of a named port',
    endpoint('db2', {
      ...db1,
      addresses: ['10.0.0.3', '10.0.0.1'],
      ports: [{ name: 'http', protocol: 'tcp', port: 8080 }],
    }),
  ],
  [
    'its port moves',
    endpoint('db2', {
      ...db1,
      addresses: ['10.0.0.3', '10.0.0.1'],
      ports: [{ name: 'http', protocol: 'tcp', port: 80 }],
    }),
  ],
  [
    'a shared address in a selector',
    policy('p', ingress(allow({ source: { selector: 'role in {"web","db"}' } }))),
  ],
  ['one of its owners goes', endpoint('db2', { ...db1, addresses: ['10.0.0.3'], ports: [] })],
  ['the owner goes', endpoint('db2')],
  [
    'ICMP and protocols',
    policy(
      'p',
      ingress(
        allow({ protocol: 'icmp', icmp: { type: 8, code: 0 } }),
        allow({ ipVersion: 6, notProtocol: 'icmpv6' }),
        { action: 'log', protocol: 47 },
        { action: 'deny', protocol: 'icmpv6', notIcmp: { type: 128 } },
      ),
    ),
  ],
  ['a missing profile', policy('p'), endpoint('web1', { ...web1, profiles: ['base'] })],
  ['an empty profile', profile('base', {})],
  ['a profile with rules', profile('base', { ingress: [fromWeb], egress: [allow({})] })],
  [
    'a profile with labels',
    profile('base', { labels: { env: 'prod', role: 'db' }, ingress: [fromWeb] }),
  ],
  [
    'labels of a profile select',
    policy('p', {
      selector: 'env starts with "p"',
      ...ingress(allow({ source: { selector: 'has(env)' } })),
    }),
  ],
  [
    'two profiles with one label',
    profile('other', { labels: { env: 'test' }, egress: [toDb] }),
    endpoint('web1', { ...web1, profiles: ['base', 'other'] }),
  ],
  ['in the other order', endpoint('web1', { ...web1, profiles: ['other', 'base'] })],
  [
    'an own label wins',
    endpoint('web1', { ...web1, labels: { env: 'prod' }, profiles: ['other', 'base'] }),
  ],
  [
    'a broken profile',
    profile('other', {
      labels: { env: 'test' },
      ingress: [allow({ source: { selector: BROKEN } })],
    }),
  ],
  ['the profile goes', profile('other')],
  [
    'nobody names the other one',
    endpoint('web1', { ...web1, profiles: [] }),
    policy('p', ingress(fromWeb)),
  ],
  [
    'a NetworkSet that nobody selects',
    netset('n', { labels: { kind: 'office' }, nets: ['192.0.2.0/24'] }),
  ],
  [
    'a NetworkSet with the labels of web',
    netset('n', {
      labels: { role: 'web' },
      nets: ['192.0.2.0/24', '10.0.0.0/24', '2001:db8::/64'],
    }),
  ],
  [
    'a smaller one within',
    netset('m', { vpc: 'blue', labels: { env: 'prod' }, nets: ['10.0.0.0/30', '10.0.0.1'] }),
    policy('q', ingress(allow({ source: { selector: 'has(env)' } }))),
  ],
  ['the wider one shrinks', netset('n', { labels: { role: 'web' }, nets: ['10.0.0.0/28'] })],
  [
    'the smaller one is of another VPC',
    netset('m', { vpc: 'red', labels: { env: 'prod' }, nets: ['10.0.0.0/30'] }),
  ],
  ['an endpoint with the name of a NetworkSet', endpoint('n', { ...db1, addresses: ['10.0.0.7'] })],
  ['another VPC, same addresses', vpc('red', 200), endpoint('red1', { ...web1, vpc: 'red' })],
  [
    'a policy for the other VPC only',
    policy('q', { vpc: 'red', ...ingress(allow({ source: { selector: 'has(env)' } })) }),
  ],
  [
    'the policy moves to the first VPC',
    policy('q', { vpc: 'blue', ...ingress(allow({ source: { selector: 'has(env)' } })) }),
  ],
  [
    'an endpoint moves to the other VPC',
    endpoint('web1', { ...web1, vpc: 'red', addresses: ['10.0.0.9'] }),
  ],
  ['VNIs swapped', endpoint('web1', web1), vpc('blue', 200), vpc('red', 100)],
  ['both claim one VNI', vpc('red', 200)],
  ['the first has none', vpc('blue')],
  ['a VPC that is not there', vpc('red')],
  ['VPCs as before', vpc('blue', 100), vpc('red', 200)],
  ['a VPC with another VNI', vpc('blue', 101)],
  [
    'a tier without an object',
    policy('q', { tier: 'first', selector: 'role == "web"', ...ingress({ action: 'pass' }) }),
  ],
  ['a tier before the default one', tier('first', { order: 10 })],
  ['a tier that passes', tier('first', { order: 10, defaultAction: 'pass' })],
  ['the default tier before it', tier('default', { order: 5, defaultAction: 'pass' })],
  ['tiers of one order', tier('default', { order: 10 })],
  [
    'a tier behind, by name',
    tier('default'),
    tier('first'),
    policy('q', { tier: 'a', ...ingress({ action: 'pass' }) }),
  ],
  [
    'a tier in one direction',
    policy('q', { tier: 'a', egress: [{ action: 'deny', destination: { nets: ['0.0.0.0/0'] } }] }),
  ],
  [
    'policies by name',
    policy('q', ingress(toDb)),
    policy('o', ingress(fromWeb)),
    policy('p', ingress(toDb)),
  ],
  [
    'policies by order',
    policy('q', { order: -1, ...ingress(toDb) }),
    policy('p', { order: 0, ...ingress(toDb) }),
  ],
  ['one order, then the name', policy('q', { order: 0, ...ingress(toDb) })],
  [
    'all kinds at once',
    profile('base', { labels: { env: 'prod' }, ingress: [fromWeb] }),
    tier('first', { order: 1 }),
    policy('t', {
      tier: 'first',
      selector: 'env starts with "p"',
      types: ['ingress', 'egress'],
      egress: [toDb],
    }),
    endpoint('web1', { ...web1, profiles: ['base', 'none'] }),
    netset('n', { labels: { role: 'web' }, nets: ['0.0.0.0/0', '10.0.0.1/32', '::/0'] }),
  ],
  ['without VPCs', vpc('blue'), vpc('red')],
  [
    'without local endpoints',
    vpc('blue', 100),
    endpoint('web1', { ...web1, local: false }),
    endpoint('red1'),
  ],
];

function build(): Map<string, World> {
  const out = new Map<string, World>([['empty', EMPTY]]);
  let world = EMPTY;
  for (const [name, ...steps] of CHAIN) {
    if (out.has(name)) throw new Error(`two states: ${name}`);
    world = steps.reduce(after, world);
    out.set(name, world);
  }
  return out;
}

/** In the order in which each is a small step. */
export const STATES: ReadonlyMap<string, World> = build();
