// SPDX-License-Identifier: Apache-2.0
import { TransitError } from '../base/errors.js';
import type { Problem } from '../model/index.js';

/** A file that cannot be read, is neither YAML nor JSON, or has objects that cannot be translated. */
export class InputError extends TransitError {
  constructor(
    message: string,
    cause?: unknown,
    /** When there are several; the message is the first. */
    readonly problems: readonly Problem[] = [],
  ) {
    super('BAD_INPUT', message, {}, cause);
  }
}
