// SPDX-License-Identifier: Apache-2.0
/** Where stories of translation within a family play: a gateway, who is behind it, and packets' beginnings. */
import type { OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { DROPLET_MAC, GW, MAC } from './world.js';

export const ROUTER = '02:ff:00:00:00:01';
export const HOST4 = '198.51.100.7';
export const HOST6 = '2001:db8:5::7';
export const PUBLIC = '203.0.113.1';
export const PUBLIC6 = '2001:db8:f::1';
export const OUTSIDE: OutsideSpec = {
  router: { mac: ROUTER, address: '192.0.2.254' },
  addresses: ['192.0.2.1', '2001:db8::1'],
  mac: DROPLET_MAC,
  vnis: [100, 200],
  pool: [PUBLIC, PUBLIC6],
  users: {
    a: ['100/10.1.0.10', '100/fd01::10'],
    b: ['100/10.1.0.11', '100/fd01::11'],
    x: ['200/10.1.0.10', '200/fd01::10'],
    r: ['100/10.1.0.20', '100/fd01::20'],
  },
  statics: { '203.0.113.9': '100/10.2.0.12', '2001:db8:f::9': '100/fd02::12' },
  forwards: [
    { address: PUBLIC, protocol: 6, port: 8080, to: '100/10.1.0.11', toPort: 80 },
    { address: PUBLIC, protocol: 6, port: 8081, to: '100/10.1.0.20', toPort: 81 },
  ],
  exempt: ['198.51.100.128/25'],
};

export interface End {
  readonly ip: (src: string, dst: string, fields?: object) => p.Layer;
  readonly layer: 'ip' | 'ipv6';
  readonly a: string;
  readonly host: string;
  readonly pub: string;
}
export const FAMILIES: readonly End[] = [
  {
    ip: (src, dst, f) => p.ip4({ src, dst, ...f }),
    layer: 'ip',
    a: '10.1.0.10',
    host: HOST4,
    pub: PUBLIC,
  },
  {
    ip: (src, dst, f) => p.ip6({ src, dst, ...f }),
    layer: 'ipv6',
    a: 'fd01::10',
    host: HOST6,
    pub: PUBLIC6,
  },
];
export const fromA = p.ether({ dst: GW, src: MAC.a });
export const fromB = p.ether({ dst: GW, src: MAC.b });
export const fromRouter = p.ether({ dst: DROPLET_MAC, src: ROUTER });
export const atRouter = { layer: 'eth', dst: ROUTER, src: DROPLET_MAC };
export const data = p.raw(20);
