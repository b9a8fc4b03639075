// SPDX-License-Identifier: Apache-2.0
/**
 * What every embedded store has in common: revisions, preconditions, the mirror in memory, the
 * history and the watchers. Keeping the bytes is left to a Persistence. Commits take effect one
 * after the other, and nothing of a commit can be read before it is durable: the data path must
 * not be given what a power failure could take back.
 *
 * A large commit is written in portions (LargeCommit): staged, where nobody reads it; put into
 * effect by one small write; then settled, object by object, into its place. Small commits go on
 * meanwhile, but for those that write the same objects.
 */
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import { Mutex } from '../../base/mutex.js';
import {
  eventLoop,
  inPortions,
  portion,
  STRIDE,
  type Pace,
  type Work,
} from '../../base/portions.js';
import { delay, type Clock } from '../../base/time.js';
import type { StoredObject } from '../../model/index.js';
import type { Store, StoreChange, StoreWrite } from '../ports/store.js';
import { StoreError } from './errors.js';
import { History, type HistoryEntry, type HistoryStep } from './history.js';
import type { Persistence, StoredState } from './persistence.js';
import { LARGE, LargeCommit } from './large-commit.js';
import { Mirror } from './mirror.js';

/** Changes kept for watchers, unless told otherwise. */
export const HISTORY_LIMIT = 10_000;

/** How long after a large commit its parts are settled, ms: whoever waits for its effect is first. */
const SETTLE_AFTER_MS = 5000;
/** Time between two parts, ms. */
const SETTLE_MS = 50;

export interface RevisionedStoreDeps {
  readonly persistence: Persistence;
  readonly log: Logger;
  /** Default: the process's event loop. */
  readonly pace?: Pace & { readonly clock: Clock };
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
  private readonly pace: Pace & { readonly clock: Clock };
  /** Whoever changes what is stored holds it, until it pauses. */
  private readonly mutex = new Mutex();
  private readonly largeOnes = new Mutex();
  /** Being prepared and staged, and its end. */
  private staging: { readonly commit: LargeCommit; readonly ended: Promise<unknown> } | undefined;
  /** In effect, and not all in its place. Oldest first. */
  private unsettled: LargeCommit[] = [];
  private merging: Promise<void> | undefined;
  private settling: Promise<void> | undefined;
  /** The last revision whose changes are not kept on disk. */
  private unkept = 0;
  private lastId = 0;
  private readonly stopSettling = new AbortController();
  private closing: Promise<void> | undefined;

  constructor(
    private readonly deps: RevisionedStoreDeps,
    opts: RevisionedStoreOptions,
  ) {
    const { state } = opts;
    this.pace = deps.pace ?? eventLoop;
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
    return writes.length > LARGE
      ? this.largeOnes.run(() => this.commitLarge(writes))
      : this.commitSmall(writes);
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
    this.closing ??= this.largeOnes
      .run(() => this.mutex.run(() => undefined))
      .then(async () => {
        this.watchers.clear();
        this.stopSettling.abort();
        await this.merging;
        await this.settling;
        return this.deps.persistence.close();
      });
    return this.closing;
  }

  private async commitSmall(writes: readonly StoreWrite[]): Promise<number> {
    for (;;) {
      const revision = await this.mutex.run(() =>
        this.staging?.commit.meets(writes) === true ? undefined : this.commitNow(writes),
      );
      if (revision !== undefined) return revision;
      await this.staging?.ended.catch(() => undefined);
    }
  }

  private async commitNow(writes: readonly StoreWrite[]): Promise<number> {
    const seen = new Set<string>();
    for (const write of writes) this.check(write, seen);
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
    await written(async () => {
      for (const { kind, name, object } of changes) {
        // A record can say that it is newer than what is staged; one that is gone cannot.
        if (object === undefined) await this.settleFirst(kind, name);
      }
      await this.deps.persistence.write({
        revision,
        changes,
        keepHistory: step.keep,
        dropHistory: step.drop,
        historyFloor: Math.max(step.floor, this.unkept),
      });
    });
    this.mirror.apply(changes);
    this.takeEffect(entry, step);
    return revision;
  }

  private async commitLarge(writes: readonly StoreWrite[]): Promise<number> {
    const commit = new LargeCommit(++this.lastId);
    const done = this.stageAndApply(commit, writes);
    this.staging = { commit, ended: done };
    try {
      return await done;
    } finally {
      this.staging = undefined;
    }
  }

  private async stageAndApply(commit: LargeCommit, writes: readonly StoreWrite[]): Promise<number> {
    const { persistence } = this.deps;
    const preparing = this.preparing(commit, writes);
    for (;;) {
      const step = await this.mutex.run(() => portion(preparing, this.pace.clock));
      if (step.done === true) break;
      await this.pace.pause();
    }
    if (commit.parts === 0) return this.currentRevision;
    return written(async () => {
      try {
        for (let part = 0; part < commit.parts; part++) {
          await this.mutex.run(() => persistence.stage(commit.id, part, commit.part(part)));
          await this.pace.pause();
        }
        await this.merging;
        return await this.mutex.run(() => this.applyLarge(commit));
      } catch (error) {
        await persistence.unstage(commit.id, commit.parts).catch((failure: unknown) => {
          // It is cleared away at the next start.
          this.deps.log.warn({ err: failure }, 'a refused commit was not cleared away');
        });
        throw error;
      }
    });
  }

  private *preparing(commit: LargeCommit, writes: readonly StoreWrite[]): Work<void> {
    const seen = new Set<string>();
    for (const write of writes) {
      this.check(write, seen);
      const previous = this.mirror.get(write.kind, write.name);
      if (write.object !== undefined || previous !== undefined) commit.add(write, previous);
      if (seen.size % STRIDE === 0) yield;
    }
  }

  private async applyLarge(commit: LargeCommit): Promise<number> {
    const revision = this.currentRevision + 1;
    commit.stamp(revision);
    const entry = { revision, changes: commit.changes };
    const step = this.history.plan(entry);
    await this.deps.persistence.writeStaged(commit.id, commit.parts, {
      revision,
      // As one record it would be too long in the writing: watchers can go on from it until the
      // process ends.
      keepHistory: false,
      dropHistory: step.drop,
      historyFloor: revision,
    });
    this.unkept = revision;
    this.mirror.lay(commit.layer);
    this.unsettled.push(commit);
    this.takeEffect(entry, step);
    this.merging = inPortions(this.mirror.merge(), this.pace);
    this.settling ??= this.settleAll().finally(() => {
      this.settling = undefined;
    });
    return revision;
  }

  private takeEffect(entry: HistoryEntry, step: HistoryStep): void {
    this.history.apply(entry, step);
    this.currentRevision = entry.revision;
    for (const watcher of [...this.watchers]) this.deliver(watcher, entry.changes);
  }

  /** Brings what large commits wrote to its place, with time in between. */
  private async settleAll(): Promise<void> {
    const { signal } = this.stopSettling;
    await delay(this.pace.clock, SETTLE_AFTER_MS, signal).catch(() => undefined);
    while (this.unsettled.length > 0) {
      // Whoever closes waits for this.
      if (!signal.aborted) await delay(this.pace.clock, SETTLE_MS, signal).catch(() => undefined);
      try {
        await this.mutex.run(() => this.settleOne());
      } catch (error) {
        this.deps.log.error({ err: error }, 'a commit could not be brought to its place');
        if (signal.aborted) return;
        await delay(this.pace.clock, SETTLE_AFTER_MS, signal).catch(() => undefined);
      }
    }
  }

  private async settleOne(): Promise<void> {
    const [commit] = this.unsettled;
    const part = commit?.unsettled;
    if (commit !== undefined && part !== undefined) await this.settlePart(commit, part);
  }

  private async settleFirst(kind: string, name: string): Promise<void> {
    for (const commit of [...this.unsettled]) {
      const part = commit.unsettledPartOf(kind, name);
      if (part !== undefined) await this.settlePart(commit, part);
    }
  }

  private async settlePart(commit: LargeCommit, part: number): Promise<void> {
    const current = commit.part(part).filter(({ kind, name, object }) => {
      const now = this.mirror.get(kind, name);
      return object === undefined ? now === undefined : now === object;
    });
    const last = commit.lastUnsettled(part);
    await this.deps.persistence.settle(commit.id, part, current, last);
    commit.settle(part);
    if (last) this.unsettled = this.unsettled.filter((other) => other !== commit);
  }

  /** @param seen the commit's writes so far, as "kind/name" */
  private check({ kind, name, object, expectedVersion }: StoreWrite, seen: Set<string>): void {
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
    if (expectedVersion === undefined) return;
    const actual = this.mirror.get(kind, name)?.metadata.resourceVersion ?? 0;
    if (actual !== expectedVersion) throw conflict(key, expectedVersion, actual);
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

/** @throws StoreError STORE_WRITE_FAILED for whatever the persistence throws. */
async function written<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(
      'STORE_WRITE_FAILED',
      `the change could not be written: ${errorText(error)}`,
      {},
      error,
    );
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
