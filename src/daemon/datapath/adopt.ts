// SPDX-License-Identifier: Apache-2.0
/**
 * Index assignments as the pinned maps show them, so that a restarted daemon computes what is
 * there already.
 */
import { addressFromBytes, formatAddress } from '../../base/net.js';
import { decode, MAPS, NH_FLAGS } from '../../maps/index.js';
import {
  expandPool,
  isMasqueraded,
  type EndpointSpec,
  type StoredObject,
} from '../../model/index.js';
import {
  natPrefixKeys,
  outsideHopKey,
  pooledAddresses,
  pooledKey,
  pooledSourceKey,
  serverHopKey,
  servicePortKeys,
} from '../calc/index.js';
import type { Indexes } from '../calc/output.js';
import type { Driver } from './driver.js';
import { decodeKey } from './keys.js';
import { policyLeftovers } from './policy-leftovers.js';

/** Takes assignments over: calc's IndexAllocator. */
export interface Adopter {
  adopt(space: keyof Indexes, key: string, index: number): boolean;
}

/** First addresses of endpoints, as the keys of their indexes. */
function endpointKeys(
  objects: readonly StoredObject[],
  counts: (spec: EndpointSpec) => boolean,
): Set<string> {
  const vnis = new Map<string, number>();
  for (const object of objects) {
    if (object.kind === 'Vpc') vnis.set(object.metadata.name, object.spec.vni);
  }
  const keys = new Set<string>();
  for (const object of objects) {
    if (object.kind !== 'Endpoint' || !counts(object.spec)) continue;
    const vni = vnis.get(object.spec.vpc);
    const [first] = object.spec.addresses;
    if (vni !== undefined && first !== undefined) keys.add(`${vni}/${first}`);
  }
  return keys;
}

type Adopt = (space: keyof Indexes, key: string, index: number) => void;

/** A next hop's key, as the calculation makes it. */
function nexthopKey(value: Uint8Array): string {
  const { dst, flags, ifindex, mtu } = decode(MAPS.nh.value, value);
  const family = (flags & NH_FLAGS.IPV6) === 0 ? 4 : 6;
  const address = formatAddress({ ...addressFromBytes(dst), family });
  if ((flags & NH_FLAGS.PLAIN) === 0) return address;
  const server = (flags & NH_FLAGS.SERVER) !== 0;
  return server ? serverHopKey(address) : outsideHopKey(ifindex, address, mtu);
}

/** Pools: addresses, the rows they are in, and whose these are. */
function adoptPools(
  driver: Pick<Driver, 'actual'>,
  adopt: Adopt,
  objects: readonly StoredObject[],
): void {
  /** Index of nat_gw by address. */
  const owners = new Map<string, number>();
  /** VNI of the VPC that sees a Peering's pool, by index of nat_gw. */
  const outers = new Map<number, string>();
  for (const { key, value } of driver.actual('nat_prefix')) {
    const { gw } = decode(MAPS.nat_prefix.value, value);
    if (gw === 0) continue;
    const text = decodeKey('nat_prefix', key);
    owners.set(text, gw);
    const [vni = '0', , end] = text.split('/');
    if (vni === '0' || end !== 'destination') continue;
    outers.set(gw, vni);
    adopt('natGateway', text, gw);
  }
  for (const { key, value } of driver.actual('nat_ext')) {
    const { addr, gw } = decode(MAPS.nat_ext.value, value);
    const text = formatAddress(addressFromBytes(addr));
    const outer = outers.get(gw);
    adopt('ext', outer === undefined ? text : `${outer}/${text}`, decode(MAPS.nat_ext.key, key));
    if (gw !== 0 && outer === undefined) owners.set(text, gw);
  }
  // A gateway's index is where the addresses of its pool point to, and its prefixes.
  for (const object of objects) {
    if (object.kind !== 'NatGateway') continue;
    const { addresses = [], prefixes = [] } = object.spec;
    const marks = [
      ...expandPool(addresses),
      ...prefixes.map((prefix) => natPrefixKeys(0, prefix).destination),
    ];
    const mark = marks.find((text) => owners.has(text));
    const gw = mark === undefined ? undefined : owners.get(mark);
    if (gw !== undefined) adopt('natGateway', object.metadata.name, gw);
  }
  const members = new Map<number, number>();
  for (const { key, value } of driver.actual('nat_ext_of'))
    members.set(decode(MAPS.nat_ext_of.key, key), decode(MAPS.nat_ext_of.value, value).ext);
  for (const { value } of driver.actual('nat_gw')) {
    const { ext4, ext4_count, ext6, ext6_count } = decode(MAPS.nat_gw.value, value);
    for (const [first, count] of [
      [ext4, ext4_count],
      [ext6, ext6_count],
    ] as const) {
      const row = Array.from({ length: count }, (_, i) => members.get(first + i) ?? 0);
      if (count > 0) adopt('extRow', row.join(','), first);
    }
  }
}

/** An endpoint's index in a Peering's pool is in the entries of its addresses there. */
function adoptPooled(
  driver: Pick<Driver, 'actual'>,
  adopt: Adopt,
  objects: readonly StoredObject[],
): void {
  const subs = new Map<string, number>();
  for (const { key, value } of driver.actual('nat_prefix')) {
    const { gw, vni } = decode(MAPS.nat_prefix.value, value);
    const text = decodeKey('nat_prefix', key);
    if (gw !== 0 && text.split('/', 3)[2] === 'source') subs.set(text, vni);
  }
  if (subs.size === 0) return;
  const vnis = new Map<string, number>();
  for (const object of objects)
    if (object.kind === 'Vpc') vnis.set(object.metadata.name, object.spec.vni);
  const pools = objects.flatMap((object) => {
    if (object.kind !== 'Peering') return [];
    const { sides } = object.spec;
    return sides.flatMap(({ vpc, expose }, i) =>
      expose.filter(isMasqueraded).map(({ prefix }) => ({
        vpc,
        vni: vnis.get(vpc) ?? 0,
        peer: vnis.get(sides[1 - i]?.vpc ?? '') ?? 0,
        prefix,
      })),
    );
  });
  for (const object of objects) {
    if (object.kind !== 'Endpoint') continue;
    for (const { vpc, vni, peer, prefix } of pools) {
      if (object.spec.vpc !== vpc) continue;
      const [first] = pooledAddresses(object.spec, prefix);
      const sub = first === undefined ? undefined : subs.get(pooledSourceKey(vni, peer, first));
      if (first !== undefined && sub !== undefined) adopt('sub', pooledKey(vni, peer, first), sub);
    }
  }
}

/** A service's index is in its entries, whatever VPC they are of. */
function adoptServices(
  driver: Pick<Driver, 'actual'>,
  adopt: Adopt,
  objects: readonly StoredObject[],
): void {
  const byPort = new Map<string, number>();
  for (const { key, value } of driver.actual('service')) {
    const text = decodeKey('service', key);
    byPort.set(text, decode(MAPS.service.value, value).service);
  }
  if (byPort.size === 0) return;
  const vnis = new Map<string, number>();
  for (const object of objects)
    if (object.kind === 'Vpc') vnis.set(object.metadata.name, object.spec.vni);
  for (const object of objects) {
    if (object.kind !== 'VirtualService') continue;
    const keys = servicePortKeys(object.spec);
    const seenBy = object.spec.vpcs?.map((name) => vnis.get(name)) ?? [...vnis.values()];
    const index = seenBy
      .flatMap((vni) => keys.map((key) => byPort.get(`${vni ?? ''}/${key}`)))
      .find((found) => found !== undefined);
    if (index !== undefined) adopt('service', object.metadata.name, index);
  }
}

/**
 * @param leftovers indexes whose state outlived their key, see index-reuse.ts
 * @returns how many assignments were taken over
 */
export function adoptIndexes(
  driver: Pick<Driver, 'actual'>,
  indexes: Adopter,
  objects: readonly StoredObject[],
  host: string,
  leftovers: Iterable<{ readonly space: keyof Indexes; readonly index: number }> = [],
): number {
  let adopted = 0;
  const adopt: Adopt = (space, key, index) => {
    if (indexes.adopt(space, key, index)) adopted++;
  };
  for (const { key, value } of driver.actual('vpc')) {
    const vni = decodeKey('vpc', key);
    // VPC 0's index is 0, always.
    if (vni !== '0') adopt('vpc', vni, decode(MAPS.vpc.value, value).vpc);
  }
  for (const { key, value } of driver.actual('nh'))
    adopt('nexthop', nexthopKey(value), decode(MAPS.nh.key, key));
  for (const { key, value } of driver.actual('nh_group')) {
    const { count, nh } = decode(MAPS.nh_group.value, value);
    const members = nh.slice(0, count).sort((a, b) => a - b);
    adopt('group', members.join(','), decode(MAPS.nh_group.key, key));
  }
  adoptPools(driver, adopt, objects);
  adoptPooled(driver, adopt, objects);
  adoptServices(driver, adopt, objects);
  // An endpoint has an entry for each address; only the first one names its indexes.
  const local = endpointKeys(objects, (spec) => spec.host === host);
  const firsts = endpointKeys(objects, () => true);
  for (const { key, value } of driver.actual('addr')) {
    const text = decodeKey('addr', key);
    const { ep, sub } = decode(MAPS.addr.value, value);
    if (ep !== 0 && local.has(text)) adopt('endpoint', text, ep);
    if (sub !== 0 && firsts.has(text)) adopt('sub', text, sub);
  }
  // Last: what has a key by now is not left over.
  for (const { space, index } of [...leftovers, ...policyLeftovers(driver)])
    adopt(space, `left over ${index}`, index);
  return adopted;
}
