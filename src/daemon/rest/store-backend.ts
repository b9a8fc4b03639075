// SPDX-License-Identifier: Apache-2.0
/** The handlers' backend on the store, through admission. */
import {
  invalid,
  parseObject,
  parseSelector,
  type ApiObject,
  type ChangeResponse,
  type DiffResponse,
  type WatchEvent,
} from '../../api/index.js';
import type { Clock } from '../../base/time.js';
import type { Condition, Kind, StoredObject } from '../../model/index.js';
import type { Store } from '../ports/store.js';
import { Admission, notFound, type Admitted, type StateRules } from './admission.js';
import type {
  Backend,
  Deletion,
  ObjectList,
  Proposal,
  PutOptions,
  PutResult,
  StatusSource,
  WatchOptions,
  WriteOptions,
} from './backend.js';
import { openWatch } from './watch.js';

export interface StoreBackendDeps {
  readonly store: Store;
  readonly rules: StateRules;
  readonly status: StatusSource;
  readonly clock: Clock;
  /** Lets the event loop run. */
  readonly pause: () => Promise<void>;
}

export interface StoreBackendOptions {
  /** Time between bookmarks of a quiet watch, ms. */
  readonly bookmarkMs?: number;
  /** Changes kept for a watcher that does not read. */
  readonly maxQueued?: number;
}

export class StoreBackend implements Backend {
  private readonly admission: Admission;

  constructor(
    private readonly deps: StoreBackendDeps,
    private readonly opts: StoreBackendOptions = {},
  ) {
    this.admission = new Admission(deps);
  }

  async apply(inputs: readonly unknown[], opts: WriteOptions = {}): Promise<ChangeResponse> {
    return summary(await this.admission.apply(inputs, opts));
  }

  async diff(inputs: readonly unknown[]): Promise<DiffResponse> {
    const { revision, steps } = await this.admission.apply(inputs, { dryRun: true });
    return { revision, results: steps.map(({ result, changes }) => ({ ...result, changes })) };
  }

  async propose(inputs: readonly unknown[]): Promise<Proposal> {
    const { revision, steps } = await this.admission.apply(inputs, { dryRun: true });
    const before = this.deps.store.list();
    const after = new Map(before.map((object) => [keyOf(object), object]));
    for (const { object } of steps) if (object !== undefined) after.set(keyOf(object), object);
    return { revision, before, after: [...after.values()] };
  }

  async deleteMany(
    deletions: readonly Deletion[],
    opts: WriteOptions = {},
  ): Promise<ChangeResponse> {
    return summary(await this.admission.delete(deletions, opts));
  }

  async put(kind: Kind, name: string, input: unknown, opts: PutOptions = {}): Promise<PutResult> {
    const parsed = parseObject(input, `${kind}/${name}`);
    if (!parsed.ok) throw invalid(parsed.problems);
    const { object, expectedVersion } = parsed.value;
    const label = `${object.kind}/${object.metadata.name}`;
    if (label !== `${kind}/${name}`) {
      const field = object.kind === kind ? 'metadata.name' : 'kind';
      throw invalid([{ object: label, field, rule: `does not match the path, ${kind}/${name}` }]);
    }
    const { revision, steps } = await this.admission.applyParsed(
      [{ object, expectedVersion: opts.resourceVersion ?? expectedVersion }],
      opts,
    );
    const [step] = steps;
    const after = opts.dryRun === true ? step?.object : this.deps.store.get(kind, name);
    if (step === undefined || after === undefined) throw notFound(kind, name);
    return { revision, action: step.result.action, object: this.show(after) };
  }

  get(kind: Kind, name: string): ApiObject {
    const object = this.deps.store.get(kind, name);
    if (object === undefined) throw notFound(kind, name);
    return this.show(object);
  }

  list(kind: Kind, labelSelector = ''): ObjectList {
    const selects = parseSelector(labelSelector);
    const items = this.deps.store
      .list(kind)
      .filter((object) => selects(object.metadata.labels))
      .map((object) => this.show(object));
    return { kind: 'List', revision: this.deps.store.revision, items };
  }

  watch(opts: WatchOptions): AsyncIterable<WatchEvent> {
    const { store, clock } = this.deps;
    return openWatch(
      { store, clock, show: (object) => this.show(object) },
      {
        bookmarkMs: this.opts.bookmarkMs ?? 10_000,
        maxQueued: this.opts.maxQueued ?? 100_000,
      },
      opts,
    );
  }

  private show(object: StoredObject): ApiObject {
    const status = this.deps.status.get(object.kind, object.metadata.name);
    // Stored objects are what the schemas let in; the wire's type differs in readonly only.
    const shown = object as unknown as ApiObject;
    if (status === undefined) return shown;
    const { observedGeneration, conditions, facts } = status;
    return {
      ...shown,
      status: {
        ...(observedGeneration === undefined ? {} : { observedGeneration }),
        conditions: conditions.map((condition): Condition => ({ ...condition })),
        ...(facts === undefined ? {} : { facts: { ...facts } }),
      },
    };
  }
}

function keyOf({ kind, metadata }: StoredObject): string {
  return `${kind}/${metadata.name}`;
}

function summary({ revision, steps }: Admitted): ChangeResponse {
  return { revision, results: steps.map((step) => step.result) };
}
