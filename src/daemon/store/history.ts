// SPDX-License-Identifier: Apache-2.0
/** The last changes, by revision, so that a watcher can go on from where it was. */
import type { StoreChange } from '../ports/store.js';

export interface HistoryEntry {
  readonly revision: number;
  readonly changes: readonly StoreChange[];
}

/** What a new entry does to the history. */
export interface HistoryStep {
  /** The new entry is kept. False: it alone is more than the limit. */
  readonly keep: boolean;
  /** Revisions that make room. */
  readonly drop: readonly number[];
  /** Watching is possible from this revision on. */
  readonly floor: number;
}

/** Bounded by the number of changes, dropping whole revisions, oldest first. */
export class History {
  private entries: HistoryEntry[];
  private count: number;
  private floorRevision: number;

  constructor(
    entries: readonly HistoryEntry[],
    private readonly opts: { readonly limit: number; readonly floor: number },
  ) {
    this.entries = [...entries];
    this.count = entries.reduce((sum, entry) => sum + entry.changes.length, 0);
    this.floorRevision = opts.floor;
  }

  /** The oldest revision a watch can start from. */
  get floor(): number {
    return this.floorRevision;
  }

  /** What adding the entry would do; nothing changes yet. */
  plan(entry: HistoryEntry): HistoryStep {
    if (entry.changes.length > this.opts.limit) {
      return { keep: false, drop: this.entries.map((e) => e.revision), floor: entry.revision };
    }
    const drop: number[] = [];
    let floor = this.floorRevision;
    let count = this.count + entry.changes.length;
    for (const old of this.entries) {
      if (count <= this.opts.limit) break;
      drop.push(old.revision);
      floor = old.revision;
      count -= old.changes.length;
    }
    return { keep: true, drop, floor };
  }

  /** Does what plan() said. */
  apply(entry: HistoryEntry, step: HistoryStep): void {
    for (const old of this.entries.slice(0, step.drop.length)) this.count -= old.changes.length;
    this.entries = this.entries.slice(step.drop.length);
    if (step.keep) {
      this.entries.push(entry);
      this.count += entry.changes.length;
    }
    this.floorRevision = step.floor;
  }

  since(revision: number): HistoryEntry[] {
    return this.entries.filter((entry) => entry.revision > revision);
  }
}
