// SPDX-License-Identifier: Apache-2.0
/** Time that moves when told to. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Clock, Timer } from '../../../src/base/time.js';

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  every(): Timer {
    throw new Error('not needed');
  }

  /** Timers due meanwhile fire in order, each with its consequences. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.callback();
      for (let i = 0; i < 20; i++) await turn();
    }
    this.#now = end;
  }
}
