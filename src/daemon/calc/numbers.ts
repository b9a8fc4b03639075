// SPDX-License-Identifier: Apache-2.0
/** Which numbers of a space are free: single ones, and rows of consecutive ones. */

/** Numbers from 1 to a limit. */
export interface Numbers {
  /** Takes these, if they are free and within the limit. */
  reserve(first: number, count: number): boolean;
  /** Takes `count` consecutive ones, the lowest. */
  take(count: number): number | undefined;
  give(first: number, count: number): void;
}

/** Lowest free number first, in O(log n) per number; one at a time. */
export class SingleNumbers implements Numbers {
  private readonly taken = new Set<number>();
  private readonly free: FreeNumbers;

  constructor(private readonly limit: number) {
    this.free = new FreeNumbers(limit);
  }

  reserve(number: number): boolean {
    if (number < 1 || number > this.limit || this.taken.has(number)) return false;
    this.free.reserve(number);
    this.taken.add(number);
    return true;
  }

  take(): number | undefined {
    const number = this.free.pop((one) => this.taken.has(one));
    if (number !== undefined) this.taken.add(number);
    return number;
  }

  give(number: number): void {
    this.taken.delete(number);
    this.free.push(number);
  }
}

/** Rows, the first gap that is large enough; for some hundred rows. */
export class RowNumbers implements Numbers {
  /** By first number. */
  private readonly rows: { readonly first: number; readonly count: number }[] = [];

  constructor(private readonly limit: number) {}

  reserve(first: number, count: number): boolean {
    const end = first + count;
    if (first < 1 || count < 1 || end - 1 > this.limit) return false;
    const at = this.rows.findIndex((row) => row.first + row.count > first);
    if (at >= 0 && (this.rows[at]?.first ?? Infinity) < end) return false;
    this.rows.splice(at < 0 ? this.rows.length : at, 0, { first, count });
    return true;
  }

  take(count: number): number | undefined {
    let first = 1;
    for (const row of this.rows) {
      if (row.first - first >= count) break;
      first = row.first + row.count;
    }
    return this.reserve(first, count) ? first : undefined;
  }

  give(first: number): void {
    const at = this.rows.findIndex((row) => row.first === first);
    if (at >= 0) this.rows.splice(at, 1);
  }
}

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
