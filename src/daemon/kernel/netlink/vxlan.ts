// SPDX-License-Identifier: Apache-2.0
/**
 * The VXLAN device that only listens: with its UDP socket in place the kernel merges the TCP
 * segments inside of tunnel packets (GRO) before tc sees them. Ours by its alias; one that a
 * crash left without is known by being down and listening on our port.
 */
import type { VxlanListenerSpec } from '../../ports/netlink.js';
import { EADDRINUSE, EAFNOSUPPORT, EOPNOTSUPP } from './errno.js';
import { isKernelError, NetlinkError } from './errors.js';
import { formatNoIpv6Addresses, formatVxlanListener, type LinkRecord } from './link-codec.js';
import { deleteLink, findLink, linkChange } from './link-requests.js';
import { NLM_F_CREATE, NLM_F_EXCL } from './message.js';
import { RTM_NEWLINK, RTM_SETLINK } from './rtm.js';
import type { NetlinkSocket } from './socket.js';

/**
 * @param links every device of the namespace
 * @returns the device that listens on the port: ours, or one of somebody else.
 * @throws NetlinkError
 */
export function ensureVxlanListener(
  socket: NetlinkSocket,
  spec: VxlanListenerSpec,
  links: () => readonly LinkRecord[],
): LinkRecord {
  const { name, port, alias } = spec;
  const link = usable(socket, spec) ?? create(socket, spec);
  try {
    if (link.alias !== alias) socket.request(linkChange(link, { alias }));
    if (!link.up) {
      withoutAddresses(socket, link);
      socket.request(linkChange(link, { up: true }));
    }
  } catch (error) {
    deleteLink(socket, link.ifindex, name);
    const other = links().find((one) => one.vxlanPort === port && one.up);
    if (isKernelError(error, EADDRINUSE) && other !== undefined) return other;
    throw error;
  }
  return found(socket, name);
}

/** What is there, if it is ours. */
function usable(
  socket: NetlinkSocket,
  { name, port, alias }: VxlanListenerSpec,
): LinkRecord | undefined {
  const link = findLink(socket, { name });
  if (link === undefined) return undefined;
  const unfinished = link.alias === undefined && !link.up && link.vxlanPort === port;
  if (link.kind !== 'vxlan' || (link.alias !== alias && !unfinished)) {
    const about = { operation: 'create vxlan', object: name };
    throw new NetlinkError(
      'DEVICE_EXISTS',
      `create vxlan ${name}: a device of that name is there and is not ours`,
      about,
    );
  }
  if (link.vxlanPort === port) return link;
  deleteLink(socket, link.ifindex, name);
  return undefined;
}

function create(socket: NetlinkSocket, { name, port }: VxlanListenerSpec): LinkRecord {
  socket.request({
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: formatVxlanListener(name, port),
    operation: 'create vxlan',
    object: name,
  });
  return found(socket, name);
}

/** The device is nobody's to talk to. A kernel without IPv6 makes none anyway. */
function withoutAddresses(socket: NetlinkSocket, link: LinkRecord): void {
  try {
    socket.request({
      type: RTM_SETLINK,
      payload: formatNoIpv6Addresses(link.ifindex),
      operation: 'switch IPv6 addresses off for',
      object: link.name,
    });
  } catch (error) {
    if (!isKernelError(error, EAFNOSUPPORT, EOPNOTSUPP)) throw error;
  }
}

function found(socket: NetlinkSocket, name: string): LinkRecord {
  const link = findLink(socket, { name });
  if (link !== undefined) return link;
  const about = { operation: 'create vxlan', object: name };
  throw new NetlinkError('DEVICE_NOT_FOUND', `create vxlan ${name}: it is gone`, about);
}
