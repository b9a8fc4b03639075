// SPDX-License-Identifier: Apache-2.0
/** The numbers a namespace gives to others (RTM_GETNSID), by which links name their peer's. */
import { attributeU32, findAttribute } from './attributes.js';
import { RTM_GETNSID } from './rtm.js';
import type { NetlinkSocket } from './socket.js';

const NETNSA_NSID = 1;
const NETNSA_FD = 3;
/** struct rtgenmsg, padded. */
const HEADER = 4;

/** Number the socket's namespace has for the one the descriptor refers to; undefined: none yet. */
export function netnsId(socket: NetlinkSocket, fd: number): number | undefined {
  const answer = socket.request({
    type: RTM_GETNSID,
    payload: Buffer.concat([Buffer.alloc(HEADER), attributeU32(NETNSA_FD, fd)]),
    operation: 'get number of',
    object: 'network namespace',
  });
  const id = answer && findAttribute(answer.payload.subarray(HEADER), NETNSA_NSID)?.readInt32LE(0);
  return id === undefined || id < 0 ? undefined : id;
}
