// SPDX-License-Identifier: Apache-2.0
/**
 * Arbitrary configurations: up to four VPCs that repeat each other's addresses, subnets, endpoints
 * here and elsewhere, routes more and less specific. What does not fit together is left out.
 */
import type { Kind, SpecByKind, SubnetSpec } from '../../src/model/index.js';
import type { Choose } from './choose.js';
import { HOST, object, SLOTS, type Change, type Scene, type WayChoice } from './scene.js';

const OWN = { 4: '192.0.2.1', 6: '2001:db8::1' };
export const VTEPS = [
  '192.0.2.11',
  '192.0.2.12',
  '192.0.2.13',
  '192.0.2.14',
  '2001:db8::11',
  '2001:db8::12',
  '2001:db8::13',
];
const HOSTS = ['h2', 'h3', 'h4'];
const VPCS = { red: 100, blue: 200, green: 0xabcdef, gold: 1 } as const;
export const VPC_NAMES = Object.keys(VPCS) as (keyof typeof VPCS)[];
const SUBNETS: readonly (readonly [string, string])[] = [
  ['10.1.0.0/24', 'fd01::/64'],
  ['10.2.0.0/24', 'fd02::/64'],
  ['10.1.1.0/28', 'fd01:0:0:1::/64'],
];
const PREFIXES = [
  '172.16.0.0/12',
  '172.16.0.0/16',
  '172.16.5.0/24',
  '172.16.5.128/25',
  '172.16.5.9/32',
  '0.0.0.0/0',
  '10.1.0.128/25',
  '10.0.0.0/8',
  'fd16::/16',
  'fd16::/64',
  'fd16::5:0/112',
  'fd16::5:9/128',
  '::/0',
  'fd01::8000/113',
];
const DEVICE_MTUS = [1450, 1450, 1500, 1400, 1280, 1300];
const WAY_MTUS = [1500, 1500, 1500, 1400, 1350, 9000];

export const NOTHING: Change = { objects: [], devices: {}, ways: {} };

export function one<K extends Kind>(kind: K, name: string, spec: SpecByKind[K]): Change {
  return { ...NOTHING, objects: [{ kind, name, object: object(kind, name, spec) }] };
}

export function vpcSpec(c: Choose, name: keyof typeof VPCS): SpecByKind['Vpc'] {
  return {
    vni: VPCS[name],
    ...(c.chance(20) ? { gatewayMac: `02:99:00:00:00:0${c.below(4)}` } : {}),
    ...(c.chance(20) ? { underlay: c.pick(['auto', 'ipv4', 'ipv6'] as const) } : {}),
    ...(c.chance(15) ? { icmp: { rate: c.pick([1, 10]), burst: 1 + c.below(3) } } : {}),
  };
}

export function subnetSpec(c: Choose, vpc: string, which: number): SpecByKind['Subnet'] {
  const [four, six] = SUBNETS[which]!;
  const families = c.pick(['4', '6', '46', '46', '46']);
  const last = which === 2 ? '10.1.1.14' : four.replace('.0/24', '.254');
  return {
    vpc,
    ...(families.includes('4')
      ? { ipv4: { prefix: four, ...(c.chance(20) ? { gateway: last } : {}) } }
      : {}),
    ...(families.includes('6')
      ? { ipv6: { prefix: six, ...(c.chance(20) ? { gateway: six.replace('/64', 'fe') } : {}) } }
      : {}),
  };
}

export function dropletSpec(c: Choose, host: string): SpecByKind['Droplet'] {
  const pool = host === HOST ? [OWN[4], OWN[6]] : VTEPS;
  const four = pool.filter((a) => !a.includes(':'));
  const six = pool.filter((a) => a.includes(':'));
  const families = c.pick(['4', '6', '46', '46', '46']);
  return {
    host,
    device: 'underlay',
    addresses: [
      ...(families.includes('4') ? [c.pick(four)] : []),
      ...(families.includes('6') ? [c.pick(six)] : []),
    ],
    ...(c.chance(30) ? { ttl: c.pick([1, 33, 255]) } : {}),
    ...(c.chance(40) ? { dscp: c.pick(['copy', 0, 10, 46, 63] as const) } : {}),
  };
}

function addressesIn(c: Choose, subnet: SubnetSpec): string[] {
  const host = 2 + c.below(9);
  const four = subnet.ipv4?.prefix.replace(/0\/\d+$/, '');
  const six = subnet.ipv6?.prefix.replace(/\/64$/, '');
  const all = [
    ...(four === undefined ? [] : [`${four}${host}`]),
    ...(six === undefined ? [] : [`${six}${host.toString(16)}`]),
    ...(four !== undefined && c.chance(20) ? [`${four}${11 + c.below(3)}`] : []),
  ];
  return c.chance(80) ? all : c.some(all, 1);
}

/** A new or changed endpoint; a local one gets a device that nobody has. */
export function endpointChange(c: Choose, scene: Scene, name: string): Change | undefined {
  const old = scene.get('Endpoint', name);
  const vpc = old?.spec.vpc ?? c.maybe(scene.all('Vpc'))?.metadata.name;
  const subnet = c.maybe(scene.all('Subnet').filter((s) => s.spec.vpc === vpc));
  if (vpc === undefined || !subnet) return undefined;
  const taken = [...scene.devices].filter(([n]) => n !== name).map(([, d]) => d.slot);
  const slot = c.maybe([...Array(SLOTS).keys()].filter((s) => !taken.includes(s)));
  const local = slot !== undefined && c.chance(60);
  const mac =
    old && c.chance(60)
      ? old.spec.mac!
      : `02:0${c.below(4)}:00:00:00:${name.slice(1).padStart(2, '0')}`;
  const spec = {
    host: local ? HOST : c.pick(HOSTS),
    vpc,
    subnet: subnet.metadata.name,
    addresses: old && c.chance(50) ? old.spec.addresses : addressesIn(c, subnet.spec),
    mac,
    ...(local ? { device: { kind: 'existing' as const, name: `d${slot}` } } : {}),
  };
  const device = local ? { slot, mtu: c.pick(DEVICE_MTUS), vethPeer: slot % 2 === 0 } : undefined;
  return { ...one('Endpoint', name, spec), devices: { [name]: device } };
}

export function routeChange(c: Choose, scene: Scene, name: string): Change | undefined {
  const old = scene.get('Route', name);
  const vpc = old?.spec.vpc ?? c.maybe(scene.all('Vpc'))?.metadata.name;
  if (vpc === undefined) return undefined;
  const prefix = old && c.chance(70) ? old.spec.prefix : c.pick(PREFIXES);
  const kind = c.below(10);
  if (kind === 0) return one('Route', name, { vpc, prefix, blackhole: true });
  const endpoint = c.maybe(scene.all('Endpoint').filter((e) => e.spec.vpc === vpc));
  if (kind < 5 && endpoint)
    return one('Route', name, { vpc, prefix, endpoint: endpoint.metadata.name });
  const pool = VTEPS.filter((v) => kind !== 9 || !v.includes(':'));
  const mac = c.chance(50) ? { mac: `02:ee:00:00:00:0${c.below(3)}` } : {};
  const nexthops = c.some(pool, kind < 7 ? 1 : 2 + c.below(3)).map((vtep) => ({ vtep, ...mac }));
  return one('Route', name, { vpc, prefix, nexthops });
}

export function wayChoice(c: Choose, scene: Scene, vtep: string): WayChoice | undefined {
  const six = vtep.includes(':');
  const own = scene.all('Droplet').find((d) => d.spec.host === HOST)?.spec.addresses ?? [];
  const source = own.find((a) => a.includes(':') === six);
  if (source === undefined || c.chance(8)) return undefined;
  const last = (VTEPS.indexOf(vtep) + 1).toString();
  return {
    smac: '02:dd:00:00:00:01',
    dmac: `02:dd:0${c.below(2)}:00:00:1${last}`,
    source,
    mtu: c.pick(WAY_MTUS),
  };
}

/** Builds up a scene. */
export function populate(c: Choose, scene: Scene): void {
  scene.apply(one('Droplet', HOST, dropletSpec(c, HOST)));
  for (const host of HOSTS.slice(0, 1 + c.below(3)))
    scene.apply(one('Droplet', host, dropletSpec(c, host)));
  for (const name of VPC_NAMES.slice(0, 1 + c.below(4))) {
    scene.apply(one('Vpc', name, vpcSpec(c, name)));
    for (let n = c.below(3); n >= 0; n--)
      scene.apply(one('Subnet', `${name}-${n}`, subnetSpec(c, name, n)));
  }
  const endpoints = 2 + c.below(9);
  for (let n = 0; n < endpoints; n++) {
    const change = endpointChange(c, scene, `e${n}`);
    if (change) scene.apply(change);
  }
  const routes = c.below(9);
  for (let n = 0; n < routes; n++) {
    const change = routeChange(c, scene, `r${n}`);
    if (change) scene.apply(change);
  }
  for (const vtep of VTEPS)
    scene.apply({ ...NOTHING, ways: { [vtep]: wayChoice(c, scene, vtep) } });
}
