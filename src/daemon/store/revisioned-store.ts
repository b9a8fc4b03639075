// SPDX-License-Identifier: Apache-2.0
/**
 * What every embedded store has in common: revisions, preconditions, the mirror in memory, the
 * history and the watchers. Keeping the bytes is left to a Persistence. Commits run one after
 * the other, and nothing of a commit can be read before it is durable: the data path must not
 * be given what a power failure could take back.
 */
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { StoredObject } from '../../model/index.js';
import type { Store, StoreChange, StoreWrite } from '../ports/store.js';
import { StoreError } from './errors.js';
import { History, type HistoryEntry } from './history.js';
import { Mirror } from './mirror.js';

/** One commit, as it has to be kept. */
export interface PersistedCommit {
  readonly revision: number;
  readonly changes: readonly StoreChange[];
  /** Whether the changes go into the history. */
  readonly keepHistory: boolean;
  readonly dropHistory: readonly number[];
  readonly historyFloor: number;
}

export interface Persistence {
  /** All or nothing; resolves once it would survive a power failure. */
  write(commit: PersistedCommit): Promise<void>;
  close(): Promise<void>;
}

export interface StoredState {
  readonly revision: number;
  readonly objects: readonly StoredObject[];
  readonly history: readonly HistoryEntry[];
  readonly historyFloor: number;
}

/** Changes kept for watchers, unless told otherwise. */
export const HISTORY_LIMIT = 10_000;

export interface RevisionedStoreDeps {
  readonly persistence: Persistence;
  readonly log: Logger;
}

export interface RevisionedStoreOptions {
  readonly state: StoredState;
  readonly historyLimit?: number;
}

type Watcher = (changes: readonly StoreChange[]) => void;

export class RevisionedStore implements Store {
  private readonly mirror = new Mirror();
  private readonly history: History;
  private readonly watchers = new Set<Watcher>();
  private currentRevision: number;
  private tail: Promise<unknown> = Promise.resolve();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly deps: RevisionedStoreDeps,
    opts: RevisionedStoreOptions,
  ) {
    const { state } = opts;
    this.currentRevision = state.revision;
    this.mirror.apply(
      state.objects.map((object) => ({ kind: object.kind, name: object.metadata.name, object })),
    );
    this.history = new History(state.history, {
      limit: opts.historyLimit ?? HISTORY_LIMIT,
      floor: state.historyFloor,
    });
  }

  get revision(): number {
    return this.currentRevision;
  }

  get(kind: string, name: string): StoredObject | undefined {
    return this.mirror.get(kind, name);
  }

  list(kind?: string): StoredObject[] {
    return this.mirror.list(kind);
  }

  /**
   * Stored objects get the new revision as their resourceVersion. Deleting what is not there
   * changes nothing; a commit that changes nothing leaves the revision as it is.
   * @throws StoreError CONFLICT, STORE_BAD_COMMIT, STORE_WRITE_FAILED, STORE_CLOSED.
   */
  commit(writes: readonly StoreWrite[]): Promise<number> {
    if (this.closing !== undefined) return Promise.reject(closed());
    const done = this.tail.then(() => this.commitNow(writes));
    // The next commit waits for this one, whatever became of it.
    this.tail = done.catch(() => undefined);
    return done;
  }

  /**
   * What is kept is delivered before this returns, one call per revision.
   * @throws StoreError REVISION_GONE when changes after sinceRevision are no longer kept, or
   * when the store has not come to that revision (it was replaced by an older one).
   */
  watch(sinceRevision: number, onChange: Watcher): () => void {
    if (this.closing !== undefined) throw closed();
    if (sinceRevision < this.history.floor || sinceRevision > this.currentRevision) {
      throw new StoreError(
        'REVISION_GONE',
        `changes since revision ${sinceRevision} are not kept; ` +
          `known are those since ${this.history.floor} up to ${this.currentRevision}`,
        { sinceRevision, oldest: this.history.floor, newest: this.currentRevision },
      );
    }
    // A wrapper, so that the same callback can watch twice.
    const watcher: Watcher = (changes) => {
      onChange(changes);
    };
    for (const entry of this.history.since(sinceRevision)) this.deliver(watcher, entry.changes);
    this.watchers.add(watcher);
    return () => {
      this.watchers.delete(watcher);
    };
  }

  /** Waits for commits under way. */
  close(): Promise<void> {
    this.closing ??= this.tail.then(() => {
      this.watchers.clear();
      return this.deps.persistence.close();
    });
    return this.closing;
  }

  private async commitNow(writes: readonly StoreWrite[]): Promise<number> {
    this.check(writes);
    const revision = this.currentRevision + 1;
    const changes: StoreChange[] = [];
    for (const { kind, name, object } of writes) {
      const previous = this.mirror.get(kind, name);
      if (object === undefined && previous === undefined) continue;
      const now = object === undefined ? undefined : stamped(object, revision);
      changes.push({ kind, name, object: now, previous, revision });
    }
    if (changes.length === 0) return this.currentRevision;
    const entry = { revision, changes };
    const step = this.history.plan(entry);
    try {
      await this.deps.persistence.write({
        revision,
        changes,
        keepHistory: step.keep,
        dropHistory: step.drop,
        historyFloor: step.floor,
      });
    } catch (error) {
      if (error instanceof StoreError) throw error;
      throw new StoreError(
        'STORE_WRITE_FAILED',
        `the change could not be written: ${errorText(error)}`,
        {},
        error,
      );
    }
    this.mirror.apply(changes);
    this.history.apply(entry, step);
    this.currentRevision = revision;
    for (const watcher of [...this.watchers]) this.deliver(watcher, changes);
    return revision;
  }

  private check(writes: readonly StoreWrite[]): void {
    const seen = new Set<string>();
    for (const { kind, name, object, expectedVersion } of writes) {
      const key = `${kind}/${name}`;
      if (seen.has(key)) {
        throw new StoreError('STORE_BAD_COMMIT', `${key} is written twice in one commit`, {
          object: key,
        });
      }
      seen.add(key);
      if (object !== undefined && (object.kind !== kind || object.metadata.name !== name)) {
        throw new StoreError(
          'STORE_BAD_COMMIT',
          `${object.kind}/${object.metadata.name} cannot be stored as ${key}`,
          { object: key },
        );
      }
      if (expectedVersion === undefined) continue;
      const actual = this.mirror.get(kind, name)?.metadata.resourceVersion ?? 0;
      if (actual !== expectedVersion) throw conflict(key, expectedVersion, actual);
    }
  }

  private deliver(watcher: Watcher, changes: readonly StoreChange[]): void {
    try {
      watcher(changes);
    } catch (error) {
      // The commit is done; one watcher's mistake must not look like a failed write.
      this.deps.log.error({ err: error }, 'store watcher failed');
    }
  }
}

function stamped(object: StoredObject, revision: number): StoredObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: revision } };
}

function conflict(key: string, expected: number, actual: number): StoreError {
  const message =
    expected === 0
      ? `${key} exists already`
      : actual === 0
        ? `${key} does not exist (any more)`
        : `${key} was changed meanwhile: its resourceVersion is ${actual}, not ${expected}`;
  return new StoreError('CONFLICT', message, { object: key, expected, actual });
}

function closed(): StoreError {
  return new StoreError('STORE_CLOSED', 'the store is closed');
}
