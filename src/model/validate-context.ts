// SPDX-License-Identifier: Apache-2.0
/** What the rules of all kinds are given, and words they share. */
import type { StoredObject, TypedObject } from './objects.js';
import type { ObjectId } from './validate-facts.js';
import type { StateTables } from './validate-tables.js';

export interface RuleContext {
  readonly tables: StateTables;
  /** The object before the change. */
  readonly before: StoredObject | undefined;
  readonly report: (field: string, rule: string) => void;
  /** Whether a conflict with that object is this one's to report: it is not the later of two. */
  readonly blames: (owner: ObjectId) => boolean;
  /** Whether that object is part of the change, and so is judged on its own. */
  readonly changes: (owner: ObjectId) => boolean;
}

/** The same of an object that is deleted, which nothing refers to. */
export type RemovalContext = Pick<RuleContext, 'tables' | 'report' | 'changes'>;

/** Rules of a kind, judged on the state as it would be after the change. */
export type Rule<K extends StoredObject['kind']> = (
  object: TypedObject<K>,
  context: RuleContext,
) => void;

/** "Endpoint/a, Endpoint/b and 3 more". */
export function someOf(names: readonly string[], shown = 3): string {
  const head = [...names].sort().slice(0, shown).join(', ');
  return names.length > shown ? `${head} and ${names.length - shown} more` : head;
}
