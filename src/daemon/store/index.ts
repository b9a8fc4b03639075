// SPDX-License-Identifier: Apache-2.0
/** Keeping the desired state: LMDB on one host, memory for tests. */
export { StoreError, type StoreErrorCode } from './errors.js';
export { HISTORY_LIMIT } from './revisioned-store.js';
export { openLmdbStore, type LmdbStoreOptions } from './lmdb/index.js';
export { createMemoryStore, type MemoryStoreOptions } from './memory/index.js';
