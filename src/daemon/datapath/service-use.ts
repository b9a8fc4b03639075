// SPDX-License-Identifier: Apache-2.0
/** How far the source ports of services are used on this host, and by whom. */
import type { NatResponse } from '../../api/index.js';
import { parseAddress } from '../../base/net.js';
import { MAPS, NAT_MAP_FLAGS, TypedMap, type RawMap } from '../../maps/index.js';
import { servicePortKeys } from '../calc/index.js';
import { addressText, listOf, UNKNOWN, type Objects, type Subscriber } from './nat-tables.js';

type Service = NatResponse['services'][number];
type User = Service['endpoints'][number];

// https://www.iana.org/assignments/protocol-numbers
const UDP = 17;
/** In the count of one that is being removed, bpf/nodes/nat_expire.h. */
const GOING = 2 ** 31;

/** What a service is to its index. */
interface Known {
  readonly name: string;
  source: string;
  first: number;
  count: number;
}

function readServices(map: (name: string) => RawMap, objects: Objects): Map<number, Known> {
  const raw = new TypedMap(map('service'), MAPS.service);
  const names = new Map<string, string>();
  for (const { metadata, spec } of listOf(objects, 'VirtualService'))
    for (const key of servicePortKeys(spec)) {
      for (const vpc of spec.vpcs ?? ['*']) names.set(`${vpc} ${key}`, metadata.name);
    }
  const vpcs = new Map<number, string>();
  for (const { metadata, spec } of listOf(objects, 'Vpc')) vpcs.set(spec.vni, metadata.name);
  const out = new Map<number, Known>();
  for (const [key, value] of raw.entries()) {
    if (out.has(value.service)) continue;
    const text = `${addressText(key.addr)}/${key.proto}/${key.port}`;
    const name = names.get(`${vpcs.get(key.vni) ?? ''} ${text}`) ?? names.get(`* ${text}`) ?? '';
    const { first, count } = value;
    const source = count === 0 ? '' : addressText(value.source);
    out.set(value.service, { name, source, first, count });
  }
  return out;
}

/** Local endpoints by their index. */
function readEndpoints(map: (name: string) => RawMap, objects: Objects): Map<number, Subscriber> {
  const vnis = new Map<string, number>();
  for (const { metadata, spec } of listOf(objects, 'Vpc')) vnis.set(metadata.name, spec.vni);
  const addr = new TypedMap(map('addr'), MAPS.addr);
  const out = new Map<number, Subscriber>();
  for (const { metadata, spec } of listOf(objects, 'Endpoint')) {
    const vni = vnis.get(spec.vpc);
    const [first] = spec.addresses;
    if (vni === undefined || first === undefined) continue;
    const ep = addr.get({ vni, addr: parseAddress(first).bytes })?.ep ?? 0;
    if (ep !== 0) out.set(ep, { endpoint: metadata.name, vpc: spec.vpc });
  }
  return out;
}

/** An endpoint's index is in the last word of the key's source, as the programs count by it. */
function endpointIndex(saddr: Uint8Array): number {
  return new DataView(saddr.buffer, saddr.byteOffset).getUint32(12, true);
}

/** Endpoints by index of the service. */
function readUsers(map: (name: string) => RawMap, objects: Objects): Map<number, User[]> {
  const out = new Map<number, User[]>();
  let endpoints: Map<number, Subscriber> | undefined;
  for (const [, mapping] of new TypedMap(map('nat_map'), MAPS.nat_map).entries()) {
    if ((mapping.flags & NAT_MAP_FLAGS.SERVICE) === 0) continue;
    endpoints ??= readEndpoints(map, objects);
    const who = endpoints.get(endpointIndex(mapping.key.saddr)) ?? UNKNOWN;
    const users = out.get(mapping.sub) ?? [];
    out.set(mapping.sub, users);
    let user = users.find(({ endpoint, vpc }) => endpoint === who.endpoint && vpc === who.vpc);
    if (user === undefined) users.push((user = { ...who, tcp: 0, udp: 0 }));
    user[mapping.key.proto === UDP ? 'udp' : 'tcp'] += mapping.refs % GOING;
  }
  return out;
}

/** Services of this host's VPCs, by name. */
export function serviceUse(map: (name: string) => RawMap, objects: Objects): Service[] {
  const services = readServices(map, objects);
  const users = readUsers(map, objects);
  const use = new TypedMap(map('service_use'), MAPS.service_use);
  const out: Service[] = [];
  for (const [index, { name, source, first, count }] of services) {
    const value = use.get(index);
    const [tcp = 0, udp = 0] = value?.used ?? [];
    out.push({
      service: name,
      source,
      firstPort: first,
      ports: count,
      tcp,
      udp,
      refusedQuota: value?.refused_quota ?? 0,
      refusedPool: value?.refused_pool ?? 0,
      endpoints: (users.get(index) ?? []).sort((a, b) => b.tcp + b.udp - a.tcp - a.udp),
    });
  }
  return out.sort((a, b) => (a.service < b.service ? -1 : 1));
}
