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
