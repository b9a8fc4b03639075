// SPDX-License-Identifier: Apache-2.0
/** What the maps say of Peerings' pools: who sees each, and which endpoints' addresses are in it. */
import { addressFromBytes, formatAddress } from '../../base/net.js';
import { MAPS, NAT_PREFIX_END, TypedMap, type RawMap } from '../../maps/index.js';

export interface PooledEntries {
  /** VNI of the VPC that has the pool's addresses, by index of nat_gw. */
  readonly outers: ReadonlyMap<number, number>;
  /** Indexes of nat_sub by "VNI/address" of an endpoint. */
  readonly subs: ReadonlyMap<string, readonly number[]>;
}

export function pooledEntries(map: (name: string) => RawMap): PooledEntries {
  const outers = new Map<number, number>();
  const subs = new Map<string, number[]>();
  for (const [key, value] of new TypedMap(map('nat_prefix'), MAPS.nat_prefix).entries()) {
    // a NatGateway's prefixes lead to VPC 0
    if (key.peer === 0 || value.gw === 0) continue;
    if (key.end !== NAT_PREFIX_END.SOURCE) {
      outers.set(value.gw, key.vni);
      continue;
    }
    const id = `${key.vni}/${formatAddress(addressFromBytes(key.addr))}`;
    const list = subs.get(id);
    if (list) list.push(value.vni);
    else subs.set(id, [value.vni]);
  }
  return { outers, subs };
}
