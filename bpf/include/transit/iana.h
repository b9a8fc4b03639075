/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Numbers assigned by registries, each with where it is written. Nothing else.
 * Host byte order unless a name says otherwise.
 */
#ifndef TRANSIT_IANA_H
#define TRANSIT_IANA_H

/* https://www.iana.org/assignments/ieee-802-numbers */
enum {
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100, /* IEEE 802.1Q C-tag */
	ETHERTYPE_QINQ = 0x88a8, /* IEEE 802.1ad S-tag */
	ETHERTYPE_IPV6 = 0x86dd,
};

/* https://www.iana.org/assignments/protocol-numbers */
enum {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_NONE = 59,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
	PROTO_MOBILITY = 135,
};

/* https://www.iana.org/assignments/icmp-parameters */
enum {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_NET_UNREACHABLE = 0,
	ICMP4_HOST_UNREACHABLE = 1,
	ICMP4_PORT_UNREACHABLE = 3,
	ICMP4_FRAG_NEEDED = 4,
	ICMP4_SOURCE_ROUTE_FAILED = 5,
	ICMP4_ADMIN_PROHIBITED = 13,
	ICMP4_ECHO = 8,
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAM_PROBLEM = 12,
};

/* https://www.iana.org/assignments/icmpv6-parameters */
enum {
	ICMP6_UNREACHABLE = 1,
	ICMP6_NO_ROUTE = 0,
	ICMP6_ADMIN_PROHIBITED = 1,
	ICMP6_ADDR_UNREACHABLE = 3,
	ICMP6_PORT_UNREACHABLE = 4,
	ICMP6_PACKET_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM_PROBLEM = 4,
	ICMP6_ECHO = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ROUTER_SOLICIT = 133,
	ICMP6_ROUTER_ADVERT = 134,
	ICMP6_NEIGHBOUR_SOLICIT = 135,
	ICMP6_NEIGHBOUR_ADVERT = 136,
	ICMP6_REDIRECT = 137,
};

/* RFC 4861 s4.6: neighbour discovery options */
enum {
	ND_OPT_SOURCE_LLADDR = 1,
	ND_OPT_TARGET_LLADDR = 2,
};

/* RFC 3168 s5: the ECN field */
enum {
	ECN_NOT_ECT = 0,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
	ECN_CE = 3,
	ECN_MASK = 3,
};

enum {
	PORT_FTP = 21, /* RFC 959 s8, of control connections */
	PORT_TFTP = 69, /* RFC 1350 s4 */
	VXLAN_PORT = 4789, /* RFC 7348 s5 */
	VXLAN_FLAG_VNI = 0x08, /* the I flag, RFC 7348 s5 */
};

#endif
