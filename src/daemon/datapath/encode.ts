// SPDX-License-Identifier: Apache-2.0
/** The calculation's entries (text) as the maps carry them (bytes), and keys back again. */
import {
  addressFromBytes,
  formatAddress,
  parseAddress,
  parseMac,
  parsePrefix,
} from '../../base/net.js';
import {
  ABI,
  ADDR_KIND,
  decode,
  encode,
  MAPS,
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
  NhEntry,
  RouteEntry,
  TableName,
  Upsert,
  VpcEntry,
} from '../calc/output.js';

const NO_ADDRESS = new Uint8Array(16);
const NO_MAC = new Uint8Array(6);
/** prefixlen of a route covers VNI (24) and family (8). */
const ROUTE_KEY_BITS = 32;
const V4_MAPPED_BITS = 96;

function address(text: string | undefined): Uint8Array {
  return text === undefined ? NO_ADDRESS : parseAddress(text).bytes;
}

function split(key: string): [number, string] {
  const slash = key.indexOf('/');
  return [Number(key.slice(0, slash)), key.slice(slash + 1)];
}

/** Key of a table as bytes. */
export function encodeKey(table: TableName, key: string): Uint8Array {
  switch (table) {
    case 'vpc':
    case 'ep':
    case 'nh':
    case 'nh_group':
      return encode(MAPS[table].key, Number(key));
    case 'vtep':
    case 'local':
      return encode(MAPS[table].key, address(key));
    case 'addr': {
      const [vni, addr] = split(key);
      return encode(MAPS.addr.key, { vni, addr: address(addr) });
    }
    case 'route': {
      const [vni, text] = split(key);
      const prefix = parsePrefix(text);
      const { family, bytes } = prefix.address;
      return encode(MAPS.route.key, {
        prefixlen: ROUTE_KEY_BITS + prefix.length + (family === 4 ? V4_MAPPED_BITS : 0),
        vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
        family,
        addr: bytes,
      });
    }
  }
}

/** The text of a key, as in calc/output.ts. */
export function decodeKey(table: TableName, bytes: Uint8Array): string {
  switch (table) {
    case 'vpc':
    case 'ep':
    case 'nh':
    case 'nh_group':
      return String(decode(MAPS[table].key, bytes));
    case 'vtep':
    case 'local':
      return formatAddress(addressFromBytes(decode(MAPS[table].key, bytes)));
    case 'addr': {
      const { vni, addr } = decode(MAPS.addr.key, bytes);
      return `${vni}/${formatAddress(addressFromBytes(addr))}`;
    }
    case 'route': {
      const { prefixlen, vni, family, addr } = decode(MAPS.route.key, bytes);
      const [a = 0, b = 0, c = 0] = vni;
      const length = prefixlen - ROUTE_KEY_BITS - (family === 4 ? V4_MAPPED_BITS : 0);
      // The family is the key's, not the bytes': ::/0 and 0.0.0.0/0 differ by it.
      const text = formatAddress({ family: family === 4 ? 4 : 6, bytes: addr });
      return `${(a << 16) | (b << 8) | c}/${text}/${length}`;
    }
  }
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

const NOWHERE = { flags: 0, mac: NO_MAC, ep: 0, ifindex: 0, mtu: 0, nh: 0 };

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
  };
}

function addrValue(entry: AddrEntry): AddrVal {
  switch (entry.kind) {
    case 'local':
      return { kind: ADDR_KIND.LOCAL, ...localTarget(entry) };
    case 'remote':
      return { ...NOWHERE, kind: ADDR_KIND.REMOTE, mac: parseMac(entry.mac), nh: entry.nh };
    case 'gateway':
      return { ...NOWHERE, kind: ADDR_KIND.GATEWAY, mac: parseMac(entry.mac) };
    case 'broadcast':
      return { ...NOWHERE, kind: ADDR_KIND.BROADCAST };
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
      };
  }
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
      return encode(MAPS.nh.value, nhValue(upsert.value));
    case 'nh_group': {
      const { nh } = upsert.value;
      const padded = Array.from({ length: ABI.ECMP_MAX }, (_, i) => nh[i] ?? 0);
      return encode(MAPS.nh_group.value, { count: nh.length, nh: padded });
    }
    case 'vtep':
      return encode(MAPS.vtep.value, { nh: upsert.value.nh });
    case 'local':
      return encode(MAPS.local.value, { ifindex: upsert.value.ifindex });
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

/**
 * Index of the VPC that an entry belongs to; 'all' when the entry is not one VPC's.
 * @param byVni VPC indexes by VNI in decimal
 */
export function vpcIndexOf(
  table: TableName,
  key: Uint8Array,
  value: Uint8Array,
  byVni: ReadonlyMap<string, number>,
): number | 'all' | undefined {
  if (table === 'vpc' || table === 'ep') return vpcOfValue(table, value);
  if (table !== 'addr' && table !== 'route') return 'all';
  const [vni] = split(decodeKey(table, key));
  return byVni.get(String(vni));
}
