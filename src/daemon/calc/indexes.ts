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
import type { Indexes } from './output.js';

export type IndexSpace = keyof Indexes;

/** The highest index of each space: its array map has one slot more, as 0 is never given. */
export type IndexLimits = Readonly<Record<IndexSpace, number>>;

interface Holding {
  readonly index: number;
  held: boolean;
  /** Releases whose generation is not raised yet; only the last of them frees. */
  pending: number;
}

/** Lowest free number first, in O(log n) per number. */
class FreeNumbers {
  /** Everything from here up was never given. */
  private next = 1;
  /** Binary min-heap of numbers below `next`; may hold numbers adopted since, see pop(). */
  private readonly heap: number[] = [];

  constructor(private readonly limit: number) {}

  /** Makes `next` at least index + 1; what is skipped becomes free. */
  reserve(index: number): void {
    for (; this.next < index; this.next++) this.push(this.next);
    if (this.next === index) this.next++;
  }

  push(number: number): void {
    const heap = this.heap;
    let i = heap.push(number) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const above = heap[parent] ?? 0;
      if (above <= number) break;
      heap[i] = above;
      i = parent;
    }
    heap[i] = number;
  }

  pop(taken: (number: number) => boolean): number | undefined {
    for (let number = this.popHeap(); number !== undefined; number = this.popHeap())
      if (!taken(number)) return number;
    return this.next > this.limit ? undefined : this.next++;
  }

  private popHeap(): number | undefined {
    const heap = this.heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if ((heap[child + 1] ?? Infinity) < (heap[child] ?? Infinity)) child++;
      const below = heap[child] ?? Infinity;
      if (below >= last) break;
      heap[i] = below;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

class Space {
  readonly byKey = new Map<string, Holding>();
  private readonly taken = new Set<number>();
  private readonly numbers: FreeNumbers;

  constructor(
    private readonly name: IndexSpace,
    private readonly limit: number,
  ) {
    this.numbers = new FreeNumbers(limit);
  }

  adopt(key: string, index: number): boolean {
    if (index < 1 || index > this.limit) return false;
    if (this.taken.has(index) || this.byKey.has(key)) return false;
    this.numbers.reserve(index);
    this.taken.add(index);
    this.byKey.set(key, { index, held: false, pending: 0 });
    return true;
  }

  get(key: string): number {
    const known = this.byKey.get(key);
    if (known) {
      known.held = true;
      return known.index;
    }
    const index = this.numbers.pop((number) => this.taken.has(number));
    if (index === undefined)
      throw new CalcError(
        'INDEX_EXHAUSTED',
        `all ${this.limit} ${this.name} indexes are in use: raise the limit in the configuration`,
        { object: `${this.name} ${key}`, space: this.name, limit: this.limit },
      );
    this.taken.add(index);
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
    this.taken.delete(known.index);
    this.numbers.push(known.index);
  }
}

/** The allocator behind `Indexes`. */
export class IndexAllocator implements Indexes {
  private readonly spaces: Readonly<Record<IndexSpace, Space>>;

  constructor(opts: { readonly limits: IndexLimits }) {
    const { limits } = opts;
    this.spaces = {
      vpc: new Space('vpc', limits.vpc),
      endpoint: new Space('endpoint', limits.endpoint),
      nexthop: new Space('nexthop', limits.nexthop),
      group: new Space('group', limits.group),
    };
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
    for (const space of ['vpc', 'endpoint', 'nexthop', 'group'] as const)
      for (const [key, known] of this.spaces[space].byKey)
        if (!known.held && known.pending === 0) {
          known.pending++;
          out.push({ space, key });
        }
    return out;
  }
}
