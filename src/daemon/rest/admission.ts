// SPDX-License-Identifier: Apache-2.0
/**
 * The only way into the store: a change set is parsed, compared with what is stored, judged as a
 * whole and committed as a whole. One at a time, because a verdict on references and overlaps
 * holds only for the state it was made on.
 */
import {
  ApiError,
  invalid,
  kindByWord,
  objectChanges,
  parseObjects,
  type ChangeResult,
  type DiffResponse,
  type ParsedObject,
} from '../../api/index.js';
import { timestamp, type Clock } from '../../base/time.js';
import {
  KINDS,
  type Kind,
  type Problem,
  type ProposedChange,
  type StoredObject,
} from '../../model/index.js';
import type { Store, StoreWrite } from '../ports/store.js';
import type { Deletion, WriteOptions } from './backend.js';
import { Mutex } from './mutex.js';

/** The rules between objects, over the stored state: StateIndex of src/model. */
export interface StateRules {
  /** What would be wrong with the state after all of the changes. Changes nothing. */
  check(changes: readonly ProposedChange[]): readonly Problem[];
  /** The changes are stored. */
  commit(changes: readonly ProposedChange[]): void;
}

/** What a change set does to one object. */
export interface Step {
  readonly result: ChangeResult;
  readonly changes: DiffResponse['results'][number]['changes'];
  /** The object afterwards, its resourceVersion as of before the commit. */
  readonly object: StoredObject | undefined;
  /** undefined: nothing to write. */
  readonly write: StoreWrite | undefined;
}

export interface Admitted {
  /** Of the store afterwards. */
  readonly revision: number;
  readonly steps: readonly Step[];
}

export interface AdmissionDeps {
  readonly store: Store;
  readonly rules: StateRules;
  readonly clock: Clock;
}

export class Admission {
  private readonly mutex = new Mutex();

  constructor(private readonly deps: AdmissionDeps) {}

  /** Creates and updates. @throws ApiError INVALID, CONFLICT. */
  apply(inputs: readonly unknown[], opts: WriteOptions = {}): Promise<Admitted> {
    const { objects, problems } = parseObjects(inputs);
    if (problems.length > 0) return Promise.reject(invalid(problems));
    return this.applyParsed(objects, opts);
  }

  /** The same for objects that are parsed. @throws ApiError INVALID, CONFLICT. */
  applyParsed(objects: readonly ParsedObject[], opts: WriteOptions = {}): Promise<Admitted> {
    return this.mutex.run(() =>
      this.admit(
        objects.map((parsed) => this.upsert(parsed)),
        opts,
      ),
    );
  }

  /** Deletes. @throws ApiError NOT_FOUND, INVALID, CONFLICT. */
  delete(deletions: readonly Deletion[], opts: WriteOptions = {}): Promise<Admitted> {
    return this.mutex.run(() =>
      this.admit(
        deletions.map((deletion) => this.deletion(deletion)),
        opts,
      ),
    );
  }

  private async admit(steps: readonly Step[], opts: WriteOptions): Promise<Admitted> {
    const { store, rules } = this.deps;
    const writes = steps.flatMap((step) => (step.write === undefined ? [] : [step.write]));
    const changes = steps.flatMap(({ write, result, object }) =>
      write === undefined ? [] : [{ kind: result.kind, name: result.name, object }],
    );
    const problems = rules.check(changes);
    if (problems.length > 0) throw invalid(problems);
    if (opts.dryRun === true || writes.length === 0) return { revision: store.revision, steps };
    const revision = await store.commit(writes);
    rules.commit(changes.map((change) => stored(store, change)));
    return { revision, steps };
  }

  private upsert({ object, expectedVersion }: ParsedObject): Step {
    const { kind } = object;
    const { name } = object.metadata;
    const old = this.deps.store.get(kind, name);
    checkVersion(kind, name, old, expectedVersion);
    const changes = objectChanges(old, object);
    if (old !== undefined && changes.length === 0) {
      return {
        result: { kind, name, action: 'unchanged' },
        changes,
        object: old,
        write: undefined,
      };
    }
    const specChanged = changes.some((change) => change.path.startsWith('spec'));
    const generation = old === undefined ? 1 : old.metadata.generation + (specChanged ? 1 : 0);
    const now: StoredObject = {
      ...object,
      metadata: {
        ...object.metadata,
        generation,
        resourceVersion: old?.metadata.resourceVersion ?? 0,
        createdAt: old?.metadata.createdAt ?? timestamp(this.deps.clock),
      },
    };
    return {
      result: { kind, name, action: old === undefined ? 'created' : 'updated' },
      changes,
      object: now,
      // What we compared with must still be there: another writer would make this a conflict.
      write: { kind, name, object: now, expectedVersion: old?.metadata.resourceVersion ?? 0 },
    };
  }

  private deletion(deletion: Deletion): Step {
    const { name } = deletion;
    const kind = KINDS.find((known) => known === deletion.kind) ?? kindByWord(deletion.kind);
    if (kind === undefined) {
      throw new ApiError('BAD_REQUEST', `"${deletion.kind}" is not a kind`);
    }
    const old = this.deps.store.get(kind, name);
    if (old === undefined) throw notFound(kind, name);
    checkVersion(kind, name, old, deletion.resourceVersion);
    return {
      result: { kind, name, action: 'deleted' },
      changes: [],
      object: undefined,
      write: { kind, name, object: undefined, expectedVersion: old.metadata.resourceVersion },
    };
  }
}

/** The error for an object that is not there. */
export function notFound(kind: Kind, name: string): ApiError {
  return new ApiError('NOT_FOUND', `${kind}/${name} does not exist`);
}

function checkVersion(
  kind: Kind,
  name: string,
  old: StoredObject | undefined,
  expected: number | undefined,
): void {
  const actual = old?.metadata.resourceVersion ?? 0;
  if (expected === undefined || expected === actual) return;
  const object = `${kind}/${name}`;
  const rule =
    actual === 0
      ? `does not exist, but resourceVersion ${expected} was expected`
      : expected === 0
        ? 'exists already'
        : `has resourceVersion ${actual}, not ${expected}: it was changed meanwhile; read it again`;
  throw new ApiError('CONFLICT', `${object} ${rule}`, [
    { object, field: 'metadata.resourceVersion', rule },
  ]);
}

/** The change with the object as the store has it, resourceVersion and all. */
function stored(store: Store, change: ProposedChange): ProposedChange {
  return change.object === undefined
    ? change
    : { ...change, object: store.get(change.kind, change.name) };
}
