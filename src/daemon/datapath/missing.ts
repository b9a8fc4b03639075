// SPDX-License-Identifier: Apache-2.0
/** Whose entries they are that did not fit into their maps. */
import { gatewayAddress, type StoredObject } from '../../model/index.js';
import type { Store } from '../ports/store.js';
import type { MissingEntry } from './driver.js';
import type { Names } from './names.js';

/** Entries that an object makes, as "table key". */
function* entriesOf(object: StoredObject, vnis: ReadonlyMap<string, number>): Generator<string> {
  switch (object.kind) {
    case 'Vpc':
      yield `vpc ${object.spec.vni}`;
      return;
    case 'Subnet': {
      const vni = vnis.get(object.spec.vpc) ?? 0;
      for (const family of [object.spec.ipv4, object.spec.ipv6]) {
        if (family === undefined) continue;
        yield `route ${vni}/${family.prefix}`;
        yield `addr ${vni}/${gatewayAddress(family)}`;
      }
      return;
    }
    case 'Droplet':
      for (const address of object.spec.addresses) {
        yield `vtep ${address}`;
        yield `local ${address}`;
      }
      return;
    case 'Endpoint':
      for (const address of object.spec.addresses) {
        yield `addr ${vnis.get(object.spec.vpc) ?? 0}/${address}`;
      }
      return;
    case 'Route':
      yield `route ${vnis.get(object.spec.vpc) ?? 0}/${object.spec.prefix}`;
      for (const { vtep } of object.spec.nexthops ?? []) yield `vtep ${vtep}`;
  }
}

/** Reasons by "Kind/name". */
export function missingByObject(
  missing: readonly MissingEntry[],
  store: Pick<Store, 'list'>,
  names: Names,
): Map<string, string> {
  const out = new Map<string, string>();
  if (missing.length === 0) return out;
  const byEntry = new Map(missing.map((entry) => [`${entry.table} ${entry.key}`, entry]));
  for (const { table, key, reason } of missing) {
    const endpoint = table === 'ep' ? names.endpoint(Number(key)) : undefined;
    if (endpoint !== undefined) out.set(`Endpoint/${endpoint.name}`, `map ep: ${reason}`);
  }
  const vnis = new Map<string, number>();
  for (const [vni, name] of names.vpcs()) vnis.set(name, vni);
  for (const object of store.list()) {
    for (const id of entriesOf(object, vnis)) {
      const entry = byEntry.get(id);
      if (entry === undefined) continue;
      out.set(`${object.kind}/${object.metadata.name}`, `map ${entry.table}: ${entry.reason}`);
    }
  }
  return out;
}
