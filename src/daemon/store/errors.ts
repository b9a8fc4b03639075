// SPDX-License-Identifier: Apache-2.0
/** What can go wrong with the desired state's keeping. */
import { TransitError, type ErrorDetails } from '../../base/errors.js';

export type StoreErrorCode =
  /** A precondition did not hold. */
  | 'CONFLICT'
  /** The changes asked for are no longer (or not yet) known: list again and watch from there. */
  | 'REVISION_GONE'
  /** The file is damaged, cut short, or another program's. */
  | 'STORE_CORRUPT'
  /** Another process has it open. */
  | 'STORE_LOCKED'
  /** The disk refused; nothing of the commit was kept. */
  | 'STORE_WRITE_FAILED'
  /** Used after close. */
  | 'STORE_CLOSED'
  /** Directory or file cannot be reached. */
  | 'STORE_UNAVAILABLE'
  /** The caller's writes make no sense together. */
  | 'STORE_BAD_COMMIT';

export class StoreError extends TransitError {
  declare readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(code, message, details, cause);
  }
}
