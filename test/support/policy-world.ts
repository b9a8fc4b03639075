// SPDX-License-Identifier: Apache-2.0
/** Endpoints of two hosts with policies as in docs/guide/policy.md, computed for host h1. */
import { Calculator, IndexAllocator } from '../../src/daemon/calc/index.js';
import type { Kind, StoredObject } from '../../src/model/index.js';
import { allocator, device, droplet, tell } from '../calc/support.js';
import { parseObject } from '../../src/api/index.js';

export const HOST = 'h1';

function object(kind: Kind, name: string, spec: unknown, labels = {}): StoredObject {
  const result = parseObject({ kind, metadata: { name, labels }, spec });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const { object } = result.value;
  const metadata = { ...object.metadata, generation: 1, resourceVersion: 1, createdAt: '' };
  return { ...object, metadata };
}

function endpoint(name: string, host: string, last: number, more = {}, labels = {}): StoredObject {
  const addresses = [`10.0.1.${last}`, `fd00::${last}`];
  const where = {
    host,
    vpc: 'blue',
    subnet: 'blue-a',
    addresses,
    device: { kind: 'veth', netns: 'x' },
  };
  return object('Endpoint', name, { ...where, ...more }, labels);
}

export const POLICY_OBJECTS: readonly StoredObject[] = [
  object('Vpc', 'blue', { vni: 100 }),
  object('Vpc', 'red', { vni: 200 }),
  object('Subnet', 'blue-a', {
    vpc: 'blue',
    ipv4: { prefix: '10.0.1.0/24' },
    ipv6: { prefix: 'fd00::/64' },
  }),
  object('Subnet', 'red-a', { vpc: 'red', ipv4: { prefix: '10.0.1.0/24' } }),
  object('Droplet', 'h1', { host: 'h1', device: 'eth0', addresses: ['192.0.2.1'] }),
  object('Droplet', 'h2', { host: 'h2', device: 'eth0', addresses: ['192.0.2.2'] }),
  endpoint(
    'db-1',
    'h1',
    11,
    { ports: [{ name: 'postgres', protocol: 'tcp', port: 5432 }] },
    { role: 'db' },
  ),
  endpoint('web-1', 'h1', 21, {}, { role: 'web' }),
  endpoint('web-2', 'h2', 22, {}, { role: 'web' }),
  endpoint('free-1', 'h1', 31),
  endpoint('lost-1', 'h1', 41, { profiles: ['nowhere'] }),
  object('Endpoint', 'red-1', {
    host: 'h1',
    vpc: 'red',
    subnet: 'red-a',
    addresses: ['10.0.1.11'],
    device: { kind: 'veth', netns: 'x' },
  }),
  object('Tier', 'security', { order: 10, defaultAction: 'pass' }),
  object('Policy', 'no-telnet', {
    vpc: 'blue',
    tier: 'security',
    selector: "role == 'db'",
    ingress: [{ action: 'deny', protocol: 'tcp', destination: { ports: [23] } }],
  }),
  object('Policy', 'db', {
    vpc: 'blue',
    selector: "role == 'db'",
    types: ['ingress', 'egress'],
    ingress: [
      {
        action: 'allow',
        protocol: 'tcp',
        source: { selector: "role == 'web'" },
        destination: { ports: ['postgres'] },
      },
      { action: 'allow', protocol: 'icmp', icmp: { type: 8 } },
      { action: 'log', source: { nets: ['203.0.113.0/24'] } },
    ],
  }),
  object('NetworkSet', 'offices', { vpc: 'blue', nets: ['198.51.100.0/24'] }, { zone: 'office' }),
];

const LOCAL = ['db-1', 'web-1', 'free-1', 'lost-1', 'red-1'];

export function objectsOf(list: readonly StoredObject[]) {
  return {
    get: (kind: Kind, name: string): StoredObject | undefined =>
      list.find((one) => one.kind === kind && one.metadata.name === name),
    list: (kind?: Kind): StoredObject[] =>
      list.filter((one) => kind === undefined || one.kind === kind),
  };
}

/** The calculation of host h1 before its first flush; devices have the numbers given, or any. */
export function policyCalculator(
  objects: readonly StoredObject[] = POLICY_OBJECTS,
  indexes: IndexAllocator = allocator(),
): { readonly calculator: Calculator; readonly indexes: IndexAllocator } {
  const calculator = new Calculator({ indexes }, { host: HOST, vxlanPort: 4789 });
  calculator.objects(
    objects.map((one) => ({ kind: one.kind, name: one.metadata.name, object: one })),
  );
  tell(calculator, droplet('h1', 2));
  for (const [at, name] of LOCAL.entries()) tell(calculator, device(name, 10 + at));
  return { calculator, indexes };
}
