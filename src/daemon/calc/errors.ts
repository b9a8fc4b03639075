// SPDX-License-Identifier: Apache-2.0
/** What can go wrong in the calculation itself; what is wrong with an object is a Finding. */
import { TransitError, type ErrorDetails } from '../../base/errors.js';

/** INDEX_EXHAUSTED: a space has no free index; the maps were sized for fewer. */
export type CalcErrorCode = 'INDEX_EXHAUSTED';

/** An error of the calculation. */
export class CalcError extends TransitError {
  declare readonly code: CalcErrorCode;

  constructor(code: CalcErrorCode, message: string, details: ErrorDetails = {}) {
    super(code, message, details);
  }
}
