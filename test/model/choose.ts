// SPDX-License-Identifier: Apache-2.0
/** Random choices out of fast-check's generator. */
import type { Random } from 'fast-check';

export class Choose {
  constructor(private readonly random: Random) {}

  /** 0 <= n < limit */
  below(limit: number): number {
    return this.random.nextInt(0, limit - 1);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** undefined of an empty list. */
  maybe<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : this.pick(list);
  }

  some<T>(list: readonly T[], count: number): T[] {
    const rest = [...list];
    const out: T[] = [];
    while (out.length < count && rest.length > 0)
      out.push(...rest.splice(this.below(rest.length), 1));
    return out;
  }
}
