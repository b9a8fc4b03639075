// SPDX-License-Identifier: Apache-2.0
/**
 * Arbitrary ways outside: a droplet that leads there, the kernel's routes and neighbours on its link,
 * NatGateways with few addresses and small blocks, PublicIps, PortForwards. A public address is used
 * for one purpose in a history: what becomes of mappings of an address that comes back is not said.
 */
import type { NatSource, SpecByKind } from '../../src/model/index.js';
import type { Choose } from './choose.js';
import { NOTHING, one } from './configuration.js';
import { HOST, OUTSIDE, type Change, type Scene } from './scene.js';

/** Of the device that leads outside; routes may have less. */
export const WAN_MTU = 1500;
export const ROUTERS = { 4: '198.51.100.254', 6: '2001:db8:66::fe' } as const;
/** Hosts outside: on the link, not answering there, behind the router, nowhere. */
export const REMOTES = {
  4: ['198.51.100.9', '192.88.99.7', '192.88.99.7', '192.88.99.8', '192.88.99.8', '198.51.100.77'],
  6: ['2001:db8:66::9', '2001:db8:77::7', '2001:db8:77::7', '2001:db8:77::8', '2001:db8:66::77'],
} as const;
const LINK = { 4: '198.51.100.0/24', 6: '2001:db8:66::/64' } as const;
const BROADCAST = '198.51.100.255';
const GATEWAYS = ['g0', 'g1'] as const;
const PUBLIC_IPS = ['p0', 'p1', 'p2'] as const;
const FORWARDS = ['f0', 'f1', 'f2'] as const;
const POOLS: Readonly<Record<(typeof GATEWAYS)[number], readonly string[]>> = {
  g0: ['203.0.113.1', '2001:db8:f::1', '203.0.113.2-203.0.113.3', '2001:db8:f::2'],
  g1: ['203.0.113.16/31', '2001:db8:f::10', '203.0.113.18'],
};
const FORWARDED = ['203.0.113.1', '203.0.113.40', '2001:db8:f::1', '2001:db8:f::40'];

/** Somebody outside, or a public address. */
export function outsideAddress(c: Choose, six: boolean): string {
  const family = six ? 6 : 4;
  if (c.chance(4)) return six ? '4000::1' : c.pick([BROADCAST, '192.0.3.1']);
  if (c.chance(70)) return c.pick(REMOTES[family]);
  return c.pick(publicAddresses(six));
}

/** Any address that may be public. */
export function publicAddresses(six: boolean): readonly string[] {
  return six
    ? ['2001:db8:f::1', '2001:db8:f::2', '2001:db8:f::10', '2001:db8:f::20', '2001:db8:f::40']
    : [
        '203.0.113.1',
        '203.0.113.2',
        '203.0.113.16',
        '203.0.113.20',
        '203.0.113.21',
        '203.0.113.40',
      ];
}

function sources(c: Choose, scene: Scene, which: number): NatSource[] {
  const vpcs = scene.all('Vpc').filter((v) => v.spec.outside);
  const served = which === 0 ? vpcs.slice(0, 2) : vpcs.slice(1, 3);
  return served.map(({ metadata }) => {
    const inside = scene.all('Endpoint').filter((e) => e.spec.vpc === metadata.name);
    const kind = which === 0 && vpcs.length > 1 ? 0 : c.below(4);
    const endpoints = c.some(inside, 3).map((e) => e.metadata.name);
    if (kind === 1 && endpoints.length > 0) return { vpc: metadata.name, endpoints };
    const subnet = scene.all('Subnet').find((s) => s.spec.vpc === metadata.name);
    if (kind === 2 && subnet) return { vpc: metadata.name, subnets: [subnet.metadata.name] };
    return { vpc: metadata.name };
  });
}

const fourOf = (pool: readonly string[]): readonly string[] => pool.filter((a) => !a.includes(':'));

/** The same VPCs, those of their subnets that can have ports by arithmetic. */
function fixedSources(scene: Scene, from: readonly NatSource[]): NatSource[] {
  return from.flatMap(({ vpc }) => {
    const subnets = scene.all('Subnet').filter((s) => s.spec.vpc === vpc && s.spec.ipv4);
    const names = subnets.map((s) => s.metadata.name);
    return names.length > 0 ? [{ vpc, subnets: names }] : [];
  });
}

function gatewayChange(c: Choose, scene: Scene): Change | undefined {
  const which = c.below(2);
  const name = GATEWAYS[which]!;
  const old = scene.get('NatGateway', name)?.spec;
  if (old) {
    // a pool loses its first entry, or takes another: none comes back
    const addresses = old.addresses ?? [];
    const pool = old.deterministic ? fourOf(POOLS[name]) : POOLS[name];
    const next = pool[pool.indexOf(addresses.at(-1) ?? '') + 1];
    const now = next !== undefined && c.chance(50) ? [...addresses, next] : addresses.slice(1);
    return now.length === 0 ? undefined : one('NatGateway', name, { ...old, addresses: now });
  }
  const served = sources(c, scene, which);
  if (served.length === 0) return undefined;
  const exempt = c.chance(25) ? ['192.88.99.8/32'] : c.chance(15) ? ['2001:db8:77::8/128'] : [];
  const fixed = c.chance(25) ? fixedSources(scene, served) : [];
  if (fixed.length > 0)
    return one('NatGateway', name, {
      sources: fixed,
      addresses: fourOf(POOLS[name]).slice(0, 1 + c.below(2)),
      blockSize: 64,
      blocksPerEndpoint: c.pick([1, 2]),
      deterministic: { blocks: c.pick([1, 2]), overflow: c.pick([0, 0, 3]) },
    });
  return one('NatGateway', name, {
    sources: served,
    addresses: POOLS[name].slice(0, 1 + c.below(POOLS[name].length)),
    filtering: c.pick(['endpoint', 'endpoint', 'address', 'address-port'] as const),
    blockSize: 64,
    blocksPerEndpoint: c.pick([1, 1, 2, 4]),
    ...(exempt.length > 0 ? { exempt } : {}),
  });
}

function served(c: Choose, scene: Scene): string | undefined {
  const names = new Set(
    scene
      .all('Vpc')
      .filter((v) => v.spec.outside)
      .map((v) => v.metadata.name),
  );
  return c.maybe(scene.all('Endpoint').filter((e) => names.has(e.spec.vpc)))?.metadata.name;
}

function publicIpChange(c: Choose, scene: Scene): Change | undefined {
  const which = c.below(PUBLIC_IPS.length);
  const endpoint = served(c, scene);
  if (endpoint === undefined) return undefined;
  const address = c.chance(50) ? `203.0.113.${20 + which}` : `2001:db8:f::2${which}`;
  return one('PublicIp', PUBLIC_IPS[which]!, { address, endpoint });
}

function forwardChange(c: Choose, scene: Scene): Change | undefined {
  const endpoint = served(c, scene);
  if (endpoint === undefined) return undefined;
  const spec: SpecByKind['PortForward'] = {
    address: c.pick(FORWARDED),
    protocol: c.pick(['tcp', 'udp', 'both'] as const),
    port: c.pick(['80', '8000-8009', '1024-1087', '443-445']),
    endpoint,
  };
  const count = spec.port.includes('-')
    ? Number(spec.port.split('-')[1]) - parseInt(spec.port, 10)
    : 0;
  const first = c.pick([53, 2000]);
  const inside = count === 0 ? `${first}` : `${first}-${first + count}`;
  return one('PortForward', c.pick(FORWARDS), {
    ...spec,
    ...(c.chance(60) ? { endpointPort: inside } : {}),
  });
}

function kernelChange(c: Choose): Change {
  const six = c.chance(40);
  const family = six ? 6 : 4;
  const mtu = c.pick([1500, 1400, 1300]);
  switch (c.below(4)) {
    case 0: {
      const address = c.pick([ROUTERS[family], REMOTES[family][0]]);
      const mac = c.chance(25) ? undefined : `02:ff:00:00:0${c.below(2)}:0${family}`;
      return { ...NOTHING, neighbours: { [address]: mac } };
    }
    case 1: {
      const prefix = six ? '2000::/3' : '0.0.0.0/0';
      const route = c.chance(25) ? undefined : { via: ROUTERS[family], mtu };
      return { ...NOTHING, outsideRoutes: { [prefix]: route } };
    }
    case 2: {
      const prefix = six ? '2001:db8:77::8/128' : '192.88.99.8/32';
      const route = c.chance(40) ? undefined : { via: REMOTES[family][0], mtu };
      return { ...NOTHING, outsideRoutes: { [prefix]: route } };
    }
    default:
      return { ...NOTHING, outsideRoutes: { [LINK[family]]: { via: undefined, mtu } } };
  }
}

/** Something of the outside changes. */
export function outsideChange(c: Choose, scene: Scene): Change | undefined {
  if (!scene.leadsOutside) return undefined;
  const kind = c.below(10);
  if (kind < 3) return kernelChange(c);
  if (kind < 4) return gatewayChange(c, scene);
  if (kind < 6) return publicIpChange(c, scene);
  if (kind < 8) return forwardChange(c, scene);
  const what = c.pick(['PublicIp', 'PortForward'] as const);
  const name = c.maybe(scene.all(what))?.metadata.name;
  return name === undefined
    ? undefined
    : { ...NOTHING, objects: [{ kind: what, name, object: undefined }] };
}

/** VPCs that a scene's droplet leads outside, and through what. */
export function populateOutside(c: Choose, scene: Scene): void {
  const families = c.pick(['4', '6', '46', '46', '46']);
  scene.apply(
    one('Droplet', OUTSIDE, {
      host: HOST,
      device: 'wan',
      outside: true,
      addresses: [
        ...(families.includes('4') ? ['198.51.100.1'] : []),
        ...(families.includes('6') ? ['2001:db8:66::1'] : []),
      ],
    }),
  );
  for (const { metadata, spec } of scene.all('Vpc'))
    if (c.chance(85))
      scene.apply(
        one('Vpc', metadata.name, { ...spec, outside: { host: c.chance(92) ? HOST : 'h2' } }),
      );
  for (const family of [4, 6] as const) {
    const router = ROUTERS[family];
    const near = REMOTES[family][0];
    scene.apply({
      ...NOTHING,
      outsideRoutes: {
        [family === 4 ? '0.0.0.0/0' : '2000::/3']: { via: router, mtu: 1500 },
        [LINK[family]]: { via: undefined, mtu: 1500 },
      },
      neighbours: { [router]: '02:ff:00:00:00:fe', [near]: '02:ff:00:00:00:09' },
    });
  }
  const changes = [
    gatewayChange,
    gatewayChange,
    ...Array.from({ length: c.below(4) }, () => publicIpChange),
    ...Array.from({ length: c.below(4) }, () => forwardChange),
  ];
  for (const make of changes) {
    const change = make(c, scene);
    if (change) scene.apply(change);
  }
}
