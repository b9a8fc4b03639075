// SPDX-License-Identifier: Apache-2.0
/** What can be wrong with the way transitd is started. */
import { TransitError, type ErrorDetails } from '../../base/errors.js';

export type ConfigErrorCode =
  /** The command line. */
  | 'USAGE'
  /** The settings file is not there or cannot be read. */
  | 'CONFIG_UNREADABLE'
  /** The settings file's contents. */
  | 'CONFIG_INVALID';

export class ConfigError extends TransitError {
  declare readonly code: ConfigErrorCode;

  constructor(code: ConfigErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(code, message, details, cause);
  }
}
