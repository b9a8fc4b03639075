// SPDX-License-Identifier: Apache-2.0
/**
 * Selectors × items with labels: which matches which.
 *
 * In: selectors (known by their normalised text) and items (known by their id), in any order,
 * repeated or not, gone before they came. Out: `match` when a pair begins or ceases to match, each
 * once; which pairs match depends on the selectors and items that are there. A pair of which one is
 * gone does not match.
 *
 * A selector waits under what it restricts most: under the values of a label if it must be one of
 * them, else under a label that must be there, else with those that may match anything. An item
 * whose labels change is tried with the selectors that wait under its labels and with those that
 * it matched; a new selector tries the fewest items that one of its restrictions leaves.
 */
import {
  matchesSelector,
  selectorRestrictions,
  type LabelRestriction,
  type PolicySelector,
} from '../../../model/policy-selector.js';
import { LabelTable } from './label-table.js';
import type { LabelMap } from './labels.js';

interface Waiting {
  readonly selector: PolicySelector;
  readonly restrictions: readonly LabelRestriction[];
  /** Where it waits; undefined: anywhere. */
  readonly under: LabelRestriction | undefined;
  /** Ids. */
  readonly items: Set<string>;
}

interface Item {
  readonly id: string;
  labels: LabelMap;
  readonly matched: Set<Waiting>;
}

export class SelectorIndex {
  private readonly selectors = new Map<string, Waiting>();
  private readonly items = new Map<string, Item>();
  private readonly byLabel = new LabelTable<Item>();
  private readonly underValue = new LabelTable<Waiting>();
  /** Values are empty. */
  private readonly underKey = new LabelTable<Waiting>();
  private readonly anywhere = new Set<Waiting>();

  /** How often a selector was evaluated, since the start. */
  evaluations = 0;

  constructor(private readonly match: (selector: string, item: string, matches: boolean) => void) {}

  /** Selectors, items, pairs and entries of indexes. */
  get size(): number {
    const tables = this.byLabel.size + this.underValue.size + this.underKey.size;
    return this.selectors.size + this.items.size + this.anywhere.size + tables;
  }

  /** Ids of the items that a selector matches; none if it is not there. */
  matched(selector: string): ReadonlySet<string> {
    return this.selectors.get(selector)?.items ?? NONE;
  }

  /** Texts of the selectors that match an item; none if it is not there. */
  selectorsOf(item: string): string[] {
    return [...(this.items.get(item)?.matched ?? [])].map(({ selector }) => selector.text);
  }

  addSelector(selector: PolicySelector): void {
    if (this.selectors.has(selector.text)) return;
    const restrictions = selectorRestrictions(selector);
    const under = narrowest(restrictions, ({ oneOf }) => oneOf?.length ?? Infinity);
    const waiting: Waiting = { selector, restrictions, under, items: new Set() };
    this.selectors.set(selector.text, waiting);
    if (!under) this.anywhere.add(waiting);
    else if (!under.oneOf) this.underKey.add(under.key, '', waiting);
    else for (const value of under.oneOf) this.underValue.add(under.key, value, waiting);
    for (const item of this.candidates(restrictions)) this.judge(waiting, item);
  }

  removeSelector(text: string): void {
    const waiting = this.selectors.get(text);
    if (!waiting) return;
    const { under } = waiting;
    this.selectors.delete(text);
    if (!under) this.anywhere.delete(waiting);
    else if (!under.oneOf) this.underKey.remove(under.key, '', waiting);
    else for (const value of under.oneOf) this.underValue.remove(under.key, value, waiting);
    for (const id of waiting.items) {
      this.items.get(id)?.matched.delete(waiting);
      this.match(text, id, false);
    }
  }

  /** Undefined: the item is not there. */
  setItem(id: string, labels: LabelMap | undefined): void {
    const before = this.items.get(id);
    if (before && before.labels === labels) return;
    for (const [key, value] of before?.labels ?? [])
      if (before && labels?.get(key) !== value) this.byLabel.remove(key, value, before);
    if (!labels) {
      this.items.delete(id);
      for (const waiting of before?.matched ?? []) {
        waiting.items.delete(id);
        this.match(waiting.selector.text, id, false);
      }
      return;
    }
    const item = before ?? { id, labels, matched: new Set() };
    const known = before?.labels;
    item.labels = labels;
    this.items.set(id, item);
    for (const one of [...item.matched]) this.judge(one, item);
    // each selector waits in one place for an item, so none is met twice here
    for (const one of this.anywhere) this.judgeNew(one, item);
    for (const [key, value] of labels) {
      if (known?.get(key) !== value) this.byLabel.add(key, value, item);
      for (const one of this.underValue.of(key, value)) this.judgeNew(one, item);
      for (const one of this.underKey.of(key, '')) this.judgeNew(one, item);
    }
  }

  private candidates(restrictions: readonly LabelRestriction[]): Item[] {
    const counts = new Map<LabelRestriction, number>();
    for (const one of restrictions)
      counts.set(
        one,
        one.oneOf?.reduce((sum, value) => sum + this.byLabel.count(one.key, value), 0) ??
          this.byLabel.countKey(one.key),
      );
    const best = narrowest(restrictions, (one) => counts.get(one) ?? Infinity);
    if (!best) return [...this.items.values()];
    if (!best.oneOf) return [...this.byLabel.withKey(best.key)];
    return best.oneOf.flatMap((value) => [...this.byLabel.of(best.key, value)]);
  }

  private judgeNew(waiting: Waiting, item: Item): void {
    if (!item.matched.has(waiting)) this.judge(waiting, item);
  }

  private judge(waiting: Waiting, item: Item): void {
    this.evaluations++;
    const matches = matchesSelector(waiting.selector, (key) => item.labels.get(key));
    if (matches === item.matched.has(waiting)) return;
    if (matches) {
      item.matched.add(waiting);
      waiting.items.add(item.id);
    } else {
      item.matched.delete(waiting);
      waiting.items.delete(item.id);
    }
    this.match(waiting.selector.text, item.id, matches);
  }
}

const NONE: ReadonlySet<string> = new Set<string>();

function narrowest(
  restrictions: readonly LabelRestriction[],
  width: (restriction: LabelRestriction) => number,
): LabelRestriction | undefined {
  let best: LabelRestriction | undefined;
  for (const one of restrictions) if (!best || width(one) < width(best)) best = one;
  return best;
}
