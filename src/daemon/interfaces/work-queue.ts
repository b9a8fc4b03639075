// SPDX-License-Identifier: Apache-2.0
/**
 * Work by name, one piece at a time: a name asked for again while it is being worked on is
 * worked on once more afterwards, so no wish is lost and none is done twice at once. Failures
 * are repeated with a growing pause.
 */
import type { Clock, Timer } from '../../base/time.js';

export interface WorkQueueDeps {
  readonly clock: Clock;
  /**
   * Does the work. Its answer is when to look again: undefined when all is well, 'failed' after
   * a growing pause, a number after that many milliseconds. Must not throw.
   */
  readonly work: (name: string) => Promise<'failed' | number | undefined>;
}

export interface WorkQueueOptions {
  readonly minBackoffMs: number;
  readonly maxBackoffMs: number;
}

export class WorkQueue {
  readonly #waiting = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, Timer>();
  readonly #idle: (() => void)[] = [];
  #running = false;
  #stopped = false;

  constructor(
    private readonly deps: WorkQueueDeps,
    private readonly opts: WorkQueueOptions,
  ) {}

  /** Asks for work now, whatever pause was intended. */
  add(name: string): void {
    if (this.#stopped) return;
    this.#cancelTimer(name);
    this.#waiting.add(name);
    if (!this.#running) void this.#run();
  }

  /** Nothing of this name is worth repeating any more. */
  forget(name: string): void {
    this.#cancelTimer(name);
    this.#failures.delete(name);
    this.#waiting.delete(name);
  }

  /** Resolves when nothing waits but what is in a pause. */
  idle(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Resolves when the piece under way is done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const name of [...this.#timers.keys()]) this.#cancelTimer(name);
    await this.idle();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (const name of this.#waiting) {
      this.#waiting.delete(name);
      const again = await this.deps.work(name);
      if (again === 'failed') this.#later(name, this.#backoff(name));
      else this.#failures.delete(name);
      if (typeof again === 'number') this.#later(name, again);
    }
    this.#running = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #backoff(name: string): number {
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    return Math.min(this.opts.maxBackoffMs, this.opts.minBackoffMs * 2 ** Math.min(failures, 16));
  }

  #later(name: string, delayMs: number): void {
    if (this.#stopped || this.#waiting.has(name)) return;
    this.#cancelTimer(name);
    const timer = this.deps.clock.after(delayMs, () => {
      this.#timers.delete(name);
      this.add(name);
    });
    this.#timers.set(name, timer);
  }

  #cancelTimer(name: string): void {
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }
}
