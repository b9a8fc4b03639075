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
const IFLA_AF_SPEC = 26;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const IFLA_VXLAN_LEARNING = 7;
const IFLA_VXLAN_PORT = 15;
const IFLA_VXLAN_COLLECT_METADATA = 25;
/** Since 5.18. */
const IFLA_VXLAN_VNIFILTER = 30;
const AF_INET6 = 10;
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
  /** vxlan: UDP port it listens on while it is up. */
  readonly vxlanPort: number | undefined;
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
    allMulticast: data.flags?.allmulti === true,
    running: operstate === IF_OPER_UP || operstate === IF_OPER_UNKNOWN,
    peerIfindex: veth && attrs.link?.length === 4 ? attrs.link.readInt32LE(0) : undefined,
    peerElsewhere: veth && attrs.linkNetnsid !== undefined,
    alias: attrs.ifalias,
    peerNetnsId: veth ? attrs.linkNetnsid : undefined,
    vxlanPort: kind === 'vxlan' && attrs.linkinfo ? vxlanPort(attrs.linkinfo) : undefined,
  };
}

function vxlanPort(info: Buffer): number | undefined {
  const data = findAttribute(info, IFLA_INFO_DATA);
  const port = data && findAttribute(data, IFLA_VXLAN_PORT);
  return port?.length === 2 ? port.readUInt16BE(0) : undefined;
}

/** Without what the adapter alone needs. */
export function publicLink({ peerNetnsId: _, vxlanPort: __, ...link }: LinkRecord): Link {
  return link;
}

export interface LinkChange {
  readonly up?: boolean;
  readonly allMulticast?: boolean;
  readonly mtu?: number;
  readonly alias?: string;
  readonly name?: string;
  readonly mac?: string;
}

/** Body of an RTM_NEWLINK that changes a device. */
export function formatLinkChange(ifindex: number, change: LinkChange): Buffer {
  const { up, allMulticast } = change;
  return encode(
    rt.formatLink({
      index: ifindex,
      flags: {
        ...(up === true && { up: true }),
        ...(allMulticast === true && { allmulti: true }),
      },
      change: {
        ...(up !== undefined && { up: true }),
        ...(allMulticast !== undefined && { allmulti: true }),
      },
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

/**
 * Body of the RTM_NEWLINK that makes a VXLAN device which takes and sends nothing: a list of VNIs
 * that it takes, with none in it, and without a tunnel of its own it sends only what somebody
 * attaches a tunnel's address to. Such a device listens in both families.
 */
export function formatVxlanListener(name: string, port: number): Buffer {
  const port16 = Buffer.alloc(2);
  port16.writeUInt16BE(port);
  const flag = (type: number, value: number): Buffer => attribute(type, Uint8Array.of(value));
  return Buffer.concat([
    rt.formatLink({}),
    attributeText(IFLA_IFNAME, name),
    nested(
      IFLA_LINKINFO,
      attributeText(IFLA_INFO_KIND, 'vxlan'),
      nested(
        IFLA_INFO_DATA,
        flag(IFLA_VXLAN_COLLECT_METADATA, 1),
        flag(IFLA_VXLAN_VNIFILTER, 1),
        flag(IFLA_VXLAN_LEARNING, 0),
        attribute(IFLA_VXLAN_PORT, port16),
      ),
    ),
  ]);
}

/** Body of the RTM_SETLINK after which a device makes no IPv6 address for itself. */
export function formatNoIpv6Addresses(ifindex: number): Buffer {
  const mode = attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE));
  return Buffer.concat([
    rt.formatLink({ index: ifindex }),
    nested(IFLA_AF_SPEC, nested(AF_INET6, mode)),
  ]);
}
