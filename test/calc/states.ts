// SPDX-License-Identifier: Apache-2.0
/** Named states: small configurations, each a step from the one before. This host is h1. */
import { device, droplet, object, way, type Fact, type State } from './support.js';
import type { StoredObject } from '../../src/model/index.js';

export const blue = object('Vpc', 'blue', { vni: 100 });
export const blueNet = object('Subnet', 'blue-a', {
  vpc: 'blue',
  ipv4: { prefix: '10.0.0.0/24' },
  ipv6: { prefix: '2001:db8::/64', gateway: '2001:db8::fe' },
});
export const d1 = object('Droplet', 'd1', {
  host: 'h1',
  device: 'eth0',
  addresses: ['192.0.2.1', '2001:db8:f::1'],
  dscp: 10,
  ttl: 33,
});
export const d2 = object('Droplet', 'd2', {
  host: 'h2',
  device: 'eth0',
  addresses: ['192.0.2.2', '2001:db8:f::2'],
});
export const web = object('Endpoint', 'web', {
  host: 'h1',
  vpc: 'blue',
  subnet: 'blue-a',
  addresses: ['10.0.0.5', '2001:db8::5'],
  mac: '0a:00:00:00:00:05',
  device: { kind: 'veth', netns: 'web' },
});
export const db = object('Endpoint', 'db', {
  host: 'h2',
  vpc: 'blue',
  subnet: 'blue-a',
  addresses: ['10.0.0.6'],
  mac: '0a:00:00:00:00:06',
});
export const out = object('Route', 'out', {
  vpc: 'blue',
  prefix: '0.0.0.0/0',
  nexthops: [{ vtep: '198.51.100.9' }, { vtep: '198.51.100.8' }, { vtep: '198.51.100.9' }],
});
export const viaDb = object('Route', 'via-db', {
  vpc: 'blue',
  prefix: '172.16.0.0/16',
  endpoint: 'db',
});
export const viaWeb = object('Route', 'via-web', {
  vpc: 'blue',
  prefix: '172.17.0.0/16',
  endpoint: 'web',
});
export const hole = object('Route', 'hole', {
  vpc: 'blue',
  prefix: '172.18.0.0/16',
  blackhole: true,
});

const state = (objects: StoredObject[], facts: Fact[] = []): State => ({ objects, facts });

export const empty = state([]);
export const vpcOnly = state([blue]);
export const net = state([blue, blueNet]);
export const hosts = state([d1, d2], [droplet('d1', 2)]);
export const noDevice = state([blue, blueNet, d1, web], [droplet('d1', 2)]);
export const localOnly = state([blue, blueNet, d1, web], [droplet('d1', 2), device('web', 7)]);
export const remoteOnly = state([blue, blueNet, d1, d2, db], [droplet('d1', 2)]);
export const all = state(
  [blue, blueNet, d1, d2, web, db, out, viaDb, viaWeb, hole],
  [
    droplet('d1', 2),
    device('web', 7),
    way('192.0.2.2', 2, '192.0.2.1'),
    way('2001:db8:f::2', 2, '2001:db8:f::99'),
    way('198.51.100.8', 3, '203.0.113.1'),
  ],
);
export const orphans = state([blueNet, web, db, out, viaDb, hole, d1, d2], [device('web', 7)]);
export const NAMED = {
  empty,
  vpcOnly,
  net,
  hosts,
  noDevice,
  localOnly,
  remoteOnly,
  all,
  orphans,
} satisfies Record<string, State>;
