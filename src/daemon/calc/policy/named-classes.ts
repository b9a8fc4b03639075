// SPDX-License-Identifier: Apache-2.0
/**
 * Which sets of named ports an address with protocol and port is in, in a VPC.
 *
 * In: members of sets, each once before it goes. Out, at flush(): each member whose sets may have
 * become others since the last one, with its sets as they are; without sets it is no entry.
 */
import { changedList } from './sets.js';
import type { SetId } from './types.js';

export class NamedClasses {
  /** By "ADDRESS/PROTOCOL/PORT"; sorted, not empty. */
  private readonly entries = new Map<string, readonly SetId[]>();
  private readonly changed = new Set<string>();

  get size(): number {
    return this.entries.size + this.changed.size;
  }

  member(set: SetId, port: string, member: boolean): void {
    const sets = changedList(this.entries.get(port) ?? [], set, member);
    if (sets.length > 0) this.entries.set(port, sets);
    else this.entries.delete(port);
    this.changed.add(port);
  }

  /** Those that "ADDRESS/PROTOCOL/PORT" is in, as it is now. */
  setsOf(port: string): ReadonlySet<SetId> {
    return new Set(this.entries.get(port));
  }

  /** `emit`: undefined: no entry. Sets in the order of their ids. */
  flush(emit: (port: string, sets: readonly SetId[] | undefined) => void): void {
    for (const port of this.changed) emit(port, this.entries.get(port));
    this.changed.clear();
  }

  /** Says of each entry that it is none, those of the last flush included. */
  close(emit: (port: string, sets: undefined) => void): void {
    for (const port of [...this.entries.keys(), ...this.changed]) emit(port, undefined);
  }
}
