/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers echo requests to a gateway address (RFC 792, RFC 4443 s4.2), in place, fragment
 * by fragment: the type is in the first one, the sum changes by a constant.
 * Edges: NODE_REPLY; drop: REASON_GATEWAY_SERVICE.
 */
#ifndef TRANSIT_NODE_ECHO_H
#define TRANSIT_NODE_ECHO_H

#include <lib/rewrite.h>

enum { ECHO_TTL = 64 };

static __noinline int node_echo(CTX *ctx, struct pkt *p, struct ep_val *e)
{
	int ipv6 = p->key.family == 6;
	struct eth_hdr *eth;
	void *end;
	__u32 l4_off = p->l4_off;

	if (p->l4_proto != (ipv6 ? PROTO_ICMPV6 : PROTO_ICMP))
		return -REASON_GATEWAY_SERVICE;
	if (p->frag != FRAG_LATER) {
		struct icmp_hdr *icmp;

		if (p->icmp_type != (ipv6 ? ICMP6_ECHO : ICMP4_ECHO) || p->icmp_code != 0)
			return -REASON_GATEWAY_SERVICE;
		if (l4_off > L4_OFF_MAX)
			return -REASON_EXT_HEADERS;
		icmp = ctx_data(ctx) + l4_off;
		if ((void *)(icmp + 1) > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		icmp->type = ipv6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY;
		icmp->csum =
			csum_replace(icmp->csum, bpf_htons((ipv6 ? ICMP6_ECHO : ICMP4_ECHO) << 8),
				     bpf_htons((ipv6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY) << 8));
		/*
		 * An update cannot tell the two zeros of ones' complement apart (RFC 1624 s3): over
		 * nothing but zeros only this one is right, over anything else it is as good.
		 */
		if (!icmp->csum)
			icmp->csum = 0xffff;
	}
	eth = ctx_data(ctx);
	end = ctx_data_end(ctx);
	if (ipv6) {
		struct ip6_hdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		ip->saddr = p->key.daddr;
		ip->daddr = p->key.saddr;
		ip->hop_limit = ECHO_TTL;
	} else {
		struct ip4_hdr *ip = (void *)(eth + 1);
		__u16 *word = (__u16 *)&ip->ttl, from;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		ip->saddr = addr_to_v4(&p->key.daddr);
		ip->daddr = addr_to_v4(&p->key.saddr);
		from = *word;
		ip->ttl = ECHO_TTL;
		ip->csum = csum_replace(ip->csum, from, *word);
	}
	eth->dst = e->mac;
	eth->src = e->gw_mac;
	return 0;
}

#endif
