// SPDX-License-Identifier: Apache-2.0
/**
 * One client's watch: events from the moment of the call, bookmarks while nothing happens, and a
 * bound on what is kept for a client that does not read.
 */
import type { ApiObject, WatchEvent } from '../../api/index.js';
import type { Clock, Timer } from '../../base/time.js';
import type { Kind, StoredObject } from '../../model/index.js';
import type { Store, StoreChange } from '../ports/store.js';
import type { WatchOptions } from './backend.js';

export interface WatchDeps {
  readonly store: Store;
  readonly clock: Clock;
  /** Adds the status. */
  readonly show: (object: StoredObject) => ApiObject;
}

export interface WatchLimits {
  readonly bookmarkMs: number;
  /** A client this many changes behind is cut off; it comes back with its last revision. */
  readonly maxQueued: number;
}

type Item =
  | { readonly type: 'object'; readonly object: StoredObject; readonly revision: number }
  | { readonly type: 'change'; readonly change: StoreChange }
  | { readonly type: 'bookmark'; readonly revision: number };

/** @throws StoreError REVISION_GONE. */
export function openWatch(
  deps: WatchDeps,
  limits: WatchLimits,
  opts: WatchOptions,
): AsyncIterable<WatchEvent> {
  const watch = new Watch(deps, limits, opts);
  watch.begin();
  return watch;
}

class Watch implements AsyncIterable<WatchEvent> {
  private queue: Item[] = [];
  private head = 0;
  private wake: (() => void) | undefined;
  private ended = false;
  private unsubscribe: (() => void) | undefined;
  private timer: Timer | undefined;

  constructor(
    private readonly deps: WatchDeps,
    private readonly limits: WatchLimits,
    private readonly opts: WatchOptions,
  ) {}

  begin(): void {
    const { store, clock } = this.deps;
    const { kind, sinceRevision, signal } = this.opts;
    if (signal.aborted) {
      this.ended = true;
      return;
    }
    const { revision } = store;
    if (sinceRevision === undefined) {
      for (const object of store.list(kind)) this.push({ type: 'object', object, revision });
      this.push({ type: 'bookmark', revision });
    }
    // The queue's bound counts what comes from now on, not what the client asked for.
    this.unsubscribe = store.watch(sinceRevision ?? revision, (changes) => {
      this.onChanges(changes, kind);
    });
    this.timer = clock.every(this.limits.bookmarkMs, () => {
      if (this.head === this.queue.length) {
        this.push({ type: 'bookmark', revision: store.revision });
      }
    });
    signal.addEventListener('abort', this.end, { once: true });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent, void, undefined> {
    try {
      for (;;) {
        const item = this.queue[this.head];
        if (item === undefined) {
          if (this.ended) return;
          this.queue = [];
          this.head = 0;
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
          continue;
        }
        this.head++;
        yield this.event(item);
      }
    } finally {
      this.end();
    }
  }

  private onChanges(changes: readonly StoreChange[], kind: Kind | undefined): void {
    const waiting = this.queue.length - this.head;
    if (this.unsubscribe !== undefined && waiting > this.limits.maxQueued) {
      this.end();
      return;
    }
    for (const change of changes) {
      if (kind === undefined || change.kind === kind) this.push({ type: 'change', change });
    }
  }

  private push(item: Item): void {
    this.queue.push(item);
    this.wake?.();
    this.wake = undefined;
  }

  /** Lets go of the store; what is queued can still be read, unless the client is gone. */
  private readonly end = (): void => {
    if (this.opts.signal.aborted) this.queue = [];
    this.ended = true;
    this.unsubscribe?.();
    this.timer?.cancel();
    this.opts.signal.removeEventListener('abort', this.end);
    this.wake?.();
    this.wake = undefined;
  };

  private event(item: Item): WatchEvent {
    switch (item.type) {
      case 'bookmark':
        return { type: 'BOOKMARK', revision: item.revision };
      case 'object':
        return { type: 'ADDED', object: this.deps.show(item.object), revision: item.revision };
      case 'change':
        return this.changeEvent(item.change);
    }
  }

  private changeEvent({ object, previous, revision }: StoreChange): WatchEvent {
    const shown = object ?? previous;
    // A deletion always knows what it deleted; without it there is nothing to show.
    if (shown === undefined) return { type: 'BOOKMARK', revision };
    const type = object === undefined ? 'DELETED' : previous === undefined ? 'ADDED' : 'MODIFIED';
    return { type, object: this.deps.show(shown), revision };
  }
}
