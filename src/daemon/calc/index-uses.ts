// SPDX-License-Identifier: Apache-2.0
/** Counts who uses which index, and tells which keys lost their last user. */
import { eachSpace, type IndexSpace } from './indexes.js';
import { INDEX_SPACES, type Indexes } from './output.js';

/** A use of an index by an object. */
export interface IndexUse {
  readonly space: IndexSpace;
  readonly key: string;
}

interface Counted {
  readonly index: number;
  users: number;
}

/** Reference counts over an allocator. */
export class IndexUses {
  private readonly counts = eachSpace(() => new Map<string, Counted>());
  /** Keys that may have no user at the end of this flush. */
  private readonly candidates = eachSpace(() => new Set<string>());

  constructor(private readonly indexes: Indexes) {}

  /** Index of a key, which need not have a user yet. @throws CalcError INDEX_EXHAUSTED */
  index(space: IndexSpace, key: string): number {
    const known = this.counts[space].get(key);
    if (known) return known.index;
    const index = this.indexes[space](key);
    this.counts[space].set(key, { index, users: 0 });
    this.candidates[space].add(key);
    return index;
  }

  /** Index of a key that has one. */
  peek(space: IndexSpace, key: string): number | undefined {
    return this.counts[space].get(key)?.index;
  }

  used(space: IndexSpace, key: string): boolean {
    return (this.counts[space].get(key)?.users ?? 0) > 0;
  }

  /** @returns true for the first user. */
  add(use: IndexUse): boolean {
    const known = this.counts[use.space].get(use.key);
    return known !== undefined && ++known.users === 1;
  }

  /** @returns true when the last user went. */
  remove(use: IndexUse): boolean {
    const known = this.counts[use.space].get(use.key);
    if (known === undefined || --known.users > 0) return false;
    this.candidates[use.space].add(use.key);
    return true;
  }

  /** Forgets and returns what nobody uses. */
  sweep(): IndexUse[] {
    const out: IndexUse[] = [];
    for (const space of INDEX_SPACES) {
      for (const key of this.candidates[space]) {
        if (this.used(space, key)) continue;
        this.counts[space].delete(key);
        out.push({ space, key });
      }
      this.candidates[space].clear();
    }
    return out;
  }
}
