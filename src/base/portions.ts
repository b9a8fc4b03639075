// SPDX-License-Identifier: Apache-2.0
/**
 * Long work in portions. Work is a generator that yields wherever it may be interrupted; whoever
 * runs it decides how much of it is done before other things get their turn.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock, type Clock } from './time.js';

/** Work that may be interrupted at each yield. */
export type Work<T> = Generator<undefined, T, undefined>;

/** How long a portion may take, ms: several parts of the daemon may work in portions at a time. */
export const PORTION_MS = 5;

/** Steps between two looks at the clock: a step is microseconds. */
export const STRIDE = 16;

export interface Pace {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Lets the event loop run. */
  readonly pause: () => Promise<void>;
}

/** The process's own. */
export const eventLoop = {
  clock: systemClock,
  pause: (): Promise<void> => turn(),
} as const satisfies Pace;

/** Goes on until the work is done or the portion's time is over. */
export function portion<T>(
  work: Work<T>,
  clock: Pick<Clock, 'monotonic'>,
): IteratorResult<undefined, T> {
  const end = clock.monotonic() + PORTION_MS;
  for (;;) {
    const step = work.next();
    if (step.done === true || clock.monotonic() >= end) return step;
  }
}

/** Does the work, the event loop running between portions. */
export async function inPortions<T>(work: Work<T>, pace: Pace): Promise<T> {
  for (;;) {
    const step = portion(work, pace.clock);
    if (step.done === true) return step.value;
    await pace.pause();
  }
}

/** Does the work in one go. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}
