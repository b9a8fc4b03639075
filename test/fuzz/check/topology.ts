// SPDX-License-Identifier: Apache-2.0
/** What a checker must know of a world: who is where, in bytes. */
import { ipBytes, macBytes } from '../../support/packet/index.js';
import type { World } from '../../support/world.js';
import { hex } from './wire.js';

export interface VpcFacts {
  readonly name: string;
  readonly vni: number;
  readonly gatewayMac: Uint8Array;
  /** Addresses in hexadecimal, of 4 or 16 bytes. */
  readonly gateways: ReadonlySet<string>;
  /** All addresses that ARP and neighbour discovery may answer for, with their MACs. */
  readonly known: ReadonlyMap<string, string>;
  /** Broadcast addresses of the IPv4 subnets. */
  readonly broadcasts: ReadonlySet<string>;
}

export interface EndpointFacts {
  readonly name: string;
  readonly vpc: VpcFacts;
  readonly mac: Uint8Array;
  readonly mtu: number;
}

export interface VtepFacts {
  readonly mac: Uint8Array;
  /** Largest inner packet. */
  readonly mtu: number;
  readonly ttl: number;
  readonly tos: number;
  readonly dscpCopy: boolean;
  readonly resolved: boolean;
}

export interface Topology {
  readonly endpoints: ReadonlyMap<string, EndpointFacts>;
  readonly vnis: ReadonlyMap<number, VpcFacts>;
  /** By address in hexadecimal. */
  readonly vteps: ReadonlyMap<string, VtepFacts>;
  readonly dropletMac: Uint8Array;
  readonly dropletAddresses: ReadonlySet<string>;
  readonly dropletMtu: number;
}

function broadcast(prefix: string): string | undefined {
  const [address, length] = prefix.split('/');
  const bytes = ipBytes(address!);
  const bits = Number(length);
  if (bytes.length !== 4 || bits > 30) return undefined;
  const out = bytes.map((b, i) => b | (0xff >> Math.min(8, Math.max(0, bits - 8 * i))));
  return hex(out);
}

export function topology(world: World, dropletMtu: number): Topology {
  const vpcs = new Map<string, VpcFacts>();
  for (const [name, v] of Object.entries(world.vpcs)) {
    const known = new Map<string, string>();
    const members = [...Object.values(world.endpoints), ...Object.values(world.remotes)];
    for (const m of members.filter((e) => e.vpc === name)) {
      for (const a of m.addresses) known.set(hex(ipBytes(a)), hex(macBytes(m.mac)));
    }
    for (const g of v.gateways) known.set(hex(ipBytes(g)), hex(macBytes(v.gatewayMac)));
    const subnets = world.routes.filter((r) => r.vpc === name && r.to === 'subnet');
    vpcs.set(name, {
      name,
      vni: v.vni,
      gatewayMac: macBytes(v.gatewayMac),
      gateways: new Set(v.gateways.map((g) => hex(ipBytes(g)))),
      known,
      broadcasts: new Set(subnets.flatMap((r) => broadcast(r.prefix) ?? [])),
    });
  }
  return {
    endpoints: new Map(
      Object.entries(world.endpoints).map(([name, e]) => [
        name,
        { name, vpc: vpcs.get(e.vpc)!, mac: macBytes(e.mac), mtu: e.mtu },
      ]),
    ),
    vnis: new Map([...vpcs.values()].map((v) => [v.vni, v])),
    vteps: new Map(
      Object.values(world.vteps).map((v) => [
        hex(ipBytes(v.address)),
        {
          mac: macBytes(v.mac),
          mtu: v.mtu,
          ttl: v.ttl ?? 64,
          tos: v.tos ?? 0,
          dscpCopy: v.dscpCopy ?? false,
          resolved: v.resolved ?? true,
        },
      ]),
    ),
    dropletMac: macBytes(world.droplet.mac),
    dropletAddresses: new Set(world.droplet.addresses.map((a) => hex(ipBytes(a)))),
    dropletMtu,
  };
}
