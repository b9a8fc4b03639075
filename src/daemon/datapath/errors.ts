// SPDX-License-Identifier: Apache-2.0
/** What can go wrong with programs and maps. */
import { TransitError } from '../../base/errors.js';

export type DataPathErrorCode =
  /** Pinned maps do not fit the programs or the settings. */
  | 'MAP_INCOMPATIBLE'
  /** A compiled program is not where it should be. */
  | 'PROGRAM_MISSING'
  /** The ageing timer does not start. */
  | 'AGEING_FAILED'
  /** Program judge gives no verdict. */
  | 'JUDGE_FAILED';

export class DataPathError extends TransitError {
  declare readonly code: DataPathErrorCode;
}
