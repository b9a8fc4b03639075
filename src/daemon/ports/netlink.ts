/**
 * What the daemon needs of the kernel's network configuration. One instance serves one network
 * namespace. The real adapter is daemon/kernel/netlink. Addresses are text (RFC 5952); the
 * adapter turns them into bytes.
 */

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** 'veth', 'tun', 'bridge', …; '' for hardware. */
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** Takes every multicast frame (IFF_ALLMULTI), as somebody asked for. */
  readonly allMulticast: boolean;
  /** Operational state is up or unknown. */
  readonly running: boolean;
  /** veth: ifindex of the other end, in its namespace. */
  readonly peerIfindex: number | undefined;
  /** veth: whether the other end is in another namespace. */
  readonly peerElsewhere: boolean;
  /** ifalias: how we mark what we made. */
  readonly alias: string | undefined;
}

/** The kernel's answer to "how do I reach this address". */
export interface RouteLookup {
  readonly ifindex: number;
  /** Next hop; the destination itself when on link. */
  readonly gateway: string;
  readonly source: string | undefined;
  readonly mtu: number | undefined;
}

/** One way of a route; without a gateway the prefix is on the device's link. */
export interface KernelRouteHop {
  readonly ifindex: number;
  readonly gateway: string | undefined;
}

/** A unicast route of the main table. */
export interface KernelRoute {
  /** ADDRESS/LENGTH */
  readonly prefix: string;
  readonly length: number;
  /** The lower one of two for the same prefix is used. */
  readonly metric: number;
  /** Several: the kernel spreads flows over them. Those that are down are left out. */
  readonly hops: readonly KernelRouteHop[];
  /** Of the route, when it has its own. */
  readonly mtu: number | undefined;
}

/** What may be changed of a device that is not ours. */
export interface LinkSettings {
  readonly up?: boolean;
  readonly mtu?: number;
  readonly alias?: string;
  readonly allMulticast?: boolean;
}

export interface Neighbour {
  readonly ifindex: number;
  readonly address: string;
  readonly mac: string | undefined;
  /** The kernel may send to it: REACHABLE, STALE, DELAY, PROBE, PERMANENT, NOARP. */
  readonly valid: boolean;
}

export type NetlinkEvent =
  | { readonly type: 'link'; readonly link: Link }
  | { readonly type: 'link-gone'; readonly ifindex: number; readonly name: string }
  | { readonly type: 'neighbour'; readonly neighbour: Neighbour }
  | { readonly type: 'neighbour-gone'; readonly ifindex: number; readonly address: string }
  | { readonly type: 'address' }
  | { readonly type: 'route' }
  /** Messages were lost (ENOBUFS): everything must be read again. */
  | { readonly type: 'overrun' };

export interface VethSpec {
  /** Host-side name. */
  readonly name: string;
  /** Name of the workload's end, inside netns. */
  readonly peerName: string;
  /** Named namespace (/run/netns/NAME) or absolute path; undefined keeps the peer here. */
  readonly netns: string | undefined;
  readonly peerMac: string;
  readonly mtu: number;
  /** Addresses of the workload's end, with prefix length ("10.0.0.5/24"). */
  readonly addresses: readonly string[];
  /** Default gateways, at most one a family; routes are added in the namespace. */
  readonly gateways: readonly string[];
  readonly alias: string;
  /** Offloads of the workload's end: GRO is needed to receive from XDP, TX checksum must be off under XDP. */
  readonly peerGro: boolean;
  readonly peerTxChecksum: boolean;
}

/** A VXLAN device that takes and sends nothing; what counts is the UDP port it listens on. */
export interface VxlanListenerSpec {
  readonly name: string;
  readonly port: number;
  readonly alias: string;
}

export interface Netlink {
  links(): Promise<Link[]>;
  linkByName(name: string): Promise<Link | undefined>;
  /** Creates or completes the pair; both ends are up afterwards. Idempotent. */
  ensureVeth(spec: VethSpec): Promise<Link>;
  /**
   * Makes or completes it; it is up afterwards. Idempotent. @returns somebody else's VXLAN device
   * when that listens on the port already.
   */
  ensureVxlanListener(spec: VxlanListenerSpec): Promise<Link>;
  deleteLink(ifindex: number): Promise<void>;
  setLink(ifindex: number, change: LinkSettings): Promise<void>;
  /** Switches an offload of a device in this namespace: 'gro', 'tx-checksum', 'tso'. @returns what it was. */
  setOffload(
    ifindex: number,
    feature: 'gro' | 'tx-checksum' | 'tso',
    on: boolean,
  ): Promise<boolean>;
  addresses(): Promise<{ ifindex: number; address: string; prefixLength: number }[]>;
  lookupRoute(destination: string): Promise<RouteLookup | undefined>;
  /** Routes of the main table that go over a device: at most `limit`, the shortest prefixes. */
  routesOver(
    ifindex: number,
    limit: number,
  ): Promise<{ readonly routes: readonly KernelRoute[]; readonly total: number }>;
  neighbours(): Promise<Neighbour[]>;
  /** Has the kernel resolve an address and keep it resolved (NTF_EXT_MANAGED, else a probe). */
  manageNeighbour(ifindex: number, address: string): Promise<void>;
  unmanageNeighbour(ifindex: number, address: string): Promise<void>;
  /** Has the kernel resolve an address once, as if it had a packet for it. */
  resolveNeighbour(ifindex: number, address: string): Promise<void>;
  /** Starts following changes. */
  monitor(onEvent: (event: NetlinkEvent) => void): Promise<void>;
  close(): Promise<void>;
}
