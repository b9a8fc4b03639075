// SPDX-License-Identifier: Apache-2.0
/**
 * Blocks and classes that are there, and the rows of each pair that has some: a class has rows in
 * the blocks that name one of its sets. Each key is written or removed at most once when blocks
 * and classes vanish before others appear.
 */
import type { IndexUses } from '../index-uses.js';
import { References } from '../references.js';
import { classRows, compileBlock, type BlockRow, type CompiledBlock } from './compile.js';
import type { TableChanges } from './changes.js';
import type { Draft } from './cut.js';
import type { SetId } from './types.js';

/** Its number, and the sets that what is in it is in. */
export interface PolicyClass {
  readonly id: number;
  /** "VNI|set|set…" */
  readonly key: string;
  readonly sets: readonly SetId[];
}

/** What is needed of a block when it is in the tables. */
interface LiveBlock extends Pick<CompiledBlock, 'byClass' | 'sets'> {
  readonly index: number;
  /** Text keys of rows that are not a class's, and of ports. */
  readonly rows: readonly string[];
  readonly ports: readonly string[];
  readonly places: number;
  readonly identities: ReadonlySet<string>;
}

interface LiveClass {
  readonly id: number;
  readonly sets: ReadonlySet<SetId>;
}

export class LiveBlocks {
  private readonly blocks = new Map<string, LiveBlock>();
  private readonly classes = new Map<string, LiveClass>();
  /** By set: names of blocks, and keys of classes. */
  private readonly blocksOfSet = new References();
  private readonly classesOfSet = new References();

  constructor(private readonly uses: IndexUses) {}

  get size(): number {
    return this.blocks.size;
  }

  /** Takes the indexes that a block needs. @throws CalcError INDEX_EXHAUSTED */
  reserve({ name, places }: Draft): number {
    const index = this.uses.index('polBlock', name);
    if (!this.blocks.has(name))
      for (const { identity } of places) this.uses.index('rule', identity);
    return index;
  }

  /** Of a block that was reserved. */
  appear(draft: Draft, changes: TableChanges): void {
    const { name } = draft;
    const index = this.uses.index('polBlock', name);
    const block = compileBlock(draft);
    const identities = new Set(block.rules.map(({ identity }) => identity));
    for (const key of identities) this.uses.add({ space: 'rule', key });
    changes.set('pol_block', `${index}`, { dims: block.dims, other: block.other });
    for (const row of block.rows) changes.set('pol_row', rowKey(index, row), { bits: row.bits });
    for (const port of block.ports)
      changes.set('pol_port', portKey(index, port), { class: port.class });
    for (const [place, { action, identity }] of block.rules.entries())
      changes.set('pol_rule', `${index}/${place}`, {
        action,
        hit: this.uses.index('rule', identity),
      });
    const live: LiveBlock = {
      index,
      rows: block.rows.map((row) => rowKey(index, row)),
      ports: block.ports.map((port) => portKey(index, port)),
      places: block.rules.length,
      identities,
      sets: block.sets,
      byClass: block.byClass,
    };
    this.blocks.set(name, live);
    for (const set of block.sets) this.blocksOfSet.add(set, name);
    for (const one of this.classesOf(block.sets)) this.writeRows(live, one, changes);
  }

  vanish(name: string, changes: TableChanges): void {
    const block = this.blocks.get(name);
    if (block === undefined) return;
    this.blocks.delete(name);
    for (const set of block.sets) this.blocksOfSet.remove(set, name);
    for (const key of block.identities) this.uses.remove({ space: 'rule', key });
    changes.remove('pol_block', `${block.index}`);
    for (const key of block.rows) changes.remove('pol_row', key);
    for (const key of block.ports) changes.remove('pol_port', key);
    for (let place = 0; place < block.places; place++)
      changes.remove('pol_rule', `${block.index}/${place}`);
    for (const one of this.classesOf(block.sets)) this.removeRows(block, one, changes);
  }

  classAppears({ id, key, sets }: PolicyClass, changes: TableChanges): void {
    const one: LiveClass = { id, sets: new Set(sets) };
    this.classes.set(key, one);
    for (const set of one.sets) this.classesOfSet.add(set, key);
    for (const block of this.blocksOf(one.sets)) this.writeRows(block, one, changes);
  }

  classVanishes({ key }: Pick<PolicyClass, 'key'>, changes: TableChanges): void {
    const one = this.classes.get(key);
    if (one === undefined) return;
    this.classes.delete(key);
    for (const set of one.sets) this.classesOfSet.remove(set, key);
    for (const block of this.blocksOf(one.sets)) this.removeRows(block, one, changes);
  }

  private writeRows(block: LiveBlock, { id, sets }: LiveClass, changes: TableChanges): void {
    for (const { dim, bits } of classRows(block, sets))
      changes.set('pol_row', rowKey(block.index, { dim, family: 0, value: id }), { bits });
  }

  private removeRows(block: LiveBlock, { id, sets }: LiveClass, changes: TableChanges): void {
    for (const { dim } of classRows(block, sets))
      changes.remove('pol_row', rowKey(block.index, { dim, family: 0, value: id }));
  }

  private *blocksOf(sets: Iterable<SetId>): Generator<LiveBlock> {
    const names = new Set<string>();
    for (const set of sets) for (const name of this.blocksOfSet.of(set)) names.add(name);
    for (const name of names) {
      const block = this.blocks.get(name);
      if (block) yield block;
    }
  }

  private *classesOf(sets: Iterable<SetId>): Generator<LiveClass> {
    const keys = new Set<string>();
    for (const set of sets) for (const key of this.classesOfSet.of(set)) keys.add(key);
    for (const key of keys) {
      const one = this.classes.get(key);
      if (one) yield one;
    }
  }
}

function rowKey(block: number, { dim, family, value }: Omit<BlockRow, 'bits'>): string {
  return `${block}/${dim}/${family}/${value}`;
}

function portKey(block: number, { dim, port, bits }: CompiledBlock['ports'][number]): string {
  return `${block}/${dim}/${port}/${bits}`;
}
