// SPDX-License-Identifier: Apache-2.0
/** Things by label: key → value → things. A thing may be under any number of labels. */
export class LabelTable<T> {
  private readonly keys = new Map<string, Map<string, Set<T>>>();

  /** Things under a label, over all labels. */
  size = 0;

  add(key: string, value: string, thing: T): void {
    const values = this.keys.get(key) ?? new Map<string, Set<T>>();
    this.keys.set(key, values);
    const things = values.get(value) ?? new Set<T>();
    values.set(value, things);
    if (!things.has(thing)) this.size++;
    things.add(thing);
  }

  remove(key: string, value: string, thing: T): void {
    const values = this.keys.get(key);
    const things = values?.get(value);
    if (!values || things?.delete(thing) !== true) return;
    this.size--;
    if (things.size === 0) values.delete(value);
    if (values.size === 0) this.keys.delete(key);
  }

  of(key: string, value: string): Iterable<T> {
    return this.keys.get(key)?.get(value) ?? [];
  }

  count(key: string, value: string): number {
    return this.keys.get(key)?.get(value)?.size ?? 0;
  }

  /** Those with any value. */
  *withKey(key: string): Iterable<T> {
    for (const things of this.keys.get(key)?.values() ?? []) yield* things;
  }

  countKey(key: string): number {
    let count = 0;
    for (const things of this.keys.get(key)?.values() ?? []) count += things.size;
    return count;
  }
}
