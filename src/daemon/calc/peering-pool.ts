// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses that endpoints of a VPC share in a peered one: the pool, and who is in it. A NatGateway
 * whose outside is the peer; an endpoint has a place of its own in each.
 */
import { parseAddress, parsePrefix, prefixContains } from '../../base/net.js';
import {
  expandPool,
  NAT_DEFAULTS,
  PEERING_POOL_DEFAULTS,
  visiblePrefix,
  type EndpointSpec,
  type ExposedPrefix,
} from '../../model/index.js';
import type { IndexUse } from './index-uses.js';
import { accountOf, limitEntries } from './limit.js';
import { OWNER, Pool } from './nat-pool.js';
import type { Upsert } from './output.js';
import {
  entry,
  familyOf,
  indexFor,
  isProblem,
  type Context,
  type Problem,
  type ProgrammedVpc,
} from './unit.js';

/** Key of the entry that tells a pool in the VPC that sees it, and of the pool's index. */
export function poolKey(vni: number, peer: number, as: string): string {
  return `${peer}/${vni}/destination/${as}`;
}

/** Key of an endpoint's index in a pool, by its first address there. */
export function pooledKey(vni: number, peer: number, first: string): string {
  return `${vni}/${peer}/${first}`;
}

/** Key of the entry of an endpoint's address in a pool. */
export function pooledSourceKey(vni: number, peer: number, address: string): string {
  return `${vni}/${peer}/source/${address}/${familyOf(address) === 4 ? 32 : 128}`;
}

/** Addresses of an endpoint that are in an exposed prefix. */
export function pooledAddresses(spec: EndpointSpec, prefix: string): string[] {
  const parsed = parsePrefix(prefix);
  return spec.addresses.filter((address) => prefixContains(parsed, parseAddress(address)));
}

export interface PoolInput {
  readonly vpc: ProgrammedVpc;
  readonly peer: ProgrammedVpc;
  readonly exposed: ExposedPrefix;
  /** "spec.sides[0].expose[0]". */
  readonly field: string;
}

interface PoolOutput {
  readonly gw: number;
  readonly entries: readonly Upsert[];
  readonly uses: readonly IndexUse[];
}

export function peeringPool(
  ctx: Context,
  { vpc, peer, exposed, field }: PoolInput,
): PoolOutput | Problem {
  const as = visiblePrefix(exposed);
  const key = poolKey(vpc.vni, peer.vni, as);
  const gw = indexFor(ctx, 'natGateway', key, field);
  if (isProblem(gw)) return gw;
  const pool = new Pool(ctx, gw, { field: `${field}.as`, outer: peer.vni });
  const row = pool.row(expandPool([as]));
  if (isProblem(row)) return row;
  const { filtering, blocksPerEndpoint, quarantine } = {
    ...PEERING_POOL_DEFAULTS,
    ...exposed.pool,
  };
  const [v4, v6] = [4, 6].map((family) =>
    familyOf(as) === family ? row : { first: 0, members: [] },
  );
  const value = {
    filtering,
    algs: [],
    blockSize: NAT_DEFAULTS.blockSize,
    maxBlocks: blocksPerEndpoint,
    quarantine,
    ext4: v4?.first ?? 0,
    ext4Count: v4?.members.length ?? 0,
    ext6: v6?.first ?? 0,
    ext6Count: v6?.members.length ?? 0,
    fixedBlocks: 0,
    owner: OWNER,
  };
  return {
    gw,
    entries: [
      ...pool.entries,
      entry('nat_gw', gw, value),
      entry('nat_prefix', key, { to: as, vni: vpc.vni, gw, adjust: undefined }),
    ],
    uses: [{ space: 'natGateway', key }, ...pool.uses],
  };
}

export interface EndpointPools {
  readonly entries: readonly Upsert[];
  readonly uses: readonly IndexUse[];
  readonly problem: Problem | undefined;
}

/** An endpoint's places in the pools of its VPC. Without one it does not get to that peer. */
export function poolsOf(ctx: Context, spec: EndpointSpec, vpc: ProgrammedVpc): EndpointPools {
  const entries: Upsert[] = [];
  const uses: IndexUse[] = [];
  let complaint: Problem | undefined;
  for (const name of ctx.inputs.peeringsOfVpc.sorted(spec.vpc)) {
    for (const pool of ctx.pools.get(name) ?? []) {
      if (pool.vpc !== spec.vpc) continue;
      const inside = pooledAddresses(spec, pool.prefix);
      const [first] = inside;
      if (first === undefined) continue;
      const key = pooledKey(vpc.vni, pool.peer, first);
      const sub = indexFor(ctx, 'sub', key, 'spec');
      if (isProblem(sub)) {
        complaint ??= sub;
        continue;
      }
      uses.push({ space: 'sub', key });
      entries.push(
        ...limitEntries(ctx, spec, vpc, accountOf('sub', sub)),
        entry('nat_sub', sub, { gw: pool.gw, fixed: 0, fixedCount: 0 }),
        ...inside.map((address) =>
          entry('nat_prefix', pooledSourceKey(vpc.vni, pool.peer, address), {
            to: pool.prefix,
            vni: sub,
            gw: pool.gw,
            adjust: undefined,
          }),
        ),
      );
    }
  }
  return { entries, uses, problem: complaint };
}
