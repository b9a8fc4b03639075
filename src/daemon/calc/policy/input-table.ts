// SPDX-License-Identifier: Apache-2.0
/** Specs by name, each with what was parsed of it once. */
import { same } from '../same.js';

export interface InputChange<P> {
  readonly before: P | undefined;
  readonly now: P | undefined;
}

export class InputTable<S, P> {
  private readonly entries = new Map<
    string,
    { readonly spec: S; readonly parsed: P | undefined }
  >();

  /** `parse`: undefined: what is wrong counts as absent. */
  constructor(private readonly parse: (spec: S) => P | undefined) {}

  get size(): number {
    return this.entries.size;
  }

  get(name: string): P | undefined {
    return this.entries.get(name)?.parsed;
  }

  *all(): Iterable<readonly [string, P]> {
    for (const [name, { parsed }] of this.entries) if (parsed !== undefined) yield [name, parsed];
  }

  /** Undefined: it says what it said. Whatever parse() throws leaves the table as it was. */
  set(name: string, spec: S | undefined): InputChange<P> | undefined {
    const known = this.entries.get(name);
    if (same(known?.spec, spec)) return undefined;
    const parsed = spec === undefined ? undefined : this.parse(spec);
    if (spec === undefined) this.entries.delete(name);
    else this.entries.set(name, { spec, parsed });
    if (known?.parsed === undefined && parsed === undefined) return undefined;
    return { before: known?.parsed, now: parsed };
  }
}
