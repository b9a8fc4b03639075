// SPDX-License-Identifier: Apache-2.0
/** The tables behind StateIndex: objects, who claims what, who refers to whom, subnets by prefix. */
import { parsePrefix, type IpPrefix } from '../base/net.js';
import type { Kind, StoredObject, TypedObject } from './objects.js';
import { factsOf, subnetFamilies } from './validate-claims.js';
import { objectId, type Facts, type ObjectId } from './validate-facts.js';
import { PrefixTree } from './validate-tree.js';

/** Key to one owner or more; one is by far the usual case and needs no set. */
class OwnerMap {
  readonly #owners = new Map<string, ObjectId | Set<ObjectId>>();

  add(key: string, owner: ObjectId): void {
    const there = this.#owners.get(key);
    if (there === undefined) this.#owners.set(key, owner);
    else if (typeof there !== 'string') there.add(owner);
    else if (there !== owner) this.#owners.set(key, new Set([there, owner]));
  }

  remove(key: string, owner: ObjectId): void {
    const there = this.#owners.get(key);
    if (there === owner) this.#owners.delete(key);
    else if (typeof there === 'object' && there.delete(owner) && there.size === 0)
      this.#owners.delete(key);
  }

  get(key: string): Iterable<ObjectId> {
    const there = this.#owners.get(key);
    if (there === undefined) return [];
    return typeof there === 'string' ? [there] : there;
  }
}

export class StateTables {
  readonly #entries = new Map<ObjectId, StoredObject>();
  readonly #claims = new OwnerMap();
  readonly #referrers = new OwnerMap();
  readonly #subnets = new Map<string, PrefixTree>();

  get size(): number {
    return this.#entries.size;
  }

  get(id: ObjectId): StoredObject | undefined {
    return this.#entries.get(id);
  }

  /** The object, by kind, typed. */
  find<K extends Kind>(kind: K, name: string): TypedObject<K> | undefined {
    const object = this.#entries.get(objectId(kind, name));
    // The id begins with the kind.
    return object as TypedObject<K> | undefined;
  }

  /** Every object. */
  all(): Iterable<[ObjectId, StoredObject]> {
    return this.#entries;
  }

  owners(claim: string): Iterable<ObjectId> {
    return this.#claims.get(claim);
  }

  referrers(id: ObjectId): Iterable<ObjectId> {
    return this.#referrers.get(id);
  }

  subnetsOverlapping(vpc: string, prefix: IpPrefix): Iterable<ObjectId> {
    return this.#subnets.get(vpc)?.overlapping(prefix) ?? [];
  }

  /**
   * Sets or, with undefined, removes an object. Facts are not kept: of a hundred thousand objects
   * they take more memory than the objects do.
   * @param facts of the object, when they are known already
   * @returns what was there, with its facts.
   */
  set(
    id: ObjectId,
    object: StoredObject | undefined,
    facts = object && factsOf(object),
  ): { readonly object: StoredObject; readonly facts: Facts } | undefined {
    const old = this.#entries.get(id);
    const before = old && { object: old, facts: factsOf(old) };
    if (before !== undefined) this.#remove(before.object, before.facts);
    if (object !== undefined && facts !== undefined) this.#add(object, facts);
    return before;
  }

  #add(object: StoredObject, facts: Facts): void {
    this.#entries.set(facts.id, object);
    for (const claim of facts.claims) this.#claims.add(claim.key, facts.id);
    for (const reference of facts.references) this.#referrers.add(reference.id, facts.id);
    if (object.kind !== 'Subnet') return;
    const { vpc } = object.spec;
    const tree = this.#subnets.get(vpc) ?? new PrefixTree();
    this.#subnets.set(vpc, tree);
    for (const { family } of subnetFamilies(object.spec))
      tree.add(parsePrefix(family.prefix), facts.id);
  }

  #remove(object: StoredObject, facts: Facts): void {
    this.#entries.delete(facts.id);
    for (const claim of facts.claims) this.#claims.remove(claim.key, facts.id);
    for (const reference of facts.references) this.#referrers.remove(reference.id, facts.id);
    if (object.kind !== 'Subnet') return;
    const tree = this.#subnets.get(object.spec.vpc);
    if (tree === undefined) return;
    for (const { family } of subnetFamilies(object.spec))
      tree.remove(parsePrefix(family.prefix), facts.id);
    if (tree.empty) this.#subnets.delete(object.spec.vpc);
  }
}
