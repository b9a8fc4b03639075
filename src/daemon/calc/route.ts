// SPDX-License-Identifier: Apache-2.0
/** Route → one route entry, and the group of its next hops when there are several. */
import { compareBytes, parseAddress } from '../../base/net.js';
import type { RouteNexthop, RouteSpec } from '../../model/index.js';
import type { IndexUse } from './index-uses.js';
import type { RouteEntry } from './output.js';
import {
  entry,
  indexFor,
  isProblem,
  problem,
  refused,
  vpcOf,
  type Context,
  type Output,
  type ProgrammedVpc,
} from './unit.js';

/** A route's contributions. */
export function routeOutput(ctx: Context, spec: RouteSpec): Output {
  const vpc = vpcOf(ctx, spec.vpc);
  if (isProblem(vpc)) return refused(vpc);
  const key = `${vpc.vni}/${spec.prefix}`;
  if (spec.nexthops) return viaNexthops(ctx, key, vpc, spec.nexthops);
  if (spec.endpoint !== undefined) return viaEndpoint(ctx, key, spec, spec.endpoint);
  const entries = spec.blackhole === true ? [entry('route', key, { kind: 'blackhole' })] : [];
  return { entries, uses: [], problem: undefined };
}

function viaEndpoint(ctx: Context, key: string, spec: RouteSpec, name: string): Output {
  const refuse = (reason: string, text: string): Output =>
    refused(problem(reason, 'spec.endpoint', text));
  const endpoint = ctx.inputs.endpoints.get(name);
  if (!endpoint) return refuse('EndpointMissing', `there is no Endpoint ${name}`);
  if (endpoint.vpc !== spec.vpc)
    return refuse(
      'EndpointInOtherVpc',
      `Endpoint ${name} is in Vpc ${endpoint.vpc}, not in ${spec.vpc}`,
    );
  const target = ctx.targets.get(name);
  if (!target)
    return refuse('EndpointNotUsable', `Endpoint ${name} is not programmed: see its status`);
  const value: RouteEntry =
    target.entry.kind === 'local' ? target.entry : { ...target.entry, group: false };
  return {
    entries: [entry('route', key, value)],
    uses: target.vtep === undefined ? [] : [{ space: 'nexthop', key: target.vtep }],
    problem: undefined,
  };
}

/** Each address once, in the order of addresses: equal sets must give equal groups. */
function sortedVteps(nexthops: readonly RouteNexthop[]): string[] {
  const vteps = [...new Set(nexthops.map((nexthop) => nexthop.vtep))];
  if (vteps.length < 2) return vteps;
  return vteps
    .map((vtep) => ({ vtep, bytes: parseAddress(vtep).bytes }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ vtep }) => vtep);
}

function viaNexthops(
  ctx: Context,
  key: string,
  vpc: ProgrammedVpc,
  nexthops: readonly RouteNexthop[],
): Output {
  const field = 'spec.nexthops';
  const macs = new Set(nexthops.map((nexthop) => nexthop.mac ?? vpc.gwMac));
  const [mac] = macs;
  // One entry carries one MAC; a frame with another's MAC would be dropped where it arrives.
  if (mac === undefined || macs.size > 1) {
    const text = `the next hops of a route have one MAC, not ${[...macs].sort().join(' and ')}`;
    return refused(problem('MacConflict', field, text));
  }
  const nh: number[] = [];
  const uses: IndexUse[] = [];
  for (const vtep of sortedVteps(nexthops)) {
    if (ctx.underlay.isOwn(vtep))
      return refused(problem('OwnAddress', field, `${vtep} is an address of this host`));
    const index = indexFor(ctx, 'nexthop', vtep, field);
    if (isProblem(index)) return refused(index);
    nh.push(index);
    uses.push({ space: 'nexthop', key: vtep });
  }
  const [only] = nh;
  if (only !== undefined && nh.length === 1) {
    const value = { kind: 'remote', mac, nh: only, group: false, sub: 0 } as const;
    return { entries: [entry('route', key, value)], uses, problem: undefined };
  }
  const groupKey = [...nh].sort((a, b) => a - b).join(',');
  const group = indexFor(ctx, 'group', groupKey, field);
  if (isProblem(group)) return refused(group);
  uses.push({ space: 'group', key: groupKey });
  return {
    entries: [
      entry('nh_group', group, { nh }),
      entry('route', key, { kind: 'remote', mac, nh: group, group: true, sub: 0 }),
    ],
    uses,
    problem: undefined,
  };
}
