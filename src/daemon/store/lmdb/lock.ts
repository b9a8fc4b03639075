// SPDX-License-Identifier: Apache-2.0
/**
 * One daemon per store. The lock is the kernel's (flock), so it ends with its holder however
 * that ends, and holds across PID and network namespaces; a file with a PID in it would do
 * neither. Node has no flock, so flock(1) of util-linux takes it on a descriptor it shares with
 * us: the lock belongs to the open file, and stays when flock exits.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { errorText } from '../../../base/errors.js';
import { StoreError } from '../errors.js';

export interface StoreLock {
  release(): void;
}

/** flock's exit status when someone else has it (-E). */
const HELD = 75;

/** @throws StoreError STORE_LOCKED with the holder's pid, STORE_UNAVAILABLE. */
export function lockStore(path: string): StoreLock {
  let fd: number;
  try {
    fd = openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new StoreError(
      'STORE_UNAVAILABLE',
      `${path} cannot be opened: ${errorText(error)}`,
      { path },
      error,
    );
  }
  const result = spawnSync('flock', ['--nonblock', '--exclusive', '-E', `${HELD}`, '3'], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
    encoding: 'utf8',
  });
  if (result.status === 0) {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`);
    return {
      release: () => {
        closeSync(fd);
      },
    };
  }
  closeSync(fd);
  if (result.status === HELD) {
    const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
    const who = Number.isNaN(pid) ? 'another process' : `process ${pid}`;
    throw new StoreError(
      'STORE_LOCKED',
      `${path} is held by ${who}: two daemons cannot share a store; stop that one, or give ` +
        'this one another dataDir',
      { path, ...(Number.isNaN(pid) ? {} : { pid }) },
    );
  }
  throw new StoreError(
    'STORE_UNAVAILABLE',
    `${path} cannot be locked with flock(1): ${result.error?.message ?? result.stderr.trim()}`,
    { path },
    result.error,
  );
}
