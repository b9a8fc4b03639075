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
  /** undefined: nothing leads outside. */
  readonly outside?: OutsideSurroundings;
}

/** The link behind droplets that lead outside, as the kernel sees it. */
export interface OutsideSurroundings {
  /** Droplet name → its device. */
  readonly droplets: ReadonlyMap<string, OutsideDevice>;
  /** The kernel's own routes over such devices. */
  readonly routes: readonly OutsideRoute[];
  /** Address as text → who has it, as far as that is resolved. */
  readonly neighbours: ReadonlyMap<string, Neighbour>;
}

export interface OutsideDevice {
  readonly ifindex: number;
  readonly mac: string;
  /** Largest IP packet, bytes. */
  readonly mtu: number;
}

export interface OutsideRoute {
  readonly prefix: string;
  /** Of the route, else of the device. */
  readonly mtu: number;
  /** The router; undefined: on the link itself. */
  readonly via: string | undefined;
  readonly ifindex: number;
}

export interface Neighbour {
  readonly ifindex: number;
  readonly mac: string;
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
  readonly name: string;
  readonly vni: number;
  readonly mac: Mac;
  /** What the endpoint's counters belong to: they survive as long as this does. */
  readonly identity: string;
  /** Of its subnet, by family. */
  readonly gateways: Readonly<Record<Family, Address | undefined>>;
}

export type Destination =
  | {
      readonly kind: 'local';
      readonly exact: boolean;
      readonly endpoint: Endpoint;
      /** Who is charged for translation. */
      readonly owner: string;
    }
  | {
      readonly kind: 'remote';
      readonly exact: boolean;
      /** As above; undefined: a router, not an endpoint. */
      readonly owner: string | undefined;
      readonly mac: Mac;
      /** In the order of addresses; several share the flows (ECMP). */
      readonly vteps: readonly Address[];
    }
  | { readonly kind: 'gateway'; readonly exact: true; readonly mac: Mac }
  /** Of an IPv4 subnet: nobody answers for it. */
  | { readonly kind: 'broadcast'; readonly exact: true }
  /** Out of all VPCs, on this host. Exempt: as it is, not translated. */
  | { readonly kind: 'outside'; readonly exact: false; readonly exempt: boolean }
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
