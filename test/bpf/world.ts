// SPDX-License-Identifier: Apache-2.0
/**
 * The world most cases play in. VPC red has two subnets, blue repeats red's addresses, and
 * green may send two ICMP errors and then hardly any more.
 */
import { ether, ip4, ip6, packet, udp, vxlan, type Layer } from '../support/packet/index.js';
import type { ExpectedLayer } from '../support/decode.js';
import type { World } from '../support/world.js';

export const GW = '02:54:00:00:00:64';
export const BLUE_GW = '02:54:00:00:00:c8';
export const DROPLET_MAC = '02:dd:00:00:00:01';
export const MAC = {
  a: '02:00:00:00:00:0a',
  b: '02:00:00:00:00:0b',
  c: '02:00:00:00:00:0c',
  r: '02:00:00:00:00:aa',
  s: '02:00:00:00:00:ab',
  u: '02:00:00:00:00:ac',
  d: '02:00:00:00:00:ad',
  m: '02:00:00:00:00:ae',
  n: '02:00:00:00:00:0e',
  x: '02:00:00:00:01:0a',
  y: '02:00:00:00:01:0b',
  q: '02:00:00:00:01:aa',
  z: '02:00:00:00:02:0a',
} as const;
export const VTEP_MAC = {
  v1: '02:ee:00:00:00:01',
  v2: '02:ee:00:00:00:02',
  v3: '02:ee:00:00:00:03',
  six: '02:ee:00:00:00:06',
  copy: '02:ee:00:00:00:07',
} as const;

const RED_GATEWAYS = ['10.1.0.1', 'fd01::1', '10.2.0.1', 'fd02::1'];
const first = { vpc: 'red', gw4: '10.1.0.1', gw6: 'fd01::1', mtu: 1450 };

export const WORLD: World = {
  droplet: { mac: DROPLET_MAC, addresses: ['192.0.2.1', '2001:db8::1'] },
  vpcs: {
    red: { vni: 100, gatewayMac: GW, gateways: RED_GATEWAYS },
    blue: { vni: 200, gatewayMac: BLUE_GW, gateways: ['10.1.0.1', 'fd01::1'] },
    green: {
      vni: 300,
      gatewayMac: GW,
      gateways: ['10.3.0.1', 'fd03::1'],
      icmpRate: 1,
      icmpBurst: 2,
    },
  },
  endpoints: {
    a: { ...first, mac: MAC.a, addresses: ['10.1.0.10', 'fd01::10'] },
    b: { ...first, mac: MAC.b, addresses: ['10.1.0.11', 'fd01::11'] },
    c: {
      vpc: 'red',
      mac: MAC.c,
      addresses: ['10.2.0.12', 'fd02::12'],
      mtu: 1300,
      gw4: '10.2.0.1',
      gw6: 'fd02::1',
    },
    n: { vpc: 'red', mac: MAC.n, addresses: ['fd01::33'], mtu: 1450, gw6: 'fd01::1' },
    x: { ...first, vpc: 'blue', mac: MAC.x, addresses: ['10.1.0.10', 'fd01::10'] },
    y: { ...first, vpc: 'blue', mac: MAC.y, addresses: ['10.1.0.11', 'fd01::11'] },
    z: {
      vpc: 'green',
      mac: MAC.z,
      addresses: ['10.3.0.10', 'fd03::10'],
      mtu: 1450,
      gw4: '10.3.0.1',
      gw6: 'fd03::1',
    },
  },
  vteps: {
    v1: {
      address: '192.0.2.11',
      local: '192.0.2.1',
      mac: VTEP_MAC.v1,
      mtu: 1400,
      tos: 0x28,
      ttl: 33,
    },
    v2: { address: '192.0.2.12', local: '192.0.2.1', mac: VTEP_MAC.v2, mtu: 1450 },
    v3: { address: '192.0.2.13', local: '192.0.2.1', mac: VTEP_MAC.v3, mtu: 1450 },
    six: { address: '2001:db8::16', local: '2001:db8::1', mac: VTEP_MAC.six, mtu: 1380, tos: 0x28 },
    copy: {
      address: '192.0.2.17',
      local: '192.0.2.1',
      mac: VTEP_MAC.copy,
      mtu: 1450,
      dscpCopy: true,
    },
    lost: {
      address: '192.0.2.18',
      local: '192.0.2.1',
      mac: '00:00:00:00:00:00',
      mtu: 1450,
      resolved: false,
    },
  },
  groups: { trio: ['v1', 'v2', 'v3'] },
  remotes: {
    r: { vpc: 'red', mac: MAC.r, addresses: ['10.1.0.20', 'fd01::20'], via: 'v1' },
    s: { vpc: 'red', mac: MAC.s, addresses: ['10.2.0.21', 'fd02::21'], via: 'six' },
    u: { vpc: 'red', mac: MAC.u, addresses: ['10.1.0.22', 'fd01::22'], via: 'lost' },
    d: { vpc: 'red', mac: MAC.d, addresses: ['10.1.0.23', 'fd01::23'], via: 'copy' },
    q: { vpc: 'blue', mac: MAC.q, addresses: ['10.1.0.20', 'fd01::20'], via: 'v1' },
  },
  routes: [
    ...['10.1.0.0/24', '10.2.0.0/24', 'fd01::/64', 'fd02::/64'].map((prefix) => ({
      vpc: 'red',
      prefix,
      to: 'subnet' as const,
    })),
    ...['172.16.0.0/16', 'fd16::/64'].map((prefix) => ({
      vpc: 'red',
      prefix,
      to: { endpoint: 'b' },
    })),
    { vpc: 'red', prefix: '172.20.0.0/16', to: { endpoint: 'n' } },
    ...['172.17.0.0/16', 'fd17::/64'].map((prefix) => ({
      vpc: 'red',
      prefix,
      to: { via: 'v1', mac: MAC.m },
    })),
    ...['172.17.5.0/24', 'fd17::5:0/112'].map((prefix) => ({
      vpc: 'red',
      prefix,
      to: { endpoint: 'c' },
    })),
    ...['172.18.0.0/16', 'fd18::/64'].map((prefix) => ({
      vpc: 'red',
      prefix,
      to: { via: 'trio', mac: MAC.m },
    })),
    ...['172.19.0.0/16', 'fd19::/64'].map((prefix) => ({
      vpc: 'red',
      prefix,
      to: 'blackhole' as const,
    })),
  ],
};

/** From a to its gateway's MAC: routed. */
export const routed = ether({ dst: GW, src: MAC.a });
export const fromA4 = (dst: string, fields: object = {}): Layer =>
  ip4({ src: '10.1.0.10', dst, ...fields });
export const fromA6 = (dst: string, fields: object = {}): Layer =>
  ip6({ src: 'fd01::10', dst, ...fields });
export const UDP = udp({ sport: 40001, dport: 40002 });

/** An outer IPv4 header from v1 to us with VXLAN; fields change the IP or VXLAN header. */
export function tunnel4(
  inner: readonly Layer[],
  fields: { readonly ip?: object; readonly udp?: object; readonly vxlan?: object } = {},
): Uint8Array {
  return packet(
    ether({ dst: DROPLET_MAC, src: VTEP_MAC.v1 }),
    ip4({ src: '192.0.2.11', dst: '192.0.2.1', df: true, ...fields.ip }),
    udp({ sport: 50001, dport: 4789, checksum: 0, ...fields.udp }),
    vxlan({ vni: 100, ...fields.vxlan }),
    ...inner,
  );
}

export function tunnel6(
  inner: readonly Layer[],
  fields: { readonly ip?: object; readonly udp?: object; readonly vxlan?: object } = {},
): Uint8Array {
  return packet(
    ether({ dst: DROPLET_MAC, src: VTEP_MAC.six }),
    ip6({ src: '2001:db8::16', dst: '2001:db8::1', ...fields.ip }),
    udp({ sport: 50001, dport: 4789, checksum: 0, ...fields.udp }),
    vxlan({ vni: 100, ...fields.vxlan }),
    ...inner,
  );
}

/** Behind the headers of the tunnel through v1. */
export const viaV1 = (
  inner: readonly ExpectedLayer[],
  ip: object = {},
): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: VTEP_MAC.v1, src: DROPLET_MAC },
  {
    layer: 'ip',
    src: '192.0.2.1',
    dst: '192.0.2.11',
    df: true,
    mf: false,
    id: 0,
    ttl: 33,
    dscp: 10,
    ecn: 0,
    header: 20,
    ...ip,
  },
  { layer: 'udp', dport: 4789, checksum: 'none' },
  { layer: 'vxlan', vni: 100, flags: 0x0800, reserved: 0 },
  ...inner,
];
