// SPDX-License-Identifier: Apache-2.0
/** What the API's handlers need of the desired state. */
import type { ApiObject, ChangeResponse, DiffResponse, WatchEvent } from '../../api/index.js';
import type { Kind, Status, StoredObject } from '../../model/index.js';

/** Observed state by object, as the pipeline reports it. */
export interface StatusSource {
  /** undefined: nothing was observed yet. */
  get(kind: Kind, name: string): Status | undefined;
}

export interface WriteOptions {
  /** Judge and report, but change nothing. */
  readonly dryRun?: boolean | undefined;
}

export interface Deletion {
  /** Plural, singular or short name in any case. */
  readonly kind: string;
  readonly name: string;
  /** The stored object must have this resourceVersion. */
  readonly resourceVersion?: number | undefined;
}

export interface PutOptions extends WriteOptions {
  /** The stored object must have this resourceVersion; 0: not exist. */
  readonly resourceVersion?: number | undefined;
}

export interface PutResult {
  readonly revision: number;
  readonly action: ChangeResponse['results'][number]['action'];
  readonly object: ApiObject;
}

export interface ObjectList {
  readonly kind: 'List';
  readonly revision: number;
  readonly items: ApiObject[];
}

export interface WatchOptions {
  readonly kind?: Kind | undefined;
  /** undefined: what is there comes first. */
  readonly sinceRevision?: number | undefined;
  /** Ends the watch. */
  readonly signal: AbortSignal;
}

/** All objects, as they are and as they would be. */
export interface Proposal {
  /** Of the store. */
  readonly revision: number;
  readonly before: readonly StoredObject[];
  readonly after: readonly StoredObject[];
}

/** All errors are ApiError or StoreError. */
export interface Backend {
  /** @throws ApiError INVALID, CONFLICT. */
  apply(inputs: readonly unknown[], opts?: WriteOptions): Promise<ChangeResponse>;
  /** @throws ApiError INVALID, CONFLICT. */
  diff(inputs: readonly unknown[]): Promise<DiffResponse>;
  /** What an apply would lead to. @throws ApiError INVALID, CONFLICT. */
  propose(inputs: readonly unknown[]): Promise<Proposal>;
  /** @throws ApiError NOT_FOUND, INVALID, CONFLICT. */
  deleteMany(deletions: readonly Deletion[], opts?: WriteOptions): Promise<ChangeResponse>;
  /** @throws ApiError INVALID, CONFLICT. */
  put(kind: Kind, name: string, input: unknown, opts?: PutOptions): Promise<PutResult>;
  /** @throws ApiError NOT_FOUND. */
  get(kind: Kind, name: string): ApiObject;
  /** @throws ApiError BAD_REQUEST when the selector cannot be understood. */
  list(kind: Kind, labelSelector?: string): ObjectList;
  /** Follows from the call on, not from the first read. @throws StoreError REVISION_GONE. */
  watch(opts: WatchOptions): AsyncIterable<WatchEvent>;
}
