// SPDX-License-Identifier: Apache-2.0
/** Says on standard error what takes longer than a second, once a second. */
import type { Session } from './session.js';

const INTERVAL_MS = 1000;

export class Progress {
  readonly #session: Session;
  #last: number;

  constructor(session: Session) {
    this.#session = session;
    this.#last = session.terminal.now();
  }

  /** Called often; writes rarely. */
  at(text: () => string): void {
    const now = this.#session.terminal.now();
    if (now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#session.note(text());
  }

  /** Writes when the work is not done after a second. */
  async during<T>(text: string, work: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#session.note(text);
    }, INTERVAL_MS);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }
}
