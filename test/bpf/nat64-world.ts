// SPDX-License-Identifier: Apache-2.0
/** Where tests of NAT64 play: endpoints of world.ts, a pool, and a prefix under which IPv4 is. */
import type { OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import type { LoadSettings } from '../support/programs.js';
import type { Hook, Outcome } from '../support/rig.js';
import { Place, sourceOf } from './nat-place.js';
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

/** The same with connections and their age in view: what a and the router outside send. */
export class Place64 extends Place {
  constructor(hook: Hook, spec: Partial<OutsideSpec> = {}, settings: LoadSettings = {}) {
    super(hook, { ...OUTSIDE, blockSize: 1024, ...spec }, settings);
  }

  six(dst: string, ...layers: readonly p.Layer[]): Outcome {
    const frame = p.packet(fromA, p.ip6({ src: 'fd01::10', dst }), ...layers);
    return this.rig.run('agent', this.hook, 'a', frame);
  }

  /** Public port, or identifier, of what a sends. */
  opened(layer: p.Layer, dst = HOST6): number {
    const { reason, data } = this.six(dst, layer);
    if (reason !== undefined) throw new Error(reason);
    return sourceOf(data).port;
  }

  /** Inside ports, or identifiers, of connections between a and an address. */
  alive(dst = HOST6): Set<number> {
    const remote = Buffer.from(p.ipBytes(dst));
    const keys = this.records().map(
      ({ value }) => value.key as { family: number; sport: number; daddr: { b: Uint8Array } },
    );
    const ours = keys.filter((k) => k.family === 6 && remote.equals(Buffer.from(k.daddr.b)));
    return new Set(ours.map((k) => k.sport));
  }
}
