// SPDX-License-Identifier: Apache-2.0
/** Where tests of NAT64 play: endpoints of world.ts, a pool, and a prefix under which IPv4 is. */
import type { OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { DROPLET_MAC, GW, MAC } from './world.js';

export const ROUTER = '02:ff:00:00:00:01';
export const HOST = '198.51.100.7';
export const PREFIX = '2001:db8:64::/96';
export const HOST6 = '2001:db8:64::c633:6407';
export const PUBLIC = '203.0.113.1';
export const OUTSIDE: OutsideSpec = {
  router: { mac: ROUTER, address: '192.0.2.254' },
  addresses: ['192.0.2.1', '2001:db8::1'],
  mac: DROPLET_MAC,
  vnis: [100, 200],
  pool: [PUBLIC, '2001:db8:f::1'],
  users: {
    a: ['100/10.1.0.10', '100/fd01::10'],
    b: ['100/10.1.0.11', '100/fd01::11'],
    x: ['200/10.1.0.10', '200/fd01::10'],
    r: ['100/10.1.0.20', '100/fd01::20'],
  },
  statics: { '203.0.113.9': '100/fd02::12', '2001:db8:f::9': '100/fd02::12' },
  forwards: [{ address: PUBLIC, protocol: 6, port: 8080, to: '100/fd01::11', toPort: 80 }],
  nat64: PREFIX,
};

export const fromA = p.ether({ dst: GW, src: MAC.a });
export const fromB = p.ether({ dst: GW, src: MAC.b });
export const fromRouter = p.ether({ dst: DROPLET_MAC, src: ROUTER });
export const atRouter = { layer: 'eth', dst: ROUTER, src: DROPLET_MAC };
export const atA = { layer: 'eth', dst: MAC.a, src: GW };
export const atB = { layer: 'eth', dst: MAC.b, src: GW };
