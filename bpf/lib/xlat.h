/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What of a packet decides whether and how it can become one of the other family (RFC 7915):
 * its headers up to the transport's, which go, and its fragment fields, which stay.
 */
#ifndef TRANSIT_XLAT_H
#define TRANSIT_XLAT_H

#include "translate.h"

enum {
	IP4_LEN = sizeof(struct ip4_hdr),
	IP6_LEN = sizeof(struct ip6_hdr),
	FRAG6_LEN = sizeof(struct ip6_frag),
	IP6_MTU_MIN = 1280, /* RFC 8200 s5 */
	XLAT_GAP = IP6_LEN - IP4_LEN,
	XLAT_DF_ABOVE = 1260, /* an IPv4 packet larger than this has DF set, RFC 7915 s5.1 */
	XLAT_SUM_MAX = 9216, /* payload that is summed for a UDP checksum, bytes */
	IP4_OPTIONS_MAX = 40,
	IP4_OPT_END = 0,
	IP4_OPT_NOP = 1,
	IP4_OPT_LSRR = 131, /* RFC 791 s3.1 */
	IP4_OPT_SSRR = 137,
};

/* The fragment fields, in IPv6's form (RFC 8200 s4.5). */
struct xlat {
	__be32 id;
	__be16 offset; /* units of 8 bytes << 3, more-fragments bit */
	__u8 has_id; /* IPv6: it has a fragment header, perhaps an atomic one */
	__u8 pad;
};

/* Bytes of a packet that its network headers take, options and extension headers included. */
static __always_inline __u32 xlat_headers(const struct pkt *p)
{
	return p->l4_off - p->l3_off;
}

/* Bytes of the headers it has afterwards. */
static __always_inline __u32 xlat_headers_after(const struct pkt *p, int to_ipv6)
{
	if (!to_ipv6)
		return IP4_LEN;
	return p->frag == FRAG_NONE ? IP6_LEN : IP6_LEN + FRAG6_LEN;
}

/* Length of the packet, or of one segment of it, as it will leave. */
static __always_inline __u32 xlat_len(const struct pkt *p, __u32 len)
{
	return len - xlat_headers(p) + xlat_headers_after(p, p->key.family == 4);
}

/*
 * RFC 7915 s5.1: hop-by-hop and destination options and a routing header that has no segment left
 * are skipped; a fragment header is translated. All others say something about the packet that
 * would not be true afterwards. p->error_mtu: where a routing header is refused. 0 or a negative
 * reason.
 */
static __noinline int xlat_chain(CTX *ctx, struct pkt *p, __u32 l3_off, struct xlat *x)
{
	void *end = ctx_data_end(ctx);
	struct ip6_hdr *ip;
	__u64 off;
	__u8 next;
	int i;

	if (l3_off > TUNNEL6_LEN + ETH_LEN)
		return -REASON_EXT_HEADERS;
	ip = ctx_data(ctx) + l3_off;
	if ((void *)(ip + 1) > end)
		return -REASON_TRUNCATED;
	next = ip->nexthdr;
	off = l3_off + sizeof(*ip);
#pragma clang loop unroll(full)
	for (i = 0; i < IP6_EXT_MAX; i++) {
		struct ip6_ext *ext;
		__u32 len;

		if (next != PROTO_HOPOPTS && next != PROTO_ROUTING && next != PROTO_DSTOPTS &&
		    next != PROTO_FRAGMENT)
			return next == PROTO_AH || next == PROTO_MOBILITY ? -REASON_NAT_PROTOCOL
									  : 0;
		/* behind the first fragment's end of what is in each, offsets would be wrong */
		if (x->has_id && p->frag != FRAG_NONE)
			return p->frag == FRAG_LATER ? 0 : -REASON_NAT_PROTOCOL;
		if (off > L4_OFF_MAX)
			return -REASON_EXT_HEADERS;
		ext = ctx_data(ctx) + offset_bounded(off);
		if ((void *)ext + 8 > end)
			return -REASON_TRUNCATED;
		len = ((__u32)ext->len + 1) * 8;
		if (next == PROTO_FRAGMENT) {
			struct ip6_frag *f = (void *)ext;

			x->id = f->id;
			x->offset = f->offset & bpf_htons(0xfff9);
			x->has_id = 1;
			len = sizeof(*f);
		} else if (next == PROTO_ROUTING && ((__u8 *)ext)[3]) {
			p->error_mtu = off - l3_off + 3;
			return -REASON_SOURCE_ROUTE;
		}
		next = ext->nexthdr;
		off += len;
	}
	return 0;
}

/* Options being read. On the stack, as bpf_loop() wants it. */
struct xlat_options {
	CTX *ctx;
	__u32 at; /* in the frame */
	__u32 end;
	__u32 refused;
};

static long xlat_option(__u32 i, struct xlat_options *o)
{
	__u8 option[3]; /* type, length, pointer */

	if (o->at + sizeof(option) > o->end ||
	    ctx_load_bytes(o->ctx, o->at, option, sizeof(option)))
		return 1;
	if (option[0] == IP4_OPT_END)
		return 1;
	if (option[0] == IP4_OPT_NOP) {
		o->at++;
		return 0;
	}
	if ((option[0] == IP4_OPT_LSRR || option[0] == IP4_OPT_SSRR) && option[2] <= option[1])
		o->refused = 1;
	o->at += option[1];
	return o->refused || option[1] < 2;
}

/* RFC 7915 s4.1: options are ignored, but for a source route that has not ended. */
static __noinline int xlat_options(CTX *ctx, __u32 l3_off, __u32 header)
{
	struct xlat_options o = {
		.ctx = ctx,
		.at = l3_off + IP4_LEN,
		.end = l3_off + header,
	};

	bpf_loop(IP4_OPTIONS_MAX, xlat_option, &o, 0);
	return o.refused ? -REASON_SOURCE_ROUTE : 0;
}

/*
 * What behind an IPv4 header is a transport of its own would be an extension header behind an IPv6
 * one, and do what its sender wants. IGMP is for the link it is on (RFC 7915 s4.2).
 */
static __always_inline int xlat_is_chained(__u8 proto)
{
	return proto == PROTO_HOPOPTS || proto == PROTO_ROUTING || proto == PROTO_FRAGMENT ||
	       proto == PROTO_AH || proto == PROTO_DSTOPTS || proto == PROTO_MOBILITY ||
	       proto == PROTO_IGMP;
}

/* Transport: what has no counterpart, or could not be given a checksum. 0 or a negative reason. */
static __always_inline int xlat_check_transport(CTX *ctx, const struct pkt *p)
{
	int ipv6 = p->key.family == 6;
	__u32 l4_off = p->l4_off;
	struct udp_hdr *udp;

	if (p->l4_proto == (ipv6 ? PROTO_ICMP : PROTO_ICMPV6))
		return -REASON_NAT_PROTOCOL;
	if (!ipv6 && xlat_is_chained(p->l4_proto))
		return -REASON_NAT_PROTOCOL;
	if (p->l4_proto == PROTO_ICMP || p->l4_proto == PROTO_ICMPV6) {
		/* RFC 7915 s1.2: the pseudo-header's length is not known */
		if (p->frag != FRAG_NONE)
			return -REASON_NAT_PROTOCOL;
		if (ipv6 ? p->icmp_type != ICMP6_ECHO && p->icmp_type != ICMP6_ECHO_REPLY
			 : p->icmp_type != ICMP4_ECHO && p->icmp_type != ICMP4_ECHO_REPLY)
			return -REASON_NAT_PROTOCOL;
	}
	if (p->l4_proto == PROTO_UDP && !ipv6 &&
	    (p->frag == FRAG_FIRST || p->l3_len > XLAT_SUM_MAX)) {
		if (l4_off > L4_OFF_MAX)
			return -REASON_EXT_HEADERS;
		udp = ctx_data(ctx) + offset_bounded(l4_off);
		if ((void *)(udp + 1) > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		if (!udp->csum)
			return -REASON_UDP_CHECKSUM; /* RFC 7915 s4.5 */
	}
	return 0;
}

/*
 * Whether the packet can become one of the other family, and its fragment fields. Changes nothing;
 * a tunnel may still be on. 0 or a negative reason.
 */
static __noinline int xlat_check(CTX *ctx, struct pkt *p, struct xlat *x)
{
	__u32 l3_off = p->l3_off, header = xlat_headers(p);
	int err;

	x->id = 0;
	x->offset = 0;
	x->has_id = 0;
	if (p->key.family == 6) {
		if (unlikely(header != IP6_LEN)) {
			err = xlat_chain(ctx, p, l3_off, x);
			if (err)
				return err;
		}
	} else {
		if (unlikely(header != IP4_LEN)) {
			err = xlat_options(ctx, l3_off, header);
			if (err)
				return err;
		}
		if (unlikely(p->frag != FRAG_NONE)) {
			struct ip4_hdr *ip;
			__u16 frag;

			if (l3_off > TUNNEL6_LEN + ETH_LEN)
				return -REASON_EXT_HEADERS;
			ip = ctx_data(ctx) + l3_off;
			if ((void *)(ip + 1) > ctx_data_end(ctx))
				return -REASON_TRUNCATED;
			frag = bpf_ntohs(ip->frag);
			x->id = bpf_htonl(bpf_ntohs(ip->id));
			x->offset = bpf_htons((frag & IP4_OFFSET) << 3 | !!(frag & IP4_MF));
			x->has_id = 1;
		}
	}
	return xlat_check_transport(ctx, p);
}

#endif
