// SPDX-License-Identifier: Apache-2.0
/**
 * Which policies of a VPC match which of its local endpoints.
 *
 * In: policies that may apply in the VPC, and labels of its local endpoints; in any order, repeated
 * or not. Out: `active` when the first local endpoint matches a policy, when an active one becomes
 * another, and (undefined) when it matches none or is gone; `dirty` for each endpoint whose policies,
 * or what these say, may have become others.
 */
import { References } from '../references.js';
import type { LabelMap } from './labels.js';
import type { ParsedPolicy } from './parse.js';
import { SelectorIndex } from './selector-index.js';

export interface NamedPolicy {
  readonly name: string;
  readonly policy: ParsedPolicy;
}

export interface ActivePolicyEvents {
  active(name: string, policy: ParsedPolicy | undefined): void;
  dirty(endpoint: string): void;
}

export class ActivePolicies {
  private readonly policies = new Map<string, ParsedPolicy>();
  private readonly shown = new Map<string, ParsedPolicy>();
  /** Text of a selector → policies. */
  private readonly users = new References();
  /** Tier → policies. */
  private readonly tiers = new References();
  private readonly index: SelectorIndex;

  constructor(private readonly events: ActivePolicyEvents) {
    this.index = new SelectorIndex((selector, endpoint) => {
      events.dirty(endpoint);
      for (const name of this.users.of(selector)) this.refresh(name);
    });
  }

  get size(): number {
    const references = this.users.size + this.tiers.size;
    return this.policies.size + this.shown.size + references + this.index.size;
  }

  get evaluations(): number {
    return this.index.evaluations;
  }

  /** Those that match a local endpoint, in no order. */
  of(endpoint: string): NamedPolicy[] {
    const out: NamedPolicy[] = [];
    for (const selector of this.index.selectorsOf(endpoint))
      for (const name of this.users.of(selector)) {
        const policy = this.policies.get(name);
        if (policy) out.push({ name, policy });
      }
    return out;
  }

  /** Undefined: it is not there, or not for this VPC. */
  policy(name: string, now: ParsedPolicy | undefined): void {
    const before = this.policies.get(name);
    if (before === now) return;
    if (before) {
      const { text } = before.selector;
      this.dirty(text);
      this.tiers.remove(before.tier, name);
      this.users.remove(text, name);
      this.policies.delete(name);
      if (now?.selector.text !== text && this.users.of(text).size === 0)
        this.index.removeSelector(text);
    }
    if (now) {
      const { text } = now.selector;
      this.policies.set(name, now);
      this.tiers.add(now.tier, name);
      this.users.add(text, name);
      this.index.addSelector(now.selector);
      this.dirty(text);
    }
    this.refresh(name);
  }

  /** Undefined: it is not there, or not local. */
  labels(endpoint: string, labels: LabelMap | undefined): void {
    this.index.setItem(endpoint, labels);
  }

  /** The tier came, went or says something else. */
  tier(name: string): void {
    for (const policy of this.tiers.of(name)) this.dirty(this.policies.get(policy)?.selector.text);
  }

  private dirty(selector: string | undefined): void {
    if (selector === undefined) return;
    for (const endpoint of this.index.matched(selector)) this.events.dirty(endpoint);
  }

  private refresh(name: string): void {
    const policy = this.policies.get(name);
    const active = policy && this.index.matched(policy.selector.text).size > 0 ? policy : undefined;
    if (this.shown.get(name) === active) return;
    if (active) this.shown.set(name, active);
    else this.shown.delete(name);
    this.events.active(name, active);
  }
}
