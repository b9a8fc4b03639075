/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The packet that an ICMP error quotes: read as the key of packets the error's way, and written as
 * its sender sent it.
 * Edges: none; drop: REASON_NAT_UNRELATED, REASON_TRUNCATED.
 */
#ifndef TRANSIT_NODE_NAT_QUOTE_H
#define TRANSIT_NODE_NAT_QUOTE_H

#include <lib/translate.h>

enum { QUOTE_OFF_MAX = 2 * L4_OFF_MAX - 1 };

struct nat_quote {
	struct flow_key key; /* of packets the error's way */
	__u32 l4_off; /* of the quoted transport header */
	__u32 room; /* bytes of it that are quoted */
	__u32 echo; /* an echo's identifier, not a type and code */
};

/* Ports of the quoted transport header, turned round. Nobody knows of a connection without. */
static __always_inline int nat_quote_ports(void *l4, void *end, struct nat_quote *q)
{
	struct udp_hdr *udp = l4;
	struct icmp_hdr *icmp = l4;

	if (!translate_has_ports(q->key.proto) && !translate_is_icmp(q->key.proto) &&
	    q->key.proto != PROTO_SCTP)
		return 0;
	if (q->room < 8 || l4 + 8 > end)
		return -REASON_NAT_UNRELATED;
	if (!translate_is_icmp(q->key.proto)) {
		q->key.sport = udp->dport;
		q->key.dport = udp->sport;
		return 0;
	}
	q->echo = q->key.family == 6 ? icmp->type == ICMP6_ECHO || icmp->type == ICMP6_ECHO_REPLY
				     : icmp->type == ICMP4_ECHO || icmp->type == ICMP4_ECHO_REPLY;
	if (q->echo) {
		q->key.sport = icmp->id;
		q->key.dport = icmp->id;
	} else {
		q->key.sport = icmp_what(icmp);
		q->key.dport = icmp_beside(q->key.sport);
	}
	return 0;
}

/* Behind the quoted IPv6 header: where the transport header is, or a negative reason. */
static __always_inline int nat_quote_chain(CTX *ctx, struct pkt *p, struct nat_quote *q, __u32 off,
					   __u8 next)
{
	__u8 proto = p->key.proto, frag;
	int r;

	r = parse_ip6_chain(ctx, p, off, next);
	q->key.proto = p->key.proto;
	frag = p->frag;
	/* as they were: of the error itself */
	p->key.proto = p->l4_proto = proto;
	p->frag = FRAG_NONE;
	return r < 0 || frag == FRAG_LATER ? -REASON_NAT_UNRELATED : r;
}

/* 0 or a negative reason. l4_off: of the ICMP header. The error is in one piece. */
static __noinline int nat_quote_read(CTX *ctx, struct pkt *p, struct nat_quote *q)
{
	__u32 l4_off = p->l4_off, packet_end = p->l3_off + p->l3_len, header;
	void *end = ctx_data_end(ctx), *l3;
	__u64 off;
	int r;

	if (l4_off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	off = offset_bounded(l4_off) + sizeof(struct icmp_hdr);
	l3 = ctx_data(ctx) + off;
	q->key.family = p->key.family;
	if (p->key.family == 6) {
		struct ip6_hdr *ip = l3;

		if ((void *)(ip + 1) > end || *(__u8 *)l3 >> 4 != 6)
			return -REASON_NAT_UNRELATED;
		q->key.saddr = ip->daddr;
		q->key.daddr = ip->saddr;
		r = nat_quote_chain(ctx, p, q, off + sizeof(*ip), ip->nexthdr);
		if (r < 0)
			return r;
		off = (__u32)r;
	} else {
		struct ip4_hdr *ip = l3;

		if ((void *)(ip + 1) > end || ip->ver_ihl >> 4 != 4)
			return -REASON_NAT_UNRELATED;
		addr_from_v4(&q->key.saddr, ip->daddr);
		addr_from_v4(&q->key.daddr, ip->saddr);
		q->key.proto = ip->proto;
		header = (ip->ver_ihl & 0xf) * 4; /* RFC 5508 REQ-3b: options */
		if (header < sizeof(*ip) || ip->frag & bpf_htons(IP4_OFFSET))
			return -REASON_NAT_UNRELATED;
		off += header;
	}
	/* padding of a short frame is no quote */
	if (off > QUOTE_OFF_MAX || off > packet_end)
		return -REASON_NAT_UNRELATED;
	q->l4_off = off;
	q->room = packet_end - off;
	return nat_quote_ports(ctx_data(ctx) + offset_bounded(off), ctx_data_end(ctx), q);
}

static __always_inline void nat_swap(__u16 *word, __u16 to, __u64 *sum)
{
	*sum += (__u16) ~*word;
	*sum += to;
	*word = to;
}

static __always_inline void nat_swap_addr(struct ip_addr *word, const struct ip_addr *to,
					  __u64 *sum)
{
	*sum += diff_addr(word, to, 1);
	*word = *to;
}

/* Ports and checksum of the quoted transport header, as far as they are quoted. */
static __always_inline int nat_quote_write_l4(CTX *ctx, const struct nat_quote *q,
					      const struct nat_rewrite *r, __u32 off, __u64 *sum)
{
	void *l4 = ctx_data(ctx) + offset_bounded(off), *end = ctx_data_end(ctx);
	__u64 diff = r->port_diff;
	struct udp_hdr *udp = l4;
	struct icmp_hdr *icmp = l4;
	__u16 *csum;

	if (!translate_has_ports(q->key.proto) && !translate_is_icmp(q->key.proto))
		return 0;
	if (l4 + 8 > end)
		return -REASON_TRUNCATED;
	if (translate_is_icmp(q->key.proto)) {
		if (q->echo)
			nat_swap((__u16 *)&icmp->id, r->sport, sum);
		csum = &icmp->csum;
	} else {
		nat_swap(&udp->sport, r->dport, sum);
		nat_swap(&udp->dport, r->sport, sum);
		csum = &udp->csum;
		if (q->key.proto == PROTO_TCP)
			csum = &((struct tcp_hdr *)l4)->csum;
	}
	if ((void *)(csum + 1) > end ||
	    (q->key.proto == PROTO_TCP && q->room < 18 /* ends behind it */))
		return 0;
	if (q->key.proto == PROTO_UDP && !*csum)
		return 0; /* RFC 768: there is none */
	if (q->key.proto != PROTO_ICMP) /* no pseudo-header */
		diff += r->addr_diff;
	diff = (__u16)~csum_fold((__u64)(__u16) ~*csum + diff);
	nat_swap(csum, q->key.proto == PROTO_UDP && !diff ? 0xffff : diff, sum);
	return 0;
}

/*
 * l4_off, quote_off: of the ICMP header and of the quoted transport header, now. sum: of what
 * changed, which the error's checksum covers. 0 or a negative reason.
 */
static __always_inline int nat_quote_write(CTX *ctx, struct pkt *p, __u32 l4_off, __u32 quote_off,
					   const struct nat_quote *q, const struct nat_rewrite *r,
					   __u64 *sum)
{
	void *end = ctx_data_end(ctx), *l3;

	if (l4_off > L4_OFF_MAX || quote_off > QUOTE_OFF_MAX)
		return -REASON_EXT_HEADERS;
	l3 = ctx_data(ctx) + offset_bounded(l4_off) + sizeof(struct icmp_hdr);
	if (p->key.family == 6) {
		struct ip6_hdr *ip = l3;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		nat_swap_addr(&ip->saddr, &r->daddr, sum);
		nat_swap_addr(&ip->daddr, &r->saddr, sum);
	} else {
		struct ip4_hdr *ip = l3;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		/* the header's own checksum takes up what the addresses change */
		ip->saddr = addr_to_v4(&r->daddr);
		ip->daddr = addr_to_v4(&r->saddr);
		ip->csum = (__u16)~csum_fold((__u64)(__u16)~ip->csum + r->addr_diff);
	}
	return nat_quote_write_l4(ctx, q, r, quote_off, sum);
}

#endif
