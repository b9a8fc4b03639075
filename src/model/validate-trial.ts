// SPDX-License-Identifier: Apache-2.0
/**
 * A set of changes on trial: placed in the tables, judged there, then kept or taken back. Placing
 * and judging can be interrupted, and other changes can be judged meanwhile, provided that the
 * two do not meet: see meets().
 *
 * Why that is enough. What is on trial is either kept or taken back, and nobody knows which before
 * the end. Changes that do not meet it read nothing of it, write nothing it has read, and claim
 * nothing it claims or gives up: their verdict is the same whatever becomes of it, and its verdict
 * is the same whether it is asked before or after them. So every set of changes is judged as if
 * they had come one after the other.
 */
import { parsePrefix } from '../base/net.js';
import { STRIDE, type Work } from '../base/portions.js';
import type { ProposedChange, StoredObject } from './objects.js';
import type { Problem } from './problem.js';
import { factsOf, subnetFamilies } from './validate-claims.js';
import { objectId, type Claim, type Facts, type ObjectId } from './validate-facts.js';
import { someOf } from './validate-context.js';
import { checkObject, checkRemoval } from './validate-rules.js';
import type { StateTables } from './validate-tables.js';
import { PrefixTree } from './validate-tree.js';

interface Placed {
  /** Place in the set: of two objects in conflict, the later one is reported. */
  position: number;
  readonly before: StoredObject | undefined;
  /** Dropped once judged. */
  facts: Facts | undefined;
}

/** What may refer to several VPCs. */
const SPANNING = /^(NatGateway|Peering|VirtualService)\//;

/** Most problems that are returned. */
export const DEFAULT_LIMIT = 100;

export class Trial {
  readonly #placed = new Map<ObjectId, Placed>();
  /** What the set names without changing it. */
  readonly #held = new Set<ObjectId>();
  /** What the set's objects claimed and referred to before and may again, should it be refused. */
  readonly #freedClaims = new Set<string>();
  readonly #freedTargets = new Set<ObjectId>();
  readonly #freedSubnets = new Map<string, PrefixTree>();
  /** Keys that the set's objects ask about, before or after. */
  readonly #read = new Set<string>();
  #position = 0;

  constructor(private readonly tables: StateTables) {}

  get size(): number {
    return this.#placed.size;
  }

  /** Takes a change into the tables. */
  place({ kind, name, object }: ProposedChange): void {
    const id = objectId(kind, name);
    // Computed first: an object that cannot be read leaves the tables as they were.
    const facts = object && factsOf(object);
    const old = this.tables.set(id, object, facts);
    if (old !== undefined) this.#free(old.object, old.facts);
    for (const key of facts?.reads ?? []) this.#read.add(key);
    const position = this.#position++;
    const again = this.#placed.get(id);
    if (again === undefined) this.#placed.set(id, { position, before: old?.object, facts });
    else Object.assign(again, { position, facts });
  }

  /** The set names an object and leaves it as it is: it must not change before the set is done. */
  hold({ kind, name }: Pick<ProposedChange, 'kind' | 'name'>): void {
    this.#held.add(objectId(kind, name));
  }

  /** What is wrong with the state as it is with all that was placed. */
  *judge(limit = DEFAULT_LIMIT): Work<Problem[]> {
    const problems: Problem[] = [];
    let count = 0;
    for (const [id, placed] of this.#placed) {
      if (problems.length >= limit) break;
      this.#judgeOne(id, placed, problems);
      placed.facts = undefined;
      if (++count % STRIDE === 0) yield;
    }
    return problems.slice(0, limit);
  }

  /** Puts everything back as it was. */
  *takeBack(): Work<void> {
    let count = 0;
    for (const [id, { before }] of this.#placed) {
      this.tables.set(id, before);
      if (++count % STRIDE === 0) yield;
    }
    this.#placed.clear();
    this.#held.clear();
  }

  /** Whether changes have to do with what is on trial, and so must wait until that is decided. */
  meets(changes: readonly ProposedChange[]): boolean {
    return changes.some((change) => this.#meetsOne(change));
  }

  #meetsOne({ kind, name, object }: ProposedChange): boolean {
    const id = objectId(kind, name);
    if (this.#placed.has(id) || this.#held.has(id) || this.#freedTargets.has(id)) return true;
    if (this.#anyPlaced(this.tables.referrers(id))) return true;
    if (kind === 'Vpc' && this.#shares(id)) return true;
    const before = this.tables.get(id);
    const asked = ({ key }: Claim): boolean => this.#read.has(key);
    if (before !== undefined && factsOf(before).claims.some(asked)) return true;
    if (object === undefined) return false;
    const { claims, references, reads } = factsOf(object);
    if (references.some((reference) => this.#placed.has(reference.id))) return true;
    const claimed = (key: string): boolean =>
      this.#freedClaims.has(key) || this.#anyPlaced(this.tables.owners(key));
    const taken = ({ key, listed }: Claim): boolean => listed !== true && claimed(key);
    if (claims.some((claim) => asked(claim) || taken(claim))) return true;
    if (reads.some(claimed)) return true;
    if (object.kind !== 'Subnet') return false;
    const { vpc } = object.spec;
    return subnetFamilies(object.spec).some(({ family }) => {
      const prefix = parsePrefix(family.prefix);
      if (this.#anyPlaced(this.tables.subnetsOverlapping(vpc, prefix))) return true;
      const freed = this.#freedSubnets.get(vpc)?.overlapping(prefix) ?? [];
      for (const _ of freed) return true;
      return false;
    });
  }

  /** Whether something that is in several VPCs, where they must agree, is in one on trial, too. */
  #shares(vpc: ObjectId): boolean {
    for (const id of this.tables.referrers(vpc)) {
      if (!SPANNING.test(id)) continue;
      const object = this.tables.get(id);
      if (object && this.#anyPlaced(factsOf(object).references.map((r) => r.id))) return true;
    }
    return false;
  }

  #anyPlaced(ids: Iterable<ObjectId>): boolean {
    for (const id of ids) if (this.#placed.has(id)) return true;
    return false;
  }

  #free(object: StoredObject, { id, claims, references, reads }: Facts): void {
    for (const key of reads) this.#read.add(key);
    for (const { key } of claims) this.#freedClaims.add(key);
    for (const reference of references) this.#freedTargets.add(reference.id);
    if (object.kind !== 'Subnet') return;
    const { vpc } = object.spec;
    const tree = this.#freedSubnets.get(vpc) ?? new PrefixTree();
    this.#freedSubnets.set(vpc, tree);
    for (const { family } of subnetFamilies(object.spec)) tree.add(parsePrefix(family.prefix), id);
  }

  #judgeOne(id: ObjectId, { position, before, facts }: Placed, problems: Problem[]): void {
    const { tables } = this;
    const from = problems.length;
    const report = (field: string, rule: string): void => {
      // One thing can break two rules that say the same: a gateway's address, for one.
      for (let i = from; i < problems.length; i++) {
        if (problems[i]?.field === field && problems[i]?.rule === rule) return;
      }
      problems.push({ object: id, field, rule });
    };
    const changes = (owner: ObjectId): boolean => this.#placed.has(owner);
    const object = tables.get(id);
    if (object === undefined || facts === undefined) {
      const referrers = [...tables.referrers(id)];
      if (before === undefined) return;
      if (referrers.length === 0) {
        checkRemoval(before, { tables, report, changes });
        return;
      }
      const verb = referrers.length === 1 ? 'refers' : 'refer';
      report('', `cannot be deleted: ${someOf(referrers)} ${verb} to it`);
      return;
    }
    const blames = (owner: ObjectId): boolean =>
      (this.#placed.get(owner)?.position ?? -1) < position;
    for (const { id: target, field } of facts.references) {
      if (tables.get(target) === undefined) report(field, `${target} does not exist`);
    }
    checkObject(object, { tables, before, report, blames, changes });
    for (const claim of facts.claims) {
      if (claim.listed) continue;
      for (const owner of tables.owners(claim.key)) {
        if (owner === id || !blames(owner)) continue;
        if (claim.shared === true && kindOfId(owner) === object.kind) continue;
        report(claim.field, conflictText(claim, owner));
      }
    }
  }
}

function kindOfId(id: ObjectId): string {
  return id.slice(0, id.indexOf('/'));
}

function conflictText(claim: Claim, owner: ObjectId): string {
  if (claim.key.startsWith('mac ') && owner.startsWith('Vpc/'))
    return `${claim.what} is the gateway MAC of ${owner}`;
  if (claim.key.startsWith('public ')) {
    const what = owner.startsWith('NatGateway/') ? 'in the pool' : 'the address';
    return `${claim.what} is ${what} of ${owner}`;
  }
  if (claim.key.startsWith('nat-')) return `${claim.what} is served by ${owner}`;
  if (claim.key.startsWith('peering ')) return `${claim.what} is ${owner}`;
  if (claim.key.startsWith('net ') && owner.startsWith('Peering/'))
    return `${claim.what} is seen through ${owner}${claim.scope}`;
  if (claim.key.startsWith('net ') && owner.startsWith('NatGateway/'))
    return `${claim.what} is exempt at ${owner}${claim.scope}`;
  const isHost = claim.key.startsWith('net ') && /\/(32|128)$/.test(claim.key);
  if (claim.key.startsWith('net ') && owner.startsWith('VirtualService/'))
    return `${claim.what} is the address of ${owner}${claim.scope}`;
  if (isHost && owner.startsWith('Subnet/')) return `${claim.what} is the gateway of ${owner}`;
  if (isHost && owner.startsWith('Endpoint/'))
    return `${claim.what} is an address of ${owner}${claim.scope}`;
  return `${claim.what} is already used by ${owner}${claim.scope}`;
}
