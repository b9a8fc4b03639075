// SPDX-License-Identifier: Apache-2.0
/**
 * Validation of objects against each other: references, overlaps, uniqueness, what may not
 * change. Pure; the shape of each object has been judged before (src/api).
 *
 * StateIndex holds what these questions need, so that judging one change costs the same among
 * ten objects and a hundred thousand.
 */
import { atOnce } from '../base/portions.js';
import type { Kind, ProposedChange, StoredObject } from './objects.js';
import type { Problem } from './problem.js';
import { objectId } from './validate-facts.js';
import { StateTables } from './validate-tables.js';
import { DEFAULT_LIMIT, Trial } from './validate-trial.js';

export class StateIndex {
  readonly #tables = new StateTables();

  /** Starts from objects that were judged before; they are not judged again. */
  constructor(objects: Iterable<StoredObject> = []) {
    for (const object of objects)
      this.#tables.set(objectId(object.kind, object.metadata.name), object);
  }

  get size(): number {
    return this.#tables.size;
  }

  get(kind: Kind, name: string): StoredObject | undefined {
    return this.#tables.get(objectId(kind, name));
  }

  /** Names of the objects that refer to this one, as "Kind/name". */
  referrers(kind: Kind, name: string): string[] {
    return [...this.#tables.referrers(objectId(kind, name))];
  }

  /** An empty set of changes, to be placed, judged and kept or taken back. */
  begin(): Trial {
    return new Trial(this.#tables);
  }

  /**
   * What is wrong with the state after these changes, all together; the index stays as it was.
   * Of two changed objects in conflict, the later one is reported.
   * @param limit most problems to return
   */
  check(changes: readonly ProposedChange[], limit = DEFAULT_LIMIT): Problem[] {
    const trial = this.begin();
    try {
      for (const change of changes) trial.place(change);
      return atOnce(trial.judge(limit));
    } finally {
      atOnce(trial.takeBack());
    }
  }

  /** Takes changes over, without judging. */
  commit(changes: readonly ProposedChange[]): void {
    for (const { kind, name, object } of changes) this.#tables.set(objectId(kind, name), object);
  }
}

/** Judges a whole state from scratch. */
export function validateState(objects: readonly StoredObject[], limit = DEFAULT_LIMIT): Problem[] {
  const changes = objects.map((object) => ({
    kind: object.kind,
    name: object.metadata.name,
    object,
  }));
  return new StateIndex().check(changes, limit);
}
