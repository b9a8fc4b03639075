// SPDX-License-Identifier: Apache-2.0
/** Why packets are dropped, by the names that operators see. */
export const REASONS = [
  'TRUNCATED',
  'BAD_LENGTH',
  'BAD_HEADER',
  'BAD_CHECKSUM',
  'ETHERTYPE',
  'VLAN',
  'EXT_HEADERS',
  'FRAG_UNKNOWN',
  'FRAG_UNHELD',
  'FRAG_TABLE_FULL',
  'FRAG_TINY',
  'MULTICAST',
  'SPOOFED_MAC',
  'SPOOFED_IP',
  'UNKNOWN_ENDPOINT',
  'UNKNOWN_VPC',
  'UNKNOWN_VTEP',
  'UNKNOWN_MAC',
  'BAD_TUNNEL',
  'ECN',
  'NO_ROUTE',
  'BLACKHOLE',
  'HOST_UNREACHABLE',
  'TTL_EXCEEDED',
  'TOO_BIG',
  'NO_NEXTHOP',
  'FLOW_TABLE_FULL',
  'POLICY',
  'ARP_UNKNOWN',
  'ND_UNKNOWN',
  'GATEWAY_SERVICE',
  'LINK_LOCAL',
  'NOT_HERE',
  'MARTIAN',
  'OWN_ADDRESS',
  'NO_MAPPING',
  'FILTERED',
  'NO_NAT',
  'NAT_QUOTA',
  'NAT_EXHAUSTED',
  'NAT_TABLE_FULL',
  'NAT_UNRELATED',
  'NAT_PROTOCOL',
  'CONN_QUOTA',
  'HALF_OPEN_QUOTA',
  'CONN_RATE',
] as const;
export type Reason = (typeof REASONS)[number];

/** A packet's way ends here. */
export class Dropped extends Error {
  constructor(readonly reason: Reason) {
    // where it was thrown nobody asks, and to find it out takes longer than most of a packet's way
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
