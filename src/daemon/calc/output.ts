// SPDX-License-Identifier: Apache-2.0
/**
 * What the calculation takes and gives. Everything is plain data with text for addresses and
 * MACs, so that a desired entry can be read, compared and logged; the driver encodes it.
 */
import type { Kind, StoredObject } from '../../model/index.js';

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
  readonly device: { readonly ifindex: number; readonly mtu: number } | undefined;
}

/** Small integers the data path uses. The same key gets the same index while it is held; 0 is never given. */
export interface Indexes {
  /** key: the VNI in decimal. */
  vpc(key: string): number;
  /** key: "VNI/first address". */
  endpoint(key: string): number;
  /** key: VTEP address. */
  nexthop(key: string): number;
  /** key: sorted next hop indexes joined by ",". */
  group(key: string): number;
}

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
    }
  | { readonly kind: 'remote'; readonly mac: string; readonly nh: number }
  | { readonly kind: 'gateway'; readonly mac: string }
  | { readonly kind: 'broadcast' };

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
    }
  | { readonly kind: 'remote'; readonly mac: string; readonly nh: number; readonly group: boolean };

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

/** Tables by map name; keys are text: see each line. */
export interface Tables {
  /** key: VNI. */
  readonly vpc: VpcEntry;
  /** key: ifindex. */
  readonly ep: EpEntry;
  /** key: "VNI/address". */
  readonly addr: AddrEntry;
  /** key: "VNI/prefix/length". */
  readonly route: RouteEntry;
  /** key: index. */
  readonly nh: NhEntry;
  /** key: index. */
  readonly nh_group: { readonly nh: readonly number[] };
  /** key: address. */
  readonly vtep: { readonly nh: number };
  /** key: address. */
  readonly local: { readonly ifindex: number };
}
export type TableName = keyof Tables;
export const TABLE_NAMES = [
  'vpc',
  'nh',
  'nh_group',
  'vtep',
  'local',
  'ep',
  'addr',
  'route',
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
