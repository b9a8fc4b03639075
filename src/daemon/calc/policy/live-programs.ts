// SPDX-License-Identifier: Apache-2.0
/** Programs that endpoints have, and the blocks that these have: there while they are used. */
import { createHash } from 'node:crypto';
import type { IndexUses } from '../index-uses.js';
import type { TableChanges } from './changes.js';
import type { Draft } from './cut.js';
import type { LiveBlocks } from './live-blocks.js';

const NAME_LENGTH = 32;

/** A program that an endpoint may be given. */
export interface Program {
  readonly key: string;
  readonly index: number;
  readonly vni: number;
  readonly drafts: readonly Draft[];
}

export class LivePrograms {
  /** Those in the tables, by key. */
  private readonly programs = new Map<string, Program>();
  /** Names of blocks in the tables. */
  private readonly there = new Set<string>();
  /** Whose use changed since the last flush. */
  private readonly touched = new Map<string, Program>();

  constructor(
    private readonly uses: IndexUses,
    private readonly blocks: LiveBlocks,
  ) {}

  /** Gives it its numbers. @throws CalcError INDEX_EXHAUSTED */
  reserve(drafts: readonly Draft[], vni: number): Program {
    const key = keyOf(drafts, vni);
    const known = this.programs.get(key) ?? this.touched.get(key);
    if (known !== undefined) return known;
    for (const draft of drafts) this.blocks.reserve(draft);
    return { key, index: this.uses.index('polProgram', key), vni, drafts };
  }

  /** An endpoint has it. */
  add(program: Program): void {
    const { key, drafts } = program;
    if (!this.uses.add({ space: 'polProgram', key })) return;
    this.touched.set(key, program);
    for (const { name } of drafts) this.uses.add({ space: 'polBlock', key: name });
  }

  /** And no longer. */
  remove(program: Program): void {
    const { key, drafts } = program;
    if (!this.uses.remove({ space: 'polProgram', key })) return;
    this.touched.set(key, program);
    for (const { name } of drafts) this.uses.remove({ space: 'polBlock', key: name });
  }

  /** First of a flush: programs and blocks without users go. */
  removeUnused(changes: TableChanges): void {
    for (const [key, { index, drafts }] of this.touched) {
      if (!this.uses.used('polProgram', key) && this.programs.delete(key))
        changes.remove('pol_prog', `${index}`);
      for (const { name } of drafts)
        if (!this.uses.used('polBlock', name) && this.there.delete(name))
          this.blocks.vanish(name, changes);
    }
  }

  /** Last of a flush: those that have users now come. */
  writeNew(changes: TableChanges): void {
    for (const [key, program] of this.touched) {
      if (!this.uses.used('polProgram', key) || this.programs.has(key)) continue;
      for (const draft of program.drafts) {
        if (this.there.has(draft.name)) continue;
        this.there.add(draft.name);
        this.blocks.appear(draft, changes);
      }
      this.programs.set(key, program);
      changes.set('pol_prog', `${program.index}`, {
        vni: program.vni,
        blocks: program.drafts.map(({ name, first }) => ({
          block: this.uses.index('polBlock', name),
          first,
        })),
      });
    }
    this.touched.clear();
  }
}

function keyOf(drafts: readonly Draft[], vni: number): string {
  const names = drafts.map(({ name, first }) => (first ? `+${name}` : name));
  const content = createHash('sha256').update(`${vni} ${names.join(' ')}`);
  return content.digest('hex').slice(0, NAME_LENGTH);
}
