// SPDX-License-Identifier: Apache-2.0
/** All objects in memory, so that reading never waits. Lists are sorted by kind, then name. */
import type { StoredObject } from '../../model/index.js';
import type { StoreChange } from '../ports/store.js';

export class Mirror {
  private readonly kinds = new Map<string, Map<string, StoredObject>>();
  /** Sorted lists, made when asked for and dropped when the kind changes. */
  private readonly sorted = new Map<string, readonly StoredObject[]>();

  get(kind: string, name: string): StoredObject | undefined {
    return this.kinds.get(kind)?.get(name);
  }

  list(kind?: string): StoredObject[] {
    if (kind !== undefined) return [...this.sortedList(kind)];
    return [...this.kinds.keys()].sort().flatMap((each) => this.sortedList(each));
  }

  apply(changes: readonly Pick<StoreChange, 'kind' | 'name' | 'object'>[]): void {
    for (const { kind, name, object } of changes) {
      let objects = this.kinds.get(kind);
      if (objects === undefined) {
        objects = new Map();
        this.kinds.set(kind, objects);
      }
      if (object === undefined) objects.delete(name);
      else objects.set(name, object);
      this.sorted.delete(kind);
    }
  }

  private sortedList(kind: string): readonly StoredObject[] {
    const known = this.sorted.get(kind);
    if (known !== undefined) return known;
    const made = [...(this.kinds.get(kind)?.values() ?? [])].sort((a, b) =>
      a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0,
    );
    this.sorted.set(kind, made);
    return made;
  }
}
