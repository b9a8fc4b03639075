// SPDX-License-Identifier: Apache-2.0
/** A small description of VPCs, endpoints and VTEPs, and the map entries it stands for. */
import {
  formatAddress,
  lastAddress,
  mappedLength,
  parseAddress,
  parseMac,
  parsePrefix,
} from '../../src/base/net.js';
import type { Value } from './btf.js';

export interface VpcSpec {
  readonly vni: number;
  readonly gatewayMac: string;
  readonly gateways: readonly string[];
  readonly icmpRate?: number;
  readonly icmpBurst?: number;
}

export interface EndpointSpec {
  readonly vpc: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  /** Gateway of its IPv4 subnet, and of its IPv6 subnet. */
  readonly gw4?: string;
  readonly gw6?: string;
}

export interface VtepSpec {
  readonly address: string;
  readonly local: string;
  readonly mac: string;
  readonly mtu: number;
  readonly ttl?: number;
  readonly tos?: number;
  readonly dscpCopy?: boolean;
  readonly resolved?: boolean;
}

export interface RemoteSpec {
  readonly vpc: string;
  readonly mac: string;
  readonly addresses: readonly string[];
  /** A VTEP's name, or a group's. */
  readonly via: string;
}

export interface RouteSpec {
  readonly vpc: string;
  readonly prefix: string;
  readonly to: 'subnet' | 'blackhole' | { readonly endpoint: string } | RemoteRoute;
}

export interface RemoteRoute {
  readonly via: string;
  readonly mac: string;
}

export interface World {
  readonly droplet: { readonly mac: string; readonly addresses: readonly string[] };
  readonly vpcs: Readonly<Record<string, VpcSpec>>;
  readonly endpoints: Readonly<Record<string, EndpointSpec>>;
  readonly vteps: Readonly<Record<string, VtepSpec>>;
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  readonly remotes: Readonly<Record<string, RemoteSpec>>;
  readonly routes: readonly RouteSpec[];
}

/** One map entry: a struct's name, or a plain 32-bit key, and values by member. */
export interface Entry {
  readonly map: string;
  readonly key: { readonly struct: string; readonly value: Value } | number;
  readonly struct: string;
  readonly value: Value;
}

/** Indexes of the data path by name: what the daemon's allocator would give out. */
export interface Indexes {
  readonly vpcs: ReadonlyMap<string, number>;
  readonly endpoints: ReadonlyMap<string, number>;
  readonly nexthops: ReadonlyMap<string, number>;
  readonly groups: ReadonlyMap<string, number>;
  readonly devices: ReadonlyMap<string, number>;
}

const RESOLVED = 1;
const IPV6 = 2;
const DSCP_COPY = 4;
const TARGET_GROUP = 2;
const ROUTE = { subnet: 1, local: 2, remote: 3, blackhole: 4 };
const ADDR = { local: 1, remote: 2, gateway: 3, broadcast: 4 };

const ip = (text: string | undefined): Uint8Array =>
  text === undefined ? new Uint8Array(16) : parseAddress(text).bytes;

/** Numbers everything from 1; index 0 stays unused. Devices are what the rig has made. */
export function indexes(world: World, devices: ReadonlyMap<string, number>): Indexes {
  const count = (names: Readonly<Record<string, unknown>>): Map<string, number> =>
    new Map(Object.keys(names).map((name, i) => [name, i + 1]));
  return {
    vpcs: count(world.vpcs),
    endpoints: count(world.endpoints),
    nexthops: count(world.vteps),
    groups: count(world.groups ?? {}),
    devices,
  };
}

export function nexthopValue(world: World, name: string, droplet: number): Value {
  const v = world.vteps[name]!;
  const flags =
    (v.resolved === false ? 0 : RESOLVED) |
    (v.address.includes(':') ? IPV6 : 0) |
    (v.dscpCopy ? DSCP_COPY : 0);
  return {
    dmac: parseMac(v.mac),
    smac: parseMac(world.droplet.mac),
    ifindex: droplet,
    src: ip(v.local),
    dst: ip(v.address),
    mtu: v.mtu,
    flags,
    ttl: v.ttl ?? 64,
    tos: v.tos ?? 0,
    port: 4789,
  };
}

export function entries(world: World, ix: Indexes): Entry[] {
  const out: Entry[] = [];
  const droplet = ix.devices.get('droplet') ?? 0;
  const addressKey = (vni: number, text: string): Entry['key'] => ({
    struct: 'addr_key',
    value: { vni, addr: ip(text) },
  });
  const addressEntry = (vpc: string, text: string, value: Value): void => {
    const vni = world.vpcs[vpc]!.vni;
    out.push({ map: 'addr', key: addressKey(vni, text), struct: 'addr_val', value });
  };
  const remote = (via: string): { readonly flags: number; readonly nh: number } => {
    const group = ix.groups.get(via);
    return group === undefined
      ? { flags: 0, nh: ix.nexthops.get(via) ?? 0 }
      : { flags: TARGET_GROUP, nh: group };
  };
  const local = (name: string): { readonly [member: string]: Value } => {
    const e = world.endpoints[name]!;
    return {
      mac: parseMac(e.mac),
      ep: ix.endpoints.get(name) ?? 0,
      ifindex: ix.devices.get(name) ?? 0,
      mtu: e.mtu,
    };
  };

  for (const [name, v] of Object.entries(world.vpcs)) {
    const mac = parseMac(v.gatewayMac);
    const value: Value = {
      vpc: ix.vpcs.get(name) ?? 0,
      icmp_rate: v.icmpRate ?? 100_000,
      icmp_burst: v.icmpBurst ?? 100_000,
      gw_mac: mac,
      gw4: ip(v.gateways.find((g) => !g.includes(':'))),
      gw6: ip(v.gateways.find((g) => g.includes(':'))),
    };
    out.push({ map: 'vpc', key: v.vni, struct: 'vpc_val', value });
    for (const g of v.gateways) addressEntry(name, g, { kind: ADDR.gateway, mac });
  }
  for (const [name, e] of Object.entries(world.endpoints)) {
    const vpc = world.vpcs[e.vpc]!;
    out.push({
      map: 'ep',
      key: ix.devices.get(name) ?? 0,
      struct: 'ep_val',
      value: {
        vni: vpc.vni,
        vpc: ix.vpcs.get(e.vpc) ?? 0,
        ep: ix.endpoints.get(name) ?? 0,
        mtu: e.mtu,
        mac: parseMac(e.mac),
        gw_mac: parseMac(vpc.gatewayMac),
        gw4: ip(e.gw4),
        gw6: ip(e.gw6),
      },
    });
    for (const a of e.addresses) addressEntry(e.vpc, a, { kind: ADDR.local, ...local(name) });
  }
  for (const [name, v] of Object.entries(world.vteps)) {
    const nh = ix.nexthops.get(name) ?? 0;
    const value = nexthopValue(world, name, droplet);
    out.push({ map: 'nh', key: nh, struct: 'nh_val', value });
    const key = { struct: 'ip_addr', value: { b: ip(v.address) } };
    out.push({ map: 'vtep', key, struct: 'vtep_val', value: { nh } });
  }
  for (const [name, members] of Object.entries(world.groups ?? {})) {
    const nh = members.map((m) => ix.nexthops.get(m) ?? 0);
    const value: Value = { count: nh.length, nh };
    out.push({ map: 'nh_group', key: ix.groups.get(name) ?? 0, struct: 'nh_group_val', value });
  }
  for (const r of Object.values(world.remotes)) {
    const target = { kind: ADDR.remote, mac: parseMac(r.mac), ...remote(r.via) };
    for (const a of r.addresses) addressEntry(r.vpc, a, target);
  }
  for (const a of world.droplet.addresses) {
    const key = { struct: 'ip_addr', value: { b: ip(a) } };
    out.push({ map: 'local', key, struct: 'local_val', value: { ifindex: droplet } });
  }
  for (const r of world.routes) {
    const prefix = parsePrefix(r.prefix);
    const vni = world.vpcs[r.vpc]!.vni;
    const key = {
      struct: 'route_key',
      value: {
        prefixlen: 32 + mappedLength(prefix),
        vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
        family: prefix.address.family,
        addr: prefix.address.bytes,
      },
    };
    if (r.to === 'subnet' && prefix.address.family === 4) {
      addressEntry(r.vpc, formatAddress(lastAddress(prefix)), { kind: ADDR.broadcast });
    }
    let value: Value;
    if (r.to === 'subnet' || r.to === 'blackhole') value = { kind: ROUTE[r.to] };
    else if ('endpoint' in r.to) value = { kind: ROUTE.local, ...local(r.to.endpoint) };
    else value = { kind: ROUTE.remote, mac: parseMac(r.to.mac), ...remote(r.to.via) };
    out.push({ map: 'route', key, struct: 'route_val', value });
  }
  return out;
}
