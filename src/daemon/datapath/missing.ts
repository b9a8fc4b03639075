// SPDX-License-Identifier: Apache-2.0
/** Whose entries they are that did not fit into their maps. */
import {
  expandPool,
  gatewayAddress,
  insideAddress,
  visiblePrefix,
  vpcOfPrefix,
  type EndpointSpec,
  type StoredObject,
} from '../../model/index.js';
import {
  exposedKeys,
  natPrefixKeys,
  natStaticKey,
  portForwardKeys,
  servicePortKeys,
} from '../calc/index.js';
import type { Store } from '../ports/store.js';
import type { MissingEntry } from './driver.js';
import type { Names } from './names.js';

/** What the keys of other objects' entries are made of. */
interface Known {
  readonly vnis: ReadonlyMap<string, number>;
  readonly endpoints: ReadonlyMap<string, EndpointSpec>;
}

/** Entries that an object makes, as "table key". */
function* entriesOf(object: StoredObject, { vnis, endpoints }: Known): Generator<string> {
  switch (object.kind) {
    case 'Vpc':
      yield `vpc ${object.spec.vni}`;
      if (object.spec.outside === undefined) return;
      for (const prefix of ['0.0.0.0/0', '::/0']) yield `route ${object.spec.vni}/${prefix}`;
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
      for (const address of object.spec.services?.addresses ?? []) yield `addr 0/${address}`;
      return;
    case 'NatGateway':
      for (const address of expandPool(object.spec.addresses ?? [])) yield `addr 0/${address}`;
      for (const { vpc } of object.spec.sources) {
        const { exempt = [], nat64 } = object.spec;
        for (const prefix of nat64 ? [...exempt, nat64.prefix] : exempt)
          yield `route ${vnis.get(vpc) ?? 0}/${prefix}`;
        if (nat64) yield `nat64 ${vnis.get(vpc) ?? 0}`;
      }
      for (const prefix of object.spec.prefixes ?? []) {
        const vni = vnis.get(vpcOfPrefix(object.spec, prefix) ?? '') ?? 0;
        const keys = natPrefixKeys(vni, prefix);
        yield `nat_prefix ${keys.source}`;
        yield `nat_prefix ${keys.destination}`;
        yield `route ${keys.route}`;
      }
      return;
    case 'Peering':
      for (const [i, side] of object.spec.sides.entries()) {
        const [vni, peer] = [side, object.spec.sides[1 - i]].map((one) => vnis.get(one?.vpc ?? ''));
        for (const exposed of side.expose) {
          const seen = visiblePrefix(exposed);
          const keys = exposedKeys(vni ?? 0, peer ?? 0, exposed.prefix, seen);
          yield `nat_prefix ${keys.source}`;
          yield `nat_prefix ${keys.destination}`;
          yield `route ${keys.route}`;
        }
      }
      return;
    case 'PublicIp': {
      yield `addr 0/${object.spec.address}`;
      yield `nat_static 0/${object.spec.address}`;
      const endpoint = endpoints.get(object.spec.endpoint);
      const inside = endpoint && insideAddress(object.spec, endpoint);
      if (inside !== undefined)
        yield `nat_static ${natStaticKey(vnis.get(endpoint?.vpc ?? '') ?? 0, inside, object.spec)}`;
      return;
    }
    case 'PortForward':
      yield `addr 0/${object.spec.address}`;
      for (const key of portForwardKeys(object.spec)) yield `port_fwd ${key}`;
      return;
    case 'VirtualService': {
      const { spec } = object;
      const seenBy = spec.vpcs?.map((name) => vnis.get(name) ?? 0) ?? vnis.values();
      for (const vni of seenBy) {
        yield `addr ${vni}/${spec.address}`;
        for (const key of servicePortKeys(spec)) yield `service ${vni}/${key}`;
      }
      return;
    }
    case 'Endpoint':
      for (const address of object.spec.addresses) {
        yield `addr ${vnis.get(object.spec.vpc) ?? 0}/${address}`;
        yield `pol_host ${vnis.get(object.spec.vpc) ?? 0}/${address}`;
        yield pooledId(`${vnis.get(object.spec.vpc) ?? 0}/${address}`);
      }
      return;
    case 'Route':
      yield `route ${vnis.get(object.spec.vpc) ?? 0}/${object.spec.prefix}`;
      for (const { vtep } of object.spec.nexthops ?? []) yield `vtep ${vtep}`;
      return;
    case 'Profile':
    case 'Tier':
    case 'Policy':
    case 'NetworkSet':
  }
}

/** An endpoint's place in some Peering's pool. */
function pooledId(address: string): string {
  return `pooled ${address}`;
}

/** "VNI/address" of the endpoint whose place in a Peering's pool it is. */
function pooledAddress({ table, key }: MissingEntry): string | undefined {
  const [vni = '', , end, address = '', length] = key.split('/');
  const whole = address.includes(':') ? '128' : '32';
  return table === 'nat_prefix' && end === 'source' && length === whole
    ? `${vni}/${address}`
    : undefined;
}

/** Whether it is one of the kernel's routes or neighbours. */
function isOutside({ table, key }: MissingEntry): boolean {
  return (table === 'route' || table === 'addr') && key.startsWith('0/');
}

/**
 * Reasons by "Kind/name".
 * @param host whose droplets the kernel's routes outside go over
 */
export function missingByObject(
  missing: readonly MissingEntry[],
  store: Pick<Store, 'list'>,
  names: Names,
  host: string,
): Map<string, string> {
  const out = new Map<string, string>();
  if (missing.length === 0) return out;
  const byEntry = new Map(missing.map((entry) => [`${entry.table} ${entry.key}`, entry]));
  for (const entry of missing) {
    const address = pooledAddress(entry);
    if (address !== undefined) byEntry.set(pooledId(address), entry);
  }
  for (const { table, key, reason } of missing) {
    const endpoint = table === 'ep' ? names.endpoint(Number(key)) : undefined;
    if (endpoint !== undefined) out.set(`Endpoint/${endpoint.name}`, `map ep: ${reason}`);
  }
  const vnis = new Map<string, number>();
  for (const [vni, name] of names.vpcs()) vnis.set(name, vni);
  const endpoints = new Map<string, EndpointSpec>();
  for (const object of store.list('Endpoint'))
    if (object.kind === 'Endpoint') endpoints.set(object.metadata.name, object.spec);
  const outside = missing.find(isOutside);
  for (const object of store.list()) {
    const exit = object.kind === 'Droplet' && object.spec.outside === true;
    if (exit && object.spec.host === host && outside !== undefined)
      out.set(`Droplet/${object.metadata.name}`, `map ${outside.table}: ${outside.reason}`);
    for (const id of entriesOf(object, { vnis, endpoints })) {
      const entry = byEntry.get(id);
      if (entry === undefined) continue;
      out.set(`${object.kind}/${object.metadata.name}`, `map ${entry.table}: ${entry.reason}`);
    }
  }
  return out;
}
