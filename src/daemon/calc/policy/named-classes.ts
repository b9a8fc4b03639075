// SPDX-License-Identifier: Apache-2.0
/**
 * Which sets of named ports an address with protocol and port is in, in a VPC.
 *
 * In: members of sets, each once before it goes. Out, at flush(): each member whose sets may have
 * become others since the last one, with its sets as they are; without sets it is no entry.
 */
import type { SetId } from './types.js';

const NONE: ReadonlySet<SetId> = new Set();

export class NamedClasses {
  /** By "ADDRESS/PROTOCOL/PORT". */
  private readonly entries = new Map<string, Set<SetId>>();
  private readonly changed = new Set<string>();

  get size(): number {
    return this.entries.size + this.changed.size;
  }

  member(set: SetId, port: string, member: boolean): void {
    const sets = this.entries.get(port) ?? new Set();
    if (member) sets.add(set);
    else sets.delete(set);
    if (sets.size > 0) this.entries.set(port, sets);
    else this.entries.delete(port);
    this.changed.add(port);
  }

  /** Those that "ADDRESS/PROTOCOL/PORT" is in, as it is now. */
  setsOf(port: string): ReadonlySet<SetId> {
    return this.entries.get(port) ?? NONE;
  }

  /** `emit`: undefined: no entry. Sets in the order of their ids. */
  flush(emit: (port: string, sets: readonly SetId[] | undefined) => void): void {
    for (const port of this.changed) {
      const sets = this.entries.get(port);
      emit(port, sets && [...sets].sort());
    }
    this.changed.clear();
  }

  /** Says of each entry that it is none, those of the last flush included. */
  close(emit: (port: string, sets: undefined) => void): void {
    for (const port of [...this.entries.keys(), ...this.changed]) emit(port, undefined);
  }
}
