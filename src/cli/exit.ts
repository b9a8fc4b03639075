// SPDX-License-Identifier: Apache-2.0
/** Exit statuses, and how errors become text and a status. */
import { CommanderError } from 'commander';
import { ApiError, UnreachableError } from '../api/index.js';
import { TransitError, errorText } from '../base/errors.js';
import { problemText } from '../model/index.js';
import { InputError } from './input-error.js';

export const EXIT = {
  ok: 0,
  failed: 1,
  /** `diff` found differences, as in diff(1). */
  differs: 1,
  usage: 2,
  /** `diff` failed: 1 has another meaning there. */
  diffFailed: 2,
  unreachable: 3,
} as const;

/** Ends the command with a status and without a message. */
export class ExitStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`exit status ${status}`);
    this.status = status;
  }
}

/** The command line is wrong. */
export class UsageError extends TransitError {
  constructor(message: string) {
    super('USAGE', message);
  }
}

/** Lines for standard error, each an error of its own. */
export function errorLines(error: unknown): string[] {
  if ((error instanceof ApiError || error instanceof InputError) && error.problems.length > 0) {
    return error.problems.map((problem) => `error: ${problemText(problem)}`);
  }
  return [`error: ${errorText(error)}`];
}

/** Status for anything thrown. */
export function exitStatus(error: unknown): number {
  if (error instanceof ExitStatus) return error.status;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof UnreachableError) return EXIT.unreachable;
  return EXIT.failed;
}
