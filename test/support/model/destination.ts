// SPDX-License-Identifier: Apache-2.0
/** What a configuration says of addresses, endpoints and VTEPs, once it is understood. */
import type { Prefix } from './address.js';
import type { Address, Mac } from './bytes.js';
import type { Family } from './numbers.js';

/** What the kernel knows of devices and ways. */
export interface Surroundings {
  /** Endpoint name → its device, when it is there. */
  readonly devices: ReadonlyMap<string, Device>;
  /** VTEP address as text → way to it, when its neighbour is resolved. */
  readonly ways: ReadonlyMap<string, Way>;
}

export interface Device {
  readonly ifindex: number;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
  readonly vethPeer: boolean;
}

export interface Way {
  readonly ifindex: number;
  readonly smac: string;
  readonly dmac: string;
  readonly source: string;
  readonly mtu: number;
}

export interface Endpoint extends Device {
  readonly vni: number;
  readonly mac: Mac;
  /** What the endpoint's counters belong to: they survive as long as this does. */
  readonly identity: string;
  /** Of its subnet, by family. */
  readonly gateways: Readonly<Record<Family, Address | undefined>>;
}

export type Destination =
  | { readonly kind: 'local'; readonly exact: boolean; readonly endpoint: Endpoint }
  | {
      readonly kind: 'remote';
      readonly exact: boolean;
      readonly mac: Mac;
      /** In the order of addresses; several share the flows (ECMP). */
      readonly vteps: readonly Address[];
    }
  | { readonly kind: 'gateway'; readonly exact: true; readonly mac: Mac }
  /** Of an IPv4 subnet: nobody answers for it. */
  | { readonly kind: 'broadcast'; readonly exact: true }
  | { readonly kind: 'subnet' | 'blackhole' | 'none'; readonly exact: false };

export interface Nexthop {
  readonly ifindex: number;
  readonly smac: Mac;
  readonly dmac: Mac;
  readonly source: Address;
  /** Largest inner IP packet, bytes. */
  readonly mtu: number;
  readonly ttl: number;
  readonly dscp: 'copy' | number;
}

export interface Vpc {
  readonly vni: number;
  readonly mac: Mac;
  readonly rate: number;
  readonly burst: number;
  /** Source of errors when no endpoint tells a better one: of the first subnet by name. */
  readonly gateways: Readonly<Record<Family, Address | undefined>>;
  readonly addresses: Map<Address, Destination>;
  readonly prefixes: { readonly prefix: Prefix; readonly to: Destination }[];
}
