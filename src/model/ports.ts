// SPDX-License-Identifier: Apache-2.0
/** Ranges of TCP and UDP ports, written "8080" or "8000-8099". */
import { TransitError } from '../base/errors.js';

/** Both ends included; port 0 is not one (RFC 6335 s6). */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** @throws TransitError BAD_PORTS */
export function parsePorts(text: string): PortRange {
  const match = /^([0-9]{1,6})(?:-([0-9]{1,6}))?$/.exec(text);
  const fail = (rule: string): never => {
    throw new TransitError('BAD_PORTS', `"${text}" is not a port or a range of ports: ${rule}`);
  };
  if (!match) return fail('write 8080 or 8000-8099');
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  if (first === 0 || last === 0) return fail('port 0 is reserved');
  if (Math.max(first, last) > 65535) return fail('the last port is 65535');
  if (first > last) return fail('the first port is above the last');
  return { first, last };
}

/** Without leading zeros; a range of one port as that port. */
export function formatPorts({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}-${last}`;
}

export function portCount({ first, last }: PortRange): number {
  return last - first + 1;
}
