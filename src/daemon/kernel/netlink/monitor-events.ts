// SPDX-License-Identifier: Apache-2.0
/** The kernel's notifications as the port's events. */
import type { NetlinkEvent } from '../../ports/netlink.js';
import { parseLink, publicLink } from './link-codec.js';
import { parseMessages, type Message } from './message.js';
import { parseNeighbour, publicNeighbour } from './neighbour-codec.js';
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
} from './rtm.js';

/**
 * Events of datagrams laid end to end. That addresses or routes changed is said once for all of
 * them: the listener reads them again anyway.
 */
export function parseEvents(bytes: Buffer): NetlinkEvent[] {
  const events: NetlinkEvent[] = [];
  const said = new Set<string>();
  for (const message of parseMessages(bytes)) {
    const event = parseEvent(message);
    if (event === undefined) continue;
    if (event.type === 'address' || event.type === 'route') {
      if (said.has(event.type)) continue;
      said.add(event.type);
    }
    events.push(event);
  }
  return events;
}

function parseEvent({ type, payload }: Message): NetlinkEvent | undefined {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const link = parseLink(payload);
      if (!link) return undefined;
      if (type === RTM_NEWLINK) {
        return { type: 'link', link: publicLink(link) };
      }
      return { type: 'link-gone', ifindex: link.ifindex, name: link.name };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const neighbour = parseNeighbour(payload);
      if (!neighbour) return undefined;
      if (type === RTM_NEWNEIGH) {
        return { type: 'neighbour', neighbour: publicNeighbour(neighbour) };
      }
      const { ifindex, address } = neighbour;
      return { type: 'neighbour-gone', ifindex, address };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return { type: 'address' };
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return { type: 'route' };
    default:
      return undefined;
  }
}
