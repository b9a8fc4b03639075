/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An ICMP error and what it quotes, written anew in the other family (RFC 7915 s4.2, s4.3, s5.2,
 * s5.3): all between the Ethernet header and the quoted transport header; behind that ports and
 * checksum are what the receiver once sent. Extensions (RFC 4884) are cut off, as the quote they
 * stand behind changes its length; so is what would make it longer than errors are.
 * Edges: none; drop: REASON_NAT_UNRELATED, REASON_NAT_PROTOCOL, REASON_TRUNCATED, REASON_REWRITE.
 */
#ifndef TRANSIT_NODE_XLAT_QUOTE_H
#define TRANSIT_NODE_XLAT_QUOTE_H

#include <lib/xlat_icmp.h>
#include "nat_quote.h"
#include "xlat.h"

enum {
	ERROR4_LEN = IP4_LEN + sizeof(struct icmp_hdr) + IP4_LEN,
	ERROR6_LEN = IP6_LEN + sizeof(struct icmp_hdr) + IP6_LEN,
	ERROR4_MAX = 576, /* RFC 1812 s4.3.2.3; of IPv6 IP6_MTU_MIN, RFC 4443 s2.4c */
};

/* What is kept of an error while its headers are exchanged. */
struct xlat_quoted {
	struct ip_addr saddr; /* of the error as it leaves */
	__u64 rest; /* sum of the quote from the transport header on */
	__u32 l4_len; /* of the quoted packet's transport, as it was sent */
	__u32 len; /* of what is quoted of it */
	__u32 at; /* in the frame: where that is */
	__u32 most; /* bytes that the error may have */
	__be32 frag_id; /* of a first fragment */
	__u8 tos;
	__u8 ttl;
	__u8 proto; /* the family's it had */
	__u8 frag; /* it is a first fragment */
};

/* Too large for the stack; one packet at a time on a CPU. */
struct xlat_work {
	struct nat_quote q;
	struct xlat_quoted x;
	struct xlat_error e;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xlat_work);
} scratch_xlat SEC(".maps");

/* The quoted header; q: read before. 0 or a negative reason. */
static __always_inline int xlat_quoted_read(CTX *ctx, const struct pkt *p, __u32 off,
					    const struct nat_quote *q, struct xlat_quoted *x)
{
	__u32 len, header = q->l4_off - off;
	void *l3;

	if (off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	l3 = ctx_data(ctx) + offset_bounded(off);
	x->proto = q->key.proto;
	if (p->key.family == 6) {
		struct ip6_hdr *ip = l3;

		if ((void *)(ip + 1) > ctx_data_end(ctx))
			return -REASON_NAT_UNRELATED;
		x->tos = bpf_ntohl(ip->ver_tc_flow) >> 20;
		x->ttl = ip->hop_limit;
		len = bpf_ntohs(ip->len) + IP6_LEN;
		x->frag = p->frag_proto != 0;
		x->frag_id = p->frag_id;
	} else {
		struct ip4_hdr *ip = l3;

		if ((void *)(ip + 1) > ctx_data_end(ctx))
			return -REASON_NAT_UNRELATED;
		len = bpf_ntohs(ip->len);
		x->tos = ip->tos;
		x->ttl = ip->ttl;
		x->frag = !!(ip->frag & bpf_htons(IP4_MF));
		x->frag_id = bpf_htonl(bpf_ntohs(ip->id));
	}
	x->l4_len = len > header ? len - header : 0;
	return 0;
}

/* The error's header, translated. 0 or a negative reason. */
static __always_inline int xlat_error_read(CTX *ctx, const struct pkt *p, __u32 l4_off,
					   const struct xlat_quoted *x, __u32 way,
					   struct xlat_error *e)
{
	struct icmp_hdr *icmp;

	if (l4_off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	icmp = ctx_data(ctx) + offset_bounded(l4_off);
	if ((void *)(icmp + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	e->type = icmp->type;
	e->code = icmp->code;
	e->rest = icmp->rest;
	e->extended = 0;
	return p->key.family == 6 ? xlat_error_to4(e, way)
				  : xlat_error_to6(e, x->l4_len + IP4_LEN, way);
}

/* ICMPv6's pseudo-header; nothing in IPv4. */
static __always_inline __u64 icmp_pseudo(__u8 family, const struct ip_addr *a,
					 const struct ip_addr *b, __u32 len)
{
	if (family == 4)
		return 0;
	return csum_addr(a, 1) + csum_addr(b, 1) + bpf_htonl(len) + bpf_htons(PROTO_ICMPV6);
}

static __always_inline void xlat_put(__u16 *word, __u16 to, __u64 *sum)
{
	*sum += (__u16) ~*word;
	*sum += to;
	*word = to;
}

/* The quoted transport header, as its sender sent it; sum: what changes. 0 or a negative reason. */
static __always_inline int xlat_quoted_l4(CTX *ctx, const struct nat_rewrite *r, __u32 off,
					  const struct xlat_quoted *x, __u64 *sum)
{
	void *l4 = ctx_data(ctx) + off, *end = ctx_data_end(ctx);
	__u64 diff = (__u64)r->addr_diff + r->port_diff;
	__u16 *csum = NULL, type_diff;

	if (l4 + 8 > end)
		return -REASON_TRUNCATED;
	if (translate_has_ports(x->proto)) {
		struct udp_hdr *udp = l4;

		xlat_put(&udp->sport, r->dport, sum);
		xlat_put(&udp->dport, r->sport, sum);
		if (x->proto == PROTO_TCP) { /* when so much of it is quoted */
			csum = &((struct tcp_hdr *)l4)->csum;
			if ((void *)(csum + 1) > end)
				csum = NULL;
		} else if (udp->csum) {
			csum = &udp->csum;
		}
	} else if (translate_is_icmp(x->proto)) {
		struct icmp_hdr *icmp = l4;
		__u16 *word = l4, from = *word;

		icmp->type = xlat_echo_type(icmp->type);
		type_diff = csum_fold((__u64)(__u16)~from + *word);
		*sum += type_diff;
		xlat_put((__u16 *)&icmp->id, r->sport, sum);
		diff += type_diff;
		if (r->family == 6)
			diff += (__u64)bpf_htons((__u16)x->l4_len) + bpf_htons(PROTO_ICMPV6);
		else
			diff += (__u64)(__u16)~bpf_htons((__u16)x->l4_len) +
				(__u16)~bpf_htons(PROTO_ICMPV6);
		csum = &icmp->csum;
	}
	if (csum) {
		type_diff = (__u16)~csum_fold((__u64)(__u16) ~*csum + diff);
		xlat_put(csum, x->proto == PROTO_UDP && !type_diff ? 0xffff : type_diff, sum);
	}
	return 0;
}

/* A frame of its own, as the next: on tc what is summed takes much of the stack. */
static __noinline int xlat_error_write6(CTX *ctx, const struct pkt *p, const struct xlat_error *e,
					const struct xlat_quoted *x, const struct nat_rewrite *r)
{
	struct ip6_hdr *ip = ctx_data(ctx) + ETH_LEN, *quoted;
	__u32 headers = x->frag ? ERROR6_LEN + FRAG6_LEN : ERROR6_LEN;
	__u32 len = headers - IP6_LEN + x->len;
	__u64 sum = x->rest, before, after = 0, l4 = 0;
	struct icmp_hdr *icmp;
	struct ip6_frag *f;
	int err;

	/* the transport's first words stand where a fragment header is not */
	if ((void *)ip + ERROR6_LEN + FRAG6_LEN > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	icmp = (void *)(ip + 1);
	quoted = (void *)(icmp + 1);
	f = (void *)(quoted + 1);
	before = xlat_sum(ip, ERROR6_LEN / 4);
	if (x->frag)
		before += xlat_sum(f, FRAG6_LEN / 4);
	ip->ver_tc_flow = bpf_htonl(6u << 28 | (__u32)p->tos << 20);
	ip->len = bpf_htons((__u16)len);
	ip->nexthdr = PROTO_ICMPV6;
	ip->hop_limit = p->ttl;
	ip->saddr = x->saddr;
	ip->daddr = r->daddr;
	icmp->type = e->type;
	icmp->code = e->code;
	icmp->csum = 0;
	icmp->rest = e->rest;
	quoted->ver_tc_flow = bpf_htonl(6u << 28 | (__u32)x->tos << 20);
	quoted->len = bpf_htons((__u16)x->l4_len);
	quoted->nexthdr = proto_in_family(x->proto, 6);
	quoted->hop_limit = x->ttl;
	quoted->saddr = r->daddr;
	quoted->daddr = r->saddr;
	if (x->frag) {
		quoted->len = bpf_htons((__u16)(x->l4_len + FRAG6_LEN));
		f->nexthdr = quoted->nexthdr;
		f->reserved = 0;
		f->offset = bpf_htons(1); /* more follow */
		f->id = x->frag_id;
		quoted->nexthdr = PROTO_FRAGMENT;
		after = xlat_sum(f, FRAG6_LEN / 4);
		err = xlat_quoted_l4(ctx, r, ETH_LEN + ERROR6_LEN + FRAG6_LEN, x, &l4);
	} else {
		err = xlat_quoted_l4(ctx, r, ETH_LEN + ERROR6_LEN, x, &l4);
	}
	if (err)
		return err;
	after += csum_fold(l4);
	sum += xlat_sum(icmp, (sizeof(*icmp) + IP6_LEN) / 4) + after +
	       icmp_pseudo(6, &x->saddr, &r->daddr, len);
	icmp->csum = (__u16)~csum_fold(sum);
	ctx_csum_update(ctx, csum_fold((__u64)(__u16)~csum_fold(before) +
				       xlat_sum(ip, ERROR6_LEN / 4) + after));
	return 0;
}

static __noinline int xlat_error_write4(CTX *ctx, const struct pkt *p, const struct xlat_error *e,
					const struct xlat_quoted *x, const struct nat_rewrite *r)
{
	struct ip4_hdr *ip = ctx_data(ctx) + ETH_LEN, *quoted;
	__u32 len = sizeof(struct icmp_hdr) + IP4_LEN + x->len;
	__u64 sum = x->rest, before, l4 = 0;
	struct icmp_hdr *icmp;
	int err;

	if ((void *)ip + ERROR4_LEN > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	icmp = (void *)(ip + 1);
	quoted = (void *)(icmp + 1);
	before = xlat_sum(ip, ERROR4_LEN / 4);
	ip->ver_ihl = 0x45;
	ip->tos = p->tos;
	ip->len = bpf_htons((__u16)(IP4_LEN + len));
	ip->id = (__u16)bpf_get_prandom_u32();
	ip->frag = 0;
	if (IP4_LEN + len > XLAT_DF_ABOVE) {
		ip->id = 0;
		ip->frag = bpf_htons(IP4_DF);
	}
	ip->ttl = p->ttl;
	ip->proto = PROTO_ICMP;
	ip->saddr = addr_to_v4(&x->saddr);
	ip->daddr = addr_to_v4(&r->daddr);
	ip->csum = 0;
	asm volatile("" : : : "memory"); /* as in xlat_sum() */
	ip->csum = csum_ip4(ip);
	icmp->type = e->type;
	icmp->code = e->code;
	icmp->csum = 0;
	icmp->rest = e->rest;
	quoted->ver_ihl = 0x45;
	quoted->tos = x->tos;
	quoted->len = bpf_htons((__u16)(x->l4_len + IP4_LEN));
	quoted->id = x->frag ? bpf_htons((__u16)bpf_ntohl(x->frag_id)) : 0;
	quoted->frag = x->frag				     ? bpf_htons(IP4_MF)
		       : x->l4_len + IP4_LEN > XLAT_DF_ABOVE ? bpf_htons(IP4_DF)
							     : 0;
	quoted->ttl = x->ttl;
	quoted->proto = proto_in_family(x->proto, 4);
	quoted->saddr = addr_to_v4(&r->daddr);
	quoted->daddr = addr_to_v4(&r->saddr);
	quoted->csum = 0;
	asm volatile("" : : : "memory"); /* as in xlat_sum() */
	quoted->csum = csum_ip4(quoted);
	err = xlat_quoted_l4(ctx, r, ETH_LEN + ERROR4_LEN, x, &l4);
	if (err)
		return err;
	sum += xlat_sum(icmp, (sizeof(*icmp) + IP4_LEN) / 4) + csum_fold(l4);
	icmp->csum = (__u16)~csum_fold(sum);
	ctx_csum_update(ctx, csum_fold((__u64)(__u16)~csum_fold(before) +
				       xlat_sum(ip, ERROR4_LEN / 4) + csum_fold(l4)));
	return 0;
}

/*
 * The frame starts with its Ethernet header; x->at: the quoted transport header. 0 or a negative
 * reason.
 */
static __noinline int xlat_error_rewrite(CTX *ctx, struct pkt *p, const struct xlat_error *e,
					 struct xlat_quoted *x, const struct nat_rewrite *r)
{
	__u32 from = p->l4_off, end = ETH_LEN + p->l3_len, len = end - from, quote = x->at;
	__u32 headers = r->family == 4 ? ERROR4_LEN : x->frag ? ERROR6_LEN + FRAG6_LEN : ERROR6_LEN;
	__u32 cut = end;
	__u64 sum = 0;
	int err;

	if (from > L4_OFF_MAX || quote > L4_OFF_MAX + 128 || quote + 8 > end)
		return -REASON_NAT_UNRELATED;
	/* the whole message sums up to nothing: what is behind the headers is their complement */
	if (xlat_sum_range(ctx, from, quote, &sum))
		return -REASON_TRUNCATED;
	sum += icmp_pseudo(p->key.family, &p->key.saddr, &p->key.daddr, len);
	x->rest = (__u16)~csum_fold(sum);
	if (e->extended && from + sizeof(struct icmp_hdr) + e->extended < cut)
		cut = from + sizeof(struct icmp_hdr) + e->extended;
	if (cut > quote + x->most - headers)
		cut = quote + x->most - headers;
	if (cut < quote + 8)
		return -REASON_NAT_UNRELATED;
	if (cut < end) {
		sum = 0;
		if (xlat_sum_range(ctx, cut, end, &sum))
			return -REASON_TRUNCATED;
		x->rest += (__u16)~csum_fold(sum);
		end = cut;
	}
	if (p->frame_len > end && ctx_trim(ctx, end))
		return -REASON_REWRITE;
	x->len = end - quote;
	if (r->family == 6) {
		if (ctx_family(ctx, 1, quote - ETH_LEN - headers))
			return -REASON_REWRITE;
		err = xlat_error_write6(ctx, p, e, x, r);
		p->l3_len = x->len + headers;
		p->l4_off = ETH_LEN + IP6_LEN;
	} else {
		if (ctx_family(ctx, 0, quote - ETH_LEN - ERROR4_LEN))
			return -REASON_REWRITE;
		err = xlat_error_write4(ctx, p, e, x, r);
		p->l3_len = x->len + ERROR4_LEN;
		p->l4_off = ETH_LEN + IP4_LEN;
	}
	p->frame_len = p->l3_len + ETH_LEN;
	p->seg_len = p->l3_len;
	p->key.family = r->family;
	p->key.proto = proto_in_family(p->key.proto, r->family);
	return err;
}

#endif
