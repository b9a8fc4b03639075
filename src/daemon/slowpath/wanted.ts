// SPDX-License-Identifier: Apache-2.0
/** Whether a host has anything for the slow path to do. */
import type { StoredObject } from '../../model/index.js';

/** An endpoint of the host, or a VPC that meets the outside on it. */
export function needsSlowPath(object: StoredObject | undefined, host: string): boolean {
  if (object?.kind === 'Endpoint') return object.spec.host === host;
  return object?.kind === 'Vpc' && object.spec.outside?.host === host;
}
