// SPDX-License-Identifier: Apache-2.0
/** The store's tables in LMDB: objects by "kind/name", history by revision, and facts. */
import { open, type Database, type RootDatabase } from 'lmdb';
import { KINDS, type StoredObject } from '../../../model/index.js';
import type { StoreChange } from '../../ports/store.js';
import type { HistoryEntry } from '../history.js';
import type { PersistedCommit, Persistence, StoredState } from '../persistence.js';
import type { StoreLock } from './lock.js';
import { decodeRecord, encodeRecord } from './records.js';

export const DATABASES = ['facts', 'history', 'objects'] as const;

/** Parts of large commits: staged, or in effect and on their way to `objects`. Since format 2. */
const JOURNAL = 'journal';

/**
 * Raised when a newer daemon writes records an older one could not read: 2 while there is
 * something in the journal that is in effect, 1 as soon as there is not.
 */
const FORMAT = 1;
const FORMAT_WITH_JOURNAL = 2;

/** A large commit that is in effect and not all in its place. */
interface Journalled {
  readonly id: number;
  readonly revision: number;
  readonly parts: number;
}

interface Facts {
  readonly format: number;
  readonly revision: number;
  readonly historyFloor: number;
  /** Oldest first. */
  readonly journal?: readonly Journalled[];
}

type Table<K extends string | number | number[]> = Database<Buffer, K>;

function openEnv(path: string): RootDatabase<Buffer, string> {
  return open<Buffer, string>({
    path,
    noSubdir: true,
    overlappingSync: false,
    maxDbs: DATABASES.length + 1,
    encoding: 'binary',
  });
}

export class LmdbPersistence implements Persistence {
  private readonly env: RootDatabase<Buffer, string>;
  private readonly facts: Table<string>;
  private readonly history: Table<number>;
  private readonly objects: Table<string>;
  /** By id and part. */
  private readonly journal: Table<number[]>;
  private pending: Facts | undefined;
  private current: Facts = { format: FORMAT, revision: 0, historyFloor: 0 };

  constructor(
    path: string,
    private readonly lock: StoreLock | undefined,
  ) {
    this.env = openEnv(path);
    this.facts = this.env.openDB<Buffer, string>({ name: 'facts', encoding: 'binary' });
    this.history = this.env.openDB<Buffer, number>({ name: 'history', encoding: 'binary' });
    this.objects = this.env.openDB<Buffer, string>({ name: 'objects', encoding: 'binary' });
    this.journal = this.env.openDB<Buffer, number[]>({ name: JOURNAL, encoding: 'binary' });
  }

  /** Makes an empty file and leaves it closed and on disk. */
  static async create(path: string): Promise<void> {
    const made = new LmdbPersistence(path, undefined);
    await made.write({
      revision: 0,
      changes: [],
      keepHistory: false,
      dropHistory: [],
      historyFloor: 0,
    });
    await made.close();
  }

  /** Everything that is kept. @throws Error naming the record that is wrong. */
  load(): StoredState {
    this.current = named('facts', () => asFacts(decodeRecord(this.facts.get('facts'))));
    this.recover();
    const facts = this.current;
    const objects: StoredObject[] = [];
    for (const { key, value } of this.objects.getRange({})) {
      objects.push(named(`object ${key}`, () => asObject(key, decodeRecord(value))));
    }
    const history: HistoryEntry[] = [];
    for (const { key, value } of this.history.getRange({})) {
      history.push(named(`history ${key}`, () => asEntry(key, decodeRecord(value))));
    }
    return { revision: facts.revision, objects, history, historyFloor: facts.historyFloor };
  }

  /**
   * Runs to its end before it returns. lmdb-js's asynchronous transactions do not survive a full
   * disk: their failure also rejects promises nobody can reach, which ends the process.
   */
  write(commit: PersistedCommit): Promise<void> {
    return this.transaction(() => {
      this.writeObjects(commit.changes);
      this.writeHistory(commit);
      if (commit.keepHistory) {
        void this.history.put(commit.revision, encodeRecord(commit.changes.map(toRecord)));
      }
      this.writeFacts({ ...commit, journal: this.current.journal });
    });
  }

  async close(): Promise<void> {
    try {
      await this.env.close();
    } finally {
      this.lock?.release();
    }
  }

  stage(id: number, part: number, changes: readonly StoreChange[]): Promise<void> {
    return this.transaction(() => {
      void this.journal.put([id, part], encodeRecord(changes.map(toStaged)));
    });
  }

  writeStaged(id: number, parts: number, commit: Omit<PersistedCommit, 'changes'>): Promise<void> {
    const { revision } = commit;
    const journal = [...(this.current.journal ?? []), { id, revision, parts }];
    return this.transaction(() => {
      this.writeHistory(commit);
      this.writeFacts({ ...commit, journal });
    });
  }

  unstage(id: number, parts: number): Promise<void> {
    return this.transaction(() => {
      for (let part = 0; part < parts; part++) void this.journal.remove([id, part]);
    });
  }

  settle(id: number, part: number, changes: readonly StoreChange[], last: boolean): Promise<void> {
    return this.transaction(() => {
      this.writeObjects(changes);
      void this.journal.remove([id, part]);
      if (!last) return;
      const journal = this.current.journal?.filter((other) => other.id !== id);
      this.writeFacts({ ...this.current, journal });
    });
  }

  /**
   * A daemon that was killed has left parts behind: those in effect go to their place, unless a
   * later commit has written the object; the others were never acknowledged.
   */
  private recover(): void {
    const left = [...this.journal.getKeys({})];
    const { journal = [] } = this.current;
    if (left.length === 0 && journal.length === 0) return;
    const recovered: Facts = { ...this.current, format: FORMAT, journal: [] };
    this.env.transactionSync(() => {
      for (const { id, revision, parts } of journal) {
        for (let part = 0; part < parts; part++) {
          const bytes = this.journal.get([id, part]);
          if (bytes === undefined) continue;
          named(`journal ${id}/${part}`, () => {
            this.recoverPart(decodeRecord(bytes), revision);
          });
        }
      }
      for (const key of left) void this.journal.remove(key);
      this.writeFacts(recovered);
    });
    this.current = recovered;
    this.pending = undefined;
  }

  private recoverPart(value: unknown, revision: number): void {
    if (!Array.isArray(value)) throw new Error('not a list');
    for (const each of value as unknown[]) {
      if (!isRecord(each)) throw new Error('not a change');
      const key = `${String(each['kind'])}/${String(each['name'])}`;
      const there = this.objects.get(key);
      const newer =
        there !== undefined &&
        asObject(key, decodeRecord(there)).metadata.resourceVersion > revision;
      if (newer) continue;
      if (each['object'] === null) {
        void this.objects.remove(key);
        continue;
      }
      const object = asObject(key, each['object']);
      const metadata = { ...object.metadata, resourceVersion: revision };
      void this.objects.put(key, encodeRecord({ ...object, metadata }));
    }
  }

  private writeObjects(changes: readonly StoreChange[]): void {
    for (const { kind, name, object } of changes) {
      const key = `${kind}/${name}`;
      if (object === undefined) void this.objects.remove(key);
      else void this.objects.put(key, encodeRecord(object));
    }
  }

  private writeHistory(commit: Pick<PersistedCommit, 'dropHistory'>): void {
    for (const revision of commit.dropHistory) void this.history.remove(revision);
  }

  private writeFacts(
    facts: Omit<Facts, 'format' | 'journal'> & { journal?: Facts['journal'] | undefined },
  ): void {
    const { revision, historyFloor, journal = [] } = facts;
    const next: Facts =
      journal.length === 0
        ? { format: FORMAT, revision, historyFloor }
        : { format: FORMAT_WITH_JOURNAL, revision, historyFloor, journal };
    void this.facts.put('facts', encodeRecord(next));
    this.pending = next;
  }

  /** Runs to its end before it returns: see write(). */
  private transaction(run: () => void): Promise<void> {
    try {
      this.env.transactionSync(run);
      this.current = this.pending ?? this.current;
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.pending = undefined;
    }
  }
}

function named<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

interface HistoryRecord {
  readonly kind: string;
  readonly name: string;
  /** null: deleted. */
  readonly object: StoredObject | null;
  /** null: created. */
  readonly previous: StoredObject | null;
}

function toRecord(change: StoreChange): HistoryRecord {
  const { kind, name, object = null, previous = null } = change;
  return { kind, name, object, previous };
}

/** Without resourceVersion: the revision is known only when all of it takes effect. */
function toStaged(change: StoreChange): Omit<HistoryRecord, 'previous'> {
  const { kind, name, object = null } = change;
  return { kind, name, object };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asFacts(value: unknown): Facts {
  if (!isRecord(value)) throw new Error('not an object');
  const { format, revision, historyFloor, journal = [] } = value;
  if (format !== FORMAT && format !== FORMAT_WITH_JOURNAL) {
    throw new Error(`written by another version of transitd (format ${String(format)})`);
  }
  if (typeof revision !== 'number' || typeof historyFloor !== 'number') {
    throw new Error('no revision');
  }
  if (!Array.isArray(journal)) throw new Error('the journal is not a list');
  return { format, revision, historyFloor, journal: journal.map(asJournalled) };
}

function asJournalled(value: unknown): Journalled {
  const { id, revision, parts } = isRecord(value) ? value : {};
  if (typeof id !== 'number' || typeof revision !== 'number' || typeof parts !== 'number') {
    throw new Error('not an entry of the journal');
  }
  return { id, revision, parts };
}

/**
 * The record's checksum says that it is what we wrote, and we write only what passed admission:
 * kind and name are looked at to find a record in the wrong place, the rest is trusted.
 */
function asObject(key: string, value: unknown): StoredObject {
  const metadata = isRecord(value) ? value['metadata'] : undefined;
  if (!isRecord(value) || !isRecord(metadata)) throw new Error('not an object');
  const kind = value['kind'];
  if (!KINDS.some((known) => known === kind)) throw new Error(`unknown kind ${String(kind)}`);
  if (`${String(kind)}/${String(metadata['name'])}` !== key) throw new Error('in the wrong place');
  return value as unknown as StoredObject;
}

function asEntry(revision: number, value: unknown): HistoryEntry {
  if (!Array.isArray(value)) throw new Error('not a list');
  const changes = value.map((each: unknown): StoreChange => {
    if (!isRecord(each)) throw new Error('not a change');
    const kind = String(each['kind']);
    const name = String(each['name']);
    const read = (field: unknown): StoredObject | undefined =>
      field === null ? undefined : asObject(`${kind}/${name}`, field);
    return { kind, name, object: read(each['object']), previous: read(each['previous']), revision };
  });
  return { revision, changes };
}
