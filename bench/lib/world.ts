// SPDX-License-Identifier: Apache-2.0
/**
 * The network the data path's figures are of: endpoints a and b on this host, r behind a VTEP
 * with an IPv4 address and s behind one with IPv6, all in one subnet. Frames for every pair of
 * families, there and back, that the loops of bench/bpf vary by their ports.
 */
import {
  ether,
  ip4,
  ip6,
  packet,
  raw,
  udp,
  vxlan,
  type Layer,
} from '../../test/support/packet/index.js';
import type { World } from '../../test/support/world.js';

export type Family = 4 | 6;

export const GATEWAY_MAC = '02:54:00:00:00:64';
export const DROPLET_MAC = '02:dd:00:00:00:01';
export const VNI = 100;
/** The UDP payload: frames of 60 bytes inside IPv4, the least that Ethernet carries. */
export const PAYLOAD = 18;

interface Station {
  readonly mac: string;
  readonly address: Readonly<Record<Family, string>>;
}

const station = (n: number): Station => ({
  mac: `02:00:00:00:00:${n.toString(16).padStart(2, '0')}`,
  address: { 4: `10.1.0.${n}`, 6: `fd01::${n}` },
});
export const A = station(10);
export const B = station(11);

/** VTEPs by the family of the outer packet, each with the endpoint behind it. */
export const VTEP = {
  4: { name: 'v4', mac: '02:ee:00:00:00:04', address: '192.0.2.11', local: '192.0.2.1' },
  6: { name: 'v6', mac: '02:ee:00:00:00:06', address: '2001:db8::11', local: '2001:db8::1' },
} as const;
export const REMOTE = { 4: station(20), 6: station(26) } as const;

const both = (s: Station): string[] => [s.address[4], s.address[6]];
const local = { vpc: 'red', mtu: 1430, gw4: '10.1.0.1', gw6: 'fd01::1' };

export const WORLD: World = {
  droplet: { mac: DROPLET_MAC, addresses: [VTEP[4].local, VTEP[6].local] },
  vpcs: {
    red: {
      vni: VNI,
      gatewayMac: GATEWAY_MAC,
      gateways: ['10.1.0.1', 'fd01::1'],
      // drops stay drops: an answer would be another packet in the next repetition
      icmpRate: 0,
      icmpBurst: 0,
    },
  },
  endpoints: {
    a: { ...local, mac: A.mac, addresses: both(A) },
    b: { ...local, mac: B.mac, addresses: both(B) },
  },
  vteps: {
    v4: { address: VTEP[4].address, local: VTEP[4].local, mac: VTEP[4].mac, mtu: 1450 },
    v6: { address: VTEP[6].address, local: VTEP[6].local, mac: VTEP[6].mac, mtu: 1430 },
  },
  remotes: {
    r: { vpc: 'red', mac: REMOTE[4].mac, addresses: both(REMOTE[4]), via: 'v4' },
    s: { vpc: 'red', mac: REMOTE[6].mac, addresses: both(REMOTE[6]), via: 'v6' },
  },
  routes: ['10.1.0.0/24', 'fd01::/64'].map((prefix) => ({ vpc: 'red', prefix, to: 'subnet' })),
};

export function ip(family: Family, src: string, dst: string): Layer {
  return family === 4 ? ip4({ src, dst }) : ip6({ src, dst });
}

/** From one station to another, as its device sees it: Ethernet, IP, UDP. */
export function frame(family: Family, from: Station, to: Station): Uint8Array {
  return packet(
    ether({ dst: to.mac, src: from.mac }),
    ip(family, from.address[family], to.address[family]),
    udp({ sport: 1, dport: 2 }),
    raw(PAYLOAD),
  );
}

/** From a VTEP to us, around a frame. */
export function tunnel(
  outer: Family,
  inner: Uint8Array,
  fields: { readonly vni?: number; readonly src?: string } = {},
): Uint8Array {
  const vtep = VTEP[outer];
  return packet(
    ether({ dst: DROPLET_MAC, src: vtep.mac }),
    ip(outer, fields.src ?? vtep.address, vtep.local),
    udp({ sport: 50000, dport: 4789, checksum: 0 }),
    vxlan({ vni: fields.vni ?? VNI }),
    raw(inner),
  );
}
