// SPDX-License-Identifier: Apache-2.0
/** Arbitrary policies, and what they speak of: labels, profiles, tiers, network sets, named ports. */
import type {
  EndpointPort,
  Kind,
  PolicyRule,
  PolicySide,
  SpecByKind,
} from '../../src/model/index.js';
import type { Choose } from './choose.js';
import { NOTHING, VPC_NAMES } from './configuration.js';
import { object, type Change, type Scene } from './scene.js';

const SELECTORS = [
  '',
  'all()',
  "role == 'web'",
  "role != 'web'",
  "role in {'web', 'db'}",
  "role not in {'db'}",
  'has(env)',
  '!has(env)',
  "env == 'prod' && role == 'db'",
  "env == 'prod' || role == 'app'",
  "role starts with 'w'",
  "role contains 'p' && !(env == 'dev')",
  "kind == 'net'",
  "kind == 'net' || has(role)",
];
const NETS = [
  '10.0.0.0/8',
  '10.1.0.0/24',
  '10.1.0.0/28',
  '10.1.0.11/32',
  '10.2.0.0/24',
  '172.16.0.0/12',
  '203.0.113.0/24',
  '198.51.100.9/32',
  '0.0.0.0/0',
  'fd00::/8',
  'fd01::/64',
  'fd01::4/128',
  '2000::/3',
  '::/0',
];
const PORTS = [80, 443, 53, '1-1023', '1024-65535', '8000-8100', '53-80', 'http', 'dns'] as const;
const PROTOCOLS = ['tcp', 'udp', 'tcp', 'udp', 'icmp', 'icmpv6', 'sctp', 47] as const;
const TIERS = ['first', 'second'] as const;
const PROFILES = ['p0', 'p1', 'p2'] as const;

function labels(c: Choose): Record<string, string> {
  return {
    ...(c.chance(75) ? { role: c.pick(['web', 'db', 'app']) } : {}),
    ...(c.chance(50) ? { env: c.pick(['prod', 'dev']) } : {}),
  };
}

function ports(c: Choose): EndpointPort[] {
  const of = (name: string, protocol: 'tcp' | 'udp', list: readonly number[]): EndpointPort[] =>
    c.chance(40) ? [{ name, protocol, port: c.pick(list) }] : [];
  return [...of('http', 'tcp', [80, 8080]), ...of('dns', 'udp', [53, 5353])];
}

function side(c: Choose, withPorts: boolean): PolicySide {
  const nets = c.some(NETS, 1 + c.below(2));
  return {
    ...(c.chance(25) ? { nets } : {}),
    ...(c.chance(10) ? { notNets: c.some(NETS.slice(1), 1) } : {}),
    ...(c.chance(35) ? { selector: c.pick(SELECTORS) } : {}),
    ...(c.chance(10) ? { notSelector: c.pick(SELECTORS.slice(2)) } : {}),
    ...(withPorts && c.chance(35) ? { ports: c.some(PORTS, 1 + c.below(3)) } : {}),
    ...(withPorts && c.chance(12) ? { notPorts: c.some(PORTS, 1) } : {}),
  };
}

function rule(c: Choose, pass: boolean): PolicyRule {
  const protocol = c.chance(60) ? c.pick(PROTOCOLS) : undefined;
  const isIcmp = protocol === 'icmp' || protocol === 'icmpv6';
  const withPorts = protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
  const type = protocol === 'icmp' ? c.pick([8, 13, 0]) : c.pick([128, 130, 0]);
  return {
    action: c.pick(['allow', 'allow', 'allow', 'deny', 'deny', 'log', pass ? 'pass' : 'allow']),
    ...(c.chance(10) ? { ipVersion: c.pick([4, 6] as const) } : {}),
    ...(protocol === undefined ? {} : { protocol }),
    ...(protocol === undefined && c.chance(20) ? { notProtocol: c.pick(PROTOCOLS) } : {}),
    ...(isIcmp && c.chance(50) ? { icmp: { type, ...(c.chance(50) ? { code: 0 } : {}) } } : {}),
    ...(c.chance(60) ? { source: side(c, withPorts) } : {}),
    ...(c.chance(60) ? { destination: side(c, withPorts) } : {}),
  };
}

function rules(c: Choose, pass: boolean): PolicyRule[] {
  return Array.from({ length: c.below(5) }, () => rule(c, pass));
}

const order = (c: Choose): { order?: number } => (c.chance(60) ? { order: c.below(4) } : {});

function policy(c: Choose): SpecByKind['Policy'] {
  const types = c.pick([['ingress'], ['egress'], ['ingress', 'egress'], undefined] as const);
  return {
    ...(c.chance(30) ? { vpc: c.pick(VPC_NAMES) } : {}),
    ...(c.chance(50) ? { tier: c.pick(TIERS) } : {}),
    ...order(c),
    ...(c.chance(80) ? { selector: c.pick(SELECTORS) } : {}),
    ...(types ? { types } : {}),
    ...(c.chance(70) ? { ingress: rules(c, true) } : {}),
    ...(c.chance(60) ? { egress: rules(c, true) } : {}),
  };
}

function put<K extends Kind>(
  kind: K,
  name: string,
  spec: SpecByKind[K],
  marked?: Record<string, string>,
): Change {
  const made = object(kind, name, spec);
  const metadata = marked ? { ...made.metadata, labels: marked } : made.metadata;
  return { ...NOTHING, objects: [{ kind, name, object: { ...made, metadata } }] };
}

/** An endpoint that is there gets other labels, profiles and ports. */
function relabelled(c: Choose, scene: Scene): Change | undefined {
  const endpoint = c.maybe(scene.all('Endpoint'));
  if (!endpoint) return undefined;
  const { profiles: _profiles, ports: _ports, ...spec } = endpoint.spec;
  const named = c.some(PROFILES, c.chance(30) ? 1 + c.below(2) : 0);
  const open = ports(c);
  return put(
    'Endpoint',
    endpoint.metadata.name,
    {
      ...spec,
      ...(named.length > 0 ? { profiles: named } : {}),
      ...(open.length > 0 ? { ports: open } : {}),
    },
    labels(c),
  );
}

/** One attempt; it may turn out not to be legal. */
export function policyChange(c: Choose, scene: Scene): Change | undefined {
  const what = c.below(20);
  if (what < 7) return relabelled(c, scene);
  if (what < 13) return put('Policy', `n${c.below(6)}`, policy(c));
  if (what < 14) {
    const defaultAction = c.chance(40) ? ({ defaultAction: 'pass' } as const) : {};
    return put('Tier', c.pick(TIERS), { ...order(c), ...defaultAction });
  }
  if (what < 15) {
    const spec = { labels: labels(c), ingress: rules(c, false), egress: rules(c, false) };
    return put('Profile', c.pick(PROFILES), spec);
  }
  if (what < 17) {
    const nets = c.some(NETS, c.below(4));
    const vpc = c.chance(40) ? { vpc: c.pick(VPC_NAMES) } : {};
    return put('NetworkSet', `s${c.below(3)}`, { ...vpc, nets }, { kind: 'net', ...labels(c) });
  }
  const kind = c.pick(['Policy', 'Policy', 'Tier', 'Profile', 'NetworkSet'] as const);
  const target = c.maybe(scene.all(kind))?.metadata.name;
  if (target === undefined) return undefined;
  return { ...NOTHING, objects: [{ kind, name: target, object: undefined }] };
}

/** A scene gets policies. */
export function populatePolicies(c: Choose, scene: Scene): void {
  for (const tier of TIERS) scene.apply(put('Tier', tier, order(c)));
  for (let i = 0; i < 12 + c.below(12); i++) {
    const change = policyChange(c, scene);
    if (change) scene.apply(change);
  }
}
