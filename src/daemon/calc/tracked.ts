// SPDX-License-Identifier: Apache-2.0
/**
 * Keyed values that remember what the last flush showed. Setting and unsetting within one window
 * cancels, equal values are not shown again.
 */
import { same } from './same.js';

/** One change: undefined is absent. */
export interface Change<V> {
  readonly key: string;
  readonly before: V | undefined;
  readonly now: V | undefined;
}

/** Values with one owner per key. */
export class Tracked<V> {
  private readonly values = new Map<string, V>();
  private readonly before = new Map<string, V | undefined>();

  get(key: string): V | undefined {
    return this.values.get(key);
  }

  set(key: string, value: V | undefined): void {
    const old = this.values.get(key);
    if (old === value) return;
    if (!this.before.has(key)) this.before.set(key, old);
    if (value === undefined) this.values.delete(key);
    else this.values.set(key, value);
  }

  /** What changed since the last call. */
  drain(): Change<V>[] {
    const out: Change<V>[] = [];
    for (const [key, before] of this.before) {
      const now = this.values.get(key);
      if (!same(before, now)) out.push({ key, before, now });
    }
    this.before.clear();
    return out;
  }
}

interface Cell<V> {
  owner: string;
  value: V;
  /** The other owners' values; most keys have none. */
  others: Map<string, V> | undefined;
}

/**
 * Values that several owners may contribute. The owner whose name sorts first is shown, so that the
 * order of arrival does not matter; legal configurations contribute equal values.
 */
export class SharedTable<V> {
  private readonly cells = new Map<string, Cell<V>>();
  private readonly shown = new Tracked<V>();

  get(key: string): V | undefined {
    return this.cells.get(key)?.value;
  }

  set(owner: string, key: string, value: V): void {
    const cell = this.cells.get(key);
    if (!cell) {
      this.cells.set(key, { owner, value, others: undefined });
    } else if (cell.owner === owner) {
      cell.value = value;
    } else if (owner < cell.owner) {
      (cell.others ??= new Map()).set(cell.owner, cell.value);
      cell.others.delete(owner);
      cell.owner = owner;
      cell.value = value;
    } else {
      (cell.others ??= new Map()).set(owner, value);
    }
    this.shown.set(key, this.cells.get(key)?.value);
  }

  unset(owner: string, key: string): void {
    const cell = this.cells.get(key);
    if (!cell) return;
    if (cell.owner !== owner) {
      cell.others?.delete(owner);
      return;
    }
    let next: string | undefined;
    for (const other of cell.others?.keys() ?? [])
      if (next === undefined || other < next) next = other;
    if (next === undefined) {
      this.cells.delete(key);
    } else {
      const value = cell.others?.get(next);
      cell.others?.delete(next);
      cell.owner = next;
      if (value !== undefined) cell.value = value;
    }
    this.shown.set(key, this.cells.get(key)?.value);
  }

  drain(): Change<V>[] {
    return this.shown.drain();
  }
}
