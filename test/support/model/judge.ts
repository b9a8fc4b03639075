// SPDX-License-Identifier: Apache-2.0
/** When policies are asked: of a connection that is new, or judged again, at both of its ends. */
import type { Endpoint } from './destination.js';
import { reversed, type Scope } from './flows.js';
import type { FlowIdentity } from './hash.js';
import type { Host } from './host.js';
import { isError } from './icmp-error.js';
import { ICMP4, ICMP6, PROTOCOL } from './numbers.js';
import type { IpPacket } from './parse.js';
import type { Judged } from './policy.js';
import { Dropped } from './reasons.js';

interface Way {
  readonly scope: Scope;
  readonly flow: FlowIdentity;
}

/** Only what the identity of a flow has: an echo is a request. */
function judged({ src, dst, sport, dport, protocol }: FlowIdentity): Judged {
  const flow = { src, dst, sport, dport, protocol };
  if (protocol !== PROTOCOL.icmp && protocol !== PROTOCOL.icmp6)
    return { ...flow, icmpType: -1, icmpCode: -1 };
  if (sport === dport) {
    const icmpType = protocol === PROTOCOL.icmp ? ICMP4.echo : ICMP6.echo;
    return { ...flow, icmpType, icmpCode: 0 };
  }
  return { ...flow, icmpType: dport >> 8, icmpCode: dport & 0xff };
}

function judge(host: Host, endpoint: Endpoint, opener: boolean, flow: FlowIdentity): void {
  const direction = opener ? 'egress' : 'ingress';
  if (!host.world.policies.allows(endpoint.name, direction, judged(flow)))
    throw new Dropped('POLICY');
}

/**
 * By the end that sends the packet.
 * @param reply what would answer it, when that is known
 * @throws Dropped POLICY
 */
export function judgeSender(
  host: Host,
  endpoint: Endpoint,
  ip: IpPacket,
  forward: Way,
  reply: Way | undefined,
): void {
  if (isError(ip)) return;
  const isReply = host.flows.isReply(forward, reply);
  judge(host, endpoint, !isReply, isReply ? reversed(ip) : ip);
}

/**
 * By the end that it is delivered to.
 * @param seen the packet as that end sees it
 * @param reply what it answers, when that is known
 * @throws Dropped POLICY
 */
export function judgeReceiver(
  host: Host,
  endpoint: Endpoint,
  { ip, seen }: { readonly ip: IpPacket; readonly seen: FlowIdentity },
  forward: Way,
  reply: Way | undefined,
): void {
  if (isError(ip)) return;
  const isReply = host.flows.isReply(forward, reply);
  judge(host, endpoint, isReply, isReply ? reversed(seen) : seen);
}
