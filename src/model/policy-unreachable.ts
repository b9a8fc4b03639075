// SPDX-License-Identifier: Apache-2.0
/**
 * Rules that can never decide, as an earlier one of the same list decides all that they meet. Finds
 * what can be seen from the rules alone, and says nothing that is not so.
 */
import { conditionsOf, covers, type Conditions } from './policy-cover.js';
import type { PolicyRule } from './policy-objects.js';

export interface UnreachableRule {
  /** Place in the list, from 0. */
  readonly rule: number;
  /** The earlier one. */
  readonly behind: number;
}

interface Earlier {
  readonly rule: number;
  readonly conditions: Conditions;
}

/**
 * Comparisons of one list: all of its rules up to some 700. Of longer lists the first ones are held
 * against all behind them.
 */
const COMPARISONS = 250_000;

/** In the order of the list. Rules are right by themselves: see ruleFaults(). */
export function unreachableRules(rules: readonly PolicyRule[]): UnreachableRule[] {
  const out: UnreachableRule[] = [];
  // By protocol: a rule with one covers only rules with the same.
  const earlier = new Map<number | undefined, Earlier[]>();
  const same = new Map<string, number>();
  let left = COMPARISONS;
  const find = (list: readonly Earlier[], conditions: Conditions): number | undefined => {
    const first = list.slice(0, left);
    left -= first.length;
    return first.find((one) => covers(one.conditions, conditions))?.rule;
  };
  for (const [rule, one] of rules.entries()) {
    const conditions = conditionsOf(one);
    const { protocol } = conditions;
    const text = textOf(conditions);
    const behind =
      same.get(text) ??
      find(earlier.get(undefined) ?? [], conditions) ??
      (protocol === undefined ? undefined : find(earlier.get(protocol) ?? [], conditions));
    if (behind !== undefined) out.push({ rule, behind });
    else if (one.action !== 'log') {
      // What is behind one that is not reached is behind what that one is behind, too.
      same.set(text, rule);
      const list = earlier.get(protocol) ?? [];
      list.push({ rule, conditions });
      earlier.set(protocol, list);
    }
  }
  return out;
}

/** The same for rules that ask for the same in other words. */
function textOf(conditions: Conditions): string {
  return JSON.stringify(conditions, (_, value: unknown) =>
    value instanceof Set ? [...(value as Set<string>)].sort() : value,
  );
}
