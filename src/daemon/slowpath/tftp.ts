// SPDX-License-Identifier: Apache-2.0
/**
 * TFTP (RFC 1350 s4): a server answers a request from another port than it was sent to. Nothing in
 * the packet has to be changed; the mapping of the client's port has to let the server in.
 */
import type { SharedCounts } from './counts.js';
import { isSame } from './ftp.js';
import type { AlgKernel, Direction } from './kernel.js';
import { payloadOf, PROTO_UDP, type Packet } from './packet.js';

/** Opcodes of requests: to read, to write. */
const RRQ = 1;
const WRQ = 2;

export function isTftpRequest(packet: Packet): boolean {
  if (packet.proto !== PROTO_UDP || packet.tag.reply) return false;
  const payload = payloadOf(packet);
  // opcode, a name, its end, a mode, its end
  return payload.length >= 6 && payload[0] === 0 && (payload[1] === RRQ || payload[1] === WRQ);
}

/** own: the direction of the request. */
export function takeTftp(
  { kernel, counts }: { readonly kernel: AlgKernel; readonly counts: SharedCounts },
  own: Direction,
  packet: Packet,
): void {
  if (isSame(own.source, own.outSource)) return;
  const result = kernel.expect({
    vni: own.vni,
    proto: PROTO_UDP,
    family: own.family,
    address: own.source,
    port: packet.sport,
    publicFamily: own.outFamily,
    publicAddress: own.outSource,
    remote: own.outDestination,
  });
  counts.add('reason' in result ? 'refused' : 'expected');
}
