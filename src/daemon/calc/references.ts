// SPDX-License-Identifier: Apache-2.0
/** Who refers to what: name of the referred to → names of those that refer. */
export class References {
  private readonly sets = new Map<string, Set<string>>();

  /** Pairs. */
  size = 0;

  add(to: string, from: string): void {
    const set = this.sets.get(to);
    if (set?.has(from) === true) return;
    this.size++;
    if (set) set.add(from);
    else this.sets.set(to, new Set([from]));
  }

  remove(to: string, from: string): void {
    const set = this.sets.get(to);
    if (set?.delete(from) !== true) return;
    this.size--;
    if (set.size === 0) this.sets.delete(to);
  }

  of(to: string): ReadonlySet<string> {
    return this.sets.get(to) ?? EMPTY;
  }

  /** In the order of names, where the first of several is meant. */
  sorted(to: string): string[] {
    return [...this.of(to)].sort();
  }
}

const EMPTY: ReadonlySet<string> = new Set<string>();
