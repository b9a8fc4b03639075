/**
 * The desired state: objects with revisions. Adapters: LMDB (one host), later etcd. The contract
 * suite in test/contract runs against each.
 */
import type { StoredObject } from '../../model/index.js';

export interface StoreChange {
  readonly kind: string;
  readonly name: string;
  /** undefined: deleted. */
  readonly object: StoredObject | undefined;
  /** What was there before; undefined: nothing. */
  readonly previous?: StoredObject | undefined;
  readonly revision: number;
}

export interface StoreWrite {
  readonly kind: string;
  readonly name: string;
  /** undefined deletes. */
  readonly object: StoredObject | undefined;
  /** Fails with CONFLICT unless the stored resourceVersion is this one; 0: must not exist. */
  readonly expectedVersion?: number;
}

export interface Store {
  /** Highest revision. */
  readonly revision: number;
  get(kind: string, name: string): StoredObject | undefined;
  list(kind?: string): StoredObject[];
  /** All or nothing. Resolves once durable; @returns the new revision. */
  commit(writes: readonly StoreWrite[]): Promise<number>;
  /** Changes after `sinceRevision` as far as kept, then live. @throws REVISION_GONE. */
  watch(sinceRevision: number, onChange: (changes: readonly StoreChange[]) => void): () => void;
  close(): Promise<void>;
}
