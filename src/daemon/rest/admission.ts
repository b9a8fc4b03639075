// SPDX-License-Identifier: Apache-2.0
/**
 * The only way into the store: a change set is parsed, compared with what is stored, judged as a
 * whole and committed as a whole. A verdict on references and overlaps holds only for the state it
 * was made on, so sets are judged as if one came after the other.
 *
 * Small sets are judged in one go, in the order they came. A large one is judged in portions, and
 * small ones that have nothing to do with it overtake it between two of them; one that meets it (the
 * same object, a claimed address, a reference: Trial.meets) waits until it is decided. Large sets
 * wait for each other.
 */
import {
  ApiError,
  invalid,
  kindByWord,
  objectChanges,
  parsing,
  type ChangeResult,
  type DiffResponse,
  type ParsedObject,
} from '../../api/index.js';
import { atOnce, inPortions, portion, STRIDE, type Work } from '../../base/portions.js';
import { timestamp, type Clock } from '../../base/time.js';
import {
  KINDS,
  type Kind,
  type Problem,
  type ProposedChange,
  type StoredObject,
  type Trial,
} from '../../model/index.js';
import type { Store, StoreWrite } from '../ports/store.js';
import type { Deletion, WriteOptions } from './backend.js';
import { Mutex } from '../../base/mutex.js';

/** The rules between objects, over the stored state: StateIndex of src/model. */
export interface StateRules {
  /** An empty set of changes, to be placed, judged and kept or taken back. */
  begin(): Trial;
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
  /** Lets the event loop run. */
  readonly pause: () => Promise<void>;
}

/** More objects than this are judged in portions. */
export const LARGE = 512;

export class Admission {
  /** Whoever reads or changes the rules' state holds it, until it pauses. */
  private readonly mutex = new Mutex();
  private readonly largeOnes = new Mutex();
  /** The large set under way, and its end. */
  private large: { readonly trial: Trial; readonly decided: Promise<unknown> } | undefined;

  constructor(private readonly deps: AdmissionDeps) {}

  /** Creates and updates. @throws ApiError INVALID, CONFLICT. */
  async apply(inputs: readonly unknown[], opts: WriteOptions = {}): Promise<Admitted> {
    const { objects, problems } = await inPortions(parsing(inputs), this.deps);
    if (problems.length > 0) throw invalid(problems);
    return this.applyParsed(objects, opts);
  }

  /** The same for objects that are parsed. @throws ApiError INVALID, CONFLICT. */
  applyParsed(objects: readonly ParsedObject[], opts: WriteOptions = {}): Promise<Admitted> {
    return this.admit(objects, (parsed) => this.upsert(parsed, opts.dryRun === true), opts);
  }

  /** Deletes. @throws ApiError NOT_FOUND, INVALID, CONFLICT. */
  delete(deletions: readonly Deletion[], opts: WriteOptions = {}): Promise<Admitted> {
    return this.admit(deletions, (deletion) => this.deletion(deletion), opts);
  }

  private admit<T>(
    items: readonly T[],
    stepOf: (item: T) => Step,
    opts: WriteOptions,
  ): Promise<Admitted> {
    if (items.length <= LARGE) return this.admitSmall(items, stepOf, opts);
    return this.largeOnes.run(async () => {
      // Those that have waited for the one before come first: the mutex is fair.
      await this.deps.pause();
      await this.mutex.run(() => undefined);
      const trial = this.deps.rules.begin();
      const decided = this.decideLarge(trial, items, stepOf, opts);
      this.large = { trial, decided };
      return decided.finally(() => {
        this.large = undefined;
      });
    });
  }

  private async admitSmall<T>(
    items: readonly T[],
    stepOf: (item: T) => Step,
    opts: WriteOptions,
  ): Promise<Admitted> {
    for (;;) {
      const admitted = await this.mutex.run(async () => {
        const steps = items.map(stepOf);
        const changes = steps.flatMap(changeOf);
        if (this.large?.trial.meets(changes) === true) return undefined;
        const trial = this.deps.rules.begin();
        let kept = false;
        try {
          for (const change of changes) trial.place(change);
          const problems = atOnce(trial.judge());
          const admitted = await this.decide(steps, problems, opts);
          kept = opts.dryRun !== true;
          return admitted;
        } finally {
          if (!kept) atOnce(trial.takeBack());
        }
      });
      if (admitted !== undefined) return admitted;
      await this.large?.decided.catch(() => undefined);
    }
  }

  private async decideLarge<T>(
    trial: Trial,
    items: readonly T[],
    stepOf: (item: T) => Step,
    opts: WriteOptions,
  ): Promise<Admitted> {
    let kept = false;
    try {
      const steps = await this.portions(placing(trial, items, stepOf));
      const problems = await this.portions(trial.judge());
      const admitted = await this.decide(steps, problems, opts);
      kept = opts.dryRun !== true;
      return admitted;
    } finally {
      if (!kept) await this.portions(trial.takeBack());
    }
  }

  /** Commits what was judged. @throws ApiError INVALID, StoreError: nothing was stored. */
  private async decide(
    steps: readonly Step[],
    problems: readonly Problem[],
    { dryRun = false }: WriteOptions,
  ): Promise<Admitted> {
    if (problems.length > 0) throw invalid(problems);
    const writes: StoreWrite[] = [];
    for (const { write } of steps) if (write !== undefined) writes.push(write);
    const { store } = this.deps;
    if (dryRun || writes.length === 0) return { revision: store.revision, steps };
    return { revision: await store.commit(writes), steps };
  }

  /** Does work that needs the mutex; small sets come in between its portions. */
  private async portions<T>(work: Work<T>): Promise<T> {
    for (;;) {
      const step = await this.mutex.run(() => portion(work, this.deps.clock));
      if (step.done === true) return step.value;
      await this.deps.pause();
    }
  }

  private upsert({ object, expectedVersion }: ParsedObject, compare: boolean): Step {
    const { kind } = object;
    const { name } = object.metadata;
    const old = this.deps.store.get(kind, name);
    checkVersion(kind, name, old, expectedVersion);
    // A new object differs in all it has: only who compares wants to read that.
    const changes = old === undefined && !compare ? [] : objectChanges(old, object);
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

function changeOf({ write, result, object }: Step): ProposedChange[] {
  return write === undefined ? [] : [{ kind: result.kind, name: result.name, object }];
}

/** Compares with what is stored and takes into the rules' state at once: from then on it is held. */
function* placing<T>(trial: Trial, items: readonly T[], stepOf: (item: T) => Step): Work<Step[]> {
  const steps: Step[] = [];
  for (const item of items) {
    const step = stepOf(item);
    steps.push(step);
    if (step.write === undefined) trial.hold(step.result);
    else trial.place({ kind: step.result.kind, name: step.result.name, object: step.object });
    if (steps.length % STRIDE === 0) yield;
  }
  return steps;
}
