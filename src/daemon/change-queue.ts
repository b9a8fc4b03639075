// SPDX-License-Identifier: Apache-2.0
/**
 * Changes of the store on their way to the calculation. Small sets go on at once, a large one in
 * portions, in the order of dependence: what is referred to appears before what refers to it and
 * goes after it, so that each portion is complete in itself. Small sets overtake large ones.
 *
 * Overtaking cannot bring an old object back: what is handed out is what the store has then, not
 * what it had when the change was queued.
 */
import type { Kind, StoredObject } from '../model/index.js';
import type { ObjectChange } from './calc/index.js';
import type { StoreChange } from './ports/store.js';

/** More changes than this are handed out in portions. */
const LARGE = 512;

const ORDER: readonly Kind[] = [
  'Vpc',
  'Droplet',
  'Subnet',
  'Tier',
  'Profile',
  'NetworkSet',
  // Before the endpoints that it closes: none is open for a while.
  'Policy',
  'Endpoint',
  'Route',
  'NatGateway',
  'PublicIp',
  'PortForward',
  'VirtualService',
  'Peering',
];

interface LargeSet {
  readonly revision: number;
  readonly changes: readonly StoreChange[];
  next: number;
}

export interface ChangeQueueDeps {
  readonly store: { get(kind: string, name: string): StoredObject | undefined };
}

/** Where in the order a change belongs; undefined: the calculation does not know the kind. */
function rank({ kind, object }: StoreChange): number | undefined {
  const at = ORDER.findIndex((known) => known === kind);
  if (at < 0) return undefined;
  return object === undefined ? 2 * ORDER.length - 1 - at : at;
}

function ordered(changes: readonly StoreChange[]): StoreChange[] {
  const ranks: StoreChange[][] = Array.from({ length: 2 * ORDER.length }, () => []);
  for (const change of changes) {
    const at = rank(change);
    if (at !== undefined) ranks[at]?.push(change);
  }
  return ranks.flat();
}

export class ChangeQueue {
  #small: StoreChange[] = [];
  readonly #large: LargeSet[] = [];
  #revision: number;

  /** @param revision up to which everything was handed out already */
  constructor(
    private readonly deps: ChangeQueueDeps,
    opts: { readonly revision: number },
  ) {
    this.#revision = opts.revision;
  }

  get empty(): boolean {
    return this.#small.length === 0 && this.#large.length === 0;
  }

  /** Everything up to this revision of the store was handed out. */
  get revision(): number {
    const [oldest] = this.#large;
    return oldest === undefined ? this.#revision : oldest.revision - 1;
  }

  /** One revision's changes. */
  push(changes: readonly StoreChange[]): void {
    const revision = changes[0]?.revision;
    if (revision === undefined) return;
    this.#revision = Math.max(this.#revision, revision);
    if (changes.length > LARGE) {
      this.#large.push({ revision, changes: ordered(changes), next: 0 });
    } else {
      this.#small.push(...changes);
    }
  }

  /** All small changes, or when there are none at most `limit` of a large set. */
  take(limit: number): ObjectChange[] {
    if (this.#small.length > 0) return this.#now(this.#small.splice(0));
    const [set] = this.#large;
    if (set === undefined) return [];
    const part = set.changes.slice(set.next, set.next + limit);
    set.next += part.length;
    if (set.next >= set.changes.length) this.#large.shift();
    return this.#now(part);
  }

  #now(changes: readonly StoreChange[]): ObjectChange[] {
    return changes.flatMap(({ kind, name }) => {
      const known = ORDER.find((each) => each === kind);
      return known === undefined
        ? []
        : [{ kind: known, name, object: this.deps.store.get(kind, name) }];
    });
  }
}
