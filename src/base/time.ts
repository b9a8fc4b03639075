// SPDX-License-Identifier: Apache-2.0
/** Time as a port: what waits or stamps takes a Clock, so that a test moves time by hand. */

/** A running timer. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch: for stamps. Jumps when the system's time is set. */
  now(): number;
  /** Milliseconds that only go forward: for intervals. */
  monotonic(): number;
  /** Calls back once after `delayMs`. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls back each `intervalMs`. */
  every(intervalMs: number, callback: () => void): Timer;
}

/** The machine's clock. Its timers do not keep the process alive by themselves. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs).unref();
    return {
      cancel: () => {
        clearTimeout(timer);
      },
    };
  },
  every: (intervalMs, callback) => {
    const timer = setInterval(callback, intervalMs).unref();
    return {
      cancel: () => {
        clearInterval(timer);
      },
    };
  },
};

/** The last one made: objects of a large set are stamped many a millisecond. */
let last = { at: 0, text: new Date(0).toISOString() };

/** RFC 3339 text, UTC, of a moment a clock gave. */
export function timestamp(clock: Clock): string {
  const at = clock.now();
  if (at !== last.at) last = { at, text: new Date(at).toISOString() };
  return last.text;
}

/** Resolves after `delayMs`. Rejects with the signal's reason when it aborts first. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const reason = (): Error =>
      signal?.reason instanceof Error ? signal.reason : new Error('aborted');
    if (signal?.aborted === true) {
      reject(reason());
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(reason());
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
