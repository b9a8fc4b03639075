// SPDX-License-Identifier: Apache-2.0
/**
 * Classes: numbers for lists of sets. What is in the same sets of a VPC has the same one.
 *
 * In: entries with their sets, or that there is no such entry; the last word before a drain holds.
 * Out, at drain(): entries whose class is another than at the last one, classes that got their first
 * entry and those that lost their last. A class has its number from the drain in which it appears
 * until the one in which it vanishes.
 */
import { Tracked } from '../tracked.js';
import type { SetId } from './types.js';

export interface PolicyClass {
  readonly id: number;
  /** "VNI|SET|SET…", sets in the order of their ids. */
  readonly key: string;
  readonly sets: readonly SetId[];
}

/** A class of undefined: the entry goes. */
export interface HostChange {
  readonly vni: number;
  readonly address: string;
  readonly class: number | undefined;
}

export interface NetChange {
  readonly vni: number;
  readonly prefix: string;
  readonly class: number | undefined;
}

export interface NamedChange {
  readonly vni: number;
  readonly address: string;
  /** Number. */
  readonly protocol: number;
  readonly port: number;
  readonly class: number | undefined;
}

export interface ClassChanges {
  readonly appeared: readonly PolicyClass[];
  readonly vanished: readonly PolicyClass[];
  readonly hosts: readonly HostChange[];
  readonly nets: readonly NetChange[];
  readonly named: readonly NamedChange[];
}

export type EntryKind = 'host' | 'net' | 'named';

interface Content {
  readonly key: string;
  readonly sets: readonly SetId[];
  /** Undefined: not yet drained. */
  id: number | undefined;
  /** Entries, as of the last drain. */
  entries: number;
}

export class Classes {
  private readonly contents = new Map<string, Content>();
  /** Made since the last drain. */
  private readonly fresh = new Set<Content>();
  private readonly tables = {
    host: new Tracked<Content>(),
    net: new Tracked<Content>(),
    named: new Tracked<Content>(),
  };
  private entries = 0;

  /**
   * `classIndex`: a number from 1 for the key of a class that appears; it stays that class's until it
   * is said to vanish. Must not throw.
   */
  constructor(private readonly classIndex: (key: string) => number) {}

  /** Classes and entries. */
  get size(): number {
    return this.contents.size + this.entries;
  }

  /** `name`: the address, the prefix, or "ADDRESS/PROTOCOL/PORT". `sets`: sorted, not empty. */
  set(kind: EntryKind, vni: number, name: string, sets: readonly SetId[] | undefined): void {
    this.tables[kind].set(`${vni}/${name}`, sets && this.contentOf(vni, sets));
  }

  drain(): ClassChanges {
    const drained = {
      host: this.tables.host.drain(),
      net: this.tables.net.drain(),
      named: this.tables.named.drain(),
    };
    const touched = new Set(this.fresh);
    this.fresh.clear();
    for (const { before, now } of Object.values(drained).flat()) {
      for (const content of [before, now]) if (content) touched.add(content);
      if (before) before.entries--;
      if (now) now.entries++;
      this.entries += Number(now !== undefined) - Number(before !== undefined);
    }
    const appeared: PolicyClass[] = [];
    const vanished: PolicyClass[] = [];
    for (const content of [...touched].sort((a, b) => (a.key < b.key ? -1 : 1))) {
      const { key, sets, id } = content;
      if (content.entries === 0) {
        this.contents.delete(key);
        if (id !== undefined) vanished.push({ id, key, sets });
      } else if (id === undefined) {
        content.id = this.classIndex(key);
        appeared.push({ id: content.id, key, sets });
      }
    }
    return {
      appeared,
      vanished,
      hosts: ordered(drained.host).map(({ vni, parts: [address = ''], now }) => ({
        vni,
        address,
        class: now?.id,
      })),
      nets: ordered(drained.net).map(({ vni, parts, now }) => ({
        vni,
        prefix: parts.join('/'),
        class: now?.id,
      })),
      named: ordered(drained.named).map(({ vni, parts: [address = '', protocol, port], now }) => ({
        vni,
        address,
        protocol: Number(protocol),
        port: Number(port),
        class: now?.id,
      })),
    };
  }

  private contentOf(vni: number, sets: readonly SetId[]): Content {
    const key = [vni, ...sets].join('|');
    const known = this.contents.get(key);
    if (known) return known;
    const content: Content = { key, sets, id: undefined, entries: 0 };
    this.contents.set(key, content);
    this.fresh.add(content);
    return content;
  }
}

interface Drained {
  readonly vni: number;
  readonly parts: readonly string[];
  readonly now: Content | undefined;
}

/** By VNI, then by the text of the rest. */
function ordered(
  changes: readonly { readonly key: string; readonly now: Content | undefined }[],
): Drained[] {
  return changes
    .map(({ key, now }) => {
      const [vni, ...parts] = key.split('/');
      return { key, vni: Number(vni), parts, now };
    })
    .sort((a, b) => a.vni - b.vni || (a.key < b.key ? -1 : 1));
}
