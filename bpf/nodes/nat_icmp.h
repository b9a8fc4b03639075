/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors about translated packets (RFC 5508 s4, RFC 4443): the packet they quote went the
 * other way, so the record of packets the error's way, with the quote turned round as its key,
 * says what to make of both. Nothing is refreshed or ended (RFC 5508 REQ-3, RFC 5382 REQ-10).
 * Edges: next: act; drop: REASON_NAT_UNRELATED, REASON_TRUNCATED, REASON_TTL_EXCEEDED.
 */
#ifndef TRANSIT_NODE_NAT_ICMP_H
#define TRANSIT_NODE_NAT_ICMP_H

#include <lib/translate.h>
#include "act_nat.h"

enum { NAT_ERROR_XLAT = 1 << 16 }; /* it becomes one of the other family: stage XLAT_ICMP */

/* Sum of changes of the quote, which the message's checksum covers. */
struct nat_quote {
	struct flow_key key; /* of packets the error's way */
	__u32 l4_off; /* of the quoted transport header */
	__u8 whole; /* its checksum is quoted, too */
	__u8 pad[3];
};

/* Reads the quoted packet: 0 or a negative reason. l4_off: of the ICMP header. */
static __always_inline int nat_quote_read(CTX *ctx, struct pkt *p, __u32 l4_off,
					  struct nat_quote *q)
{
	void *end = ctx_data_end(ctx), *l3, *l4;
	__be16 sport, dport;
	__u64 off, header;

	if (l4_off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	off = offset_bounded(l4_off) + sizeof(struct icmp_hdr);
	l3 = ctx_data(ctx) + off;
	q->key.family = p->key.family;
	if (p->key.family == 6) {
		struct ip6_hdr *ip = l3;

		if ((void *)(ip + 1) > end)
			return -REASON_NAT_UNRELATED;
		q->key.saddr = ip->daddr;
		q->key.daddr = ip->saddr;
		q->key.proto = ip->nexthdr;
		header = sizeof(*ip);
	} else {
		struct ip4_hdr *ip = l3;

		if ((void *)(ip + 1) > end)
			return -REASON_NAT_UNRELATED;
		addr_from_v4(&q->key.saddr, ip->daddr);
		addr_from_v4(&q->key.daddr, ip->saddr);
		q->key.proto = ip->proto;
		header = (ip->ver_ihl & 0xf) * 4; /* RFC 5508 REQ-3b: options */
		if (header < sizeof(*ip) || ip->frag & bpf_htons(IP4_OFFSET))
			return -REASON_NAT_UNRELATED;
	}
	off += header;
	q->l4_off = off;
	if (off > L4_OFF_MAX + 128)
		return -REASON_EXT_HEADERS;
	l4 = ctx_data(ctx) + offset_bounded(off);
	if (l4 + 8 > end)
		return -REASON_NAT_UNRELATED;
	if (translate_has_ports(q->key.proto) || q->key.proto == PROTO_SCTP) {
		sport = ((struct udp_hdr *)l4)->sport;
		dport = ((struct udp_hdr *)l4)->dport;
		q->key.sport = dport;
		q->key.dport = sport;
	} else if (translate_is_echo(q->key.proto)) {
		q->key.sport = ((struct icmp_hdr *)l4)->id;
		q->key.dport = q->key.sport;
	}
	return 0;
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

/* Writes the quote as the receiver sent it; sum: of what changed. */
static __always_inline int nat_quote_write(CTX *ctx, struct pkt *p, __u32 l4_off,
					   const struct nat_quote *q, const struct nat_rewrite *r,
					   __u64 *sum)
{
	__u64 off, inner;
	void *end = ctx_data_end(ctx), *l3, *l4;
	__u16 *csum = NULL;

	if (l4_off > L4_OFF_MAX || q->l4_off > L4_OFF_MAX + 128)
		return -REASON_EXT_HEADERS;
	off = offset_bounded(l4_off) + sizeof(struct icmp_hdr);
	inner = offset_bounded(q->l4_off);
	l3 = ctx_data(ctx) + off;
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
	l4 = ctx_data(ctx) + inner;
	if (l4 + 8 > end)
		return -REASON_TRUNCATED;
	if (translate_has_ports(q->key.proto)) {
		struct udp_hdr *udp = l4;

		nat_swap(&udp->sport, r->dport, sum);
		nat_swap(&udp->dport, r->sport, sum);
		if (q->key.proto == PROTO_TCP) { /* when so much of it is quoted */
			csum = &((struct tcp_hdr *)l4)->csum;
			if ((void *)(csum + 1) > end)
				csum = NULL;
		} else if (udp->csum) {
			csum = &udp->csum;
		}
	} else if (translate_is_echo(q->key.proto)) {
		struct icmp_hdr *icmp = l4;

		if (r->port_diff)
			nat_swap((__u16 *)&icmp->id, r->sport, sum);
		csum = &icmp->csum;
	}
	if (csum) {
		__u64 diff = r->port_diff;

		if (!(q->key.proto == PROTO_ICMP))
			diff += r->addr_diff;
		nat_swap(csum, (__u16)~csum_fold((__u64)(__u16) ~*csum + diff), sum);
	}
	return 0;
}

/* The error's own addresses and checksum. */
static __always_inline int nat_error_write(CTX *ctx, struct pkt *p, __u32 l4_off,
					   const struct nat_rewrite *r, const struct ip_addr *saddr,
					   __u64 sum)
{
	void *end = ctx_data_end(ctx);
	__u64 addr;
	struct icmp_hdr *icmp;

	if (p->key.family == 6) {
		struct ip6_hdr *ip = ctx_data(ctx) + ETH_LEN;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		addr = diff_addr(&p->key.saddr, saddr, 1) + diff_addr(&p->key.daddr, &r->daddr, 1);
		ip->saddr = *saddr;
		ip->daddr = r->daddr;
		sum += csum_fold(addr);
	} else {
		struct ip4_hdr *ip = ctx_data(ctx) + ETH_LEN;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		addr = diff_addr(&p->key.saddr, saddr, 0) + diff_addr(&p->key.daddr, &r->daddr, 0);
		ip->saddr = addr_to_v4(saddr);
		ip->daddr = addr_to_v4(&r->daddr);
		ip->csum = (__u16)~csum_fold((__u64)(__u16)~ip->csum + csum_fold(addr));
	}
	if (l4_off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	icmp = ctx_data(ctx) + offset_bounded(l4_off);
	if ((void *)(icmp + 1) > end)
		return -REASON_TRUNCATED;
	icmp->csum = (__u16)~csum_fold((__u64)(__u16)~icmp->csum + csum_fold(sum));
	return 0;
}

/* Takes the tunnel off, translates error and quote, sends them f's way. A verdict or a reason. */
static __always_inline int nat_error_send(CTX *ctx, struct counters_val *c, struct pkt *p,
					  struct nat_quote *q, const struct nat_rewrite *r,
					  const struct ip_addr *saddr, const struct flow_val *f)
{
	__u32 l4_off = p->l4_off;
	__u64 sum = 0;
	int err;

	if (p->tunnel) {
		err = act_untunnel(ctx, c, p);
		if (err < 0)
			return err;
		l4_off -= p->outer_len;
		q->l4_off -= p->outer_len;
	}
	err = nat_quote_write(ctx, p, l4_off, q, r, &sum);
	if (!err)
		err = nat_error_write(ctx, p, l4_off, r, saddr, sum);
	if (err)
		return err;
	return act_send(ctx, c, p, f, p->l3_len + ETH_LEN, err == 0);
}

/*
 * The record of packets the error's way, and its translation. q->key.scope: where the error
 * entered, as of records. 0 or a negative reason.
 */
static __always_inline int nat_error_find(CTX *ctx, struct pkt *p, struct nat_quote *q,
					  struct flow_val **record, const struct nat_rewrite **r)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct flow_val *f;
	struct nat_val *v;
	__u32 index;
	__u64 id;
	int err;

	if (!seed)
		return -REASON_INTERNAL;
	if (p->ttl <= 1)
		return -REASON_TTL_EXCEEDED;
	if (p->frag != FRAG_NONE)
		return -REASON_NAT_UNRELATED;
	err = nat_quote_read(ctx, p, p->l4_off, q);
	if (err)
		return err;
	id = flow_id(seed, &q->key);
	f = bpf_map_lookup_elem(&flow, &id);
	if (!f || !flow_key_equal(&f->key, &q->key))
		return -REASON_NAT_UNRELATED;
	index = f->node;
	v = bpf_map_lookup_elem(&nat, &index);
	if (!v || !(f->flags & FLOW_NAT))
		return -REASON_NAT_UNRELATED;
	*record = f;
	*r = f->flags & FLOW_REPLY ? &v->reply : &v->fwd;
	return 0;
}

/*
 * scope: where the error entered, as of records. inside: it leaves for the outside, so that
 * its source must not show an inside address. A verdict, NAT_ERROR_XLAT or a negative reason.
 */
static __always_inline int nat_error(CTX *ctx, struct counters_val *c, struct pkt *p, __u32 scope,
				     int inside)
{
	struct nat_quote q = {.key = {.scope = scope}};
	const struct nat_rewrite *r;
	struct ip_addr saddr;
	struct flow_val *f;
	int err;

	err = nat_error_find(ctx, p, &q, &f, &r);
	if (err)
		return err;
	if (f->flags & FLOW_XLAT)
		return NAT_ERROR_XLAT;
	if (p->seg_len > act_mtu(f))
		return -REASON_NAT_UNRELATED;
	/* a router on the inside must not be seen, one outside may (RFC 5508 REQ-4, REQ-5) */
	/* nor may any of the underlay, which a service stands in front of */
	saddr = inside || f->flags & FLOW_SERVICE || addr_equal(&p->key.saddr, &q.key.saddr)
			? r->saddr
			: p->key.saddr;
	return nat_error_send(ctx, c, p, &q, r, &saddr, f);
}

#endif
