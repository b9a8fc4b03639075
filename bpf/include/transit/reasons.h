/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Why a packet was dropped or punted. The single source: C takes the enum, the
 * daemon takes names from BTF and the texts from this file (metrics, docs, CLI,
 * captures). Append only: a number is never reused; a retired one keeps its slot
 * as REASON_UNUSED_n.
 *
 * REASON(NAME, number, "what an operator should understand")
 */
#ifndef TRANSIT_REASONS_H
#define TRANSIT_REASONS_H

#define REASONS(REASON)                                                                            \
	REASON(UNSPEC, 0, "no reason given: a defect, please report it")                           \
	REASON(TRUNCATED, 1, "the frame ends inside a header")                                     \
	REASON(BAD_LENGTH, 2, "a length field disagrees with the frame or with another header")    \
	REASON(BAD_HEADER, 3, "a header field has a value its protocol does not allow")            \
	REASON(BAD_CHECKSUM, 4,                                                                    \
	       "the outer IPv4 header's or a neighbour solicitation's checksum is wrong")          \
	REASON(ETHERTYPE, 5, "not IPv4, IPv6 or ARP")                                              \
	REASON(VLAN, 6, "an 802.1Q tag where none is expected")                                    \
	REASON(EXT_HEADERS, 7, "more IPv6 extension headers than are followed")                    \
	REASON(FRAG_UNKNOWN, 8, "a fragment whose first fragment was not seen")                    \
	REASON(FRAG_TABLE_FULL, 9, "no room to remember a first fragment")                         \
	REASON(FRAG_TINY, 10, "a first fragment too short to hold the transport header")           \
	REASON(MULTICAST, 11, "multicast or broadcast that no responder answers")                  \
	REASON(SPOOFED_MAC, 12, "source MAC is not the endpoint's")                                \
	REASON(SPOOFED_IP, 13, "source address is not the endpoint's")                             \
	REASON(UNKNOWN_ENDPOINT, 14, "the device is not bound to an endpoint")                     \
	REASON(UNKNOWN_VPC, 15, "the VNI belongs to no VPC of this host")                          \
	REASON(UNKNOWN_VTEP, 16, "tunnel packet from an address that is not a known VTEP")         \
	REASON(UNKNOWN_MAC, 17, "destination MAC is neither the gateway's nor the destination's")  \
	REASON(BAD_TUNNEL, 18,                                                                     \
	       "VXLAN header invalid (RFC 7348 s5), or the outer packet a fragment")               \
	REASON(ECN, 19,                                                                            \
	       "congestion marked on a packet whose sender does not speak ECN (RFC 6040)")         \
	REASON(NO_ROUTE, 20, "no route to the destination in the VPC")                             \
	REASON(BLACKHOLE, 21, "the route says so")                                                 \
	REASON(HOST_UNREACHABLE, 22, "the address is in a subnet, but no endpoint has it")         \
	REASON(TTL_EXCEEDED, 23, "TTL or hop limit used up")                                       \
	REASON(TOO_BIG, 24, "larger than the path's MTU")                                          \
	REASON(NO_NEXTHOP, 25, "the VTEP's next hop in the underlay is not resolved")              \
	REASON(FLOW_TABLE_FULL, 26, "no room for a new flow record")                               \
	REASON(ARP_UNKNOWN, 27, "ARP for an address the VPC does not know, or not a request")      \
	REASON(ND_UNKNOWN, 28,                                                                     \
	       "neighbour discovery for an unknown address, or not a solicitation")                \
	REASON(GATEWAY_SERVICE, 29, "addressed to the gateway, which only answers echo")           \
	REASON(LINK_LOCAL, 30, "link-local address where a routable one is needed")                \
	REASON(NOT_HERE, 31, "tunnel packet for a destination that is not on this host")           \
	REASON(REWRITE, 32, "the kernel refused to resize the packet")                             \
	REASON(INTERNAL, 33, "program state is missing: stage not loaded or map incomplete")       \
	REASON(MARTIAN, 34, "loopback, unspecified or otherwise impossible address")               \
	REASON(OWN_ADDRESS, 35, "a probe for the endpoint's own address: silence is the answer")   \
	REASON(GENERATION_RACE, 36, "the configuration changed twice during one walk")             \
	REASON(HEADERS_APART, 37,                                                                  \
	       "the driver left headers where XDP cannot read them (kernels before 6.18)")         \
	REASON(NO_MAPPING, 38, "to a public address, but nothing has that port there")             \
	REASON(FILTERED, 39, "the mapping does not accept packets from this sender (RFC 4787 s5)") \
	REASON(NO_NAT, 40, "the endpoint has neither a NatGateway nor a PublicIp")                 \
	REASON(NAT_QUOTA, 41, "all port blocks the endpoint may hold are full")                    \
	REASON(NAT_EXHAUSTED, 42, "the public address has no free port block")                     \
	REASON(NAT_TABLE_FULL, 43, "no room for a new mapping")                                    \
	REASON(NAT_UNRELATED, 44, "an ICMP error that quotes no translated connection")            \
	REASON(NAT_PROTOCOL, 45, "this kind of packet cannot be translated")                       \
	REASON(UDP_CHECKSUM, 46,                                                                   \
	       "UDP without a checksum, in fragments or too long to be summed, cannot be IPv6")    \
	REASON(SOURCE_ROUTE, 47, "a source route or routing header that is not used up")           \
	REASON(CONN_QUOTA, 48, "the endpoint has as many connections as it may have")              \
	REASON(HALF_OPEN_QUOTA, 49, "too many of the endpoint's TCP connections are half-open")    \
	REASON(CONN_RATE, 50, "the endpoint opens connections faster than it may")                 \
	REASON(ALG, 51, "of FTP or TFTP with an ALG, which the daemon does not take now")          \
	REASON(SERVICE_PORT, 52, "to a service's address, but no service has that port there")     \
	REASON(SERVICE_QUOTA, 53, "the endpoint has as many connections to the service as it may") \
	REASON(SERVICE_EXHAUSTED, 54, "the service has no free source port on this host")          \
	REASON(NAT_PREFIX, 55,                                                                     \
	       "an address that has no counterpart in the other prefix (RFC 6296)")                \
	REASON(NOT_EXPOSED, 56, "the sender's address is not exposed to the peer VPC")             \
	REASON(NAT64_ADDRESS, 57,                                                                  \
	       "to an IPv4 address that may not be under the NAT64 prefix (RFC 6052 s3.1)")        \
	REASON(FRAG_UNHELD, 58,                                                                    \
	       "a fragment before its first one, and no daemon runs that could hold it")           \
	REASON(FRAG_RATE, 59,                                                                      \
	       "a fragment before its first one, beyond the rate of its source or of all")         \
	REASON(POLICY, 60, "a policy denies the connection")

#define REASON_ENUM(name, number, text) REASON_##name = number,
enum reason {
	REASONS(REASON_ENUM) REASON_LAST = 60,
	REASON_SLOTS = 64, /* size of counter arrays: room to append without a new layout */
};
#undef REASON_ENUM

#endif
