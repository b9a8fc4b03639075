// SPDX-License-Identifier: Apache-2.0
/** Numbers of registries that the model reads packets with. */

/** https://www.iana.org/assignments/ieee-802-numbers */
export const ETHERTYPE = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  qinq: 0x88a8,
  ipv6: 0x86dd,
} as const;

/** https://www.iana.org/assignments/protocol-numbers */
export const PROTOCOL = {
  hopByHop: 0,
  icmp: 1,
  tcp: 6,
  udp: 17,
  routing: 43,
  fragment: 44,
  authentication: 51,
  icmp6: 58,
  destinationOptions: 60,
  sctp: 132,
  mobility: 135,
} as const;

/** https://www.iana.org/assignments/icmp-parameters */
export const ICMP4 = {
  echoReply: 0,
  unreachable: 3,
  sourceQuench: 4,
  redirect: 5,
  echo: 8,
  timeExceeded: 11,
  parameterProblem: 12,
} as const;

/** https://www.iana.org/assignments/icmpv6-parameters */
export const ICMP6 = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  echo: 128,
  echoReply: 129,
  routerSolicitation: 133,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  redirect: 137,
} as const;

/** RFC 7348 s5. */
export const VXLAN_PORT = 4789;
/** Ethernet header, bytes. */
export const ETHERNET = 14;
/** Outer Ethernet, IP, UDP and VXLAN headers, bytes. */
export const TUNNEL = { 4: 50, 6: 70 } as const;
/** RFC 3168 s5: the two low bits of the traffic class. */
export const ECN = { none: 0, ect1: 1, ect0: 2, ce: 3 } as const;

export type Family = 4 | 6;
