// SPDX-License-Identifier: Apache-2.0
/**
 * Which sets an entry of addresses of a VPC stands for: those that have its prefix, and those that
 * have a prefix around it, as a look-up takes the longest prefix only.
 *
 * In: members of sets, each once before it goes. Out, at flush(): each prefix whose sets may have
 * become others since the last one, with its sets as they are; without sets it is no entry. One
 * prefix more or less costs as much as there are entries in it.
 */
import { compareBytes } from '../../../base/net.js';
import type { Net } from './nets.js';
import { contains, PrefixTrie } from './prefix-trie.js';
import type { SetId } from './types.js';

interface Entry {
  readonly net: Net;
  /** Those that have this very prefix; not empty. */
  readonly sets: Set<SetId>;
}

export class AddressClasses {
  private readonly tries = { 4: new PrefixTrie<Entry>(), 6: new PrefixTrie<Entry>() };
  private readonly changed = new Map<string, Net>();

  get size(): number {
    return this.tries[4].size + this.tries[6].size + this.changed.size;
  }

  member(set: SetId, net: Net, member: boolean): void {
    const trie = this.tries[net.family];
    const entry = trie.get(net);
    this.changed.set(net.text, net);
    if (member) {
      if (entry) entry.sets.add(set);
      else trie.set(net, { net, sets: new Set([set]) });
    } else if (entry?.sets.delete(set) === true && entry.sets.size === 0) {
      trie.set(net, undefined);
    }
  }

  /** Those that have a prefix around the address, as it is now. */
  setsOf(host: Net): ReadonlySet<SetId> {
    const trie = this.tries[host.family];
    const own = trie.get(host);
    const entries = [...trie.around(host), ...(own ? [own] : [])];
    return new Set(entries.flatMap(({ sets }) => [...sets]));
  }

  /** `emit`: undefined: no entry. Sets in the order of their ids, each once. */
  flush(emit: (net: Net, sets: readonly SetId[] | undefined) => void): void {
    const nets = [...this.changed.values()].sort(
      (a, b) => a.family - b.family || compareBytes(a.bytes, b.bytes) || a.length - b.length,
    );
    this.changed.clear();
    let done: Net | undefined;
    for (const net of nets) {
      const trie = this.tries[net.family];
      if (!trie.get(net)) emit(net, undefined);
      // in this order what is inside a prefix follows it, and was told with it
      if (done?.family === net.family && contains(done, net)) continue;
      done = net;
      const around = trie.around(net);
      for (const entry of trie.inside(net)) {
        while (around.length > 0 && !contains((around.at(-1) ?? entry).net, entry.net))
          around.pop();
        around.push(entry);
        emit(entry.net, union(around));
      }
    }
  }

  /** Says of each entry that it is none, those of the last flush included. */
  close(emit: (net: Net, sets: undefined) => void): void {
    for (const net of this.changed.values()) emit(net, undefined);
    for (const family of [4, 6] as const)
      for (const { net } of this.tries[family].all()) emit(net, undefined);
  }
}

function union(entries: readonly Entry[]): SetId[] {
  const [only] = entries;
  if (entries.length === 1 && only) return [...only.sets].sort();
  return [...new Set(entries.flatMap(({ sets }) => [...sets]))].sort();
}
