// SPDX-License-Identifier: Apache-2.0
/** The records that a packet from a workload leaves: its own, and its reply's. */
import type { Destination, Endpoint, Vpc } from './destination.js';
import type { FlowRecord, Scope } from './flows.js';
import type { Host } from './host.js';
import type { Frame, IpPacket } from './parse.js';

export interface Records {
  readonly forward: FlowRecord;
  /** Where the reply enters; undefined: it has to walk by itself. */
  readonly reply: { readonly scope: Scope; readonly record: FlowRecord } | undefined;
}

/** @param from the VTEP that a remote destination is behind */
export function recordsOf(
  host: Host,
  frame: Frame,
  ip: IpPacket,
  endpoint: Endpoint,
  vpc: Vpc,
  to: Destination & { kind: 'local' | 'remote' },
  from: string | undefined,
): Records {
  const { vni } = vpc;
  const routed = frame.dst === vpc.mac;
  const generation = host.generation(vni);
  const forward = { vni, generation, dst: frame.dst, src: frame.src, routed };
  if (to.kind === 'remote' && from !== undefined) {
    // the other host routes what is to be routed: the reply comes bridged
    const src = routed ? vpc.mac : to.mac;
    const record = { vni, generation, dst: endpoint.mac, src, routed: false, from };
    return { forward, reply: { scope: `tunnel ${vni}`, record } };
  }
  // a workload may address another one's MAC only for that one's own addresses
  if (to.kind === 'remote' || (!routed && !host.world.resolve(vpc, ip.src).exact))
    return { forward, reply: undefined };
  const dst = routed ? vpc.mac : endpoint.mac;
  const record = { vni, generation, dst, src: to.endpoint.mac, routed };
  return { forward, reply: { scope: `device ${to.endpoint.ifindex}`, record } };
}
