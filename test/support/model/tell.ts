// SPDX-License-Identifier: Apache-2.0
/** Whether and how the sender of a packet that was refused is told. */
import type { Endpoint, Vpc } from './destination.js';
import type { Host } from './host.js';
import { buildError, mayTell } from './icmp-error.js';
import type { Frame, IpPacket } from './parse.js';
import type { Dropped } from './reasons.js';
import { Refused } from './walk.js';

export interface Told {
  /** The error, from the VPC's router to the frame's sender. */
  readonly bytes: Uint8Array;
  /** What the rate limit says. */
  readonly allowed: 'yes' | 'perhaps';
}

/**
 * The error comes from the gateway of the endpoint's subnet, else from any of the VPC's; without one
 * the packet is dropped in silence.
 */
export function tell(
  host: Host,
  vpc: Vpc,
  endpoint: Endpoint | undefined,
  why: Dropped,
  frame: Frame,
  ip: IpPacket,
): Told | undefined {
  if (!(why instanceof Refused) || !mayTell(why.reason, frame, ip)) return undefined;
  const gateway = endpoint?.gateways[ip.family] ?? vpc.gateways[ip.family];
  if (gateway === undefined) return undefined;
  const allowed = host.mayTell(vpc);
  if (allowed === 'no') return undefined;
  const { reason, mtu } = why;
  const mayBeUnfinished = host.hook === 'tc';
  const fields = { reason, gateway, gatewayMac: vpc.mac, mtu, mayBeUnfinished };
  return { bytes: buildError(frame, ip, fields), allowed };
}
