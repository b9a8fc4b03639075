// SPDX-License-Identifier: Apache-2.0
/** Objects for tests, made the way clients make them: through parseObject. */
import { parseObject } from '../../../src/api/index.js';
import type { Kind, ProposedChange, StoredObject } from '../../../src/model/index.js';

/** An object from its spec. @throws when it does not parse */
export function make(kind: Kind, name: string, spec: unknown): StoredObject {
  const result = parseObject({ kind, metadata: { name }, spec });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value.object;
}

export function change(object: StoredObject): ProposedChange {
  return { kind: object.kind, name: object.metadata.name, object };
}

/** A small valid state: two VPCs, three subnets, droplets, endpoints and routes. */
export function baseState(): StoredObject[] {
  return [
    make('Vpc', 'blue', { vni: 100 }),
    make('Vpc', 'red', { vni: 200, underlay: 'ipv4' }),
    make('Subnet', 'blue-a', {
      vpc: 'blue',
      ipv4: { prefix: '10.0.0.0/24' },
      ipv6: { prefix: '2001:db8::/64' },
    }),
    make('Subnet', 'blue-b', {
      vpc: 'blue',
      ipv4: { prefix: '10.0.1.0/24', gateway: '10.0.1.254' },
    }),
    make('Subnet', 'red-a', { vpc: 'red', ipv4: { prefix: '10.0.0.0/24' } }),
    make('Droplet', 'host-a', { host: 'host-a', device: 'eth0', addresses: ['192.0.2.10'] }),
    make('Droplet', 'host-b', {
      host: 'host-b',
      device: 'eth0',
      addresses: ['192.0.2.11', '2001:db8:f::b'],
    }),
    make('Endpoint', 'web-1', {
      host: 'host-a',
      vpc: 'blue',
      subnet: 'blue-a',
      addresses: ['10.0.0.5', '2001:db8::5'],
      mac: '02:00:00:00:00:05',
      device: { kind: 'veth', name: 'veth-web-1', netns: 'web-1' },
    }),
    make('Endpoint', 'web-2', {
      host: 'host-b',
      vpc: 'blue',
      subnet: 'blue-b',
      addresses: ['10.0.1.6'],
    }),
    make('Endpoint', 'red-1', {
      host: 'host-a',
      vpc: 'red',
      subnet: 'red-a',
      addresses: ['10.0.0.5'],
    }),
    make('Route', 'blue-default', {
      vpc: 'blue',
      prefix: '0.0.0.0/0',
      nexthops: [{ vtep: '192.0.2.99' }],
    }),
    make('Route', 'blue-vip', { vpc: 'blue', prefix: '10.9.9.9/32', endpoint: 'web-1' }),
  ];
}

/** What baseState() knows nothing of: VPCs that meet the outside, and what translates for them. */
export function natState(): StoredObject[] {
  const subnet = (vpc: string, name: string, prefix: string, ipv6?: string) =>
    make('Subnet', name, {
      vpc,
      ipv4: { prefix },
      ipv6: ipv6 === undefined ? undefined : { prefix: ipv6 },
    });
  const endpoint = (vpc: string, name: string, on: string, ...addresses: string[]) =>
    make('Endpoint', name, { host: 'host-b', vpc, subnet: on, addresses });
  return [
    make('Vpc', 'green', { vni: 400, outside: { host: 'host-a' } }),
    make('Vpc', 'lime', { vni: 401, outside: { host: 'host-a' } }),
    make('Vpc', 'teal', { vni: 402, outside: { host: 'host-b' } }),
    make('Vpc', 'gold', { vni: 403, outside: { host: 'host-a' } }),
    make('Droplet', 'gate-a', {
      host: 'host-a',
      device: 'wan0',
      addresses: ['192.0.2.40'],
      outside: true,
    }),
    subnet('green', 'green-a', '10.0.0.0/24', '2001:db8:4::/64'),
    subnet('green', 'green-b', '10.0.1.0/24'),
    subnet('lime', 'lime-a', '10.0.0.0/24'),
    subnet('teal', 'teal-a', '10.0.0.0/24'),
    subnet('gold', 'gold-a', '10.0.0.0/26'),
    subnet('gold', 'gold-b', '10.0.1.0/26'),
    make('Subnet', 'gold-6', { vpc: 'gold', ipv6: { prefix: '2001:db8:6::/64' } }),
    endpoint('green', 'green-1', 'green-a', '10.0.0.5', '2001:db8:4::5'),
    endpoint('green', 'green-2', 'green-b', '10.0.1.6'),
    endpoint('green', 'green-3', 'green-a', '10.0.0.7', '10.0.0.8'),
    endpoint('lime', 'lime-1', 'lime-a', '10.0.0.5'),
    endpoint('teal', 'teal-1', 'teal-a', '10.0.0.5'),
    make('NatGateway', 'ng-green', {
      sources: [{ vpc: 'green', subnets: ['green-a'] }],
      addresses: ['203.0.113.8-203.0.113.15', '2001:db8:ff::/126'],
      exempt: ['198.51.100.0/24'],
      blockSize: 256,
    }),
    make('NatGateway', 'ng-named', {
      sources: [{ vpc: 'green', endpoints: ['green-2'] }],
      addresses: ['203.0.113.20'],
      exempt: ['198.51.100.0/24'],
    }),
    make('NatGateway', 'ng-teal', { sources: [{ vpc: 'teal' }], addresses: ['203.0.113.64/30'] }),
    // of 63 blocks one is for each inside address
    make('NatGateway', 'ng-gold', {
      sources: [{ vpc: 'gold', subnets: ['gold-a'] }],
      addresses: ['203.0.113.96/31'],
      blockSize: 1024,
      deterministic: {},
    }),
    make('PublicIp', 'pip-4', { address: '203.0.113.32', endpoint: 'green-1' }),
    make('PublicIp', 'pip-6', { address: '2001:db8:fe::1', endpoint: 'green-1' }),
    make('PublicIp', 'pip-3', {
      address: '203.0.113.33',
      endpoint: 'green-3',
      endpointAddress: '10.0.0.8',
    }),
    make('PortForward', 'web', {
      address: '203.0.113.40',
      protocol: 'tcp',
      port: '8000-8099',
      endpoint: 'green-2',
      endpointPort: '9000-9099',
    }),
    make('PortForward', 'dns', {
      address: '203.0.113.8',
      protocol: 'both',
      port: 53,
      endpoint: 'green-1',
    }),
    make('PortForward', 'teal-web', {
      address: '203.0.113.64',
      protocol: 'tcp',
      port: 80,
      endpoint: 'teal-1',
    }),
  ];
}
