// SPDX-License-Identifier: Apache-2.0
/**
 * The store on LMDB: one file, store.mdb. Durability is LMDB's plain mode: data pages are
 * written and fdatasync'ed, then the header is written with O_DSYNC, and only then is a commit
 * acknowledged. lmdb-js's default (overlappingSync) acknowledges before the sync and is off.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../../../base/errors.js';
import type { Logger } from '../../../base/log.js';
import type { Store } from '../../ports/store.js';
import { StoreError } from '../errors.js';
import { RevisionedStore } from '../revisioned-store.js';
import { DATABASES, LmdbPersistence } from './persistence.js';
import { lockStore } from './lock.js';
import { checkPages } from './page-check.js';

export interface LmdbStoreOptions {
  /** Directory of the store; made when it is not there. */
  readonly dataDir: string;
  /** Changes kept for watchers. */
  readonly historyLimit?: number;
}

/**
 * Opens the store, or makes an empty one.
 * @throws StoreError STORE_LOCKED, STORE_CORRUPT (the file is left as it was), STORE_UNAVAILABLE.
 */
export async function openLmdbStore(
  deps: { readonly log: Logger },
  opts: LmdbStoreOptions,
): Promise<Store> {
  const path = join(opts.dataDir, 'store.mdb');
  try {
    mkdirSync(opts.dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unavailable(opts.dataDir, error);
  }
  const lock = lockStore(join(opts.dataDir, 'store.lock'));
  let persistence: LmdbPersistence | undefined;
  try {
    if (!existsSync(path)) await create(opts.dataDir, path);
    check(path);
    persistence = new LmdbPersistence(path, lock);
    const state = load(persistence, path);
    deps.log.info(
      { path, revision: state.revision, objects: state.objects.length },
      'store opened',
    );
    return new RevisionedStore(
      { persistence, log: deps.log },
      opts.historyLimit === undefined ? { state } : { state, historyLimit: opts.historyLimit },
    );
  } catch (error) {
    if (persistence === undefined) lock.release();
    else await persistence.close();
    throw error instanceof StoreError ? error : unavailable(path, error);
  }
}

/**
 * Made beside its place and renamed when complete, so that a file under the final name is never
 * half made: an empty or short one was damaged.
 */
async function create(dataDir: string, path: string): Promise<void> {
  const making = `${path}.new`;
  rmSync(making, { force: true });
  await LmdbPersistence.create(making);
  renameSync(making, path);
  rmSync(`${making}-lock`, { force: true });
  const fd = openSync(dataDir, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function check(path: string): void {
  const { problem, databases } = checkPages(path);
  if (problem !== undefined) throw corrupt(path, problem);
  const missing = DATABASES.filter((name) => !databases.includes(name));
  if (missing.length > 0) {
    throw corrupt(path, `it is not a store of transitd (no database "${missing.join('", "')}")`);
  }
}

function load(persistence: LmdbPersistence, path: string): ReturnType<LmdbPersistence['load']> {
  try {
    return persistence.load();
  } catch (error) {
    throw corrupt(path, errorText(error), error);
  }
}

function corrupt(path: string, problem: string, cause?: unknown): StoreError {
  return new StoreError(
    'STORE_CORRUPT',
    `${path} cannot be used: ${problem}. It was left as it is. Put a backup in its place; or ` +
      `move it away (mv ${path} ${path}.bad), start with an empty store and apply the ` +
      'configuration again',
    { path },
    cause,
  );
}

function unavailable(path: string, cause: unknown): StoreError {
  return new StoreError(
    'STORE_UNAVAILABLE',
    `${path} cannot be opened: ${errorText(cause)}`,
    { path },
    cause,
  );
}
