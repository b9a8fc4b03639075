// SPDX-License-Identifier: Apache-2.0
/**
 * Work by key, one piece at a time: a key that is asked for while it waits is done once, one
 * that is asked for while it runs is done again. A piece that fails is retried with a delay
 * that doubles.
 */
import type { Clock, Timer } from '../../base/time.js';

export interface KeyedQueueDeps {
  readonly clock: Clock;
  /** Does the work. A throw asks for a retry. */
  readonly work: (key: string) => Promise<void>;
  /** Told of each failure before the retry is planned. */
  readonly onError: (key: string, error: unknown) => void;
}

export interface KeyedQueueOptions {
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
}

export class KeyedQueue {
  readonly #waiting = new Set<string>();
  readonly #retries = new Map<string, { timer: Timer; delayMs: number }>();
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    private readonly deps: KeyedQueueDeps,
    private readonly opts: KeyedQueueOptions,
  ) {}

  /** Asks for a key's work, now, whatever retry was planned. */
  add(key: string): void {
    if (this.#stopped) return;
    this.#waiting.add(key);
    this.#running ??= this.#run();
  }

  /** Forgets a key's retry. */
  forget(key: string): void {
    this.#retries.get(key)?.timer.cancel();
    this.#retries.delete(key);
    this.#waiting.delete(key);
  }

  /** Keys that failed and will be tried again. */
  retrying(): string[] {
    return [...this.#retries.keys()];
  }

  /** Resolves when nothing waits or runs; planned retries do not count. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#waiting.clear();
    for (const { timer } of this.#retries.values()) timer.cancel();
    this.#retries.clear();
    await this.idle();
  }

  async #run(): Promise<void> {
    // Callers add many keys at once: let them finish before the first piece.
    await Promise.resolve();
    for (;;) {
      const next = this.#waiting.values().next();
      if (next.done === true) break;
      const key = next.value;
      this.#waiting.delete(key);
      const before = this.#retries.get(key);
      before?.timer.cancel();
      try {
        await this.deps.work(key);
        this.#retries.delete(key);
      } catch (error) {
        this.deps.onError(key, error);
        this.#planRetry(key, before?.delayMs);
      }
    }
    this.#running = undefined;
  }

  #planRetry(key: string, lastMs: number | undefined): void {
    if (this.#stopped) return;
    const delayMs =
      lastMs === undefined ? this.opts.retryMinMs : Math.min(lastMs * 2, this.opts.retryMaxMs);
    const timer = this.deps.clock.after(delayMs, () => {
      this.add(key);
    });
    this.#retries.set(key, { timer, delayMs });
  }
}
