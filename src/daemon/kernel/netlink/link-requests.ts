// SPDX-License-Identifier: Apache-2.0
/** Requests about single devices, on a socket of any namespace. */
import { ENODEV } from './errno.js';
import { isKernelError } from './errors.js';
import {
  formatLinkChange,
  formatLinkQuery,
  parseLink,
  type LinkChange,
  type LinkRecord,
} from './link-codec.js';
import type { NetlinkSocket, Request } from './socket.js';
import { RTM_DELLINK, RTM_GETLINK, RTM_SETLINK } from './rtm.js';

/** Reads a device. @returns undefined when there is none. @throws NetlinkError */
export function findLink(
  socket: NetlinkSocket,
  which: { readonly ifindex: number } | { readonly name: string },
): LinkRecord | undefined {
  const object = 'name' in which ? which.name : `device ${which.ifindex}`;
  try {
    const answer = socket.request({
      type: RTM_GETLINK,
      payload: formatLinkQuery(which),
      operation: 'read',
      object,
    });
    return answer && parseLink(answer.payload);
  } catch (error) {
    if (isKernelError(error, ENODEV)) return undefined;
    throw error;
  }
}

/** The request that changes a device. */
export function linkChange(
  link: { readonly ifindex: number; readonly name: string },
  change: LinkChange,
): Request {
  const what = Object.entries(change).map(([key, value]) => `${key} ${value}`);
  return {
    type: RTM_SETLINK,
    payload: formatLinkChange(link.ifindex, change),
    operation: `set ${what.join(', ')} of`,
    object: link.name,
  };
}

/** Deletes a device; one that is gone already is success. @throws NetlinkError */
export function deleteLink(socket: NetlinkSocket, ifindex: number, name: string): void {
  try {
    socket.request({
      type: RTM_DELLINK,
      payload: formatLinkChange(ifindex, {}),
      operation: 'delete',
      object: name,
    });
  } catch (error) {
    if (!isKernelError(error, ENODEV)) throw error;
  }
}
