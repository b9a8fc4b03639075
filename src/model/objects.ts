// SPDX-License-Identifier: Apache-2.0
/**
 * The kinds, as the daemon holds them. Text fields are canonical (addresses by RFC 5952, MACs in
 * lower case) once an object has passed src/api; defaults are filled in at use (see defaults.ts),
 * so that what an operator wrote is what `get` shows.
 */
import type {
  EndpointPort,
  NetworkSetSpec,
  PolicySpec,
  ProfileSpec,
  TierSpec,
} from './policy-objects.js';

export interface Metadata {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Raised by each change of spec. */
  readonly generation: number;
  /** Store revision of the last change. */
  readonly resourceVersion: number;
  /** RFC 3339. */
  readonly createdAt: string;
}

export interface VpcSpec {
  readonly vni: number;
  readonly gatewayMac?: string;
  readonly underlay?: 'auto' | 'ipv4' | 'ipv6';
  /** ICMP errors per second and burst. */
  readonly icmp?: { readonly rate?: number; readonly burst?: number };
  /** Host on which the VPC meets the outside. */
  readonly outside?: { readonly host: string };
  readonly timeouts?: ConnectionTimeouts;
  /** Of each endpoint that has none of its own. */
  readonly limits?: ConnectionLimits;
}

/** Quotas of an endpoint, on each host that keeps track of its connections; 0: no limit. */
export interface ConnectionLimits {
  /** Connections it has opened, and as many that others have opened to it. */
  readonly connections?: number;
  /** TCP connections among them that were not answered yet. */
  readonly halfOpen?: number;
  /** Connections it opens per second. */
  readonly newPerSecond?: number;
  /** Connections it opens at once after a pause. */
  readonly burst?: number;
}

/** Idle seconds until a translated connection goes. */
export interface ConnectionTimeouts {
  readonly tcpEstablished?: number;
  /** Opening, closing or reset. */
  readonly tcpTransitory?: number;
  readonly udp?: number;
  readonly icmp?: number;
  readonly other?: number;
}

export interface SubnetFamily {
  readonly prefix: string;
  readonly gateway?: string;
}

export interface SubnetSpec {
  readonly vpc: string;
  readonly ipv4?: SubnetFamily;
  readonly ipv6?: SubnetFamily;
}

export interface DropletSpec {
  readonly host: string;
  readonly device: string;
  readonly addresses: readonly string[];
  readonly hook?: 'auto' | 'xdp' | 'tc';
  readonly allowGeneric?: boolean;
  readonly dscp?: 'copy' | number;
  readonly ttl?: number;
  /** The interface leads to the outside. */
  readonly outside?: boolean;
  readonly services?: DropletServices;
}

/** What workloads' packets to servers of VirtualServices look like in the underlay. */
export interface DropletServices {
  /** Their sources, at most one of each family. Default: the droplet's own. */
  readonly addresses?: readonly string[];
  /** Their source ports, a range. */
  readonly ports?: string;
}

export type DeviceSpec =
  | {
      readonly kind: 'veth';
      readonly name?: string;
      readonly netns: string;
      readonly peer?: string;
    }
  | { readonly kind: 'existing'; readonly name: string };

export interface EndpointSpec {
  readonly host: string;
  readonly vpc: string;
  readonly subnet: string;
  readonly addresses: readonly string[];
  readonly mac?: string;
  readonly device?: DeviceSpec;
  readonly hook?: 'auto' | 'xdp' | 'tc';
  readonly mtu?: number;
  /** Each field that is here wins over the Vpc's. */
  readonly limits?: ConnectionLimits;
  /** Names of Profiles, in the order in which their rules and labels count. They need not exist. */
  readonly profiles?: readonly string[];
  readonly ports?: readonly EndpointPort[];
}

export interface RouteNexthop {
  readonly vtep: string;
  /** Inner destination MAC (the remote router's, RMAC); default: the VPC's gateway MAC. */
  readonly mac?: string;
}

export interface RouteSpec {
  readonly vpc: string;
  readonly prefix: string;
  readonly nexthops?: readonly RouteNexthop[];
  readonly endpoint?: string;
  readonly blackhole?: boolean;
}

/** Whom a NatGateway serves of one VPC: all endpoints, or those listed and those of the subnets. */
export interface NatSource {
  readonly vpc: string;
  readonly subnets?: readonly string[];
  readonly endpoints?: readonly string[];
}

/** Ports by arithmetic (RFC 7422). */
export interface Deterministic {
  /** Blocks of each inside address. */
  readonly blocks?: number;
  /** Blocks of each public address that are left to whoever needs more. */
  readonly overflow?: number;
}

/** An inside IPv6 prefix and the one of the same length that stands for it outside (RFC 6296). */
export interface NatPrefix {
  /** Of the sources. Default: the only one. */
  readonly vpc?: string;
  readonly inside: string;
  readonly outside: string;
}

/** It has addresses, prefixes, or both. */
export interface NatGatewaySpec {
  readonly sources: readonly NatSource[];
  /** Addresses, ranges "a-b" and prefixes; expandPool() lists them. */
  readonly addresses?: readonly string[];
  readonly prefixes?: readonly NatPrefix[];
  /** Destinations that are reached without translation. */
  readonly exempt?: readonly string[];
  /** IPv4 is reached by IPv6 under this prefix (RFC 6146, RFC 6052). */
  readonly nat64?: { readonly prefix: string };
  /** Who may send to a mapping (RFC 4787 REQ-8). */
  readonly filtering?: 'endpoint' | 'address' | 'address-port';
  readonly algs?: readonly ('ftp' | 'tftp')[];
  /** Ports of a block. */
  readonly blockSize?: number;
  /** Blocks an endpoint may hold of one family's pool. */
  readonly blocksPerEndpoint?: number;
  /** Seconds until a port goes to another endpoint (RFC 6888 REQ-8). */
  readonly quarantine?: number;
  readonly deterministic?: Deterministic;
}

export interface PublicIpSpec {
  readonly address: string;
  readonly endpoint: string;
  /** Default: the endpoint's first address of the family. IPv6 behind IPv4 is an entry of NAT64. */
  readonly endpointAddress?: string;
}

export interface PortForwardSpec {
  readonly address: string;
  readonly protocol: 'tcp' | 'udp' | 'both';
  /** "8080" or "8000-8099". */
  readonly port: string;
  readonly endpoint: string;
  /** Default: the endpoint's first address of the family. */
  readonly endpointAddress?: string;
  /** As many ports as `port` has. Default: the same. */
  readonly endpointPort?: string;
}

/** Idle seconds until a connection to a service goes. */
export type ServiceTimeouts = Pick<ConnectionTimeouts, 'tcpEstablished' | 'tcpTransitory' | 'udp'>;

export interface VirtualServiceSpec {
  /** VPCs that see the service; this or allVpcs. */
  readonly vpcs?: readonly string[];
  readonly allVpcs?: boolean;
  /** Where they see it. */
  readonly address: string;
  readonly protocol: 'tcp' | 'udp' | 'both';
  readonly port: number;
  /** What it is in the underlay. */
  readonly server: {
    readonly address: string;
    /** Default: the service's. */
    readonly port?: number;
  };
  /** Connections that an endpoint may have, of each protocol. */
  readonly connectionsPerEndpoint?: number;
  readonly timeouts?: ServiceTimeouts;
}

/** What a Peering's pool may differ in from the defaults. */
export interface PeeringPool {
  /** Who of the peer may send to a mapping. */
  readonly filtering?: NonNullable<NatGatewaySpec['filtering']>;
  readonly blocksPerEndpoint?: number;
  /** Seconds. */
  readonly quarantine?: number;
}

/** A prefix of a VPC, and as what its peer sees it. */
export interface ExposedPrefix {
  readonly prefix: string;
  /** As long as `prefix`, but of `nat` masquerade: addresses that endpoints share. Default: the same. */
  readonly as?: string;
  /** Default: static, address by address. */
  readonly nat?: 'static' | 'masquerade';
  /** Of `nat` masquerade. */
  readonly pool?: PeeringPool;
}

export interface PeeringSide {
  readonly vpc: string;
  readonly expose: readonly ExposedPrefix[];
}

export interface PeeringSpec {
  /** Two. */
  readonly sides: readonly PeeringSide[];
  /** Where connections from behind pools are kept. */
  readonly host?: string;
}

export interface SpecByKind {
  Vpc: VpcSpec;
  Subnet: SubnetSpec;
  Droplet: DropletSpec;
  Endpoint: EndpointSpec;
  Route: RouteSpec;
  NatGateway: NatGatewaySpec;
  PublicIp: PublicIpSpec;
  PortForward: PortForwardSpec;
  VirtualService: VirtualServiceSpec;
  Peering: PeeringSpec;
  Profile: ProfileSpec;
  Tier: TierSpec;
  Policy: PolicySpec;
  NetworkSet: NetworkSetSpec;
}

export type Kind = keyof SpecByKind;
export const KINDS = [
  'Vpc',
  'Subnet',
  'Droplet',
  'Endpoint',
  'Route',
  'NatGateway',
  'PublicIp',
  'PortForward',
  'VirtualService',
  'Peering',
  'Profile',
  'Tier',
  'Policy',
  'NetworkSet',
] as const satisfies readonly Kind[];

export interface TypedObject<K extends Kind> {
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: SpecByKind[K];
}

/** What the store keeps: desired state only; status is observed and lives in memory. */
export type StoredObject = { [K in Kind]: TypedObject<K> }[Kind];

/** A write to be judged; a store's writes and changes have this shape. */
export interface ProposedChange {
  readonly kind: Kind;
  readonly name: string;
  /** undefined deletes. */
  readonly object: StoredObject | undefined;
}

export interface Condition {
  /**
   * 'Accepted' (valid and referenced objects exist), 'Programmed' (in the data path), 'Merging'
   * (a Droplet on tc: the kernel merges TCP inside the tunnel), 'WithinLimits' (an Endpoint or
   * NatGateway: nothing was refused in the last minute), 'RulesReachable' (a Policy or Profile: each
   * rule may decide something).
   */
  readonly type: 'Accepted' | 'Programmed' | 'Merging' | 'WithinLimits' | 'RulesReachable';
  readonly status: 'True' | 'False' | 'Unknown';
  /** One CamelCase word. */
  readonly reason: string;
  readonly message: string;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
}

export interface Status {
  readonly observedGeneration?: number;
  readonly conditions: readonly Condition[];
  /** Kind-specific facts: device name, ifindex, hook, MTU, MAC. */
  readonly facts?: Readonly<Record<string, string | number | boolean>>;
}
