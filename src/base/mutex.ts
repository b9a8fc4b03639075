// SPDX-License-Identifier: Apache-2.0

/** Runs tasks one after the other, in the order they came. */
export class Mutex {
  private tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T> | T): Promise<T> {
    const done = this.tail.then(task);
    // The next task runs whatever became of this one.
    this.tail = done.catch(() => undefined);
    return done;
  }
}
