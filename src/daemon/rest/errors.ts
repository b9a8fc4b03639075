// SPDX-License-Identifier: Apache-2.0
/** What keeps the API from being served. Errors of requests are ApiError. */
import { TransitError, type ErrorDetails } from '../../base/errors.js';

export type RestErrorCode =
  /** Something else listens there. */
  | 'REST_ADDRESS_IN_USE'
  /** The address cannot be listened on for another reason. */
  | 'REST_LISTEN_FAILED'
  /** The token file is missing, too open, or holds no usable token. */
  | 'REST_BAD_TOKEN';

export class RestError extends TransitError {
  declare readonly code: RestErrorCode;

  constructor(code: RestErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(code, message, details, cause);
  }
}
