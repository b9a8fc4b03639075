// SPDX-License-Identifier: Apache-2.0
/** Resolved rules as operators see them: whose they are, their place in the object, their text. */
import type { PolicyRule } from '../../model/index.js';
import { ruleText } from '../../model/index.js';
import type { Direction, ResolvedProgram, ResolvedRule } from '../calc/index.js';
import type { Objects } from './nat-tables.js';

/** A rule of an endpoint's ordered list. */
export interface ListedRule {
  readonly identity: string;
  /** Empty: the profiles, behind all tiers. */
  readonly tier: string;
  /** "Policy/NAME", "Profile/NAME", "Tier/NAME", "Default". */
  readonly by: string;
  /** From 0, in the object's list of this direction. Undefined: not of a list. */
  readonly rule?: number;
  readonly action: ResolvedRule['action'];
  readonly match: string;
}

/** All rules of a program, in order. */
export function listedRules(
  objects: Objects,
  program: ResolvedProgram,
  direction: Direction,
): ListedRule[] {
  return program.flatMap((tier) => {
    // A tier ends with its default action, which has its name.
    const [kind, name = ''] = tier.at(-1)?.identity.split('/') ?? [];
    const tierName = kind === 'Tier' ? name : '';
    return tier.map(({ identity, action }) => ({
      identity,
      action,
      tier: tierName,
      ...whose(objects, identity, direction),
    }));
  });
}

/** What an identity (calc/policy/types.ts) says. */
function whose(
  objects: Objects,
  identity: string,
  direction: Direction,
): Pick<ListedRule, 'by' | 'rule' | 'match'> {
  const [kind = '', name = '', , place] = identity.split('/');
  if (kind === 'Default') return { by: kind, match: 'what nothing before has decided' };
  const by = `${kind}/${name}`;
  if (kind === 'Tier') return { by, match: 'what no policy of the tier has decided' };
  if (place === undefined) return { by, match: 'there is no such profile' };
  const rule = ruleAt(objects, kind, name, direction, Number(place));
  return { by, rule: Number(place), match: rule ? ruleText(rule) : 'changed just now' };
}

/** Undefined: the object has changed since the data path took it over. */
function ruleAt(
  objects: Objects,
  kind: string,
  name: string,
  direction: Direction,
  place: number,
): PolicyRule | undefined {
  if (kind !== 'Policy' && kind !== 'Profile') return undefined;
  const object = objects.get(kind, name);
  if (object?.kind !== 'Policy' && object?.kind !== 'Profile') return undefined;
  return object.spec[direction]?.[place];
}
