// SPDX-License-Identifier: Apache-2.0
/**
 * Effective labels: an item's own, else those of the first profile in its list that has the key.
 *
 * In: items and profiles' labels, in any order, repeated or not; a profile may be named before it is
 * there and after. Out: `changed` for each item whose effective labels became others, came or went;
 * what they are depends on the items and profiles that are there, not on how they came.
 */
import { References } from '../references.js';

export type LabelMap = ReadonlyMap<string, string>;

export interface LabelledItem {
  readonly labels: LabelMap;
  /** Names. */
  readonly profiles: readonly string[];
}

interface Entry extends LabelledItem {
  effective: LabelMap;
}

export class EffectiveLabels {
  private readonly items = new Map<string, Entry>();
  /** Profile → items that name it. */
  private readonly users = new References();

  /**
   * `profileLabels`: the labels of a profile as it is now; profile() says when they became others.
   * `changed`: undefined: the item went.
   */
  constructor(
    private readonly profileLabels: (profile: string) => LabelMap | undefined,
    private readonly changed: (item: string, labels: LabelMap | undefined) => void,
  ) {}

  get size(): number {
    return this.items.size + this.users.size;
  }

  /** Undefined: the item is not there. */
  of(id: string): LabelMap | undefined {
    return this.items.get(id)?.effective;
  }

  item(id: string, item: LabelledItem | undefined): void {
    const before = this.items.get(id);
    for (const profile of before?.profiles ?? []) this.users.remove(profile, id);
    if (!item) {
      if (this.items.delete(id)) this.changed(id, undefined);
      return;
    }
    for (const profile of item.profiles) this.users.add(profile, id);
    const effective = this.effective(item);
    this.items.set(id, { ...item, effective });
    if (!before || !equal(before.effective, effective)) this.changed(id, effective);
  }

  /** The profile came, went, or has other labels. */
  profile(name: string): void {
    for (const id of this.users.of(name)) {
      const entry = this.items.get(id);
      if (!entry) continue;
      const effective = this.effective(entry);
      if (equal(entry.effective, effective)) continue;
      entry.effective = effective;
      this.changed(id, effective);
    }
  }

  private effective({ labels, profiles }: LabelledItem): LabelMap {
    let out: Map<string, string> | undefined;
    for (const profile of profiles)
      for (const [key, value] of this.profileLabels(profile) ?? []) {
        if (labels.has(key) || out?.has(key) === true) continue;
        (out ??= new Map(labels)).set(key, value);
      }
    return out ?? labels;
  }
}

function equal(a: LabelMap, b: LabelMap): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
