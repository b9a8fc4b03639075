// SPDX-License-Identifier: Apache-2.0
/** Errors of the kernel's BPF interface: what was called, on what, and what the kernel said. */
import { constants } from 'node:os';
import { type ErrorDetails, TransitError } from '../../../base/errors.js';

/**
 * Codes: BPF_CALL (a call failed, see details.call and details.errno), MAP_FULL,
 * MAP_INCOMPATIBLE, VERIFIER_REJECTED (log says why), BAD_BPF_ARGUMENT (refused before the
 * kernel was asked).
 */
export class BpfError extends TransitError {
  /** The verifier's whole log, for VERIFIER_REJECTED. */
  readonly log: string | undefined;

  constructor(code: string, message: string, details: ErrorDetails = {}, log?: string) {
    super(code, message, details);
    this.log = log;
  }

  /** Name of the error number, "ENOENT"; undefined when no call failed. */
  get errno(): string | undefined {
    const { errno } = this.details;
    return typeof errno === 'string' ? errno : undefined;
  }
}

/** linux/errno.h: not for user space, and yet what batch calls answer. */
export const ENOTSUPP = 524;

const names = new Map<number, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);
names.set(constants.errno.EAGAIN, 'EAGAIN'); // not EWOULDBLOCK
names.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
names.set(ENOTSUPP, 'ENOTSUPP');

/** "ENOENT" for 2 or -2. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  return names.get(number) ?? `errno ${number}`;
}

/** The last lines of a text, without empty ones. */
export function lastLines(text: string, count: number): string {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(-count)
    .join('\n');
}
