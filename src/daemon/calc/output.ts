// SPDX-License-Identifier: Apache-2.0
/**
 * What the calculation takes and gives. Everything is plain data with text for addresses and
 * MACs, so that a desired entry can be read, compared and logged; the driver encodes it.
 */
import type { Kind, StoredObject } from '../../model/index.js';
import type { Indexes } from './index-spaces.js';
import { POLICY_TABLES, type PolicyEntries } from './policy/entries.js';

export { INDEX_SPACES, type Indexes } from './index-spaces.js';

/** A desired object that appeared, changed or (object undefined) went. */
export interface ObjectChange {
  readonly kind: Kind;
  readonly name: string;
  readonly object: StoredObject | undefined;
}

/** What became of a local endpoint's device. */
export interface DeviceFact {
  readonly endpoint: string;
  /** undefined: the device is not there. */
  readonly device:
    { readonly ifindex: number; readonly mtu: number; readonly vethPeer: boolean } | undefined;
}

/** What the kernel knows of the way to a VTEP. */
export interface UnderlayFact {
  readonly vtep: string;
  /** undefined: no route, not through a droplet of ours, or the neighbour is unresolved. */
  readonly way:
    | {
        readonly ifindex: number;
        readonly smac: string;
        readonly dmac: string;
        readonly source: string;
        readonly mtu: number;
      }
    | undefined;
}

/** A local droplet's device as the kernel shows it. */
export interface DropletFact {
  readonly droplet: string;
  readonly device:
    { readonly ifindex: number; readonly mtu: number; readonly mac: string } | undefined;
}

/** Where the kernel sends packets to a prefix outside; mtu: of the route or the device. */
export type OutsideRoute =
  | { readonly kind: 'onlink'; readonly ifindex: number; readonly mtu: number }
  | {
      readonly kind: 'nexthop';
      readonly ifindex: number;
      readonly gateway: string;
      readonly mtu: number;
    };

/** A host or router on the link of a droplet that leads outside. */
export interface OutsideNeighbour {
  readonly smac: string;
  readonly dmac: string;
  /** Packets for it go to it directly, with this MTU; undefined: it is a router only. */
  readonly onlinkMtu: number | undefined;
}

/** What the kernel knows of the outside. Kept until told otherwise. */
export type OutsideFact =
  | { readonly prefix: string; readonly route: OutsideRoute | undefined }
  | {
      readonly ifindex: number;
      readonly address: string;
      readonly neighbour: OutsideNeighbour | undefined;
    };

export interface VpcEntry {
  readonly vpc: number;
  readonly icmpRate: number;
  readonly icmpBurst: number;
  readonly gwMac: string;
  /** Undefined: no subnet of this family. */
  readonly gw4: string | undefined;
  readonly gw6: string | undefined;
}

export interface EpEntry {
  readonly vni: number;
  readonly vpc: number;
  readonly ep: number;
  readonly mtu: number;
  readonly mac: string;
  readonly gwMac: string;
  readonly gw4: string | undefined;
  readonly gw6: string | undefined;
}

export type AddrEntry =
  | {
      readonly kind: 'local';
      readonly peer: boolean;
      readonly mac: string;
      readonly ep: number;
      readonly ifindex: number;
      readonly mtu: number;
      readonly sub: number;
    }
  | { readonly kind: 'remote'; readonly mac: string; readonly nh: number; readonly sub: number }
  | { readonly kind: 'gateway'; readonly mac: string }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'public' }
  | { readonly kind: 'outside'; readonly nh: number }
  /** ifindex: of the droplet, in VPC 0. */
  | { readonly kind: 'service'; readonly mac: string; readonly ifindex: number };

export type RouteEntry =
  | { readonly kind: 'subnet' }
  | { readonly kind: 'blackhole' }
  | {
      readonly kind: 'local';
      readonly peer: boolean;
      readonly mac: string;
      readonly ep: number;
      readonly ifindex: number;
      readonly mtu: number;
      readonly sub: number;
    }
  | {
      readonly kind: 'remote';
      readonly mac: string;
      readonly nh: number;
      readonly group: boolean;
      readonly sub: number;
    }
  | { readonly kind: 'outside'; readonly exempt: boolean }
  | { readonly kind: 'nexthop'; readonly nh: number }
  | { readonly kind: 'onlink' }
  | { readonly kind: 'public' }
  /** stateful: connections through it are kept here. */
  | { readonly kind: 'peer'; readonly vni: number; readonly stateful: boolean };

/** A VTEP. */
export interface NhEntry {
  readonly resolved: boolean;
  readonly dmac: string;
  readonly smac: string;
  readonly ifindex: number;
  readonly src: string;
  readonly dst: string;
  /** Largest inner L3 packet, bytes. */
  readonly mtu: number;
  readonly ttl: number;
  readonly dscp: 'copy' | number;
  readonly port: number;
}

/** A router or host outside, or the way to a server. */
export interface PlainNhEntry {
  readonly plain: true;
  /** It is named by dst alone. */
  readonly server?: true;
  readonly resolved: boolean;
  readonly dmac: string;
  readonly smac: string;
  readonly ifindex: number;
  readonly dst: string;
  /** Largest L3 packet, bytes. */
  readonly mtu: number;
}

/** A device that leads outside. */
export interface OutsideEntry {
  readonly mac: string;
  readonly mtu: number;
  /** Undefined: the droplet has no address of this family. */
  readonly gw4: string | undefined;
  readonly gw6: string | undefined;
}

/** Seconds; 0 is the default. */
export interface TimeoutEntry {
  readonly tcpEstablished: number;
  readonly tcpTransitory: number;
  readonly udp: number;
  readonly icmp: number;
  readonly other: number;
}

/** Quotas; 0 is none. */
export interface LimitEntry {
  readonly connections: number;
  readonly halfOpen: number;
  readonly rate: number;
  readonly burst: number;
}

export interface NatGwEntry {
  readonly filtering: 'endpoint' | 'address' | 'address-port';
  readonly algs: readonly ('ftp' | 'tftp')[];
  readonly blockSize: number;
  readonly maxBlocks: number;
  readonly quarantine: number;
  /** Positions of each family's public addresses: the first and how many. */
  readonly ext4: number;
  readonly ext4Count: number;
  readonly ext6: number;
  readonly ext6Count: number;
  /** Blocks of each address that are given out by arithmetic. */
  readonly fixedBlocks: number;
  /** Number of this gateway among those that share the pool. */
  readonly owner: number;
}

export interface NatSubEntry {
  readonly gw: number;
  /** First of the blocks that are its own by arithmetic, of nat_block; 0: none. */
  readonly fixed: number;
  readonly fixedCount: number;
}

/** A service in a VPC, by protocol. */
export interface ServiceEntry {
  readonly service: number;
  readonly nh: number;
  readonly server: string;
  readonly port: number;
  /** Undefined while there is no way. */
  readonly source: string | undefined;
  /** Source ports: the first, and how many. */
  readonly first: number;
  readonly count: number;
  /** Connections of an endpoint. */
  readonly limit: number;
}

/** Tables by map name; keys are text: see each line. */
export interface Tables extends PolicyEntries {
  /** key: VNI. */
  readonly vpc: VpcEntry;
  /** key: ifindex. */
  readonly ep: EpEntry;
  /** key: "VNI/address". */
  readonly addr: AddrEntry;
  /** key: "VNI/prefix/length". */
  readonly route: RouteEntry;
  /** key: index. */
  readonly nh: NhEntry | PlainNhEntry;
  /** key: index. */
  readonly nh_group: { readonly nh: readonly number[] };
  /** key: address. */
  readonly vtep: { readonly nh: number };
  /** key: address. */
  readonly local: { readonly ifindex: number };
  /** key: ifindex. */
  readonly outside: OutsideEntry;
  /** key: VPC index. */
  readonly timeout: TimeoutEntry;
  /** key: account, see accountOf(). */
  readonly limit: LimitEntry;
  /** key: index. */
  readonly nat_ext: { readonly addr: string; readonly gw: number };
  /** key: position. */
  readonly nat_ext_of: { readonly ext: number };
  /** key: index. */
  readonly nat_gw: NatGwEntry;
  /** key: index. */
  readonly nat_sub: NatSubEntry;
  /** key: VNI. */
  readonly nat64: { readonly prefix: string };
  /** key: "VNI/peer's VNI/source or destination/prefix/length". */
  readonly nat_prefix: {
    /** The other prefix. */
    readonly to: string;
    /** Source of a Peering's pool: index of nat_sub. */
    readonly vni: number;
    readonly gw: number;
    /** Added to a word so that sums stay; undefined: they do not. */
    readonly adjust: number | undefined;
  };
  /** key: "VNI/address"; of an IPv6 address with an IPv4 one "VNI/address/4". */
  readonly nat_static: { readonly vni: number; readonly addr: string };
  /** key: "address/protocol/port/bits of the port". */
  readonly port_fwd: {
    readonly vni: number;
    readonly addr: string;
    /** First port of the whole range, outside and inside. */
    readonly from: number;
    readonly to: number;
  };
  /** key: "VNI/address/protocol/port". */
  readonly service: ServiceEntry;
  /** key: index. */
  readonly service_timeout: TimeoutEntry;
}
export type TableName = keyof Tables;
/** What is referred to before what refers to it. */
export const TABLE_NAMES = [
  'vpc',
  'timeout',
  'limit',
  'nh',
  'nh_group',
  'vtep',
  'local',
  ...POLICY_TABLES,
  'ep',
  'nat_ext',
  'nat_ext_of',
  'nat_gw',
  'nat_sub',
  'nat64',
  'nat_static',
  'nat_prefix',
  'port_fwd',
  'service_timeout',
  'service',
  'addr',
  'route',
  'outside',
] as const satisfies readonly TableName[];

export type Upsert = {
  [T in TableName]: { readonly table: T; readonly key: string; readonly value: Tables[T] };
}[TableName];
export interface Removal {
  readonly table: TableName;
  readonly key: string;
}

/** A device the interface manager should have. */
export interface DesiredDevice {
  readonly endpoint: string;
  readonly spec: {
    readonly kind: 'veth' | 'existing';
    readonly name: string;
    readonly netns: string | undefined;
    readonly peer: string;
    readonly mac: string;
    /** undefined: keep what the device has (existing) or the droplet's MTU less overhead (veth). */
    readonly mtu: number | undefined;
    /** With prefix length. */
    readonly addresses: readonly string[];
    readonly gateways: readonly string[];
    readonly hook: 'xdp' | 'tc';
  };
}

/** A droplet of this host that the transit program should run on. */
export interface DesiredDroplet {
  readonly droplet: string;
  readonly device: string;
  readonly addresses: readonly string[];
  readonly hook: 'xdp' | 'tc';
  readonly allowGeneric: boolean;
  readonly outside: boolean;
  /** Neighbour discovery for addresses that are not the host's comes to it. */
  readonly allMulticast: boolean;
}

/** Why an object has no effect; undefined removes the complaint. */
export interface Finding {
  readonly kind: Kind;
  readonly name: string;
  readonly problem:
    { readonly reason: string; readonly field: string; readonly message: string } | undefined;
}

/** Everything one flush changed. */
export interface Delta {
  readonly upserts: readonly Upsert[];
  readonly removals: readonly Removal[];
  /** VPC indexes whose generation must be raised after the writes. */
  readonly touchedVpcs: readonly number[];
  readonly devices: ReadonlyMap<string, DesiredDevice | undefined>;
  readonly droplets: ReadonlyMap<string, DesiredDroplet | undefined>;
  /** VTEPs whose way must be followed (true) or no longer (false). */
  readonly vteps: ReadonlyMap<string, boolean>;
  readonly findings: readonly Finding[];
  /** Index keys no longer used: space and key; free after the generation was raised. */
  readonly released: readonly { readonly space: keyof Indexes; readonly key: string }[];
}
