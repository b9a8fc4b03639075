// SPDX-License-Identifier: Apache-2.0
/**
 * The main table's unicast routes over one device. A table can have a million of them (an
 * Internet router's has): it is read piece by piece, and only so many are kept.
 */
import { setImmediate as turn } from 'node:timers/promises';
import * as rt from 'netlink/dist/rt/gen_structs.js';
import type { KernelRoute, KernelRouteHop } from '../../ports/netlink.js';
import { addressFromWire } from './address-bytes.js';
import { attributeU32, findAttribute } from './attributes.js';
import { ENODEV, ENOENT } from './errno.js';
import { isKernelError } from './errors.js';
import { AF_INET, AF_INET6, type Libc } from './libc.js';
import { nextHopAddress } from './route-codec.js';
import { RTM_GETROUTE, RTM_NEWROUTE } from './rtm.js';
import { makeNetlinkSocket, NetlinkSocket } from './socket.js';

/** include/uapi/linux/rtnetlink.h */
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_PRIORITY = 6;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTAX_MTU = 2;
const RTM_F_CLONED = 0x200;
const RTNH_F_DEAD = 1;
const RTNH_F_LINKDOWN = 16;
const RT_TABLE_MAIN = 254;
const RTN_UNICAST = 1;
const RTNEXTHOP_BYTES = 8;
/** Offsets in struct rtmsg. */
const RTM_FAMILY = 0;
const RTM_DST_LEN = 1;
const RTM_SRC_LEN = 2;
const RTM_TOS = 3;
const RTM_TABLE = 4;
const RTM_TYPE = 7;
const RTM_FLAGS = 8;
const RTMSG_BYTES = 12;

/** Work until the event loop gets its turn. */
const PIECE_MS = 5;

/** Body of a dump of the main table over one device; the kernel selects (strict checking). */
export function formatRoutesOver(family: number, ifindex: number): Buffer {
  const header = rt.formatRoute({ family, table: RT_TABLE_MAIN });
  return Buffer.concat([header, attributeU32(RTA_OIF, ifindex)]);
}

function u32(bytes: Buffer | undefined): number | undefined {
  return bytes?.length === 4 ? bytes.readUInt32LE(0) : undefined;
}

/** RTA_MULTIPATH's struct rtnexthop: length u16, flags u8, hops u8, ifindex, attributes. */
function hopsOf(multipath: Buffer): KernelRouteHop[] {
  const hops: KernelRouteHop[] = [];
  for (let at = 0; at + RTNEXTHOP_BYTES <= multipath.length;) {
    const length = multipath.readUInt16LE(at);
    if (length < RTNEXTHOP_BYTES || at + length > multipath.length) break;
    const flags = multipath[at + 2] ?? 0;
    if ((flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) === 0) {
      const gateway = nextHopAddress(multipath.subarray(at + RTNEXTHOP_BYTES, at + length));
      hops.push({ ifindex: multipath.readInt32LE(at + 4), gateway });
    }
    at += (length + 3) & ~3;
  }
  return hops;
}

/**
 * Reads an RTM_NEWROUTE. @returns undefined for what does not say where packets to a prefix go:
 * other tables and types, routes for one TOS or source, what a lookup has left in a cache.
 */
export function parseKernelRoute(payload: Buffer): KernelRoute | undefined {
  if (payload.length < RTMSG_BYTES) return undefined;
  const family = payload[RTM_FAMILY];
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  if (payload[RTM_TYPE] !== RTN_UNICAST) return undefined;
  if (payload[RTM_SRC_LEN] !== 0 || payload[RTM_TOS] !== 0) return undefined;
  const flags = payload.readUInt32LE(RTM_FLAGS);
  if ((flags & (RTM_F_CLONED | RTNH_F_DEAD | RTNH_F_LINKDOWN)) !== 0) return undefined;
  const rest = payload.subarray(RTMSG_BYTES);
  if ((u32(findAttribute(rest, RTA_TABLE)) ?? payload[RTM_TABLE]) !== RT_TABLE_MAIN)
    return undefined;
  const zero = Buffer.alloc(family === AF_INET ? 4 : 16);
  const address = addressFromWire(findAttribute(rest, RTA_DST) ?? zero);
  const length = payload[RTM_DST_LEN] ?? 0;
  if (address === undefined || length > 8 * zero.length) return undefined;
  const multipath = findAttribute(rest, RTA_MULTIPATH);
  const ifindex = u32(findAttribute(rest, RTA_OIF));
  const hops =
    multipath !== undefined
      ? hopsOf(multipath)
      : ifindex === undefined
        ? []
        : [{ ifindex, gateway: nextHopAddress(rest) }];
  if (hops.length === 0) return undefined;
  const metrics = findAttribute(rest, RTA_METRICS);
  return {
    prefix: `${address}/${length}`,
    length,
    metric: u32(findAttribute(rest, RTA_PRIORITY)) ?? 0,
    hops,
    mtu: metrics && u32(findAttribute(metrics, RTAX_MTU)),
  };
}

/** The shortest prefixes: what most packets need. */
function shortest(routes: KernelRoute[], limit: number): KernelRoute[] {
  return routes.sort((a, b) => a.length - b.length).slice(0, limit);
}

/** @returns at most `limit` routes, those of the shortest prefixes, and how many there are. */
export async function readRoutesOver(
  libc: Libc,
  ifindex: number,
  limit: number,
): Promise<{ routes: KernelRoute[]; total: number }> {
  let routes: KernelRoute[] = [];
  let total = 0;
  let since = performance.now();
  for (const family of [AF_INET, AF_INET6]) {
    // A socket of its own: other requests come between the pieces.
    const socket = new NetlinkSocket(libc, makeNetlinkSocket(libc));
    try {
      const request = {
        type: RTM_GETROUTE,
        payload: formatRoutesOver(family, ifindex),
        operation: 'read routes',
        object: `over device ${ifindex}`,
      };
      for (const messages of socket.pieces(request)) {
        for (const { type, payload } of messages) {
          const route = type === RTM_NEWROUTE ? parseKernelRoute(payload) : undefined;
          if (route === undefined) continue;
          total++;
          routes.push(route);
        }
        if (routes.length >= 2 * limit) routes = shortest(routes, limit);
        if (performance.now() - since < PIECE_MS) continue;
        await turn();
        since = performance.now();
      }
    } catch (error) {
      // The device went, or the family has no table.
      if (!isKernelError(error, ENODEV, ENOENT)) throw error;
    } finally {
      socket.close();
    }
  }
  return { routes: routes.length > limit ? shortest(routes, limit) : routes, total };
}
