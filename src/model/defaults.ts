// SPDX-License-Identifier: Apache-2.0
/** What an omitted field means. The same on every host, so that hosts agree without talking. */
import { hash } from 'node:crypto';
import { addressAt, formatAddress, parsePrefix } from '../base/net.js';
import type {
  ConnectionLimits,
  ConnectionTimeouts,
  EndpointSpec,
  NatGatewaySpec,
  SubnetFamily,
  VpcSpec,
} from './objects.js';

/** VXLAN overhead on the underlay's L3 MTU, bytes: IP + UDP 8 + VXLAN 8 + inner Ethernet 14. */
export const VXLAN_OVERHEAD = { 4: 50, 6: 70 } as const;

export const DEFAULT_TTL = 64;
export const DEFAULT_ICMP_RATE = 100;
export const DEFAULT_ICMP_BURST = 50;

/** Idle seconds of translated connections; floors: see TIMEOUT_FLOORS. */
export const DEFAULT_TIMEOUTS = {
  tcpEstablished: 7440,
  tcpTransitory: 240,
  udp: 300,
  icmp: 60,
  other: 60,
} as const satisfies Required<ConnectionTimeouts>;

/** What the RFCs allow at least, and where they say so. */
export const TIMEOUT_FLOORS = {
  tcpEstablished: { seconds: 7440, rfc: 'RFC 5382 REQ-5' },
  tcpTransitory: { seconds: 240, rfc: 'RFC 5382 REQ-5' },
  udp: { seconds: 120, rfc: 'RFC 4787 REQ-5' },
  icmp: { seconds: 60, rfc: 'RFC 5508 REQ-2' },
  // No RFC has one for protocols without ports: they are asked and answered as ICMP queries are.
  other: { seconds: 60, rfc: 'as for ICMP, RFC 5508 REQ-2' },
} as const satisfies Record<keyof ConnectionTimeouts, { seconds: number; rfc: string }>;

/** Of hosts that say nothing else (setting datapath.limits). */
export const DEFAULT_LIMITS = {
  connections: 16_384,
  halfOpen: 4096,
  newPerSecond: 0,
  burst: 0,
} as const satisfies Required<ConnectionLimits>;

/** What holds for an endpoint: its own limits, else the VPC's, else the host's. */
export function limitsOf(
  endpoint: ConnectionLimits | undefined,
  vpc: ConnectionLimits | undefined,
  host: Required<ConnectionLimits>,
): Required<ConnectionLimits> {
  const { connections, halfOpen, newPerSecond, burst } = { ...host, ...vpc, ...endpoint };
  // A bucket that is filled once a second holds a second's worth, at least.
  return { connections, halfOpen, newPerSecond, burst: Math.max(burst, newPerSecond) };
}

export const NAT_DEFAULTS = {
  filtering: 'endpoint',
  blockSize: 512,
  blocksPerEndpoint: 4,
  quarantine: 120,
} as const satisfies Partial<NatGatewaySpec>;

/** Of a Peering's pool: connections are opened from one side only. */
export const PEERING_POOL_DEFAULTS = {
  ...NAT_DEFAULTS,
  filtering: 'address-port',
} as const satisfies Partial<NatGatewaySpec>;

export const SERVICE_DEFAULTS = {
  connectionsPerEndpoint: 1024,
  timeouts: { tcpEstablished: 7440, tcpTransitory: 120, udp: 30 },
  /** Source ports at an address of their own, and at the droplet's: below the kernel's own range. */
  ports: { aside: '1024-65535', own: '16384-32767' },
} as const;

/** Fewer source ports are of no use to a service. */
export const MIN_SERVICE_PORTS = 64;

/** Locally administered, the VNI in the low bytes: unique per VPC and the same everywhere. */
export function gatewayMac(spec: VpcSpec): string {
  if (spec.gatewayMac !== undefined) return spec.gatewayMac;
  const hex = spec.vni.toString(16).padStart(6, '0');
  return `02:54:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

/** Gateway of a subnet's family: the first address behind the network's own. */
export function gatewayAddress(family: SubnetFamily): string {
  return family.gateway ?? formatAddress(addressAt(parsePrefix(family.prefix), 1n));
}

/** Locally administered, from VPC and name. */
export function endpointMac(name: string, spec: EndpointSpec): string {
  if (spec.mac !== undefined) return spec.mac;
  const digest = hash('sha256', `${spec.vpc}/${name}`, 'hex');
  const byte = (i: number): string => digest.slice(2 * i, 2 * i + 2);
  return `0a:${byte(0)}:${byte(1)}:${byte(2)}:${byte(3)}:${byte(4)}`;
}

/** Host-side device of an endpoint whose veth name was left to us; at most 15 characters. */
export function vethName(name: string): string {
  return `te${hash('sha256', name, 'hex').slice(0, 10)}`;
}
