// SPDX-License-Identifier: Apache-2.0
/**
 * Hands out the small integers of the data path.
 *
 * An index lives through three states: held (asked for), released (its last user went, but flow
 * records of the old generation may still name it) and free. It is given to another key only
 * from free. A key that is asked for again while released takes its old index back.
 *
 * release() belongs right after the flush that reported the key, before the next flush: else it
 * would hit a key that was taken again in between. free() may come any time later.
 */
import { CalcError } from './errors.js';
import { RowNumbers, SingleNumbers, type Numbers } from './numbers.js';
import { INDEX_SPACES, type Indexes } from './output.js';

export type IndexSpace = keyof Indexes;

/** The highest index of each space: its array map has one slot more, as 0 is never given. */
export type IndexLimits = Readonly<Record<IndexSpace, number>>;

interface Holding {
  readonly index: number;
  held: boolean;
  /** Releases whose generation is not raised yet; only the last of them frees. */
  pending: number;
}

class Space {
  readonly byKey = new Map<string, Holding>();

  constructor(
    private readonly name: IndexSpace,
    private readonly limit: number,
    private readonly numbers: Numbers,
    /** How many numbers a key stands for. */
    private readonly sizeOf: (key: string) => number = () => 1,
  ) {}

  adopt(key: string, index: number): boolean {
    if (this.byKey.has(key) || !this.numbers.reserve(index, this.sizeOf(key))) return false;
    this.byKey.set(key, { index, held: false, pending: 0 });
    return true;
  }

  get(key: string): number {
    const known = this.byKey.get(key);
    if (known) {
      known.held = true;
      return known.index;
    }
    const index = this.numbers.take(this.sizeOf(key));
    if (index === undefined)
      throw new CalcError(
        'INDEX_EXHAUSTED',
        `all ${this.limit} ${this.name} indexes are in use: raise the limit in the configuration`,
        { object: `${this.name} ${key}`, space: this.name, limit: this.limit },
      );
    this.byKey.set(key, { index, held: true, pending: 0 });
    return index;
  }

  release(key: string): void {
    const known = this.byKey.get(key);
    if (!known) return;
    known.held = false;
    known.pending++;
  }

  free(key: string): void {
    const known = this.byKey.get(key);
    if (!known || known.pending === 0) return;
    known.pending--;
    if (known.held || known.pending > 0) return;
    this.byKey.delete(key);
    this.numbers.give(known.index, this.sizeOf(key));
  }
}

/** A value for each space. */
export function eachSpace<T>(make: (space: IndexSpace) => T): Record<IndexSpace, T> {
  // The keys are all of them, which fromEntries() cannot know.
  return Object.fromEntries(INDEX_SPACES.map((space) => [space, make(space)])) as Record<
    IndexSpace,
    T
  >;
}

/** A row's key lists its members. */
function rowLength(key: string): number {
  return key.split(',').length;
}

/** The allocator behind `Indexes`. */
export class IndexAllocator implements Indexes {
  private readonly spaces: Readonly<Record<IndexSpace, Space>>;

  constructor(opts: { readonly limits: IndexLimits }) {
    this.spaces = eachSpace((space) => {
      const limit = opts.limits[space];
      return space === 'extRow'
        ? new Space(space, limit, new RowNumbers(limit), rowLength)
        : new Space(space, limit, new SingleNumbers(limit));
    });
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  vpc(key: string): number {
    return this.spaces.vpc.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  endpoint(key: string): number {
    return this.spaces.endpoint.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  nexthop(key: string): number {
    return this.spaces.nexthop.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  group(key: string): number {
    return this.spaces.group.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  natGateway(key: string): number {
    return this.spaces.natGateway.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  ext(key: string): number {
    return this.spaces.ext.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  extRow(key: string): number {
    return this.spaces.extRow.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  sub(key: string): number {
    return this.spaces.sub.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  service(key: string): number {
    return this.spaces.service.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  polBlock(key: string): number {
    return this.spaces.polBlock.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  polProgram(key: string): number {
    return this.spaces.polProgram.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  polClass(key: string): number {
    return this.spaces.polClass.get(key);
  }

  /** @throws CalcError INDEX_EXHAUSTED */
  rule(key: string): number {
    return this.spaces.rule.get(key);
  }

  /** How many keys have an index, released ones that are not free yet included. */
  used(space: IndexSpace): number {
    return this.spaces[space].byKey.size;
  }

  /** The index of a key that has one, be it held or not. */
  peek(space: IndexSpace, key: string): number | undefined {
    return this.spaces[space].byKey.get(key)?.index;
  }

  /**
   * Takes over what a pinned map says, before anything is asked for. @returns false when it cannot
   * be kept: out of range, or key or index already adopted; the key then gets a new index.
   */
  adopt(space: IndexSpace, key: string, index: number): boolean {
    return this.spaces[space].adopt(key, index);
  }

  /** The last user went: the index stays reserved until free() confirms. */
  release(space: IndexSpace, key: string): void {
    this.spaces[space].release(key);
  }

  /** The generation after the release was raised: unless the key was taken again, its index is free. */
  free(space: IndexSpace, key: string): void {
    this.spaces[space].free(key);
  }

  /**
   * Releases what was adopted and never asked for: to be called once, after the first flush.
   * @returns the keys, to be freed when the sweep's generations are raised.
   */
  releaseUnclaimed(): { readonly space: IndexSpace; readonly key: string }[] {
    const out: { space: IndexSpace; key: string }[] = [];
    for (const space of INDEX_SPACES)
      for (const [key, known] of this.spaces[space].byKey)
        if (!known.held && known.pending === 0) {
          known.pending++;
          out.push({ space, key });
        }
    return out;
  }
}
