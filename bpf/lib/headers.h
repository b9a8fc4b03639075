/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Protocol headers as they are on the wire: all multi-byte fields in network order. */
#ifndef TRANSIT_HEADERS_H
#define TRANSIT_HEADERS_H

#include <linux/types.h>
#include <transit/types.h>

struct eth_hdr {
	struct mac_addr dst;
	struct mac_addr src;
	__be16 type;
};

struct vlan_hdr {
	__be16 tci;
	__be16 type;
};

struct arp_hdr { /* RFC 826, Ethernet and IPv4 */
	__be16 htype;
	__be16 ptype;
	__u8 hlen;
	__u8 plen;
	__be16 op;
	struct mac_addr sha;
	__u8 spa[4];
	struct mac_addr tha;
	__u8 tpa[4];
};

struct ip4_hdr { /* RFC 791 s3.1 */
	__u8 ver_ihl;
	__u8 tos;
	__be16 len;
	__be16 id;
	__be16 frag;
	__u8 ttl;
	__u8 proto;
	__u16 csum;
	__be32 saddr;
	__be32 daddr;
};

enum {
	IP4_DF = 0x4000,
	IP4_MF = 0x2000,
	IP4_OFFSET = 0x1fff, /* in units of 8 bytes */
};

struct ip6_hdr { /* RFC 8200 s3 */
	__be32 ver_tc_flow;
	__be16 len;
	__u8 nexthdr;
	__u8 hop_limit;
	struct ip_addr saddr;
	struct ip_addr daddr;
};

struct ip6_ext { /* common start of extension headers, RFC 8200 s4 */
	__u8 nexthdr;
	__u8 len; /* units of 8 bytes without the first; AH: of 4 bytes, less 2 */
};

struct ip6_frag {
	__u8 nexthdr;
	__u8 reserved;
	__be16 offset; /* units of 8 bytes << 3, more-fragments bit */
	__be32 id;
};

struct udp_hdr {
	__be16 sport;
	__be16 dport;
	__be16 len;
	__u16 csum;
};

struct tcp_hdr {
	__be16 sport;
	__be16 dport;
	__be32 seq;
	__be32 ack;
	__u8 doff; /* high four bits, units of 4 bytes */
	__u8 flags;
	__be16 window;
	__u16 csum;
	__be16 urgent;
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

struct icmp_hdr {
	__u8 type;
	__u8 code;
	__u16 csum;
	union {
		struct {
			__be16 id;
			__be16 seq;
		};
		__be32 rest; /* ICMPv6 packet too big: MTU */
		struct {
			__be16 unused;
			__be16 mtu; /* RFC 1191 s4 */
		};
	};
};

struct vxlan_hdr { /* RFC 7348 s5 */
	__u8 flags;
	__u8 reserved[3];
	__be32 vni; /* << 8 */
};

enum {
	ETH_LEN = sizeof(struct eth_hdr),
	ETH_MIN_FRAME = 60, /* shorter frames are padded by senders */
	TUNNEL4_LEN = ETH_LEN + sizeof(struct ip4_hdr) + sizeof(struct udp_hdr) +
		      sizeof(struct vxlan_hdr), /* 50 */
	TUNNEL6_LEN = TUNNEL4_LEN + 20, /* 70 */
};

#endif
