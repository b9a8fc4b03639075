// SPDX-License-Identifier: Apache-2.0
/** The values of the calculation's entries (text) as the maps carry them (bytes). */
import { mappedLength, parseAddress, parseMac, parsePrefix } from '../../base/net.js';
import {
  ABI,
  ADDR_KIND,
  decode,
  encode,
  MAPS,
  NAT_ALGS,
  NAT_FILTERING,
  NH_FLAGS,
  ROUTE_KIND,
  TARGET_FLAGS,
  type AddrVal,
  type NhVal,
  type RouteVal,
} from '../../maps/index.js';
import type {
  AddrEntry,
  EpEntry,
  NatGwEntry,
  NhEntry,
  OutsideEntry,
  PlainNhEntry,
  RouteEntry,
  ServiceEntry,
  TableName,
  Tables,
  TimeoutEntry,
  Upsert,
  VpcEntry,
} from '../calc/output.js';
import { encodePolicyValue } from './encode-policy.js';
import { decodeKey, vniOfKey } from './keys.js';

const NO_ADDRESS = new Uint8Array(16);
const NO_MAC = new Uint8Array(6);

function address(text: string | undefined): Uint8Array {
  return text === undefined ? NO_ADDRESS : parseAddress(text).bytes;
}

function vpcValue(entry: VpcEntry): Uint8Array {
  return encode(MAPS.vpc.value, {
    vpc: entry.vpc,
    icmp_rate: entry.icmpRate,
    icmp_burst: entry.icmpBurst,
    gw_mac: parseMac(entry.gwMac),
    gw4: address(entry.gw4),
    gw6: address(entry.gw6),
  });
}

function epValue(entry: EpEntry): Uint8Array {
  return encode(MAPS.ep.value, {
    vni: entry.vni,
    vpc: entry.vpc,
    ep: entry.ep,
    mtu: entry.mtu,
    mac: parseMac(entry.mac),
    gw_mac: parseMac(entry.gwMac),
    gw4: address(entry.gw4),
    gw6: address(entry.gw6),
  });
}

const NOWHERE = { flags: 0, mac: NO_MAC, ep: 0, ifindex: 0, mtu: 0, nh: 0, sub: 0 };

function localTarget(
  entry: Extract<AddrEntry | RouteEntry, { kind: 'local' }>,
): Omit<AddrVal & RouteVal, 'kind'> {
  return {
    ...NOWHERE,
    flags: entry.peer ? TARGET_FLAGS.PEER : 0,
    mac: parseMac(entry.mac),
    ep: entry.ep,
    ifindex: entry.ifindex,
    mtu: entry.mtu,
    sub: entry.sub,
  };
}

function addrValue(entry: AddrEntry): AddrVal {
  switch (entry.kind) {
    case 'local':
      return { kind: ADDR_KIND.LOCAL, ...localTarget(entry) };
    case 'remote':
      return {
        ...NOWHERE,
        kind: ADDR_KIND.REMOTE,
        mac: parseMac(entry.mac),
        nh: entry.nh,
        sub: entry.sub,
      };
    case 'gateway':
      return { ...NOWHERE, kind: ADDR_KIND.GATEWAY, mac: parseMac(entry.mac) };
    case 'broadcast':
      return { ...NOWHERE, kind: ADDR_KIND.BROADCAST };
    case 'public':
      return { ...NOWHERE, kind: ADDR_KIND.PUBLIC };
    case 'outside':
      return { ...NOWHERE, kind: ADDR_KIND.OUTSIDE, nh: entry.nh };
    case 'service':
      return {
        ...NOWHERE,
        kind: ADDR_KIND.SERVICE,
        mac: parseMac(entry.mac),
        ifindex: entry.ifindex,
      };
  }
}

function routeValue(entry: RouteEntry): RouteVal {
  switch (entry.kind) {
    case 'subnet':
      return { ...NOWHERE, kind: ROUTE_KIND.SUBNET };
    case 'blackhole':
      return { ...NOWHERE, kind: ROUTE_KIND.BLACKHOLE };
    case 'local':
      return { kind: ROUTE_KIND.LOCAL, ...localTarget(entry) };
    case 'remote':
      return {
        ...NOWHERE,
        kind: ROUTE_KIND.REMOTE,
        flags: entry.group ? TARGET_FLAGS.GROUP : 0,
        mac: parseMac(entry.mac),
        nh: entry.nh,
        sub: entry.sub,
      };
    case 'outside':
      return {
        ...NOWHERE,
        kind: ROUTE_KIND.OUTSIDE,
        flags: entry.exempt ? TARGET_FLAGS.EXEMPT : 0,
      };
    case 'nexthop':
      return { ...NOWHERE, kind: ROUTE_KIND.NEXTHOP, nh: entry.nh };
    case 'onlink':
      return { ...NOWHERE, kind: ROUTE_KIND.ONLINK };
    case 'public':
      return { ...NOWHERE, kind: ROUTE_KIND.PUBLIC };
    case 'peer':
      return {
        ...NOWHERE,
        kind: ROUTE_KIND.PEER,
        flags: entry.stateful ? TARGET_FLAGS.STATEFUL : 0,
        nh: entry.vni,
      };
  }
}

/** Index and key belong together also while it is unresolved: device, address and MTU are there. */
function plainNhValue(entry: PlainNhEntry): NhVal {
  return {
    dmac: entry.resolved ? parseMac(entry.dmac) : NO_MAC,
    smac: entry.resolved ? parseMac(entry.smac) : NO_MAC,
    ifindex: entry.ifindex,
    src: NO_ADDRESS,
    dst: address(entry.dst),
    mtu: Math.min(entry.mtu, 0xffff),
    flags:
      NH_FLAGS.PLAIN |
      (entry.server === true ? NH_FLAGS.SERVER : 0) |
      (entry.resolved ? NH_FLAGS.RESOLVED : 0) |
      (entry.dst.includes(':') ? NH_FLAGS.IPV6 : 0),
    ttl: 0,
    tos: 0,
    port: 0,
  };
}

/** The VTEP's address is there even when it is unresolved: the index is found again by it. */
function nhValue(entry: NhEntry): NhVal {
  const copy = entry.dscp === 'copy';
  return {
    dmac: entry.resolved ? parseMac(entry.dmac) : NO_MAC,
    smac: entry.resolved ? parseMac(entry.smac) : NO_MAC,
    ifindex: entry.ifindex,
    src: entry.resolved ? address(entry.src) : NO_ADDRESS,
    dst: address(entry.dst),
    mtu: Math.min(entry.mtu, 0xffff),
    flags:
      (entry.resolved ? NH_FLAGS.RESOLVED : 0) |
      (entry.dst.includes(':') ? NH_FLAGS.IPV6 : 0) |
      (copy ? NH_FLAGS.DSCP_COPY : 0),
    ttl: entry.ttl,
    tos: typeof entry.dscp === 'number' ? entry.dscp << 2 : 0,
    port: entry.port,
  };
}

const FILTERING = {
  endpoint: NAT_FILTERING.ENDPOINT,
  address: NAT_FILTERING.ADDRESS,
  'address-port': NAT_FILTERING.ADDRESS_PORT,
} as const;

const ALGS = { ftp: NAT_ALGS.FTP, tftp: NAT_ALGS.TFTP } as const;

function natGwValue(entry: NatGwEntry): Uint8Array {
  return encode(MAPS.nat_gw.value, {
    filtering: FILTERING[entry.filtering],
    algs: entry.algs.reduce((bits, alg) => bits | ALGS[alg], 0),
    block_size: entry.blockSize,
    max_blocks: entry.maxBlocks,
    quarantine: entry.quarantine,
    ext4: entry.ext4,
    ext4_count: entry.ext4Count,
    ext6: entry.ext6,
    ext6_count: entry.ext6Count,
    fixed_blocks: entry.fixedBlocks,
    owner: entry.owner,
  });
}

function natPrefixValue({ to, vni, gw, adjust }: Tables['nat_prefix']): Uint8Array {
  const prefix = parsePrefix(to);
  return encode(MAPS.nat_prefix.value, {
    addr: prefix.address.bytes,
    vni,
    gw,
    length: mappedLength(prefix),
    neutral: adjust === undefined ? 0 : 1,
    adjust: adjust ?? 0,
  });
}

function outsideValue(entry: OutsideEntry): Uint8Array {
  return encode(MAPS.outside.value, {
    mac: parseMac(entry.mac),
    mtu: Math.min(entry.mtu, 0xffff),
    gw4: address(entry.gw4),
    gw6: address(entry.gw6),
  });
}

function serviceValue(entry: ServiceEntry): Uint8Array {
  return encode(MAPS.service.value, {
    service: entry.service,
    nh: entry.nh,
    server: address(entry.server),
    source: address(entry.source),
    port: entry.port,
    first: entry.first,
    count: entry.count,
    family: entry.server.includes(':') ? 6 : 4,
    limit: entry.limit,
  });
}

function timeoutValue(entry: TimeoutEntry): Uint8Array {
  return encode(MAPS.timeout.value, {
    tcp_established: entry.tcpEstablished,
    tcp_transitory: entry.tcpTransitory,
    udp: entry.udp,
    icmp: entry.icmp,
    other: entry.other,
  });
}

/** Value of an entry as bytes. */
export function encodeValue(upsert: Upsert): Uint8Array {
  switch (upsert.table) {
    case 'vpc':
      return vpcValue(upsert.value);
    case 'ep':
      return epValue(upsert.value);
    case 'addr':
      return encode(MAPS.addr.value, addrValue(upsert.value));
    case 'route':
      return encode(MAPS.route.value, routeValue(upsert.value));
    case 'nh':
      return encode(
        MAPS.nh.value,
        'plain' in upsert.value ? plainNhValue(upsert.value) : nhValue(upsert.value),
      );
    case 'nh_group': {
      const { nh } = upsert.value;
      const padded = Array.from({ length: ABI.ECMP_MAX }, (_, i) => nh[i] ?? 0);
      return encode(MAPS.nh_group.value, { count: nh.length, nh: padded });
    }
    case 'vtep':
      return encode(MAPS.vtep.value, { nh: upsert.value.nh });
    case 'local':
      return encode(MAPS.local.value, { ifindex: upsert.value.ifindex });
    case 'outside':
      return outsideValue(upsert.value);
    case 'timeout':
    case 'service_timeout':
      return timeoutValue(upsert.value);
    case 'limit': {
      const { connections, halfOpen, rate, burst } = upsert.value;
      return encode(MAPS.limit.value, { connections, half_open: halfOpen, rate, burst });
    }
    case 'service':
      return serviceValue(upsert.value);
    case 'nat_ext': {
      const { addr, gw } = upsert.value;
      return encode(MAPS.nat_ext.value, { addr: address(addr), gw });
    }
    case 'nat_ext_of':
      return encode(MAPS.nat_ext_of.value, { ext: upsert.value.ext });
    case 'nat_gw':
      return natGwValue(upsert.value);
    case 'nat_sub':
      return encode(MAPS.nat_sub.value, {
        gw: upsert.value.gw,
        fixed: upsert.value.fixed,
        fixed_count: upsert.value.fixedCount,
      });
    case 'nat64': {
      const { address: prefix, length } = parsePrefix(upsert.value.prefix);
      return encode(MAPS.nat64.value, { prefix: prefix.bytes, length });
    }
    case 'nat_static': {
      const { vni, addr } = upsert.value;
      return encode(MAPS.nat_static.value, { vni, addr: address(addr) });
    }
    case 'nat_prefix':
      return natPrefixValue(upsert.value);
    case 'port_fwd': {
      const { vni, addr, from, to } = upsert.value;
      return encode(MAPS.port_fwd.value, { vni, addr: address(addr), from, to });
    }
    default:
      return encodePolicyValue(upsert);
  }
}

/** The VPC's index, from a value of `vpc` or `ep`. */
export function vpcOfValue(table: 'vpc' | 'ep', value: Uint8Array): number {
  return table === 'vpc' ? decode(MAPS.vpc.value, value).vpc : decode(MAPS.ep.value, value).vpc;
}

/** The endpoint's index, from a value of `ep`. */
export function endpointOfValue(value: Uint8Array): number {
  return decode(MAPS.ep.value, value).ep;
}

/** Read when a connection or mapping is made, or when a connection is looked at: no record holds what they say. */
const IN_NO_RECORD: ReadonlySet<TableName> = new Set([
  'timeout',
  'limit',
  'nat_ext_of',
  'nat_gw',
  'service_timeout',
  // Found by what pol_ep, pol_host, pol_net and pol_named say, and never changed.
  'pol_block',
  'pol_row',
  'pol_port',
  'pol_rule',
  'pol_prog',
]);

const BY_VNI: ReadonlySet<TableName> = new Set([
  'addr',
  'route',
  'service',
  'pol_host',
  'pol_net',
  'pol_named',
]);

/**
 * Index of the VPC that an entry belongs to; 'all' when the entry is not one VPC's, undefined when
 * it is none's. Entries of the outside may be in the records of any VPC that uses it.
 * @param byVni VPC indexes by VNI in decimal
 */
export function vpcIndexOf(
  table: TableName,
  key: Uint8Array,
  value: Uint8Array,
  byVni: ReadonlyMap<string, number>,
): number | 'all' | undefined {
  if (table === 'vpc' || table === 'ep') return vpcOfValue(table, value);
  if (IN_NO_RECORD.has(table)) return undefined;
  if (table === 'nat64') return byVni.get(decodeKey(table, key));
  if (!BY_VNI.has(table)) return 'all';
  const vni = vniOfKey(table, key);
  return vni === '0' ? 'all' : byVni.get(vni);
}
