// SPDX-License-Identifier: Apache-2.0
/** NatGateway → its pool, on the host where its VPCs meet the outside. */
import {
  fixedBlocks,
  fixedPlan,
  insideCount,
  NAT_DEFAULTS,
  servedByAddress,
  sortedPool,
  vpcOfPrefix,
  type FixedPlan,
  type NatGatewaySpec,
} from '../../model/index.js';
import { natPrefixEntries } from './nat-prefix.js';
import { OWNER, Pool } from './nat-pool.js';
import {
  entry,
  familyOf,
  indexFor,
  isGatewayHere,
  isProblem,
  outsideVpcOf,
  problem,
  type Context,
  type Output,
  type Problem,
} from './unit.js';

const FIELD = 'spec.addresses';

/** Why a plan cannot be carried out: admission has let it pass, then a subnet grew. */
function planProblem(plan: FixedPlan | undefined): Problem | undefined {
  if (plan === undefined) return undefined;
  const served = servedByAddress(plan) * plan.addresses.length;
  const need = insideCount(plan);
  if (served >= need) return undefined;
  const text = `ports for ${served} addresses, ${need} are in the subnets`;
  return problem('PoolTooSmall', FIELD, text);
}

/** A gateway's contributions. A source that cannot be served does not keep the others from it. */
export function natGatewayOutput(ctx: Context, name: string, spec: NatGatewaySpec): Output {
  const addresses = sortedPool(spec.addresses ?? []);
  const plan = fixedPlan(spec, (name) => ctx.inputs.subnets.get(name)?.ipv4?.prefix);
  const reach: string[] = [];
  let here = false;
  let complaint = planProblem(plan);
  for (const [i, source] of spec.sources.entries()) {
    const vpc = outsideVpcOf(ctx, source.vpc, `spec.sources[${i}].vpc`);
    if (isProblem(vpc)) {
      complaint ??= vpc;
      continue;
    }
    here ||= isGatewayHere(ctx, vpc);
    for (const family of new Set(addresses.map(familyOf))) reach.push(`${source.vpc}/${family}`);
    if (spec.prefixes?.some((prefix) => vpcOfPrefix(spec, prefix) === source.vpc) === true)
      reach.push(`${source.vpc}/6`);
  }
  const { sources } = spec;
  const nat64 = spec.nat64?.prefix;
  const elsewhere = {
    entries: [],
    uses: [],
    problem: complaint,
    reach,
    gateway: { index: undefined, sources, nat64 },
  };
  if (!here) return elsewhere;
  const index = indexFor(ctx, 'natGateway', name, 'spec');
  if (isProblem(index)) return { ...elsewhere, problem: index };
  const pool = new Pool(ctx, index, { field: FIELD });
  const row4 = pool.row(addresses.filter((address) => familyOf(address) === 4));
  if (isProblem(row4)) return { ...elsewhere, problem: row4 };
  const row6 = pool.row(addresses.filter((address) => familyOf(address) === 6));
  if (isProblem(row6)) return { ...elsewhere, problem: row6 };
  const value = {
    filtering: spec.filtering ?? NAT_DEFAULTS.filtering,
    algs: [...(spec.algs ?? [])].sort(),
    blockSize: spec.blockSize ?? NAT_DEFAULTS.blockSize,
    maxBlocks:
      plan?.overflow === 0 ? 0 : (spec.blocksPerEndpoint ?? NAT_DEFAULTS.blocksPerEndpoint),
    quarantine: spec.quarantine ?? NAT_DEFAULTS.quarantine,
    ext4: row4.first,
    ext4Count: row4.members.length,
    ext6: row6.first,
    ext6Count: row6.members.length,
    fixedBlocks: plan === undefined ? 0 : fixedBlocks(plan),
    owner: OWNER,
  };
  return {
    entries: [
      ...pool.entries,
      entry('nat_gw', index, value),
      ...natPrefixEntries(ctx, index, spec),
    ],
    uses: [{ space: 'natGateway', key: name }, ...pool.uses],
    problem: complaint,
    reach,
    gateway: { index, sources, nat64, ...(plan && { fixed: { plan, exts: row4.members } }) },
  };
}
