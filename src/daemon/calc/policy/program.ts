// SPDX-License-Identifier: Apache-2.0
/**
 * The ordered rules of an endpoint in a direction (docs/design/policy.md, "Order"), from what applies
 * to it. Depends on its arguments only.
 */
import type { NamedPolicy } from './active-policies.js';
import type { TierSpec } from '../../../model/index.js';
import type {
  Direction,
  ResolvedProgram,
  ResolvedRule,
  ResolvedSide,
  ResolvedTier,
} from './types.js';

export interface ProgramSources {
  /** Rules of "Policy/NAME" or "Profile/NAME"; undefined: it is not there, or not in this direction. */
  rules(owner: string, direction: Direction): readonly ResolvedRule[] | undefined;
  /** Undefined: a tier without an object, as the default one: last, denying. */
  tier(name: string): TierSpec | undefined;
}

/**
 * `policies`: those that match the endpoint, in any order. `profiles`: in the order of its list, each
 * once. Undefined: nothing applies, it is open.
 */
export function programOf(
  policies: readonly NamedPolicy[],
  profiles: readonly string[],
  direction: Direction,
  sources: ProgramSources,
): ResolvedProgram | undefined {
  const applying = policies.filter(({ policy }) => policy.rules[direction] !== undefined);
  if (applying.length === 0 && profiles.length === 0) return undefined;
  const tiers = [...new Set(applying.map(({ policy }) => policy.tier))]
    .map((name) => ({ name, order: sources.tier(name)?.order ?? Infinity }))
    .sort(byOrder);
  return [
    ...tiers.map(({ name }) =>
      tierOf(
        name,
        applying.filter(({ policy }) => policy.tier === name),
        direction,
        sources,
      ),
    ),
    profilesTier(profiles, direction, sources),
  ];
}

function tierOf(
  name: string,
  policies: readonly NamedPolicy[],
  direction: Direction,
  sources: ProgramSources,
): ResolvedTier {
  const rules = policies
    .map(({ name: policy, policy: { order } }) => ({ name: policy, order }))
    .sort(byOrder)
    .flatMap((policy) => sources.rules(`Policy/${policy.name}`, direction) ?? []);
  const action = sources.tier(name)?.defaultAction ?? 'deny';
  return [...rules, whatever(action, `Tier/${name}/${direction}`)];
}

function profilesTier(
  profiles: readonly string[],
  direction: Direction,
  sources: ProgramSources,
): ResolvedTier {
  const rules = profiles.flatMap((name) => {
    const owner = `Profile/${name}`;
    return sources.rules(owner, direction) ?? [whatever('deny', `${owner}/missing`)];
  });
  return [...rules, whatever('deny', `Default/${direction}`)];
}

/** None (Infinity) is last; equal ones by name. Two of them may be none, so no difference is taken. */
function byOrder(
  a: { readonly order: number; readonly name: string },
  b: { readonly order: number; readonly name: string },
): number {
  if (a.order !== b.order) return a.order < b.order ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

const ANY: ResolvedSide = { sets: [], notSets: [] };

/** A rule that each packet meets. */
function whatever(action: ResolvedRule['action'], identity: string): ResolvedRule {
  return { action, identity, source: ANY, destination: ANY };
}
