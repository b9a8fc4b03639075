// SPDX-License-Identifier: Apache-2.0
/** Why a device or a way is not as it should be. Codes are listed where they are thrown. */
import { TransitError } from '../../base/errors.js';

export class InterfaceError extends TransitError {}
