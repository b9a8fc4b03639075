// SPDX-License-Identifier: Apache-2.0
/**
 * Index assignments as the pinned maps show them, so that a restarted daemon computes what is
 * there already.
 */
import { addressFromBytes, formatAddress } from '../../base/net.js';
import { decode, MAPS, NH_FLAGS } from '../../maps/index.js';
import type { StoredObject } from '../../model/index.js';
import type { Indexes } from '../calc/output.js';
import type { Driver } from './driver.js';
import { decodeKey } from './encode.js';

/** Takes assignments over: calc's IndexAllocator. */
export interface Adopter {
  adopt(space: keyof Indexes, key: string, index: number): boolean;
}

/** First addresses of this host's endpoints, as the keys of their indexes. */
function endpointKeys(objects: readonly StoredObject[], host: string): Set<string> {
  const vnis = new Map<string, number>();
  for (const object of objects) {
    if (object.kind === 'Vpc') vnis.set(object.metadata.name, object.spec.vni);
  }
  const keys = new Set<string>();
  for (const object of objects) {
    if (object.kind !== 'Endpoint' || object.spec.host !== host) continue;
    const vni = vnis.get(object.spec.vpc);
    const [first] = object.spec.addresses;
    if (vni !== undefined && first !== undefined) keys.add(`${vni}/${first}`);
  }
  return keys;
}

/** @returns how many assignments were taken over */
export function adoptIndexes(
  driver: Pick<Driver, 'actual'>,
  indexes: Adopter,
  objects: readonly StoredObject[],
  host: string,
): number {
  let adopted = 0;
  const adopt = (space: keyof Indexes, key: string, index: number): void => {
    if (indexes.adopt(space, key, index)) adopted++;
  };
  for (const { key, value } of driver.actual('vpc')) {
    adopt('vpc', decodeKey('vpc', key), decode(MAPS.vpc.value, value).vpc);
  }
  for (const { key, value } of driver.actual('nh')) {
    const { dst, flags } = decode(MAPS.nh.value, value);
    const family = (flags & NH_FLAGS.IPV6) === 0 ? 4 : 6;
    adopt('nexthop', formatAddress({ ...addressFromBytes(dst), family }), decode(MAPS.nh.key, key));
  }
  for (const { key, value } of driver.actual('nh_group')) {
    const { count, nh } = decode(MAPS.nh_group.value, value);
    const members = nh.slice(0, count).sort((a, b) => a - b);
    adopt('group', members.join(','), decode(MAPS.nh_group.key, key));
  }
  // An endpoint has an entry for each address; only the first one names its index.
  const firsts = endpointKeys(objects, host);
  for (const { key, value } of driver.actual('addr')) {
    const text = decodeKey('addr', key);
    const { ep } = decode(MAPS.addr.value, value);
    if (ep !== 0 && firsts.has(text)) adopt('endpoint', text, ep);
  }
  return adopted;
}
