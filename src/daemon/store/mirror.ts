// SPDX-License-Identifier: Apache-2.0
/**
 * All objects in memory, so that reading never waits. Lists are sorted by kind, then name. A large
 * commit is laid over the rest as a layer, at once, and then merged in portions.
 */
import { STRIDE, type Work } from '../../base/portions.js';
import type { StoredObject } from '../../model/index.js';
import type { StoreChange } from '../ports/store.js';

/** Objects by kind and name; undefined stands for "is not there". */
export class Layer {
  readonly #kinds = new Map<string, Map<string, StoredObject | undefined>>();

  has(kind: string, name: string): boolean {
    return this.#kinds.get(kind)?.has(name) === true;
  }

  get(kind: string, name: string): StoredObject | undefined {
    return this.#kinds.get(kind)?.get(name);
  }

  set(kind: string, name: string, object: StoredObject | undefined): void {
    this.of(kind).set(name, object);
  }

  delete(kind: string, name: string): void {
    this.#kinds.get(kind)?.delete(name);
  }

  kinds(): Iterable<string> {
    return this.#kinds.keys();
  }

  of(kind: string): Map<string, StoredObject | undefined> {
    let objects = this.#kinds.get(kind);
    if (objects === undefined) {
      objects = new Map();
      this.#kinds.set(kind, objects);
    }
    return objects;
  }
}

export class Mirror {
  readonly #base = new Layer();
  /** Stands before the base until it is merged. */
  #over: Layer | undefined;
  /** Sorted lists, made when asked for and dropped when the kind changes. */
  readonly #sorted = new Map<string, readonly StoredObject[]>();

  get(kind: string, name: string): StoredObject | undefined {
    const layer = this.#over?.has(kind, name) === true ? this.#over : this.#base;
    return layer.get(kind, name);
  }

  list(kind?: string): StoredObject[] {
    if (kind !== undefined) return [...this.#sortedList(kind)];
    const kinds = new Set([...this.#base.kinds(), ...(this.#over?.kinds() ?? [])]);
    return [...kinds].sort().flatMap((each) => this.#sortedList(each));
  }

  apply(changes: readonly Pick<StoreChange, 'kind' | 'name' | 'object'>[]): void {
    for (const { kind, name, object } of changes) {
      this.#over?.delete(kind, name);
      this.#put(kind, name, object);
      this.#sorted.delete(kind);
    }
  }

  /** Everything in the layer shows from now on. The one before must have been merged. */
  lay(layer: Layer): void {
    if (this.#over !== undefined) throw new Error('there is a layer already');
    this.#over = layer;
    for (const kind of layer.kinds()) this.#sorted.delete(kind);
  }

  /** Merges the layer. What shows stays the same. */
  *merge(): Work<void> {
    const layer = this.#over;
    if (layer === undefined) return;
    let count = 0;
    for (const kind of layer.kinds()) {
      for (const [name, object] of layer.of(kind)) {
        this.#put(kind, name, object);
        if (++count % STRIDE === 0) yield;
      }
    }
    this.#over = undefined;
  }

  #put(kind: string, name: string, object: StoredObject | undefined): void {
    if (object === undefined) this.#base.delete(kind, name);
    else this.#base.set(kind, name, object);
  }

  #sortedList(kind: string): readonly StoredObject[] {
    const known = this.#sorted.get(kind);
    if (known !== undefined) return known;
    const objects: StoredObject[] = [];
    for (const [name, object] of this.#base.of(kind)) {
      if (object !== undefined && this.#over?.has(kind, name) !== true) objects.push(object);
    }
    for (const object of this.#over?.of(kind).values() ?? []) {
      if (object !== undefined) objects.push(object);
    }
    const made = objects.sort((a, b) =>
      a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0,
    );
    this.#sorted.set(kind, made);
    return made;
  }
}
