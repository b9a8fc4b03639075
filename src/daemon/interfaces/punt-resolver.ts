// SPDX-License-Identifier: Apache-2.0
/**
 * Has the kernel resolve neighbours that packets were dropped for. Anybody inside can send to any
 * address on the link: so many a second, so many at a time, each at most once in a while.
 */
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';

export interface PuntResolverDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly resolve: (ifindex: number, address: string) => Promise<void>;
}

export interface PuntResolverOptions {
  readonly perSecond?: number;
  readonly atOnce?: number;
  /** As long as the kernel tries: three requests, a second apart. */
  readonly tryMs?: number;
}

export class PuntResolver {
  /** Asked for: until when, in the order of asking. */
  readonly #asked = new Map<string, number>();
  #tokens: number;
  #refilled: number;
  readonly #perSecond: number;
  readonly #atOnce: number;
  readonly #tryMs: number;

  constructor(
    private readonly deps: PuntResolverDeps,
    opts: PuntResolverOptions = {},
  ) {
    this.#perSecond = opts.perSecond ?? 100;
    this.#atOnce = opts.atOnce ?? 256;
    this.#tryMs = opts.tryMs ?? 3000;
    this.#tokens = this.#perSecond;
    this.#refilled = deps.clock.monotonic();
  }

  /** Asks the kernel, unless it was asked already or is asked for too much. */
  add(ifindex: number, address: string): void {
    const now = this.deps.clock.monotonic();
    for (const [id, until] of this.#asked) {
      if (until > now) break;
      this.#asked.delete(id);
    }
    const id = `${ifindex} ${address}`;
    if (this.#asked.has(id) || this.#asked.size >= this.#atOnce || !this.#take(now)) return;
    this.#asked.set(id, now + this.#tryMs);
    this.deps.resolve(ifindex, address).catch((error: unknown) => {
      this.deps.log.debug({ ifindex, address, reason: errorText(error) }, 'not resolved');
    });
  }

  #take(now: number): boolean {
    const refill = ((now - this.#refilled) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + refill);
    this.#refilled = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
