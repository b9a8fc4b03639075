// SPDX-License-Identifier: Apache-2.0
/**
 * Peering → what each side exposes: the route that leads there in the other VPC, and both
 * translations. The same on every host, as the sender's translates, but with a pool: packets both
 * ways then go through the host that keeps its connections.
 */
import {
  isMasqueraded,
  visiblePrefix,
  type ExposedPrefix,
  type PeeringSpec,
} from '../../model/index.js';
import type { IndexUse } from './index-uses.js';
import type { Upsert } from './output.js';
import { peeringPool } from './peering-pool.js';
import {
  entry,
  indexFor,
  isProblem,
  problem,
  refused,
  vpcOf,
  type Context,
  type Output,
  type PeeringPools,
  type Problem,
  type ProgrammedVpc,
} from './unit.js';

/** Keys of what an exposed prefix makes, by table. */
export function exposedKeys(vni: number, peer: number, prefix: string, seen: string) {
  return {
    source: `${vni}/${peer}/source/${prefix}`,
    destination: `${peer}/${vni}/destination/${seen}`,
    route: `${peer}/${seen}`,
  };
}

/** How packets get to what a VPC sees of its peer. */
type Way = (prefix: string, peer: ProgrammedVpc) => Upsert;

interface Ways {
  /** Of packets that this host's endpoints, or where a pool is all endpoints, send. */
  readonly way: Way;
  readonly uses: readonly IndexUse[];
}

/** Into the peer here, or where connections are kept. */
function waysOf(
  ctx: Context,
  vpc: ProgrammedVpc,
  host: string | undefined,
  through: boolean,
): Ways | Problem {
  const here = host === ctx.host;
  if (!through || here || host === undefined) {
    const way: Way = (prefix, { vni }) =>
      entry('route', `${vpc.vni}/${prefix}`, { kind: 'peer', vni, stateful: through && here });
    return { way, uses: [] };
  }
  const vtep = ctx.underlay.vtepOf(host, vpc.underlay);
  if (vtep === undefined) {
    const text = `this host and ${host} have no Droplet addresses of one family that the VPC may use`;
    return problem('GatewayUnreachable', 'spec.host', text);
  }
  const nh = indexFor(ctx, 'nexthop', vtep, 'spec.host');
  if (isProblem(nh)) return nh;
  const value = { kind: 'remote', mac: vpc.gwMac, nh, group: false, sub: 0 } as const;
  return {
    way: (prefix) => entry('route', `${vpc.vni}/${prefix}`, value),
    uses: [{ space: 'nexthop', key: vtep }],
  };
}

function staticEntries(vpc: ProgrammedVpc, peer: ProgrammedVpc, exposed: ExposedPrefix): Upsert[] {
  const seen = visiblePrefix(exposed);
  const keys = exposedKeys(vpc.vni, peer.vni, exposed.prefix, seen);
  const plain = { gw: 0, adjust: undefined };
  return [
    entry('nat_prefix', keys.source, { to: seen, vni: peer.vni, ...plain }),
    entry('nat_prefix', keys.destination, { to: exposed.prefix, vni: vpc.vni, ...plain }),
  ];
}

/** A Peering's contributions. */
export function peeringOutput(ctx: Context, spec: PeeringSpec): Output {
  const vpcs: ProgrammedVpc[] = [];
  for (const [i, side] of spec.sides.entries()) {
    const vpc: ProgrammedVpc | Problem = vpcOf(ctx, side.vpc, `spec.sides[${i}].vpc`);
    if (isProblem(vpc)) return refused(vpc);
    vpcs.push(vpc);
  }
  const entries: Upsert[] = [];
  const uses: IndexUse[] = [];
  const pools: PeeringPools[] = [];
  for (const [i, { expose, vpc: name }] of spec.sides.entries()) {
    const [vpc, peer] = [vpcs[i], vpcs[1 - i]];
    const others = spec.sides[1 - i]?.expose ?? [];
    if (vpc === undefined || peer === undefined) continue;
    // What the peer sends to a pool, and all that comes from where one is, is met in one place.
    const pooled = expose.some(isMasqueraded);
    const out = waysOf(ctx, vpc, spec.host, pooled);
    const toPool = waysOf(ctx, peer, spec.host, pooled);
    if (isProblem(out)) return refused(out);
    if (isProblem(toPool)) return refused(toPool);
    uses.push(...out.uses, ...toPool.uses);
    for (const exposed of others)
      if (!isMasqueraded(exposed)) entries.push(out.way(visiblePrefix(exposed), peer));
    for (const [j, exposed] of expose.entries()) {
      if (!isMasqueraded(exposed)) {
        entries.push(...staticEntries(vpc, peer, exposed));
        continue;
      }
      entries.push(toPool.way(visiblePrefix(exposed), vpc));
      if (spec.host !== ctx.host) continue;
      const pool = peeringPool(ctx, { vpc, peer, exposed, field: `spec.sides[${i}].expose[${j}]` });
      if (isProblem(pool)) return refused(pool);
      entries.push(...pool.entries);
      uses.push(...pool.uses);
      pools.push({ vpc: name, peer: peer.vni, prefix: exposed.prefix, gw: pool.gw });
    }
  }
  return {
    entries,
    uses,
    problem: undefined,
    peers: vpcs.map(({ index }) => index),
    ...(pools.length > 0 && { pools }),
  };
}
