// SPDX-License-Identifier: Apache-2.0
/** Collects the entries that a flush writes and removes, in an order that may be written. */
import type { Removal, Tables, Upsert } from '../output.js';
import { POLICY_TABLES, type PolicyTable } from './entries.js';

interface Changes {
  readonly upserts: Upsert[];
  readonly removals: Removal[];
}

export class TableChanges {
  private readonly tables = new Map<PolicyTable, Changes>(
    POLICY_TABLES.map((table) => [table, { upserts: [], removals: [] }]),
  );

  /** A key may be written or removed once. */
  set<T extends PolicyTable>(table: T, key: string, value: Tables[T]): void {
    // Table and value belong together, which a union of objects cannot say.
    this.tables.get(table)?.upserts.push({ table, key, value } as Upsert);
  }

  remove(table: PolicyTable, key: string): void {
    this.tables.get(table)?.removals.push({ table, key });
  }

  all(): Changes {
    return {
      upserts: POLICY_TABLES.flatMap((table) => this.tables.get(table)?.upserts ?? []),
      removals: [...POLICY_TABLES]
        .reverse()
        .flatMap((table) => this.tables.get(table)?.removals ?? []),
    };
  }
}
