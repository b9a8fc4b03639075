// SPDX-License-Identifier: Apache-2.0
/** RTM_*ROUTE messages: looking a destination up, and the default routes of a workload. */
import * as rt from 'netlink/dist/rt/gen_structs.js';
import type { RouteLookup } from '../../ports/netlink.js';
import { addressFromWire, addressToWire } from './address-bytes.js';
import { attributeU32, encode, findAttribute, keepAttributes } from './attributes.js';
import { ORIGIN_TRANSIT } from './origin.js';

/** include/uapi/linux/rtnetlink.h */
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTNH_F_ONLINK = 4;
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
/** Offsets in struct rtmsg. */
const RTM_PROTOCOL = 5;
const RTM_TYPE = 7;
const RTNEXTHOP_BYTES = 8;
// RTA_VIA is read by hand: the package's codec takes its address for a number.
const READ = new Set([RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PREFSRC, RTA_MULTIPATH]);

/** Body of the RTM_GETROUTE that asks how to reach an address. @throws TransitError BAD_ADDRESS */
export function formatRouteQuery(destination: string): Buffer {
  const { family, bytes } = addressToWire(destination);
  return encode(
    rt.formatRoute({ family, dstLen: bytes.length * 8 }),
    rt.formatRouteAttrs({ dst: bytes }),
  );
}

/** Reads the answer. @returns undefined when it says that the destination cannot be reached. */
export function parseRouteLookup(payload: Buffer, destination: string): RouteLookup | undefined {
  const type = payload[RTM_TYPE];
  if (type !== RTN_UNICAST && type !== RTN_LOCAL) return undefined;
  const rest = payload.subarray(rt.__LENGTH_Route);
  const attrs = rt.parseRouteAttrs(keepAttributes(rest, READ));
  const hop = attrs.multipath ? firstNextHop(attrs.multipath) : undefined;
  const ifindex = attrs.oif ?? hop?.ifindex;
  if (ifindex === undefined) return undefined;
  const gateway = nextHopAddress(rest) ?? hop?.gateway;
  const metrics = findAttribute(rest, RTA_METRICS);
  const mtu = metrics && findAttribute(metrics, RTAX_MTU);
  return {
    ifindex,
    gateway: gateway ?? destination,
    source: attrs.prefsrc && addressFromWire(attrs.prefsrc),
    mtu: mtu?.length === 4 ? mtu.readUInt32LE(0) : undefined,
  };
}

/** A default route we put into a workload's namespace. */
export interface DefaultRoute {
  readonly ifindex: number;
  readonly gateway: string;
}

/** @returns undefined unless it is a default route of ours in the main table. */
export function parseOurDefaultRoute(payload: Buffer): DefaultRoute | undefined {
  const data = rt.parseRoute(payload.subarray(0, rt.__LENGTH_Route));
  if (payload[RTM_PROTOCOL] !== ORIGIN_TRANSIT || data.dstLen !== 0) return undefined;
  if (data.table !== rt.RoutingTableClass.MAIN) return undefined;
  const rest = payload.subarray(rt.__LENGTH_Route);
  const ifindex = findAttribute(rest, RTA_OIF)?.readUInt32LE(0);
  const gateway = nextHopAddress(rest);
  return ifindex === undefined || gateway === undefined ? undefined : { ifindex, gateway };
}

/** Body of a dump of our routes of one family. */
export function formatRouteDump(family: number): Buffer {
  return ourRoute({ family });
}

/**
 * Body of an RTM_NEWROUTE or RTM_DELROUTE for a default route. ONLINK, because the gateway of an
 * endpoint with a host prefix (/32, /128) is in none of its prefixes.
 */
export function formatDefaultRoute(route: DefaultRoute): Buffer {
  const { family, bytes } = addressToWire(route.gateway);
  return Buffer.concat([
    encode(
      ourRoute({ family, type: 'UNICAST', flags: { __unknown: RTNH_F_ONLINK } }),
      rt.formatRouteAttrs({ gateway: bytes }),
    ),
    attributeU32(RTA_OIF, route.ifindex),
  ]);
}

/** Header of a route of ours in the main table. */
function ourRoute(route: rt.Route): Buffer {
  const header = rt.formatRoute({ ...route, table: rt.RoutingTableClass.MAIN });
  header[RTM_PROTOCOL] = ORIGIN_TRANSIT; // not among those the package has names for
  return header;
}

/** RTA_GATEWAY, or RTA_VIA: a next hop of the other family (RFC 8950), family before address. */
export function nextHopAddress(attributes: Buffer): string | undefined {
  const gateway = findAttribute(attributes, RTA_GATEWAY);
  const via = findAttribute(attributes, RTA_VIA)?.subarray(2);
  const bytes = gateway ?? via;
  return bytes && addressFromWire(bytes);
}

/** The first of RTA_MULTIPATH's struct rtnexthop: length u16, flags, hops, ifindex, attributes. */
function firstNextHop(
  multipath: Buffer,
): { ifindex: number; gateway: string | undefined } | undefined {
  if (multipath.length < RTNEXTHOP_BYTES) return undefined;
  const length = multipath.readUInt16LE(0);
  return {
    ifindex: multipath.readInt32LE(4),
    gateway: nextHopAddress(multipath.subarray(RTNEXTHOP_BYTES, length)),
  };
}
