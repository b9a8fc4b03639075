// SPDX-License-Identifier: Apache-2.0
/**
 * The outside. A Vpc with spec.outside → its default routes and exempt prefixes, to VPC 0 on its
 * gateway host and to that host elsewhere. On gateway hosts VPC 0 → its own entry, and the
 * kernel's routes and neighbours.
 */
import { formatAddress, lastAddress, parsePrefix } from '../../base/net.js';
import { DEFAULT_ICMP_BURST, DEFAULT_ICMP_RATE } from '../../model/index.js';
import { addressOf } from './droplet.js';
import type { IndexUse } from './index-uses.js';
import type { OutsideNeighbour, OutsideRoute, PlainNhEntry, Upsert } from './output.js';
import {
  entry,
  indexFor,
  isGatewayHere,
  isProblem,
  nat64PrefixOf,
  problem,
  refused,
  type Context,
  type Output,
} from './unit.js';

const NO_MAC = '00:00:00:00:00:00';
const DEFAULTS = { 4: '0.0.0.0/0', 6: '::/0' } as const;

/** Which prefixes of a VPC lead outside, and whether without translation. */
function prefixesOf(ctx: Context, name: string): Map<string, { readonly exempt: boolean }> {
  const out = new Map<string, { readonly exempt: boolean }>();
  for (const family of [4, 6] as const)
    if (ctx.reach.of(`${name}/${family}`).size > 0) out.set(DEFAULTS[family], { exempt: false });
  for (const gateway of ctx.inputs.natGatewaysOfVpc.sorted(name))
    for (const prefix of ctx.inputs.natGateways.get(gateway)?.exempt ?? [])
      out.set(prefix, { exempt: true });
  const nat64 = nat64PrefixOf(ctx, name);
  if (nat64 !== undefined) out.set(nat64, { exempt: false });
  // A Route for the prefix is meant to lead elsewhere, even while it cannot.
  for (const prefix of out.keys())
    if (ctx.inputs.routesOfPrefix.of(`${name}/${prefix}`).size > 0) out.delete(prefix);
  return out;
}

/** What a Vpc contributes besides its own entry; undefined: it has no way outside. */
export function vpcOutsideOutput(ctx: Context, name: string): Output | undefined {
  const vpc = ctx.vpcs.get(name);
  if (vpc?.outsideHost === undefined) return undefined;
  const prefixes = prefixesOf(ctx, name);
  const field = 'spec.outside.host';
  if (isGatewayHere(ctx, vpc)) {
    const nat64 = nat64PrefixOf(ctx, name);
    const there = ctx.underlay.local.some(({ spec, ifindex }) => spec.outside && ifindex);
    const text = 'no Droplet of this host with outside: true has a device';
    return {
      entries: [
        ...[...prefixes].map(([prefix, { exempt }]) =>
          entry('route', `${vpc.vni}/${prefix}`, { kind: 'outside', exempt }),
        ),
        ...(nat64 === undefined ? [] : [entry('nat64', vpc.vni, { prefix: nat64 })]),
      ],
      uses: [],
      problem: there ? undefined : problem('NoOutsideDroplet', field, text),
    };
  }
  if (prefixes.size === 0) return { entries: [], uses: [], problem: undefined };
  const vtep = ctx.underlay.vtepOf(vpc.outsideHost, vpc.underlay);
  if (vtep === undefined) {
    const text = `this host and ${vpc.outsideHost} have no Droplet addresses of one family that the VPC may use`;
    return refused(problem('GatewayUnreachable', field, text));
  }
  const nh = indexFor(ctx, 'nexthop', vtep, field);
  if (isProblem(nh)) return refused(nh);
  const value = { kind: 'remote', mac: vpc.gwMac, nh, group: false, sub: 0 } as const;
  return {
    entries: [...prefixes.keys()].map((prefix) => entry('route', `${vpc.vni}/${prefix}`, value)),
    uses: [{ space: 'nexthop', key: vtep }],
    problem: undefined,
  };
}

/** VPC 0's own entry; undefined: what comes to droplets of this host without a tunnel is its own. */
export function vpcZeroOutput(ctx: Context): Output | undefined {
  const here =
    [...ctx.vpcs.values()].some((vpc) => isGatewayHere(ctx, vpc)) ||
    ctx.inputs.virtualServices.size > 0 ||
    ctx.underlay.local.some(({ spec }) => spec.services?.addresses !== undefined);
  if (!here) return undefined;
  const droplets = ctx.underlay.local.filter(({ spec }) => spec.outside === true);
  const gateway = (family: 4 | 6): string | undefined =>
    droplets.map(({ spec }) => addressOf(spec, family)).find((address) => address !== undefined);
  const value = {
    vpc: 0,
    icmpRate: DEFAULT_ICMP_RATE,
    icmpBurst: DEFAULT_ICMP_BURST,
    gwMac: droplets.find(({ mac }) => mac !== undefined)?.mac ?? NO_MAC,
    gw4: gateway(4),
    gw6: gateway(6),
  };
  return { entries: [entry('vpc', 0, value)], uses: [], problem: undefined };
}

/** Key of a next hop outside. Its MTU is part of it: two routes via one router can have two. */
export function outsideHopKey(ifindex: number, address: string, mtu: number): string {
  return `outside/${ifindex}/${address}/${mtu}`;
}

/** Whether a key of space nexthop is one outside. */
export function isOutsideHop(key: string): boolean {
  return key.startsWith('outside/');
}

/** The neighbour that a key means: "ifindex/address". */
export function neighbourOf(key: string): string {
  return key.slice(key.indexOf('/') + 1, key.lastIndexOf('/'));
}

/** A route of the kernel's. */
export function outsideRouteOutput(ctx: Context, prefix: string, route: OutsideRoute): Output {
  const key = `0/${prefix}`;
  if (route.kind === 'onlink') {
    const entries: Upsert[] = [entry('route', key, { kind: 'onlink' })];
    const parsed = parsePrefix(prefix);
    // RFC 3021: a prefix of 31 bits has no broadcast address
    if (parsed.address.family === 4 && parsed.length <= 30)
      entries.push(entry('addr', `0/${formatAddress(lastAddress(parsed))}`, { kind: 'broadcast' }));
    return { entries, uses: [], problem: undefined };
  }
  const hop = outsideHopKey(route.ifindex, route.gateway, route.mtu);
  const nh = indexFor(ctx, 'nexthop', hop, 'route');
  if (isProblem(nh)) return refused(nh);
  const uses: IndexUse[] = [{ space: 'nexthop', key: hop }];
  return { entries: [entry('route', key, { kind: 'nexthop', nh })], uses, problem: undefined };
}

/** A host on the link; routers are reached through routes alone. */
export function outsideNeighbourOutput(
  ctx: Context,
  id: string,
  { onlinkMtu }: OutsideNeighbour,
): Output | undefined {
  if (onlinkMtu === undefined) return undefined;
  const slash = id.indexOf('/');
  const address = id.slice(slash + 1);
  const hop = outsideHopKey(Number(id.slice(0, slash)), address, onlinkMtu);
  const nh = indexFor(ctx, 'nexthop', hop, 'neighbour');
  if (isProblem(nh)) return refused(nh);
  return {
    entries: [entry('addr', `0/${address}`, { kind: 'outside', nh })],
    uses: [{ space: 'nexthop', key: hop }],
    problem: undefined,
  };
}

/** The nh entry of a key that is used. Unresolved it keeps its place, as a VTEP's does. */
export function outsideHopOutput(ctx: Context, key: string): Output | undefined {
  const index = ctx.uses.peek('nexthop', key);
  if (index === undefined || !ctx.uses.used('nexthop', key)) return undefined;
  const [, ifindex = '', dst = '', mtu = ''] = key.split('/');
  const neighbour = ctx.inputs.outsideNeighbours.get(neighbourOf(key));
  const value: PlainNhEntry = {
    plain: true,
    resolved: neighbour !== undefined,
    dmac: neighbour?.dmac ?? NO_MAC,
    smac: neighbour?.smac ?? NO_MAC,
    ifindex: Number(ifindex),
    dst,
    mtu: Number(mtu),
  };
  return { entries: [entry('nh', index, value)], uses: [], problem: undefined };
}
