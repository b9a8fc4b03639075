// SPDX-License-Identifier: Apache-2.0
/** What a RevisionedStore needs of whatever keeps its bytes. */
import type { StoredObject } from '../../model/index.js';
import type { StoreChange } from '../ports/store.js';
import type { HistoryEntry } from './history.js';

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
  /** Keeps a part of a commit that is not in effect. */
  stage(id: number, part: number, changes: readonly StoreChange[]): Promise<void>;
  /** Puts all that was staged under the id into effect. As durable as write(). */
  writeStaged(id: number, parts: number, commit: Omit<PersistedCommit, 'changes'>): Promise<void>;
  /** Forgets what was staged. */
  unstage(id: number, parts: number): Promise<void>;
  /**
   * Brings a part that is in effect to its place.
   * @param changes those of the part that no later commit has replaced
   * @param last no other part of it is left
   */
  settle(id: number, part: number, changes: readonly StoreChange[], last: boolean): Promise<void>;
  close(): Promise<void>;
}

export interface StoredState {
  readonly revision: number;
  readonly objects: readonly StoredObject[];
  readonly history: readonly HistoryEntry[];
  readonly historyFloor: number;
}
