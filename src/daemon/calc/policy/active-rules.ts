// SPDX-License-Identifier: Apache-2.0
/**
 * Resolved rules of the policies and profiles that local endpoints of a VPC use, and which sets
 * these use.
 *
 * In: an owner's rules, or that nobody uses it; in any order, repeated or not. Out: `set` when a set
 * is first used and when it is not any more. New rules' sets come before the old ones' go, so a set
 * that both use stays.
 */
import type { ParsedRules } from './parse.js';
import { resolveRules, type ResolvedRules } from './resolve.js';
import type { SetDefinition } from './sets.js';
import type { Direction, ResolvedRule } from './types.js';

export class ActiveRules {
  /** By owner: "Policy/NAME", "Profile/NAME". */
  private readonly owners = new Map<string, { parsed: ParsedRules; resolved: ResolvedRules }>();
  /** By set: how many owners use it. */
  private readonly uses = new Map<string, number>();

  constructor(
    private readonly vni: number,
    private readonly set: (set: SetDefinition, active: boolean) => void,
  ) {}

  get size(): number {
    return this.owners.size + this.uses.size;
  }

  /** Rules in their order; undefined: the owner is not active or does not apply. */
  rules(owner: string, direction: Direction): readonly ResolvedRule[] | undefined {
    return this.owners.get(owner)?.resolved.rules[direction];
  }

  /** Undefined: no local endpoint uses it, or it is not there. */
  update(owner: string, parsed: ParsedRules | undefined): void {
    const before = this.owners.get(owner);
    if (before?.parsed === parsed) return;
    if (parsed) {
      const resolved = resolveRules(this.vni, owner, parsed);
      this.owners.set(owner, { parsed, resolved });
      for (const set of resolved.sets.values()) this.count(set, 1);
    } else {
      this.owners.delete(owner);
    }
    for (const set of before?.resolved.sets.values() ?? []) this.count(set, -1);
  }

  private count(set: SetDefinition, by: 1 | -1): void {
    const before = this.uses.get(set.id) ?? 0;
    const now = before + by;
    if (now > 0) this.uses.set(set.id, now);
    else this.uses.delete(set.id);
    if (before === 0 || now === 0) this.set(set, now > 0);
  }
}
