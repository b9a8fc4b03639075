// SPDX-License-Identifier: Apache-2.0
/** The file system that pins live in. */
import { mkdirSync, statfsSync } from 'node:fs';
import { basename } from 'node:path';
import { callError } from './check.js';
import { BpfError } from './errors.js';
import { system } from './native.js';

const BPF_FS_MAGIC = 0xcafe4a11; // linux/magic.h

/** True when path exists and lies on a BPF file system. */
export function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Mounts a BPF file system at path unless there is one, and creates the directory it needs.
 * @throws BpfError BPF_CALL
 */
export function mountBpffs(path: string): void {
  if (isBpffs(path)) return;
  mkdirSync(path, { recursive: true });
  if (system.mount('bpf', path, 'bpf', 0, '') !== 0) throw callError('mount', path, system.errno());
}

/**
 * The kernel reserves names with dots in a BPF file system, and answers EPERM.
 * @throws BpfError BAD_BPF_ARGUMENT, which says so
 */
export function checkPinName(path: string): void {
  if (basename(path).includes('.')) {
    throw new BpfError(
      'BAD_BPF_ARGUMENT',
      `"${path}" cannot be a pin: the BPF file system takes no names with dots`,
      { object: path },
    );
  }
}
