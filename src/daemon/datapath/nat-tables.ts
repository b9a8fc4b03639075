// SPDX-License-Identifier: Apache-2.0
/** Translation's maps with the names of what their numbers stand for. Read anew by each call. */
import { addressFromBytes, formatAddress, parseAddress } from '../../base/net.js';
import {
  ABI,
  MAPS,
  TypedMap,
  type LimitUseVal,
  type NatBlockVal,
  type NatLeaseVal,
  type NatMapVal,
  type RawMap,
} from '../../maps/index.js';
import {
  expandPool,
  isMasqueraded,
  NAT_DEFAULTS,
  visiblePrefix,
  type Kind,
  type TypedObject,
} from '../../model/index.js';
import { accountOf } from '../calc/index.js';
import { pooledEntries, type PooledEntries } from './nat-pooled.js';
import type { Store } from '../ports/store.js';

export type Objects = Pick<Store, 'get' | 'list'>;

/** An address of a pool. */
export interface PoolMember {
  /** Of nat_ext. */
  readonly index: number;
  readonly address: string;
  /** Of nat_gw. */
  readonly gw: number;
  /** VNI of the VPC that has the address: 0 the outside. */
  readonly outer: number;
}

export interface Gateway {
  /** Of a Peering's pool "Peering/name"; empty when it is not known any more. */
  readonly name: string;
  readonly blockSize: number;
}

/** Who may use a pool. */
export interface Subscriber {
  readonly endpoint: string;
  readonly vpc: string;
}

export const UNKNOWN: Subscriber = { endpoint: '', vpc: '' };

export interface NatTables {
  readonly objects: Objects;
  /** Seconds of the clock map. */
  readonly now: number;
  readonly members: readonly PoolMember[];
  /** By index of nat_gw. */
  readonly gateways: ReadonlyMap<number, Gateway>;
  /** By index of nat_sub. */
  subscribers(): ReadonlyMap<number, Subscriber>;
  /** Gateway that serves a subscriber: index of nat_gw, 0 none. */
  gatewayOf(sub: number): number;
  /** Connections of a subscriber. */
  use(sub: number): LimitUseVal | undefined;
  block(member: PoolMember, number: number): NatBlockVal | undefined;
  leases(): [number, NatLeaseVal][];
  /** Of nat_map; `outer` as of members. */
  mappings(): NatMapVal[];
  /** Name of a Vpc by VNI; empty when it is not known any more. */
  vpcName(vni: number): string;
}

/** Objects of one kind, typed. */
export function listOf<K extends Kind>(objects: Objects, kind: K): TypedObject<K>[] {
  // A store lists by kind what is of that kind.
  return objects.list(kind) as TypedObject<K>[];
}

export function addressText(bytes: Uint8Array): string {
  return formatAddress(addressFromBytes(bytes));
}

/** Who holds a block: index of nat_sub, 0 nobody. */
export function holderOf(block: NatBlockVal): number {
  return Number(block.lease >> 32n);
}

/** Mappings with a port of a block. */
export function mappingsOf(block: NatBlockVal): number {
  return Number(block.lease & 0xffffffffn);
}

/** The object that gives ports out. */
export function viaOf(gateway: string): string {
  return gateway.includes('/') ? gateway : `NatGateway/${gateway}`;
}

function readMembers(map: (name: string) => RawMap, pooled: PooledEntries): PoolMember[] {
  return new TypedMap(map('nat_ext'), MAPS.nat_ext)
    .entries()
    .flatMap(([index, { addr, gw }]) =>
      gw === 0
        ? []
        : [{ index, address: addressText(addr), gw, outer: pooled.outers.get(gw) ?? 0 }],
    )
    .sort((a, b) => a.index - b.index);
}

function readGateways(
  map: (name: string) => RawMap,
  members: readonly PoolMember[],
  objects: Objects,
): Map<number, Gateway> {
  const names = new Map<string, string>();
  for (const { metadata, spec } of listOf(objects, 'NatGateway'))
    for (const address of expandPool(spec.addresses ?? []))
      names.set(`0/${address}`, metadata.name);
  const vnis = new Map(
    listOf(objects, 'Vpc').map(({ metadata, spec }) => [metadata.name, spec.vni]),
  );
  for (const { metadata, spec } of listOf(objects, 'Peering'))
    for (const [i, { expose }] of spec.sides.entries()) {
      const peer = vnis.get(spec.sides[1 - i]?.vpc ?? '') ?? 0;
      for (const address of expandPool(expose.filter(isMasqueraded).map(visiblePrefix)))
        names.set(`${peer}/${address}`, `Peering/${metadata.name}`);
    }
  const values = new TypedMap(map('nat_gw'), MAPS.nat_gw);
  const gateways = new Map<number, Gateway>();
  for (const { address, gw, outer } of members) {
    if (gateways.has(gw)) continue;
    // A value that is being taken away has no size.
    const blockSize = values.get(gw)?.block_size || NAT_DEFAULTS.blockSize;
    gateways.set(gw, { name: names.get(`${outer}/${address}`) ?? '', blockSize });
  }
  return gateways;
}

/** An endpoint's index is in the entries of its addresses. */
function readSubscribers(
  map: (name: string) => RawMap,
  objects: Objects,
  pooled: PooledEntries,
): Map<number, Subscriber & { readonly ep: number }> {
  const vnis = new Map<string, number>();
  for (const { metadata, spec } of listOf(objects, 'Vpc'))
    if (spec.outside !== undefined || pooled.subs.size > 0) vnis.set(metadata.name, spec.vni);
  const addr = new TypedMap(map('addr'), MAPS.addr);
  const out = new Map<number, Subscriber & { readonly ep: number }>();
  for (const { metadata, spec } of listOf(objects, 'Endpoint')) {
    const vni = vnis.get(spec.vpc);
    const [first] = spec.addresses;
    if (vni === undefined || first === undefined) continue;
    const { sub, ep } = addr.get({ vni, addr: parseAddress(first).bytes }) ?? { sub: 0, ep: 0 };
    const subscriber = { endpoint: metadata.name, vpc: spec.vpc, ep };
    if (sub !== 0) out.set(sub, subscriber);
    for (const address of spec.addresses)
      for (const pooledSub of pooled.subs.get(`${vni}/${address}`) ?? [])
        out.set(pooledSub, subscriber);
  }
  return out;
}

export function natTables(map: (name: string) => RawMap, objects: Objects): NatTables {
  const pooled = pooledEntries(map);
  const members = readMembers(map, pooled);
  const blocks = new TypedMap(map('nat_block'), MAPS.nat_block);
  const subs = new TypedMap(map('nat_sub'), MAPS.nat_sub);
  const uses = new TypedMap(map('limit_use'), MAPS.limit_use);
  let read: Map<number, Subscriber & { readonly ep: number }> | undefined;
  const withEndpoints = () => (read ??= readSubscribers(map, objects, pooled));
  let subscribers: Map<number, Subscriber> | undefined;
  return {
    objects,
    now: new TypedMap(map('clock'), MAPS.clock).get(0)?.now_s ?? 0,
    members,
    gateways: readGateways(map, members, objects),
    subscribers: () =>
      (subscribers ??= new Map(
        [...withEndpoints()].map(([sub, { endpoint, vpc }]) => [sub, { endpoint, vpc }]),
      )),
    use: (sub) => {
      // An endpoint of this host has one account for all it does.
      const ep = withEndpoints().get(sub)?.ep ?? 0;
      return uses.get(ep === 0 ? accountOf('sub', sub) : accountOf('endpoint', ep));
    },
    gatewayOf: (sub) => subs.get(sub)?.gw ?? 0,
    block: (member, number) => blocks.get(1 + (member.index - 1) * ABI.NAT_EXT_BLOCKS + number),
    leases: () => new TypedMap(map('nat_lease'), MAPS.nat_lease).entries(),
    mappings: () =>
      new TypedMap(map('nat_map'), MAPS.nat_map).entries().map(([, mapping]) => mapping),
    vpcName: (vni) =>
      listOf(objects, 'Vpc').find(({ spec }) => spec.vni === vni)?.metadata.name ?? '',
  };
}
