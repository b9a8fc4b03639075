/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Changes to a packet's own headers, keeping every checksum right. */
#ifndef TRANSIT_REWRITE_H
#define TRANSIT_REWRITE_H

#include "csum.h"
#include "parse.h"

/*
 * One hop less (RFC 1812 s5.3.1, RFC 8200 s3); there is one left. What that does to sums is always
 * the same: a word just written in pieces is slow to read. 0, or -1 when out of bounds.
 */
static __always_inline int rewrite_ttl(CTX *ctx, __u32 l3_off, int ipv6)
{
	void *end = ctx_data_end(ctx);

	if (ipv6) {
		struct ip6_hdr *ip = ctx_data(ctx) + l3_off;

		if ((void *)(ip + 1) > end)
			return -1;
		ip->hop_limit--;
		/* no checksum covers it, but the kernel may have summed the whole packet */
		ctx_csum_update(ctx, (__u16)~bpf_htons(1));
	} else {
		struct ip4_hdr *ip = ctx_data(ctx) + l3_off;

		if ((void *)(ip + 1) > end)
			return -1;
		ip->ttl--;
		ip->csum = csum_replace(ip->csum, bpf_htons(1 << 8), 0);
	}
	return 0;
}

/* Sets the traffic class octet (DSCP and ECN). */
static __always_inline int rewrite_tos(CTX *ctx, __u32 l3_off, int ipv6, __u8 tos)
{
	void *end = ctx_data_end(ctx);

	if (ipv6) {
		struct ip6_hdr *ip = ctx_data(ctx) + l3_off;
		__be32 from, to;

		if ((void *)(ip + 1) > end)
			return -1;
		from = ip->ver_tc_flow;
		to = (from & bpf_htonl(0xf00fffff)) | bpf_htonl((__u32)tos << 20);
		ip->ver_tc_flow = to;
		ctx_csum_update(ctx, (__u32)csum_fold((__u64)(__u32)~from + to));
	} else {
		struct ip4_hdr *ip = ctx_data(ctx) + l3_off;
		__u16 *word, from;

		if ((void *)(ip + 1) > end)
			return -1;
		word = (__u16 *)ip;
		from = *word;
		ip->tos = tos;
		ip->csum = csum_replace(ip->csum, from, *word);
	}
	return 0;
}

/* macs: destination, then source. */
static __always_inline int rewrite_eth(CTX *ctx, const struct mac_addr *macs, int ipv6)
{
	struct eth_hdr *eth = ctx_data(ctx);

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return -1;
	mac_pair_copy(&eth->dst, macs);
	eth->type = ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
	return 0;
}

#endif
