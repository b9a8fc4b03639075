// SPDX-License-Identifier: Apache-2.0
/** What each object contributes to the tables, and what changed in them since the last flush. */
import type { IndexUses } from './index-uses.js';
import { TABLE_NAMES, type Removal, type TableName, type Tables, type Upsert } from './output.js';
import type { References } from './references.js';
import type { Touched } from './touch.js';
import { SharedTable } from './tracked.js';
import { entry, type Output } from './unit.js';

type Value = Tables[TableName];

export interface ContributionsDeps {
  readonly uses: IndexUses;
  readonly reach: References;
  /** A next hop got its first user, or lost its last. */
  readonly onNexthop: (key: string, used: boolean) => void;
  /** What lets a Vpc reach the outside came or went. */
  readonly onReach: (vpc: string) => void;
}

/** Outputs by owner. */
export class Contributions {
  private readonly outputs = new Map<string, Output>();
  private readonly tables = Object.fromEntries(
    TABLE_NAMES.map((table) => [table, new SharedTable<Value>()]),
  ) as Readonly<Record<TableName, SharedTable<Value>>>;

  constructor(private readonly deps: ContributionsDeps) {}

  of(owner: string): Output | undefined {
    return this.outputs.get(owner);
  }

  /** Puts an owner's new contributions in place of its old ones. */
  put(owner: string, output: Output | undefined): void {
    const old = this.outputs.get(owner);
    if (output) this.outputs.set(owner, output);
    else this.outputs.delete(owner);
    const now = output?.entries ?? [];
    for (const { table, key, value } of now) this.tables[table].set(owner, key, value);
    const kept = new Set(now.map(({ table, key }) => `${table} ${key}`));
    for (const { table, key } of old?.entries ?? [])
      if (!kept.has(`${table} ${key}`)) this.tables[table].unset(owner, key);
    this.use(old, output);
    this.reach(owner, old?.reach ?? [], output?.reach ?? []);
  }

  /** What changed; in an order that may be written. */
  drain(touched: Touched): { readonly upserts: Upsert[]; readonly removals: Removal[] } {
    const upserts: Upsert[] = [];
    const removed: Removal[] = [];
    for (const table of TABLE_NAMES) {
      for (const change of this.tables[table].drain()) {
        const { key, now } = change;
        if (now === undefined) removed.push({ table, key });
        else upserts.push(entry(table, key, now));
        touched.add(table, change);
      }
    }
    return { upserts, removals: removed.reverse() };
  }

  private use(old: Output | undefined, output: Output | undefined): void {
    const { uses, onNexthop } = this.deps;
    // New uses first: an index that stays in use must not look unused in between.
    for (const use of output?.uses ?? [])
      if (uses.add(use) && use.space === 'nexthop') onNexthop(use.key, true);
    for (const use of old?.uses ?? [])
      if (uses.remove(use) && use.space === 'nexthop') onNexthop(use.key, false);
  }

  private reach(owner: string, old: readonly string[], now: readonly string[]): void {
    const changed = new Set([
      ...old.filter((one) => !now.includes(one)),
      ...now.filter((one) => !old.includes(one)),
    ]);
    for (const one of changed) {
      if (now.includes(one)) this.deps.reach.add(one, owner);
      else this.deps.reach.remove(one, owner);
      this.deps.onReach(one.slice(0, one.lastIndexOf('/')));
    }
  }
}
