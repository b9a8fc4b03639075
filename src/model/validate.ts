// SPDX-License-Identifier: Apache-2.0
/**
 * Validation of objects against each other: references, overlaps, uniqueness, what may not
 * change. Pure; the shape of each object has been judged before (src/api).
 *
 * StateIndex holds what these questions need, so that judging one change costs the same among
 * ten objects and a hundred thousand.
 */
import type { Kind, StoredObject } from './objects.js';
import type { Problem } from './problem.js';
import { objectId, type Claim, type ObjectId } from './validate-claims.js';
import { checkObject, someOf } from './validate-rules.js';
import { StateTables } from './validate-tables.js';

/** A write to be judged; a store's writes and changes have this shape. */
export interface ProposedChange {
  readonly kind: Kind;
  readonly name: string;
  /** undefined deletes. */
  readonly object: StoredObject | undefined;
}

const DEFAULT_LIMIT = 100;

function conflictText(claim: Claim, owner: ObjectId): string {
  if (claim.key.startsWith('mac ') && owner.startsWith('Vpc/'))
    return `${claim.what} is the gateway MAC of ${owner}`;
  const isHost = claim.key.startsWith('net ') && /\/(32|128)$/.test(claim.key);
  if (isHost && owner.startsWith('Subnet/')) return `${claim.what} is the gateway of ${owner}`;
  if (isHost && owner.startsWith('Endpoint/'))
    return `${claim.what} is an address of ${owner}${claim.scope}`;
  return `${claim.what} is already used by ${owner}${claim.scope}`;
}

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

  /**
   * What is wrong with the state after these changes, all together; the index stays as it was.
   * Of two changed objects in conflict, the later one is reported.
   * @param limit most problems to return
   */
  check(changes: readonly ProposedChange[], limit = DEFAULT_LIMIT): Problem[] {
    const undo: [ObjectId, StoredObject | undefined][] = [];
    const before = new Map<ObjectId, StoredObject | undefined>();
    const order = new Map<string, number>();
    try {
      for (const [i, { kind, name, object }] of changes.entries()) {
        const id = objectId(kind, name);
        const old = this.#tables.set(id, object);
        undo.push([id, old]);
        if (!before.has(id)) before.set(id, old);
        order.set(id, i);
      }
      return this.#judge(before, order, limit);
    } finally {
      for (const [id, object] of undo.reverse()) this.#tables.set(id, object);
    }
  }

  /** Takes changes over, without judging. */
  commit(changes: readonly ProposedChange[]): void {
    for (const { kind, name, object } of changes) this.#tables.set(objectId(kind, name), object);
  }

  #judge(
    before: ReadonlyMap<ObjectId, StoredObject | undefined>,
    order: ReadonlyMap<string, number>,
    limit: number,
  ): Problem[] {
    const problems: Problem[] = [];
    for (const [id, old] of before) {
      if (problems.length >= limit) break;
      const position = order.get(id) ?? 0;
      const reported = new Set<string>();
      const report = (field: string, rule: string): void => {
        // One thing can break two rules that say the same: a gateway's address, for one.
        const text = `${field} ${rule}`;
        if (reported.has(text)) return;
        reported.add(text);
        problems.push({ object: id, field, rule });
      };
      const object = this.#tables.get(id);
      if (object === undefined) {
        const referrers = [...this.#tables.referrers(id)];
        if (old !== undefined && referrers.length > 0)
          report(
            '',
            `cannot be deleted: ${someOf(referrers)} refer${referrers.length === 1 ? 's' : ''} to it`,
          );
        continue;
      }
      const blames = (owner: string): boolean => (order.get(owner) ?? -1) < position;
      const changed = (owner: string): boolean => order.has(owner);
      const { claims, references } = this.#tables.facts(object);
      for (const { id: target, field } of references) {
        if (this.#tables.get(target) === undefined) report(field, `${target} does not exist`);
      }
      checkObject(object, { tables: this.#tables, before: old, report, blames, changes: changed });
      for (const claim of claims) {
        for (const owner of this.#tables.owners(claim.key)) {
          if (owner !== id && blames(owner)) report(claim.field, conflictText(claim, owner));
        }
      }
    }
    return problems.slice(0, limit);
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
