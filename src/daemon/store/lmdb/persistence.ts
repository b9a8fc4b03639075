// SPDX-License-Identifier: Apache-2.0
/** The store's tables in LMDB: objects by "kind/name", history by revision, and facts. */
import { open, type Database, type RootDatabase } from 'lmdb';
import { KINDS, type StoredObject } from '../../../model/index.js';
import type { StoreChange } from '../../ports/store.js';
import type { HistoryEntry } from '../history.js';
import type { PersistedCommit, Persistence, StoredState } from '../revisioned-store.js';
import type { StoreLock } from './lock.js';
import { decodeRecord, encodeRecord } from './records.js';

export const DATABASES = ['facts', 'history', 'objects'] as const;

/** Raised when a newer daemon writes records an older one could not read. */
const FORMAT = 1;

interface Facts {
  readonly format: number;
  readonly revision: number;
  readonly historyFloor: number;
}

type Table<K extends string | number> = Database<Buffer, K>;

function openEnv(path: string): RootDatabase<Buffer, string> {
  return open<Buffer, string>({
    path,
    noSubdir: true,
    overlappingSync: false,
    maxDbs: DATABASES.length,
    encoding: 'binary',
  });
}

export class LmdbPersistence implements Persistence {
  private readonly env: RootDatabase<Buffer, string>;
  private readonly facts: Table<string>;
  private readonly history: Table<number>;
  private readonly objects: Table<string>;

  constructor(
    path: string,
    private readonly lock: StoreLock | undefined,
  ) {
    this.env = openEnv(path);
    this.facts = this.env.openDB<Buffer, string>({ name: 'facts', encoding: 'binary' });
    this.history = this.env.openDB<Buffer, number>({ name: 'history', encoding: 'binary' });
    this.objects = this.env.openDB<Buffer, string>({ name: 'objects', encoding: 'binary' });
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
    const facts = named('facts', () => asFacts(decodeRecord(this.facts.get('facts'))));
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
    try {
      this.writeNow(commit);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  async close(): Promise<void> {
    try {
      await this.env.close();
    } finally {
      this.lock?.release();
    }
  }

  private writeNow(commit: PersistedCommit): void {
    const facts: Facts = {
      format: FORMAT,
      revision: commit.revision,
      historyFloor: commit.historyFloor,
    };
    this.env.transactionSync(() => {
      for (const { kind, name, object } of commit.changes) {
        const key = `${kind}/${name}`;
        if (object === undefined) void this.objects.remove(key);
        else void this.objects.put(key, encodeRecord(object));
      }
      for (const revision of commit.dropHistory) void this.history.remove(revision);
      if (commit.keepHistory) {
        void this.history.put(commit.revision, encodeRecord(commit.changes.map(toRecord)));
      }
      void this.facts.put('facts', encodeRecord(facts));
    });
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

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function asFacts(value: unknown): Facts {
  if (!isRecord(value)) throw new Error('not an object');
  const { format, revision, historyFloor } = value;
  if (format !== FORMAT) {
    throw new Error(`written by another version of transitd (format ${String(format)})`);
  }
  if (typeof revision !== 'number' || typeof historyFloor !== 'number') {
    throw new Error('no revision');
  }
  return { format, revision, historyFloor };
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
