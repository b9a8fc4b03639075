/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Puts VXLAN (RFC 7348) over IPv4 or IPv6 around the frame and sends it to the VTEP.
 * The outer source port carries the flow's hash; IPv4 has DF set (a VTEP does not
 * fragment), id 0 (RFC 6864 s4.1); UDP checksum zero (RFC 7348 s5, RFC 6935 s5: the inner
 * packet has its own); ECN copied (RFC 6040 s4.1), DSCP copied or fixed (RFC 2983).
 * Edges: sends; drop: REASON_NO_NEXTHOP when the way is not resolved, REASON_REWRITE.
 */
#ifndef TRANSIT_NODE_ENCAP_H
#define TRANSIT_NODE_ENCAP_H

#include <lib/csum.h>
#include <lib/parse.h>
#include <lib/count.h>

struct encap {
	const struct mac_addr *macs; /* of the inner frame: destination, then source */
	__u32 vni;
	__be16 udp_sport;
	__u8 tos; /* of the inner packet */
	__u8 inner_ipv6;
	__u8 tcp; /* the inner packet is */
};

static __always_inline void encap_udp(struct udp_hdr *udp, const struct encap *e, __be16 dport,
				      __u32 len)
{
	struct vxlan_hdr *vxlan = (void *)(udp + 1);
	struct eth_hdr *inner = (void *)(vxlan + 1);

	udp->sport = e->udp_sport;
	udp->dport = dport;
	udp->len = bpf_htons((__u16)len);
	udp->csum = 0;
	*(__be32 *)vxlan = bpf_htonl((__u32)VXLAN_FLAG_VNI << 24);
	vxlan->vni = bpf_htonl(e->vni << 8);
	mac_pair_copy(&inner->dst, e->macs);
	inner->type = e->inner_ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
}

/*
 * The frame starts with its Ethernet header; `len` counts from there. Returns 0 with the
 * packet ready for the wire, or a negative reason.
 */
static __always_inline int encap_write(CTX *ctx, const struct nh_val *n, const struct encap *e,
				       __u32 len)
{
	__u8 tos = (n->flags & NH_DSCP_COPY ? e->tos & ~ECN_MASK : n->tos) | (e->tos & ECN_MASK);
	struct eth_hdr *eth;
	__u32 udp_len = len + sizeof(struct udp_hdr) + sizeof(struct vxlan_hdr);

	if (n->flags & NH_IPV6) {
		struct ip6_hdr *ip;

		if (ctx_grow(ctx, TUNNEL6_LEN, 1, e->tcp))
			return -REASON_REWRITE;
		eth = ctx_data(ctx);
		if ((void *)eth + TUNNEL6_LEN + ETH_LEN > ctx_data_end(ctx))
			return -REASON_REWRITE;
		ip = (void *)(eth + 1);
		/* flow label from the same hash as the source port, RFC 6438 s3 */
		ip->ver_tc_flow = bpf_htonl(6u << 28 | (__u32)tos << 20 | bpf_ntohs(e->udp_sport));
		ip->len = bpf_htons((__u16)udp_len);
		ip->nexthdr = PROTO_UDP;
		ip->hop_limit = n->ttl;
		ip->saddr = n->src;
		ip->daddr = n->dst;
		encap_udp((void *)(ip + 1), e, n->port, udp_len);
		eth->type = bpf_htons(ETHERTYPE_IPV6);
	} else {
		struct ip4_hdr *ip;

		if (ctx_grow(ctx, TUNNEL4_LEN, 0, e->tcp))
			return -REASON_REWRITE;
		eth = ctx_data(ctx);
		if ((void *)eth + TUNNEL4_LEN + ETH_LEN > ctx_data_end(ctx))
			return -REASON_REWRITE;
		ip = (void *)(eth + 1);
		ip->ver_ihl = 0x45;
		ip->tos = tos;
		ip->len = bpf_htons((__u16)(udp_len + sizeof(*ip)));
		ip->id = 0;
		ip->frag = bpf_htons(IP4_DF);
		ip->ttl = n->ttl;
		ip->proto = PROTO_UDP;
		ip->saddr = addr_to_v4(&n->src);
		ip->daddr = addr_to_v4(&n->dst);
		/* from values, not by reading back what was just written in smaller pieces */
		ip->csum = (__u16)~csum_fold(
			(__u64)bpf_htons(0x4500 | tos) + bpf_htons((__u16)(udp_len + sizeof(*ip))) +
			bpf_htons(IP4_DF) + bpf_htons((__u16)n->ttl << 8 | PROTO_UDP) +
			addr_to_v4(&n->src) + addr_to_v4(&n->dst));
		encap_udp((void *)(ip + 1), e, n->port, udp_len);
		eth->type = bpf_htons(ETHERTYPE_IPV4);
	}
	mac_pair_copy(&eth->dst, &n->dmac);
	return 0;
}

#endif
