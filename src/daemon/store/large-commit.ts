// SPDX-License-Identifier: Apache-2.0
/**
 * A commit of many changes on its way into the store. It is prepared and written in portions while
 * small commits go on, put into effect at once, and brought to its place in portions afterwards.
 */
import type { StoredObject } from '../../model/index.js';
import type { StoreChange, StoreWrite } from '../ports/store.js';
import { Layer } from './mirror.js';

/** More writes than this are a large commit. */
export const LARGE = 512;

/** Changes that are written together: some milliseconds with the disk's. */
const PART = 1024;

/** A change whose revision is not known before it takes effect. */
interface Pending extends StoreChange {
  revision: number;
}

export class LargeCommit {
  /** What reading shows once the commit is in effect. */
  readonly layer = new Layer();
  readonly #changes: Pending[] = [];
  /** Parts that are in their place. */
  readonly #settled = new Set<number>();
  #next = 0;

  /** Name of what is staged of it. */
  constructor(readonly id: number) {}

  get changes(): readonly StoreChange[] {
    return this.#changes;
  }

  get parts(): number {
    return Math.ceil(this.#changes.length / PART);
  }

  add({ kind, name, object }: StoreWrite, previous: StoredObject | undefined): void {
    this.layer.set(kind, name, object);
    this.#changes.push({ kind, name, object, previous, revision: 0 });
  }

  /** Whether it writes one of the objects. */
  meets(writes: readonly StoreWrite[]): boolean {
    return writes.some(({ kind, name }) => this.layer.has(kind, name));
  }

  part(index: number): readonly StoreChange[] {
    return this.#changes.slice(index * PART, (index + 1) * PART);
  }

  /**
   * Gives the changes and their objects the revision. In place, and all in one go: a copy of each
   * would take too long at the moment when everything must happen at once.
   */
  stamp(revision: number): void {
    for (const change of this.#changes) {
      change.revision = revision;
      if (change.object !== undefined) {
        // The store's own from commit() on, and nobody has seen it yet.
        (change.object.metadata as { resourceVersion: number }).resourceVersion = revision;
      }
    }
  }

  /** A part that is not in its place yet. */
  get unsettled(): number | undefined {
    while (this.#settled.has(this.#next)) this.#next++;
    return this.#next < this.parts ? this.#next : undefined;
  }

  /** The part that holds a change of this object and is not in its place; undefined: none. */
  unsettledPartOf(kind: string, name: string): number | undefined {
    if (!this.layer.has(kind, name)) return undefined;
    const at = this.#changes.findIndex((change) => change.kind === kind && change.name === name);
    const index = Math.floor(at / PART);
    return this.#settled.has(index) ? undefined : index;
  }

  /** Whether no other part is unsettled. */
  lastUnsettled(index: number): boolean {
    return this.#settled.size === this.parts - (this.#settled.has(index) ? 0 : 1);
  }

  settle(index: number): void {
    this.#settled.add(index);
  }
}
