// SPDX-License-Identifier: Apache-2.0
/**
 * A gateway's host for tests of the model: VPC red with endpoints a, b here and c behind a VTEP, VPC
 * blue with x, which has red's addresses; a router and a server on the link outside. The model's own
 * choice of a port is the lowest legal one.
 */
import { Host, type Outcome } from '../support/model/index.js';
import * as p from '../support/packet/index.js';
import type { Kind, NatGatewaySpec, SpecByKind, StoredObject } from '../../src/model/index.js';
import { object } from './scene.js';

export const IF = { a: 5, b: 6, x: 7, underlay: 1, wan: 2 } as const;
export const MAC = {
  a: '02:00:00:00:00:0a',
  b: '02:00:00:00:00:0b',
  c: '02:00:00:00:00:0c',
  x: '02:00:00:00:00:0d',
  gateway: '02:54:00:00:00:64',
  blue: '02:54:00:00:00:c8',
  wan: '02:dd:00:00:00:02',
  router: '02:ff:00:00:00:01',
  server: '02:ff:00:00:00:02',
  underlay: '02:dd:00:00:00:01',
  h2: '02:dd:00:00:00:12',
} as const;
export const PUBLIC = '203.0.113.10';
export const PUBLIC6 = '2001:db8:f::10';
/** On the link, and behind the router. */
export const SERVER = '198.51.100.9';
export const REMOTE = '192.88.99.7';
export const REMOTE6 = '2001:db8:77::7';

const endpoint = (
  name: string,
  vpc: string,
  addresses: readonly string[],
  host: string,
): StoredObject =>
  object('Endpoint', name, {
    host,
    vpc,
    subnet: vpc,
    addresses,
    mac: MAC[name as 'a'],
    ...(host === 'h1' ? { device: { kind: 'existing' as const, name } } : {}),
  });

const BASE: readonly StoredObject[] = [
  object('Droplet', 'h1', { host: 'h1', device: 'u', addresses: ['192.0.2.1'] }),
  object('Droplet', 'h2', { host: 'h2', device: 'u', addresses: ['192.0.2.2'] }),
  object('Droplet', 'wan', {
    host: 'h1',
    device: 'w',
    addresses: ['198.51.100.1', '2001:db8:66::1'],
    outside: true,
  }),
  ...(['red', 'blue'] as const).flatMap((name) => [
    object('Vpc', name, { vni: name === 'red' ? 100 : 200, outside: { host: 'h1' } }),
    object('Subnet', name, {
      vpc: name,
      ipv4: { prefix: '10.1.0.0/24' },
      ipv6: { prefix: 'fd01::/64' },
    }),
  ]),
  endpoint('a', 'red', ['10.1.0.2', 'fd01::2'], 'h1'),
  endpoint('b', 'red', ['10.1.0.3', 'fd01::3'], 'h1'),
  endpoint('c', 'red', ['10.1.0.4'], 'h2'),
  endpoint('x', 'blue', ['10.1.0.2', 'fd01::2'], 'h1'),
];

export function gateway(spec: Partial<NatGatewaySpec> = {}): StoredObject {
  const sources = [{ vpc: 'red' }, { vpc: 'blue' }];
  return object('NatGateway', 'gw', { sources, addresses: [PUBLIC, PUBLIC6], ...spec });
}

export function extra<K extends Kind>(kind: K, spec: SpecByKind[K]): StoredObject {
  return object(kind, kind.toLowerCase(), spec);
}

/** A host with these objects besides. */
export class Scenario {
  readonly host = new Host({
    name: 'h1',
    hook: 'xdp',
    flows: 5000,
    fragments: 100,
    now: () => ({ earliestMs: 0, latestMs: 0 }),
  });

  constructor(...objects: readonly StoredObject[]) {
    this.configure(...objects);
  }

  configure(...objects: readonly StoredObject[]): void {
    this.setUp(['a', 'b', 'x'], objects);
  }

  /** An endpoint's device goes. */
  lose(name: 'a' | 'b' | 'x', ...objects: readonly StoredObject[]): void {
    this.setUp(
      (['a', 'b', 'x'] as const).filter((other) => other !== name),
      objects,
    );
  }

  private setUp(present: readonly ('a' | 'b' | 'x')[], objects: readonly StoredObject[]): void {
    const device = (ifindex: number) => ({ ifindex, mtu: 1450, vethPeer: false });
    const way = {
      ifindex: IF.underlay,
      smac: MAC.underlay,
      dmac: MAC.h2,
      source: '192.0.2.1',
      mtu: 1500,
    };
    const on = (mac: string) => ({ ifindex: IF.wan, mac });
    this.host.configure([...BASE, ...objects], {
      devices: new Map(present.map((name) => [name, device(IF[name])])),
      ways: new Map([['192.0.2.2', way]]),
      outside: {
        droplets: new Map([['wan', { ifindex: IF.wan, mac: MAC.wan, mtu: 1400 }]]),
        routes: [
          { prefix: '0.0.0.0/0', via: '198.51.100.254', mtu: 1400, ifindex: IF.wan },
          { prefix: '198.51.100.0/24', via: undefined, mtu: 1400, ifindex: IF.wan },
          { prefix: '2000::/3', via: '2001:db8:66::fe', mtu: 1400, ifindex: IF.wan },
        ],
        neighbours: new Map([
          ['198.51.100.254', on(MAC.router)],
          ['2001:db8:66::fe', on(MAC.router)],
          [SERVER, on(MAC.server)],
        ]),
      },
    });
  }

  /** A packet that an endpoint addresses to its gateway. */
  inside(name: 'a' | 'b' | 'x', ...layers: readonly p.Layer[]): Outcome {
    const dst = name === 'x' ? MAC.blue : MAC.gateway;
    return this.host.fromEndpoint(IF[name], p.packet(p.ether({ dst, src: MAC[name] }), ...layers));
  }

  /** A packet from the router outside. */
  outside(...layers: readonly p.Layer[]): Outcome {
    const eth = p.ether({ dst: MAC.wan, src: MAC.router });
    return this.host.fromWire(p.packet(eth, ...layers), IF.wan);
  }

  /** UDP from a to a remote host. @returns the public port */
  map(sport: number, dst: string = REMOTE, name: 'a' | 'b' | 'x' = 'a'): number {
    const src = name === 'b' ? '10.1.0.3' : '10.1.0.2';
    const { emitted } = this.inside(name, p.ip4({ src, dst }), p.udp({ sport, dport: 53 }));
    return emitted ? (emitted.bytes[34]! << 8) | emitted.bytes[35]! : 0;
  }
}

/** A frame to the router outside. */
export function toRouter(...layers: readonly p.Layer[]): Uint8Array {
  return p.packet(p.ether({ dst: MAC.router, src: MAC.wan }), ...layers);
}

/** A frame to an endpoint of red from its gateway. */
export function toEndpoint(name: 'a' | 'b', ...layers: readonly p.Layer[]): Uint8Array {
  return p.packet(p.ether({ dst: MAC[name], src: MAC.gateway }), ...layers);
}
