// SPDX-License-Identifier: Apache-2.0
/**
 * Three tenants that are the same in everything, addresses and MACs, but the VNI and their
 * devices: what one gets of another's, nothing but isolation has kept apart. The third may
 * send two ICMP errors and then hardly any more. The underlay is IPv4 and IPv6.
 */
import type { World } from '../support/world.js';

export const VPCS = ['red', 'blue', 'green'] as const;
export const VNI = { red: 100, blue: 200, green: 300 } as const;
/** A VNI that no VPC of this host has. */
export const NO_VNI = 400;
export const GATEWAY_MAC = '02:54:00:00:00:01';
export const DROPLET_MAC = '02:dd:00:00:00:01';
export const DROPLET = ['192.0.2.1', '2001:db8::1'] as const;
export const DROPLET_MTU = 1500;
export const MAC = {
  a: '02:00:00:00:00:0a',
  b: '02:00:00:00:00:0b',
  c: '02:00:00:00:00:0c',
  r: '02:00:00:00:00:aa',
  s: '02:00:00:00:00:ab',
  t: '02:00:00:00:00:ac',
  u: '02:00:00:00:00:ad',
  p: '02:00:00:00:00:ae',
  m: '02:00:00:00:00:af',
} as const;
export const VTEPS = {
  v1: { address: '192.0.2.11', mac: '02:ee:00:00:00:01', mtu: 1400, tos: 0x28, ttl: 33 },
  v2: { address: '192.0.2.12', mac: '02:ee:00:00:00:02', mtu: 1450 },
  six: { address: '2001:db8::16', mac: '02:ee:00:00:00:06', mtu: 1430, tos: 0x28 },
  copy: { address: '192.0.2.17', mac: '02:ee:00:00:00:07', mtu: 1450, dscpCopy: true },
  lost: { address: '192.0.2.18', mac: '00:00:00:00:00:00', mtu: 1450, resolved: false },
} as const;
export const GATEWAYS = ['10.1.0.1', 'fd01::1', '10.2.0.1', 'fd02::1'];
/** Of the local endpoints a, b and c of every VPC. */
export const LOCAL = {
  a: { mac: MAC.a, addresses: ['10.1.0.10', 'fd01::10'], mtu: 1450 },
  b: { mac: MAC.b, addresses: ['10.1.0.11', 'fd01::11'], mtu: 1300 },
  c: { mac: MAC.c, addresses: ['10.2.0.12', 'fd02::12'], mtu: 1450 },
} as const;
export const REMOTE = {
  r: { mac: MAC.r, addresses: ['10.1.0.20', 'fd01::20'], via: 'v1' },
  s: { mac: MAC.s, addresses: ['10.2.0.21', 'fd02::21'], via: 'six' },
  t: { mac: MAC.t, addresses: ['10.1.0.22', 'fd01::22'], via: 'pair' },
  u: { mac: MAC.u, addresses: ['10.1.0.23', 'fd01::23'], via: 'lost' },
  p: { mac: MAC.p, addresses: ['10.1.0.24', 'fd01::24'], via: 'copy' },
} as const;

type Vpc = (typeof VPCS)[number];

/** name is a, b, c: the endpoint's own name is that of its VPC and this. */
export const endpointName = (vpc: Vpc, name: keyof typeof LOCAL): string => `${vpc}-${name}`;

function perVpc<T>(list: (vpc: Vpc) => readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(VPCS.flatMap(list));
}

export const WORLD: World = {
  droplet: { mac: DROPLET_MAC, addresses: DROPLET },
  vpcs: perVpc((vpc) => [
    [
      vpc,
      {
        vni: VNI[vpc],
        gatewayMac: GATEWAY_MAC,
        gateways: GATEWAYS,
        ...(vpc === 'green'
          ? { icmpRate: 1, icmpBurst: 2 }
          : { icmpRate: 1_000_000, icmpBurst: 1_000_000 }),
      },
    ],
  ]),
  endpoints: perVpc((vpc) =>
    (Object.keys(LOCAL) as (keyof typeof LOCAL)[]).map((name) => [
      endpointName(vpc, name),
      {
        vpc,
        ...LOCAL[name],
        gw4: name === 'c' ? '10.2.0.1' : '10.1.0.1',
        gw6: name === 'c' ? 'fd02::1' : 'fd01::1',
      },
    ]),
  ),
  vteps: Object.fromEntries(
    Object.entries(VTEPS).map(([name, v]) => [
      name,
      { ...v, local: v.address.includes(':') ? DROPLET[1] : DROPLET[0] },
    ]),
  ),
  groups: { pair: ['v1', 'v2'] },
  remotes: perVpc((vpc) =>
    Object.entries(REMOTE).map(([name, r]) => [`${vpc}-${name}`, { vpc, ...r }]),
  ),
  routes: VPCS.flatMap((vpc) => [
    ...['10.1.0.0/24', '10.2.0.0/24', 'fd01::/64', 'fd02::/64'].map((prefix) => ({
      vpc,
      prefix,
      to: 'subnet' as const,
    })),
    ...['172.16.0.0/16', 'fd16::/64'].map((prefix) => ({
      vpc,
      prefix,
      to: { endpoint: endpointName(vpc, 'b') },
    })),
    ...['172.17.0.0/16', 'fd17::/64'].map((prefix) => ({
      vpc,
      prefix,
      to: { via: 'v1', mac: MAC.m },
    })),
    ...['172.18.0.0/16', 'fd18::/64'].map((prefix) => ({
      vpc,
      prefix,
      to: { via: 'pair', mac: MAC.m },
    })),
    ...['172.19.0.0/16', 'fd19::/64'].map((prefix) => ({
      vpc,
      prefix,
      to: 'blackhole' as const,
    })),
  ]),
};
