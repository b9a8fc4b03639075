// SPDX-License-Identifier: Apache-2.0
/** Who has a public address and port: what a complaint about them asks (RFC 6269 s12). */
import type { NatWhoResponse } from '../../api/index.js';
import { ABI, NAT_MAP_FLAGS, type NatMapVal } from '../../maps/index.js';
import { fixedHolder, fixedPlan, insideAddress, parsePorts } from '../../model/index.js';
import type { NatWhoQuery } from '../ports/datapath-view.js';
import {
  addressText,
  holderOf,
  listOf,
  UNKNOWN,
  viaOf,
  type NatTables,
  type PoolMember,
  type Subscriber,
} from './nat-tables.js';
import { protocolName } from './packet-summary.js';

type Holder = NatWhoResponse['holders'][number];

function endpointNamed({ objects }: NatTables, name: string) {
  const object = objects.get('Endpoint', name);
  return object?.kind === 'Endpoint' ? object : undefined;
}

function staticHolders(tables: NatTables, { address, port, protocol }: NatWhoQuery): Holder[] {
  return listOf(tables.objects, 'PublicIp')
    .filter(({ spec }) => spec.address === address)
    .map(({ metadata, spec }): Holder => {
      const endpoint = endpointNamed(tables, spec.endpoint);
      return {
        protocol: protocol ?? 'any',
        via: `PublicIp/${metadata.name}`,
        state: 'static',
        vpc: endpoint?.spec.vpc ?? '',
        endpoint: spec.endpoint,
        address: (endpoint && insideAddress(spec, endpoint.spec)) ?? '',
        port,
      };
    });
}

function forwardedHolders(tables: NatTables, query: NatWhoQuery): Holder[] {
  const out: Holder[] = [];
  for (const { metadata, spec } of listOf(tables.objects, 'PortForward')) {
    const { first, last } = parsePorts(spec.port);
    if (spec.address !== query.address || query.port < first || query.port > last) continue;
    const endpoint = endpointNamed(tables, spec.endpoint);
    const inside = parsePorts(spec.endpointPort ?? spec.port).first;
    for (const protocol of ['tcp', 'udp'] as const) {
      if (spec.protocol !== 'both' && spec.protocol !== protocol) continue;
      if (query.protocol !== undefined && query.protocol !== protocol) continue;
      out.push({
        protocol,
        via: `PortForward/${metadata.name}`,
        state: 'forwarded',
        vpc: endpoint?.spec.vpc ?? '',
        endpoint: spec.endpoint,
        address: (endpoint && insideAddress(spec, endpoint.spec)) ?? '',
        port: inside + query.port - first,
      });
    }
  }
  return out;
}

/** "icmp" of both families: a query for it means the address's own. */
function protocolOf({ key }: NatMapVal): string {
  const name = protocolName(key.proto);
  return name === 'icmpv6' ? 'icmp' : name;
}

/** VNI of the VPC that a mapping's public end is in: 0 the outside. */
function outerOf({ key }: NatMapVal): number {
  return (key.scope >>> ABI.NAT_OUTER_SHIFT) & 0xffffff;
}

function isAsked(mapping: NatMapVal, { address, port, protocol }: NatWhoQuery): boolean {
  return (
    (mapping.flags & NAT_MAP_FLAGS.OUTSIDE) !== 0 &&
    mapping.key.dport === port &&
    // no permit, whose flags are below
    (mapping.key.scope & ~(0xffffff << ABI.NAT_OUTER_SHIFT)) === ABI.SCOPE_OUTSIDE &&
    addressText(mapping.key.daddr) === address &&
    (protocol === undefined || protocolOf(mapping) === protocol)
  );
}

/** Members of pools with an address: of several VPCs, perhaps. */
function membersAt({ members }: NatTables, { address }: NatWhoQuery): readonly PoolMember[] {
  return members.filter((member) => member.address === address);
}

function mappedHolders(tables: NatTables, query: NatWhoQuery): Holder[] {
  const members = membersAt(tables, query);
  return tables
    .mappings()
    .filter((mapping) => isAsked(mapping, query))
    .map((mapping): Holder => {
      const subscriber: Subscriber = tables.subscribers().get(mapping.sub) ?? UNKNOWN;
      const idle = mapping.refs === 0;
      const member = members.find(({ outer }) => outer === outerOf(mapping));
      return {
        protocol: protocolOf(mapping),
        via: viaOf((member && tables.gateways.get(member.gw)?.name) ?? ''),
        state: idle ? 'quarantined' : 'mapped',
        endpoint: subscriber.endpoint,
        vpc: tables.vpcName(mapping.vni),
        address: addressText(mapping.addr),
        port: mapping.port,
        ...(idle
          ? { idleSeconds: Math.max(0, tables.now - mapping.idle_since) }
          : { connections: mapping.refs }),
      };
    });
}

/** Endpoint that has an address of a VPC; empty: none. */
function endpointAt({ objects }: NatTables, vpc: string, address: string): string {
  const found = listOf(objects, 'Endpoint').find(
    ({ spec }) => spec.vpc === vpc && spec.addresses.includes(address),
  );
  return found?.metadata.name ?? '';
}

/** By arithmetic, without any state (RFC 7422). */
function fixedHolders(tables: NatTables, { address, port, protocol }: NatWhoQuery): Holder[] {
  for (const { metadata, spec } of listOf(tables.objects, 'NatGateway')) {
    const plan = fixedPlan(spec, (name) => {
      const subnet = tables.objects.get('Subnet', name);
      return subnet?.kind === 'Subnet' ? subnet.spec.ipv4?.prefix : undefined;
    });
    const holder = plan && fixedHolder(plan, address, port);
    if (holder === undefined) continue;
    return [
      {
        protocol: protocol ?? 'any',
        via: `NatGateway/${metadata.name}`,
        state: 'fixed',
        vpc: holder.vpc,
        endpoint: endpointAt(tables, holder.vpc, holder.inside),
        address: holder.inside,
        port: 0,
      },
    ];
  }
  return [];
}

/** The holder of the block, when the port itself is not mapped. */
function blockHolder(tables: NatTables, query: NatWhoQuery): Holder[] {
  return membersAt(tables, query).flatMap((member): Holder[] => {
    const gateway = tables.gateways.get(member.gw);
    if (gateway === undefined) return [];
    const block = tables.block(member, Math.floor(query.port / gateway.blockSize));
    const holder = block === undefined ? 0 : holderOf(block);
    if (holder === 0) return [];
    return [
      {
        ...(tables.subscribers().get(holder) ?? UNKNOWN),
        protocol: query.protocol ?? 'any',
        via: viaOf(gateway.name),
        state: 'block',
        address: '',
        port: 0,
      },
    ];
  });
}

/** By PublicIps and PortForwards. */
export function natWhoStatic(tables: NatTables, query: NatWhoQuery): Holder[] {
  const fixed = staticHolders(tables, query);
  return fixed.length > 0 ? fixed : forwardedHolders(tables, query);
}

/** What wins comes first; a port may be forwarded for one protocol and mapped for another. */
export function natWho(tables: NatTables, query: NatWhoQuery): NatWhoResponse {
  const fixed = staticHolders(tables, query);
  if (fixed.length > 0) return { holders: fixed };
  const forwarded = forwardedHolders(tables, query);
  const mapped = mappedHolders(tables, query);
  const holders = [...forwarded, ...mapped];
  if (holders.length > 0) return { holders };
  const fixedByNumbers = fixedHolders(tables, query);
  return { holders: fixedByNumbers.length > 0 ? fixedByNumbers : blockHolder(tables, query) };
}
