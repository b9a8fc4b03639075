/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reads one Ethernet frame (the packet itself, or the one inside a tunnel) into struct pkt.
 * Returns 0 or a negative reason; touches nothing. RFC 791, 8200, 792, 4443, 793, 768, 9260.
 */
#ifndef TRANSIT_PARSE_H
#define TRANSIT_PARSE_H

#include "pkt.h"

enum {
	IP6_EXT_MAX = 6, /* RFC 8200 s4.1 lists six kinds, each meant to appear once */
	L4_OFF_MAX = 1024, /* what a chain may take: keeps offsets provable */
};

/*
 * An offset that was checked, bounded once more for kernel 6.1: it forgets what a comparison said
 * of a number that had been put on the stack before.
 */
static __always_inline __u64 offset_bounded(__u64 off)
{
	asm volatile("" : "+r"(off));
	return off & (2 * L4_OFF_MAX - 1);
}

static __always_inline void addr_from_v4(struct ip_addr *addr, __be32 v4)
{
	__u32 *w = (__u32 *)addr;

	w[0] = 0;
	w[1] = 0;
	w[2] = bpf_htonl(0xffff);
	w[3] = v4;
}

static __always_inline __be32 addr_to_v4(const struct ip_addr *addr)
{
	return ((const __u32 *)addr)[3];
}

static __always_inline int addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return !((x[3] ^ y[3]) | (x[2] ^ y[2]) | (x[1] ^ y[1]) | (x[0] ^ y[0]));
}

static __always_inline int mac_equal(const struct mac_addr *a, const struct mac_addr *b)
{
	return *(const __u32 *)a == *(const __u32 *)b &&
	       *(const __u16 *)(a->b + 4) == *(const __u16 *)(b->b + 4);
}

/*
 * Destination and source of a frame, which lie side by side in frames and in records alike:
 * three words instead of four pieces, none across the 8-byte lines that others write.
 */
static __always_inline void mac_pair_copy(struct mac_addr *to, const struct mac_addr *from)
{
	__u32 *x = (__u32 *)to;
	const __u32 *y = (const __u32 *)from;

	x[0] = y[0];
	x[1] = y[1];
	x[2] = y[2];
}

static __always_inline int mac_pair_equal(const struct mac_addr *a, const struct mac_addr *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

/* Makes the source zero, in the same words. */
static __always_inline void mac_pair_any_source(struct mac_addr *macs)
{
	__u32 *x = (__u32 *)macs;

	x[1] &= bpf_htonl(0xffff0000);
	x[2] = 0;
}

static __always_inline int mac_is_zero(const struct mac_addr *mac)
{
	return !(*(const __u32 *)mac | *(const __u16 *)(mac->b + 4));
}

static __always_inline int mac_is_group(const struct mac_addr *mac)
{
	return mac->b[0] & 1;
}

/* Both at once, as they are read again for the flow's name. */
static __always_inline void ports_copy(struct pkt *p, const __be16 *sport)
{
	*(__u32 *)&p->key.sport = *(const __u32 *)sport;
}

/* What tells apart ICMP messages that are no echo: their ports in a flow's key. */
static __always_inline __be16 icmp_what(const struct icmp_hdr *icmp)
{
	return bpf_htons((__u16)icmp->type << 8 | icmp->code);
}

/* The other port: both zero would be an echo's. */
static __always_inline __be16 icmp_beside(__be16 what)
{
	return what ? 0 : 0xffff;
}

/*
 * Ports, ICMP type and identifier. avail: bytes that the IP header says are behind l4_off.
 * Offsets are handed down as values, since the verifier forgets what it knew of a number
 * that went through a map.
 */
static __always_inline int parse_l4(CTX *ctx, struct pkt *p, __u32 l3_off, __u32 l4_off,
				    __u32 avail)
{
	void *end = ctx_data_end(ctx);
	void *l4 = ctx_data(ctx) + l4_off;
	int short_reason = p->frag == FRAG_FIRST ? -REASON_FRAG_TINY : -REASON_TRUNCATED;

	p->l4_off = l4_off;
	p->seg_len = p->l3_len;
	if (p->l4_proto == PROTO_TCP) {
		struct tcp_hdr *tcp = l4;
		__u32 header;

		if (avail < sizeof(*tcp))
			return short_reason;
		if ((void *)(tcp + 1) > end)
			return -REASON_TRUNCATED;
		header = (tcp->doff >> 4) * 4;
		if (header < sizeof(*tcp) || (header > avail && p->frag == FRAG_NONE))
			return -REASON_BAD_HEADER;
		ports_copy(p, &tcp->sport);
		p->tcp_flags = tcp->flags;
		if (ctx_gso_size(ctx))
			p->seg_len = l4_off - l3_off + header + ctx_gso_size(ctx);
	} else if (p->l4_proto == PROTO_UDP) {
		struct udp_hdr *udp = l4;
		__u32 len;

		if (avail < sizeof(*udp))
			return short_reason;
		if ((void *)(udp + 1) > end)
			return -REASON_TRUNCATED;
		len = bpf_ntohs(udp->len);
		if (len < sizeof(*udp) || (len > avail && p->frag == FRAG_NONE))
			return -REASON_BAD_LENGTH;
		ports_copy(p, &udp->sport);
		if (ctx_gso_size(ctx))
			p->seg_len = l4_off - l3_off + sizeof(*udp) + ctx_gso_size(ctx);
	} else if (p->l4_proto == PROTO_ICMP || p->l4_proto == PROTO_ICMPV6) {
		struct icmp_hdr *icmp = l4;

		if (avail < sizeof(*icmp))
			return short_reason;
		if ((void *)(icmp + 1) > end)
			return -REASON_TRUNCATED;
		p->icmp_type = icmp->type;
		p->icmp_code = icmp->code;
		if (p->key.family == 4
			    ? icmp->type == ICMP4_ECHO || icmp->type == ICMP4_ECHO_REPLY
			    : icmp->type == ICMP6_ECHO || icmp->type == ICMP6_ECHO_REPLY) {
			p->key.sport = icmp->id;
			p->key.dport = icmp->id;
		} else {
			p->key.dport = icmp_what(icmp);
			p->key.sport = icmp_beside(p->key.dport);
		}
	} else if (p->l4_proto == PROTO_SCTP) {
		struct udp_hdr *sctp = l4; /* ports are where UDP has them */

		if (avail < 12) /* common header, RFC 9260 s3.1 */
			return short_reason;
		if ((void *)(sctp + 1) > end)
			return -REASON_TRUNCATED;
		ports_copy(p, &sctp->sport);
	}
	return 0;
}

static __always_inline int parse_ip4(CTX *ctx, struct pkt *p, __u32 l3_off, __u32 frame_len)
{
	void *end = ctx_data_end(ctx);
	struct ip4_hdr *ip = ctx_data(ctx) + l3_off;
	__u32 header;
	__u16 frag;

	if ((void *)(ip + 1) > end)
		return -REASON_TRUNCATED;
	header = (ip->ver_ihl & 0xf) * 4;
	if (ip->ver_ihl >> 4 != 4 || header < sizeof(*ip))
		return -REASON_BAD_HEADER;
	p->l3_len = bpf_ntohs(ip->len);
	if (p->l3_len < header || p->l3_len > frame_len)
		return -REASON_BAD_LENGTH;
	p->key.family = 4;
	addr_from_v4(&p->key.saddr, ip->saddr);
	addr_from_v4(&p->key.daddr, ip->daddr);
	p->key.proto = p->l4_proto = ip->proto;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	p->l4_off = l3_off + header;
	frag = bpf_ntohs(ip->frag);
	p->dont_fragment = !!(frag & IP4_DF);
	if (unlikely(frag & (IP4_MF | IP4_OFFSET))) {
		p->frag_id = ip->id;
		p->frag_proto = ip->proto;
		if (frag & IP4_OFFSET) {
			/* RFC 3128: it could overwrite the flags of the first fragment */
			if (ip->proto == PROTO_TCP && (frag & IP4_OFFSET) == 1)
				return -REASON_FRAG_TINY;
			p->frag = FRAG_LATER;
			p->seg_len = p->l3_len;
			return 0;
		}
		p->frag = FRAG_FIRST;
	}
	return parse_l4(ctx, p, l3_off, l3_off + header, p->l3_len - header);
}

/*
 * Follows the extension headers from off. Returns the offset behind them, or a negative reason.
 * Unrolled: kernel 6.1 takes no loop whose back edge is not a jump, and the compiler's choice of
 * layout is not ours.
 */
static __noinline int parse_ip6_chain(CTX *ctx, struct pkt *p, __u32 off, __u8 next)
{
	void *end = ctx_data_end(ctx);
	int i;

	if (off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
#pragma clang loop unroll(full)
	for (i = 0; i <= IP6_EXT_MAX; i++) {
		struct ip6_ext *ext;
		__u32 len;

		if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_DSTOPTS &&
		    next != PROTO_FRAGMENT && next != PROTO_AH && next != PROTO_MOBILITY) {
			p->key.proto = p->l4_proto = next;
			return off;
		}
		if (i == IP6_EXT_MAX || off > L4_OFF_MAX)
			return -REASON_EXT_HEADERS;
		ext = ctx_data(ctx) + off;
		if ((void *)ext + 8 > end)
			return -REASON_TRUNCATED;
		if (next == PROTO_FRAGMENT) {
			struct ip6_frag *f = (void *)ext;

			if (p->frag != FRAG_NONE)
				return -REASON_BAD_HEADER;
			/* both zero is an atomic fragment: an ordinary packet (RFC 6946) */
			if (f->offset & bpf_htons(0xfff9)) {
				p->frag_id = f->id;
				p->frag_proto = f->nexthdr;
				p->frag = f->offset & bpf_htons(0xfff8) ? FRAG_LATER : FRAG_FIRST;
				if (f->nexthdr == PROTO_TCP &&
				    (f->offset & bpf_htons(0xfff8)) == bpf_htons(8))
					return -REASON_FRAG_TINY;
			}
			next = f->nexthdr;
			off += sizeof(*f);
			if (p->frag == FRAG_LATER) {
				p->key.proto = p->l4_proto = next;
				return off;
			}
			continue;
		}
		len = next == PROTO_AH ? ((__u32)ext->len + 2) * 4 : ((__u32)ext->len + 1) * 8;
		next = ext->nexthdr;
		off += len;
	}
	return -REASON_EXT_HEADERS;
}

static __always_inline int parse_ip6(CTX *ctx, struct pkt *p, __u32 l3_off, __u32 frame_len)
{
	void *end = ctx_data_end(ctx);
	struct ip6_hdr *ip = ctx_data(ctx) + l3_off;
	__u32 vtf, l4_off;
	__u8 next;
	int off;

	if ((void *)(ip + 1) > end)
		return -REASON_TRUNCATED;
	vtf = bpf_ntohl(ip->ver_tc_flow);
	if (vtf >> 28 != 6)
		return -REASON_BAD_HEADER;
	p->l3_len = bpf_ntohs(ip->len) + sizeof(*ip);
	if (p->l3_len > frame_len)
		return -REASON_BAD_LENGTH;
	p->key.family = 6;
	p->key.saddr = ip->saddr;
	p->key.daddr = ip->daddr;
	p->ttl = ip->hop_limit;
	p->tos = (vtf >> 20) & 0xff;
	p->dont_fragment = 1;
	l4_off = l3_off + sizeof(*ip);
	next = ip->nexthdr;
	if (likely(next == PROTO_TCP || next == PROTO_UDP || next == PROTO_ICMPV6)) {
		p->key.proto = p->l4_proto = next;
	} else {
		off = parse_ip6_chain(ctx, p, l4_off, next);
		if (off < 0)
			return off;
		if (off > L4_OFF_MAX)
			return -REASON_EXT_HEADERS;
		l4_off = off;
		p->l4_off = l4_off;
		if (l4_off - l3_off > p->l3_len)
			return -REASON_BAD_LENGTH;
		if (p->frag == FRAG_LATER) {
			p->seg_len = p->l3_len;
			return 0;
		}
	}
	return parse_l4(ctx, p, l3_off, l4_off, p->l3_len - (l4_off - l3_off));
}

/*
 * off: where the Ethernet header starts, 0 or the length of outer headers; frame_len: from there
 * to the end of the frame, which may be beyond what can be read. Frames that are neither IPv4 nor
 * IPv6 return 0 with only MACs and ethertype set (ARP is read by its node).
 */
static __always_inline int parse_frame(CTX *ctx, struct pkt *p, __u32 off, __u32 frame_len)
{
	void *end = ctx_data_end(ctx);
	struct eth_hdr *eth = ctx_data(ctx) + off;
	int err;

	if ((void *)(eth + 1) > end)
		return -REASON_TRUNCATED;
	mac_pair_copy(&p->dmac, &eth->dst);
	p->ethertype = bpf_ntohs(eth->type);
	p->l3_off = off + ETH_LEN;
	p->l4_off = p->l3_off;
	p->frag = FRAG_NONE;
	*(__u32 *)&p->key.sport = 0;
	if (likely(p->ethertype == ETHERTYPE_IPV4))
		err = parse_ip4(ctx, p, off + ETH_LEN, frame_len - ETH_LEN);
	else if (likely(p->ethertype == ETHERTYPE_IPV6))
		err = parse_ip6(ctx, p, off + ETH_LEN, frame_len - ETH_LEN);
	else
		return 0;
	/* short frames are padded; anything else behind the packet would be carried along */
	if (!err && unlikely(frame_len - ETH_LEN != p->l3_len) && frame_len > ETH_MIN_FRAME)
		return -REASON_BAD_LENGTH;
	return err;
}

#endif
