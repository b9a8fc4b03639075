/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is known of the packet at hand. Lives on the stack of an entry program and is
 * carried to stages in the per-CPU `scratch` map.
 */
#ifndef TRANSIT_PKT_H
#define TRANSIT_PKT_H

#include <ctx/ctx.h>
#include "headers.h"

enum pkt_frag {
	FRAG_NONE = 0,
	FRAG_FIRST = 1,
	FRAG_LATER = 2,
};

struct pkt {
	struct flow_key key; /* of the (inner) packet */
	struct mac_addr dmac; /* of the (inner) frame */
	struct mac_addr smac;
	__u32 frag_id; /* as on the wire */
	__u32 frame_len; /* of the whole frame when it came, without a tag that was taken off */
	__u32 l3_len; /* IP header and payload, bytes */
	__u32 seg_len; /* the same for the largest segment of a GSO frame */
	__u32 l3_off; /* from the start of the frame */
	__u32 l4_off;
	__u32 ifindex; /* where it entered */
	/* set to zero at once by pkt_init() */
	struct {
		__u32 vni;
		__u32 ep; /* endpoint index of the sender, for its counters; 0 unknown */
		__u8 l4_proto; /* as key.proto, but also for fragments before their ports are known
				*/
		__u8 tcp_flags;
		__u8 icmp_type;
		__u8 icmp_code;
		__u8 tunnel; /* came through the tunnel: outer headers are still on */
		__u8 outer_tos;
		__u8 outer_len; /* bytes of the outer headers: 50 or 70 */
		__u8 reason; /* carried to the walk when the parser failed */
	} __attribute__((aligned(8)));
	__u16 ethertype; /* host order */
	__u8 ttl;
	__u8 tos;
	__u8 frag; /* enum pkt_frag */
	__u8 frag_proto; /* next header of the fragment header */
	__u8 dont_fragment; /* IPv4 DF, or IPv6 */
	__u8 node; /* the last node, for events */
	__u8 error_type; /* stage icmp_error: what to send */
	__u8 error_code;
	__u16 error_mtu;
	__u32 in_nh; /* nh of the VTEP it came from */
	struct ip_addr outer_src; /* known to the walk only */
	struct ip_addr outer_dst;
	struct ip_addr gw; /* stage icmp_error: our address */
	struct mac_addr gw_mac;
	__u16 pad;
	__u32 vpc;
	__u32 generation; /* of the VPC, read before any of its tables */
	__u32 icmp_rate;
	__u32 icmp_burst;
};

_Static_assert(sizeof(struct pkt) <= 256, "struct pkt must stay small: it is copied");

#endif
