/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Changes a packet's family (RFC 7915): the network header is written anew, and with it everything
 * that its fields say; of the transport only ports and checksum change. A stage of its own, so
 * that translation within a family pays nothing for it. docs/design/nat64.md.
 * Edges: next: act; NODE_WALK when the record or the way no longer holds; drop: those of
 * lib/xlat.h, REASON_REWRITE.
 */
#ifndef TRANSIT_NODE_XLAT_H
#define TRANSIT_NODE_XLAT_H

#include <lib/xlat.h>
#include "act_nat.h"

enum {
	XLAT_WALK = 1 << 16, /* no verdict has this value: CTX_PASS may be negative */
	XLAT_SUM_STEP = 64,
};

/* Whole words, whose sum needs no reading back of what was just written in pieces. */
static __always_inline void xlat_write4(struct ip4_hdr *ip, const struct pkt *p,
					const struct xlat *x, const struct nat_rewrite *r,
					__u32 l4_len, __u32 seg_len)
{
	__u32 id = 0, frag = 0, offset = bpf_ntohs(x->offset);
	__be32 *w = (__be32 *)ip, first, second, saddr, daddr;
	__be16 ttl_proto;

	if (x->has_id) {
		id = bpf_ntohl(x->id);
		frag = offset >> 3 | (offset & 1 ? IP4_MF : 0);
	} else if (seg_len > XLAT_DF_ABOVE) {
		frag = IP4_DF;
	} else {
		id = bpf_get_prandom_u32();
	}
	first = bpf_htonl(0x45u << 24 | (__u32)p->tos << 16 | (__u16)(l4_len + IP4_LEN));
	second = bpf_htonl(id << 16 | frag);
	ttl_proto = bpf_htons((__u16)(p->ttl << 8 | proto_in_family(p->key.proto, 4)));
	saddr = addr_to_v4(&r->saddr);
	daddr = addr_to_v4(&r->daddr);
	w[0] = first;
	w[1] = second;
	*(__be16 *)&ip->ttl = ttl_proto;
	ip->csum = (__u16)~csum_fold((__u64)first + second + ttl_proto + saddr + daddr);
	ip->saddr = saddr;
	ip->daddr = daddr;
}

/* Returns what the header sums up to. */
static __always_inline __u64 xlat_write6(struct ip6_hdr *ip, const struct pkt *p,
					 const struct nat_rewrite *r, __u32 len, __u8 next)
{
	/* flow label 0, RFC 7915 s4.1 */
	__be32 *w = (__be32 *)ip, first = bpf_htonl(6u << 28 | (__u32)p->tos << 20),
	       second = bpf_htonl(len << 16 | (__u32)next << 8 | p->ttl);

	w[0] = first;
	w[1] = second;
	ip->saddr = r->saddr;
	ip->daddr = r->daddr;
	return (__u64)first + second + csum_addr(&r->saddr, 1) + csum_addr(&r->daddr, 1);
}

static __always_inline __u64 xlat_sum(const void *from, __u32 words)
{
	const __u32 *w = from;
	__u64 sum = 0;
	__u32 i;

	/* what was written in other sizes must be read again */
	asm volatile("" : : : "memory");
#pragma clang loop unroll(full)
	for (i = 0; i < words; i++)
		sum += w[i];
	return sum;
}

/*
 * Resizes the frame, which starts with its Ethernet header, and writes the network header. What
 * the kernel has summed on tc follows. l4_len: behind the network headers. 0 or a negative reason.
 */
static __always_inline int xlat_l3(CTX *ctx, const struct pkt *p, const struct xlat *x,
				   const struct nat_rewrite *r, __u32 l4_len, __u32 seg_len)
{
	__u32 headers = xlat_headers(p);
	__u8 proto = p->key.proto;
	__u64 before, after;
	void *l3;

	if (headers > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	if (r->family == 4) {
		if (ctx_family(ctx, 0, headers - IP4_LEN))
			return -REASON_REWRITE;
		l3 = ctx_data(ctx) + ETH_LEN;
		if (l3 + IP4_LEN > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		before = xlat_sum(l3, IP4_LEN / 4);
		xlat_write4(l3, p, x, r, l4_len, seg_len);
		after = 0xffff; /* as every right header */
	} else if (p->frag == FRAG_NONE) {
		if (ctx_family(ctx, 1, headers - IP6_LEN))
			return -REASON_REWRITE;
		l3 = ctx_data(ctx) + ETH_LEN;
		if (l3 + IP6_LEN > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		before = xlat_sum(l3, IP6_LEN / 4);
		after = xlat_write6(l3, p, r, l4_len, proto_in_family(proto, 6));
	} else {
		struct ip6_frag *f;

		if (ctx_family(ctx, 1, headers - IP6_LEN - FRAG6_LEN))
			return -REASON_REWRITE;
		l3 = ctx_data(ctx) + ETH_LEN;
		f = l3 + IP6_LEN;
		if ((void *)(f + 1) > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		before = xlat_sum(l3, (IP6_LEN + FRAG6_LEN) / 4);
		after = xlat_write6(l3, p, r, l4_len + FRAG6_LEN, PROTO_FRAGMENT);
		f->nexthdr = proto_in_family(proto, 6);
		f->reserved = 0;
		f->offset = x->offset;
		f->id = x->id;
		after += bpf_htons((__u16)(f->nexthdr << 8)) + (__u64)x->offset + x->id;
	}
	ctx_csum_update(ctx, csum_fold((__u64)(__u16)~csum_fold(before) + csum_fold(after)));
	return 0;
}

/* A datagram being summed. On the stack, as bpf_loop() wants it. */
struct xlat_summing {
	CTX *ctx;
	__u64 sum;
	__u32 at; /* in the frame */
	__u32 end;
	__u32 piece[XLAT_SUM_STEP / 4];
};

static long xlat_sum_piece(__u32 i, struct xlat_summing *s)
{
	__u32 at = s->at;

	if (at + XLAT_SUM_STEP > s->end)
		return 1;
	if (ctx_load_bytes(s->ctx, at, s->piece, XLAT_SUM_STEP))
		return 1;
	s->sum += xlat_sum(s->piece, XLAT_SUM_STEP / 4);
	s->at = at + XLAT_SUM_STEP;
	return 0;
}

static long xlat_sum_byte(__u32 i, struct xlat_summing *s)
{
	__u32 at = s->at;
	__u8 byte = 0;

	if (at >= s->end || ctx_load_bytes(s->ctx, at, &byte, 1))
		return 1;
	s->sum += i & 1 ? bpf_htons(byte) : bpf_htons((__u16)byte << 8);
	s->at = at + 1;
	return 0;
}

/* Adds the sum of a frame's bytes from one offset to another, 9216 at most. 0, or -1 beyond it. */
static __noinline int xlat_sum_range(CTX *ctx, __u32 from, __u32 to, __u64 *sum)
{
	struct xlat_summing s = {.ctx = ctx, .at = from, .end = to};

	bpf_loop(XLAT_SUM_MAX / XLAT_SUM_STEP, xlat_sum_piece, &s, 0);
	bpf_loop(XLAT_SUM_STEP, xlat_sum_byte, &s, 0);
	*sum += s.sum;
	return s.at == to ? 0 : -1;
}

/*
 * RFC 7915 s4.5: IPv6 has no UDP without a checksum. len: of the datagram, behind an IPv6 header. 0
 * or a negative reason.
 */
static __noinline int xlat_udp_sum(CTX *ctx, const struct nat_rewrite *r, __u32 len)
{
	struct udp_hdr *udp;
	__u64 sum;

	if (len > XLAT_SUM_MAX)
		return -REASON_UDP_CHECKSUM;
	sum = csum_addr(&r->saddr, 1) + csum_addr(&r->daddr, 1) + bpf_htons(PROTO_UDP) +
	      bpf_htons((__u16)len);
	if (xlat_sum_range(ctx, ETH_LEN + IP6_LEN, ETH_LEN + IP6_LEN + len, &sum))
		return -REASON_TRUNCATED;
	udp = ctx_data(ctx) + ETH_LEN + IP6_LEN;
	if ((void *)(udp + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	udp->csum = (__u16)~csum_fold(sum);
	if (!udp->csum)
		udp->csum = 0xffff;
	ctx_csum_update(ctx, udp->csum);
	return 0;
}

static __always_inline __u8 xlat_echo_type(__u8 type)
{
	switch (type) {
	case ICMP6_ECHO:
		return ICMP4_ECHO;
	case ICMP6_ECHO_REPLY:
		return ICMP4_ECHO_REPLY;
	case ICMP4_ECHO:
		return ICMP6_ECHO;
	default:
		return ICMP6_ECHO_REPLY;
	}
}

/*
 * An echo (RFC 7915 s4.2, s5.2). The differences of a connection leave out what each packet has of
 * its own: its type, and the length and protocol of ICMPv6's pseudo-header.
 */
static __always_inline int xlat_echo(CTX *ctx, const struct nat_rewrite *r, __u32 l4_off,
				     __u32 l4_len)
{
	struct icmp_hdr *icmp = ctx_data(ctx) + l4_off;
	__u16 *word = (__u16 *)icmp, from, sum;
	__u64 diff = 0;

	if ((void *)(icmp + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	from = *word;
	icmp->type = xlat_echo_type(icmp->type);
	diff = (__u64)(__u16)~from + *word + r->port_diff;
	icmp->id = r->sport;
	sum = icmp->csum;
	if (r->family == 6)
		icmp->csum = (__u16)~csum_fold((__u64)(__u16)~sum + diff + r->addr_diff +
					       bpf_htons((__u16)l4_len) + bpf_htons(PROTO_ICMPV6));
	else
		icmp->csum = (__u16)~csum_fold((__u64)(__u16)~sum + diff + r->addr_diff +
					       (__u16)~bpf_htons((__u16)l4_len) +
					       (__u16)~bpf_htons(PROTO_ICMPV6));
	ctx_csum_update(ctx, csum_fold(diff + (__u16)~sum + icmp->csum));
	return 0;
}

/* l4_off: where it is now. 0 or a negative reason. */
static __always_inline int xlat_l4(CTX *ctx, const struct pkt *p, const struct nat_rewrite *r,
				   __u32 l4_off, __u32 l4_len)
{
	__u8 proto = p->key.proto;
	struct udp_hdr *udp;
	__u32 off = l4_off;

	if (p->frag == FRAG_LATER)
		return 0;
	if (translate_is_icmp(proto))
		return xlat_echo(ctx, r, l4_off, l4_len);
	if (!translate_has_ports(proto))
		return 0;
	udp = ctx_data(ctx) + l4_off;
	if ((void *)(udp + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	*(__u32 *)udp = *(const __u32 *)&r->sport;
	if (proto == PROTO_UDP && r->family == 6 && unlikely(!udp->csum)) {
		ctx_csum_update(ctx, r->port_diff);
		return xlat_udp_sum(ctx, r, bpf_ntohs(udp->len));
	}
	off += proto == PROTO_TCP ? __builtin_offsetof(struct tcp_hdr, csum)
				  : __builtin_offsetof(struct udp_hdr, csum);
	return ctx_l4_csum(ctx, off, r->addr_diff, r->port_diff, proto == PROTO_UDP, 0)
		       ? -REASON_TRUNCATED
		       : 0;
}

static __noinline int xlat_rewrite(CTX *ctx, struct pkt *p, const struct xlat *x,
				   const struct nat_rewrite *r)
{
	__u32 l4_len = p->l3_len - xlat_headers(p), seg_len = xlat_len(p, p->seg_len);
	int err;

	/* padding of a short frame would be more than padding behind a longer header */
	if (p->frame_len > p->l3_len + ETH_LEN && ctx_trim(ctx, p->l3_len + ETH_LEN))
		return -REASON_REWRITE;
	err = xlat_l3(ctx, p, x, r, l4_len, seg_len);
	if (err)
		return err;
	if (r->family == 4)
		err = xlat_l4(ctx, p, r, ETH_LEN + IP4_LEN, l4_len);
	else if (p->frag == FRAG_NONE)
		err = xlat_l4(ctx, p, r, ETH_LEN + IP6_LEN, l4_len);
	else
		err = xlat_l4(ctx, p, r, ETH_LEN + IP6_LEN + FRAG6_LEN, l4_len);
	p->l3_len = xlat_len(p, p->l3_len);
	p->frame_len = p->l3_len + ETH_LEN;
	p->seg_len = seg_len;
	p->l4_off = p->l3_off + xlat_headers_after(p, r->family == 6);
	p->key.family = r->family;
	p->key.proto = proto_in_family(p->key.proto, r->family);
	return err;
}

/* A record with FLOW_XLAT, for the stage behind the tail call: copying is less than finding it. */
static __always_inline void xlat_take(const struct flow_val *f)
{
	struct decision *d = decision_peek();

	if (d)
		d->fwd = *f;
}

/*
 * A packet whose headers were read, with a record in d->fwd that has FLOW_XLAT, from xlat_take() or
 * a walk. A verdict, XLAT_WALK or a negative reason.
 */
static __always_inline int node_xlat(CTX *ctx, struct counters_val *c, struct pkt *p)
{
	__u32 index, len = p->l3_len + ETH_LEN;
	struct decision *d = decision_peek();
	const struct flow_val *f;
	struct xlat x = {};
	struct nat_val *v;
	int err, tunnel = 0;

	c->node[NODE_XLAT]++;
	p->node = NODE_XLAT;
	if (!d)
		return -REASON_INTERNAL;
	f = &d->fwd;
	index = f->node;
	v = bpf_map_lookup_elem(&nat, &index);
	if (!v)
		return -REASON_INTERNAL;
	/* the walk finds the same, and can tell the sender */
	if (xlat_check(ctx, p, &x) || xlat_len(p, p->seg_len) > act_mtu(f))
		return XLAT_WALK;
	if (p->tunnel) {
		tunnel = act_untunnel(ctx, c, p);
		if (tunnel < 0)
			return tunnel;
		p->l3_off -= p->outer_len;
		p->l4_off -= p->outer_len;
		p->frame_len -= p->outer_len;
		p->tunnel = 0;
	}
	err = xlat_rewrite(ctx, p, &x, f->flags & FLOW_REPLY ? &v->reply : &v->fwd);
	if (err)
		return err;
	return act_send(ctx, c, p, f, len, tunnel == 0);
}

#endif
