/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Turns the packet into an ICMP or ICMPv6 error about itself (RFC 792, 1191, 1812 s4.3,
 * 4443 s3), sent from the VPC's gateway to the inner sender. Its own stage, off the hit path.
 * Never about: an ICMP error, a later fragment, group addresses (RFC 1122 s3.2.2, RFC 4443
 * s2.4e); limited per VPC by a token bucket (RFC 4443 s2.4f).
 * Edges: NODE_REPLY (to an endpoint), NODE_ENCAP (back through the tunnel). The packet was
 * counted as dropped before; when no error can be made, it just ends.
 */
#ifndef TRANSIT_NODE_ICMP_ERROR_H
#define TRANSIT_NODE_ICMP_ERROR_H

#include <lib/csum.h>
#include <lib/parse.h>
#include <lib/token.h>

enum {
	/* quote: what fits into 576 bytes, RFC 1812 s4.3.2.3; into 1280, RFC 4443 s3 */
	QUOTE4_MAX = 576 - 20 - 8,
	QUOTE6_MAX = 1280 - 40 - 8,
	ERROR_TTL = 64,
};

static __always_inline int icmp_is_error(const struct pkt *p)
{
	/* what a later fragment is of nobody knows */
	if (p->frag == FRAG_LATER)
		return 0;
	if (p->key.family == 6)
		return p->l4_proto == PROTO_ICMPV6 &&
		       (p->icmp_type < 128 || p->icmp_type == ICMP6_REDIRECT);
	return p->l4_proto == PROTO_ICMP &&
	       (p->icmp_type == ICMP4_UNREACHABLE || p->icmp_type == 4 || p->icmp_type == 5 ||
		p->icmp_type == ICMP4_TIME_EXCEEDED || p->icmp_type == ICMP4_PARAM_PROBLEM);
}

/* 1 when one more error may be sent for the VPC. */
static __always_inline int icmp_allowed(__u32 vpc_index, __u32 rate, __u32 burst)
{
	struct icmp_limit_val *l = bpf_map_lookup_elem(&icmp_limit, &vpc_index);

	return l && token_take(l, rate, burst);
}

/*
 * Source of errors: the gateway of the endpoint's own subnet, else any of the VPC's, as for a
 * routed prefix of a family that the subnet does not have.
 */
static __always_inline void icmp_error_source(struct pkt *p, const struct ep_val *e,
					      const struct vpc_val *v)
{
	const __u64 *gw = (const __u64 *)&p->gw;

	p->gw_mac = v->gw_mac;
	p->vpc = v->vpc;
	p->icmp_rate = v->icmp_rate;
	p->icmp_burst = v->icmp_burst;
	if (e) {
		p->gw = p->key.family == 6 ? e->gw6 : e->gw4;
		if (gw[0] || gw[1])
			return;
	}
	p->gw = p->key.family == 6 ? v->gw6 : v->gw4;
}

/* p->gw is set: an error needs a source. */
static __always_inline int icmp_error_due(const struct pkt *p)
{
	const __u8 *s = p->key.saddr.b;
	const __u64 *gw = (const __u64 *)&p->gw;

	if (!gw[0] && !gw[1])
		return 0;
	/* an error goes to the MAC it came from, and no station has a group's */
	if (p->frag == FRAG_LATER || icmp_is_error(p) || mac_is_group(&p->dmac) ||
	    mac_is_group(&p->smac))
		return 0;
	if (p->key.family == 6)
		return s[0] != 0xff;
	return s[12] < 224;
}

/* Which error tells the sender about a reason; 0 when it is a silent drop. */
static __always_inline int error_for(struct pkt *p, __u32 reason, __u32 mtu)
{
	int ipv6 = p->key.family == 6;

	p->error_mtu = 0;
	switch (reason) {
	case REASON_TTL_EXCEEDED:
		p->error_type = ipv6 ? ICMP6_TIME_EXCEEDED : ICMP4_TIME_EXCEEDED;
		p->error_code = 0;
		return 1;
	case REASON_TOO_BIG:
		p->error_type = ipv6 ? ICMP6_PACKET_TOO_BIG : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? 0 : ICMP4_FRAG_NEEDED;
		p->error_mtu = mtu;
		return 1;
	case REASON_NO_ROUTE:
		p->error_type = ipv6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? ICMP6_NO_ROUTE : ICMP4_NET_UNREACHABLE;
		return 1;
	case REASON_NO_NAT:
	case REASON_NAT_QUOTA:
	case REASON_NAT_EXHAUSTED:
	case REASON_NAT_TABLE_FULL: /* RFC 5508 REQ-8 */
	case REASON_FLOW_TABLE_FULL:
	case REASON_CONN_QUOTA:
	case REASON_HALF_OPEN_QUOTA:
	case REASON_CONN_RATE:
	case REASON_SERVICE_QUOTA:
	case REASON_SERVICE_EXHAUSTED:
	case REASON_NAT64_ADDRESS:
	case REASON_UDP_CHECKSUM:
		p->error_type = ipv6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? ICMP6_ADMIN_PROHIBITED : ICMP4_ADMIN_PROHIBITED;
		return 1;
	case REASON_NAT_PROTOCOL: /* RFC 7915 s4.2, s4.4, s5.2, s5.4: ICMP and IGMP silently */
		p->error_type = ipv6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? ICMP6_ADMIN_PROHIBITED : ICMP4_ADMIN_PROHIBITED;
		return p->l4_proto != PROTO_ICMP && p->l4_proto != PROTO_ICMPV6 &&
		       p->l4_proto != PROTO_IGMP;
	case REASON_SOURCE_ROUTE: /* RFC 7915 s4.1, s5.1 */
		p->error_type = ipv6 ? ICMP6_PARAM_PROBLEM : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? 0 : ICMP4_SOURCE_ROUTE_FAILED;
		p->error_mtu = ipv6 ? mtu : 0; /* where: the field is in the MTU's place */
		return 1;
	case REASON_SERVICE_PORT:
		p->error_type = ipv6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? ICMP6_PORT_UNREACHABLE : ICMP4_PORT_UNREACHABLE;
		return 1;
	case REASON_NAT_PREFIX: /* RFC 6296 s3.7; RFC 4443 s3.4: `mtu` is where the address is */
		p->error_type = ICMP6_PARAM_PROBLEM;
		p->error_code = 0;
		p->error_mtu = mtu;
		return ipv6;
	case REASON_NOT_EXPOSED:
		p->error_type = ipv6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? ICMP6_ADMIN_PROHIBITED : ICMP4_ADMIN_PROHIBITED;
		return 1;
	case REASON_HOST_UNREACHABLE:
		p->error_type = ipv6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
		p->error_code = ipv6 ? ICMP6_ADDR_UNREACHABLE : ICMP4_HOST_UNREACHABLE;
		return 1;
	}
	return 0;
}

/* Sum of the words of the packet from l3 to its end, at most max bytes. */
static __always_inline __u64 quote_sum(CTX *ctx, __u32 off, __u32 len, __u32 max)
{
	void *end = ctx_data_end(ctx);
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < max; i += 2) {
		__u16 *w;

		if (i + 2 > len)
			break;
		w = ctx_data(ctx) + off + i;
		if ((void *)(w + 1) > end)
			return sum;
		sum += *w;
	}
	if ((len & 1) && i < max) {
		__u8 *b = ctx_data(ctx) + off + i;

		if ((void *)(b + 1) <= end)
			sum += bpf_htons((__u16)*b << 8);
	}
	return sum;
}

#ifdef CTX_TC
/*
 * A frame that still waits for its transport checksum (CHECKSUM_PARTIAL) keeps waiting: the
 * kernel, or nobody, will fill in the quoted checksum after us. The field then holds the
 * pseudo-header's sum, and filling it in makes the sum of the quoted segment its complement:
 * returns that, or -1 when the frame is complete.
 */
static __always_inline int quote_partial(CTX *ctx, struct pkt *p, __u32 l3_off)
{
	__u32 l4 = p->l4_off, len;
	__u16 *field, pseudo;
	__u64 sum;

	if (p->frag != FRAG_NONE || l4 > L4_OFF_MAX || l4 < l3_off)
		return -1;
	if (p->l4_proto == PROTO_TCP)
		field = ctx_data(ctx) + l4 + __builtin_offsetof(struct tcp_hdr, csum);
	else if (p->l4_proto == PROTO_UDP)
		field = ctx_data(ctx) + l4 + __builtin_offsetof(struct udp_hdr, csum);
	else
		return -1;
	if ((void *)(field + 1) > ctx_data_end(ctx))
		return -1;
	len = p->l3_len - (l4 - l3_off);
	sum = csum_addr(&p->key.saddr, p->key.family == 6) +
	      csum_addr(&p->key.daddr, p->key.family == 6);
	sum += bpf_htons(p->l4_proto);
	sum += bpf_htonl(len);
	pseudo = csum_fold(sum);
	/* some senders of GSO frames leave the length to whoever segments them */
	if (*field != pseudo &&
	    (p->seg_len == p->l3_len || *field != csum_fold(sum - bpf_htonl(len))))
		return -1;
	return (__u16) ~*field;
}
#endif

/* 0: the frame, now without tunnel headers, is the error. Else a negative reason. */
static __always_inline int icmp_error_build(CTX *ctx, struct pkt *p)
{
	int ipv6 = p->key.family == 6, partial = -1;
	__u32 quote = p->l3_len, max = ipv6 ? QUOTE6_MAX : QUOTE4_MAX;
	__u32 header =
		(ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct ip4_hdr)) + sizeof(struct icmp_hdr);
	struct icmp_hdr *icmp;
	struct eth_hdr *eth;
	__u64 sum;

	if (quote > max)
		quote = max;
	/* even when there is nothing to cut: all that is quoted must be readable to be summed */
	if (ctx_trim(ctx, quote + ETH_LEN))
		return -REASON_REWRITE;
#ifdef CTX_XDP
	if (unlikely(ctx_readable(ctx) < quote + ETH_LEN)) {
		/* before 6.18: a shorter quote, with all headers that were read */
		quote = ctx_readable(ctx) - ETH_LEN;
		if (quote > max || ctx_trim(ctx, quote + ETH_LEN))
			return -REASON_REWRITE;
	}
#endif
#ifdef CTX_TC
	partial = quote_partial(ctx, p, ETH_LEN);
#endif
	sum = quote_sum(ctx, ETH_LEN, partial < 0 ? quote : p->l4_off - ETH_LEN,
			ipv6 ? QUOTE6_MAX : QUOTE4_MAX);
	if (partial >= 0)
		sum += (__u16)partial;
	if (ipv6 ? ctx_push_l3(ctx, 48) : ctx_push_l3(ctx, 28))
		return -REASON_REWRITE;
	eth = ctx_data(ctx);
	if ((void *)eth + ETH_LEN + 48 > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	eth->dst = p->smac;
	eth->src = p->gw_mac;
	eth->type = ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
	if (ipv6) {
		struct ip6_hdr *ip = (void *)(eth + 1);

		ip->ver_tc_flow = bpf_htonl(6u << 28);
		ip->len = bpf_htons(sizeof(struct icmp_hdr) + quote);
		ip->nexthdr = PROTO_ICMPV6;
		ip->hop_limit = ERROR_TTL;
		ip->saddr = p->gw;
		ip->daddr = p->key.saddr;
		icmp = (void *)(ip + 1);
		sum += csum_addr(&p->gw, 1) + csum_addr(&p->key.saddr, 1);
		sum += bpf_htons(sizeof(struct icmp_hdr) + quote) + bpf_htons(PROTO_ICMPV6);
		icmp->rest = bpf_htonl(p->error_mtu);
	} else {
		struct ip4_hdr *ip = (void *)(eth + 1);

		ip->ver_ihl = 0x45;
		ip->tos = 0xc0; /* internetwork control, RFC 1812 s4.3.2.5 */
		ip->len = bpf_htons(header + quote);
		ip->id = 0;
		ip->frag = bpf_htons(IP4_DF);
		ip->ttl = ERROR_TTL;
		ip->proto = PROTO_ICMP;
		ip->csum = 0;
		ip->saddr = addr_to_v4(&p->gw);
		ip->daddr = addr_to_v4(&p->key.saddr);
		ip->csum = csum_ip4(ip);
		icmp = (void *)(ip + 1);
		icmp->unused = 0;
		icmp->mtu = bpf_htons(p->error_mtu);
	}
	icmp->type = p->error_type;
	icmp->code = p->error_code;
	sum += bpf_htons((__u16)p->error_type << 8 | p->error_code) + (icmp->rest & 0xffff) +
	       (icmp->rest >> 16);
	icmp->csum = (__u16)~csum_fold(sum);
	p->l3_len = header + quote;
	p->tos = ipv6 ? 0 : 0xc0;
	return 0;
}

#endif
