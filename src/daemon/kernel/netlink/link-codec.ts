// SPDX-License-Identifier: Apache-2.0
/** RTM_*LINK messages: what we read of a device, and how a veth pair is asked for. */
import * as rt from 'netlink/dist/rt/gen_structs.js';
import * as ifla from 'netlink/dist/rt/ifla.js';
import { formatMac, parseMac } from '../../../base/net.js';
import type { Link } from '../../ports/netlink.js';
import {
  attribute,
  attributeText,
  attributeU32,
  encode,
  findAttribute,
  keepAttributes,
  nested,
} from './attributes.js';

/** include/uapi/linux/if_link.h */
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINK = 5;
const IFLA_OPERSTATE = 16;
const IFLA_LINKINFO = 18;
const IFLA_IFALIAS = 20;
const IFLA_NET_NS_FD = 28;
const IFLA_LINK_NETNSID = 37;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
/** RFC 2863 operational states. */
const IF_OPER_UNKNOWN = 0;
const IF_OPER_UP = 6;
const RTEXT_FILTER_SKIP_STATS = 8;

const READ = new Set([
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_MTU,
  IFLA_LINK,
  IFLA_OPERSTATE,
  IFLA_LINKINFO,
  IFLA_IFALIAS,
  IFLA_LINK_NETNSID,
]);

/** A link as the port has it, and what only the adapter needs. */
export interface LinkRecord extends Link {
  /** Our number of the namespace the other end is in; undefined when it is in this one. */
  readonly peerNetnsId: number | undefined;
}

/**
 * Reads RTM_NEWLINK or RTM_DELLINK. @returns undefined for messages of another family: a bridge
 * reports its ports as links of family AF_BRIDGE, and a port's leaving as their deletion.
 */
export function parseLink(payload: Buffer): LinkRecord | undefined {
  const data = rt.parseLink(payload.subarray(0, rt.__LENGTH_Link));
  if (data.family !== 0) return undefined;
  const attrs = ifla.parseLinkAttrs(keepAttributes(payload.subarray(rt.__LENGTH_Link), READ));
  const info = attrs.linkinfo && findAttribute(attrs.linkinfo, IFLA_INFO_KIND);
  const kind = info?.toString('utf8').replace(/\0.*$/, '') ?? '';
  const veth = kind === 'veth';
  const operstate = attrs.operstate ?? IF_OPER_UNKNOWN;
  return {
    ifindex: data.index ?? 0,
    name: attrs.ifname ?? '',
    kind,
    mac: attrs.address?.length === 6 ? formatMac(attrs.address) : '',
    mtu: attrs.mtu ?? 0,
    up: data.flags?.up === true,
    running: operstate === IF_OPER_UP || operstate === IF_OPER_UNKNOWN,
    peerIfindex: veth && attrs.link?.length === 4 ? attrs.link.readInt32LE(0) : undefined,
    peerElsewhere: veth && attrs.linkNetnsid !== undefined,
    alias: attrs.ifalias,
    peerNetnsId: veth ? attrs.linkNetnsid : undefined,
  };
}

/** Without what the adapter alone needs. */
export function publicLink({ peerNetnsId: _, ...link }: LinkRecord): Link {
  return link;
}

export interface LinkChange {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly alias?: string;
  readonly name?: string;
  readonly mac?: string;
}

/** Body of an RTM_NEWLINK that changes a device. */
export function formatLinkChange(ifindex: number, change: LinkChange): Buffer {
  const flags: rt.DeviceFlags = change.up === true ? { up: true } : {};
  return encode(
    rt.formatLink({
      index: ifindex,
      flags,
      change: change.up === undefined ? {} : { up: true },
    }),
    ifla.formatLinkAttrs({
      ...(change.mtu !== undefined && { mtu: change.mtu }),
      ...(change.alias !== undefined && { ifalias: change.alias }),
      ...(change.name !== undefined && { ifname: change.name }),
      ...(change.mac !== undefined && { address: Buffer.from(parseMac(change.mac)) }),
    }),
  );
}

/** Body of a request for one device, by index or by name, or of a dump of all. */
export function formatLinkQuery(which: { ifindex?: number; name?: string }): Buffer {
  return Buffer.concat([
    rt.formatLink({ index: which.ifindex ?? 0 }),
    ...(which.name === undefined ? [] : [attributeText(IFLA_IFNAME, which.name)]),
    attributeU32(29 /* IFLA_EXT_MASK */, RTEXT_FILTER_SKIP_STATS),
  ]);
}

export interface VethPair {
  readonly name: string;
  readonly mtu: number;
  readonly peerName: string;
  readonly peerMac: string;
  /** Descriptor of the peer's namespace; undefined makes it in the socket's. */
  readonly peerNetnsFd: number | undefined;
}

/** Body of the RTM_NEWLINK that makes a pair, its peer directly where it belongs. */
export function formatVethPair(pair: VethPair): Buffer {
  const peer = Buffer.concat([
    rt.formatLink({}),
    attributeText(IFLA_IFNAME, pair.peerName),
    attributeU32(IFLA_MTU, pair.mtu),
    attribute(IFLA_ADDRESS, parseMac(pair.peerMac)),
    ...(pair.peerNetnsFd === undefined ? [] : [attributeU32(IFLA_NET_NS_FD, pair.peerNetnsFd)]),
  ]);
  return Buffer.concat([
    rt.formatLink({}),
    attributeText(IFLA_IFNAME, pair.name),
    attributeU32(IFLA_MTU, pair.mtu),
    nested(
      IFLA_LINKINFO,
      attributeText(IFLA_INFO_KIND, 'veth'),
      nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, peer)),
    ),
  ]);
}
