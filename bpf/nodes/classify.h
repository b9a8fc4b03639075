/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Tells on a droplet what may be a tunnel packet for us from what is the host's own. Only
 * the UDP port is looked at here; that the address is ours is known from the flow record's
 * next hop, or checked by the walk before anything is dropped.
 * Edges: NODE_PASS when it is the host's; next: NODE_FLOW; with a reason: NODE_WALK.
 */
#ifndef TRANSIT_NODE_CLASSIFY_H
#define TRANSIT_NODE_CLASSIFY_H

#include <transit/config.h>
#include <lib/csum.h>
#include <lib/parse.h>

enum { CLASSIFY_PASS = 1 };

/* The VXLAN header and lengths behind the outer IP header; rest: bytes from there to the end. */
static __always_inline int classify_udp(CTX *ctx, struct pkt *p, struct udp_hdr *udp, __u32 rest,
					__u32 l4_len)
{
	struct vxlan_hdr *vxlan = (void *)(udp + 1);
	__u32 len;

	if ((void *)(udp + 1) > ctx_data_end(ctx) || udp->dport != bpf_htons(cfg_vxlan_port))
		return CLASSIFY_PASS;
	len = bpf_ntohs(udp->len);
	/*
	 * A GSO frame's outer lengths are made when it is segmented. Others are never short enough
	 * to be padded, and what is behind the outer packet must not become part of the inner one.
	 */
	if (!ctx_gso_size(ctx) &&
	    (len != l4_len || len != rest || len < sizeof(*udp) + sizeof(*vxlan)))
		return -REASON_BAD_LENGTH;
	if ((void *)(vxlan + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	if (!(vxlan->flags & VXLAN_FLAG_VNI))
		return -REASON_BAD_TUNNEL;
	p->vni = bpf_ntohl(vxlan->vni) >> 8;
	return 0;
}

static __always_inline int classify_ip4(CTX *ctx, struct pkt *p, __u32 l3_len)
{
	struct ip4_hdr *ip = ctx_data(ctx) + ETH_LEN;
	void *end = ctx_data_end(ctx);
	struct udp_hdr *udp;
	int r;

	if ((void *)(ip + 1) > end || ip->proto != PROTO_UDP)
		return CLASSIFY_PASS;
	p->outer_tos = ip->tos;
	p->outer_len = TUNNEL4_LEN;
	if (unlikely(ip->ver_ihl != 0x45)) {
		if (ip->ver_ihl >> 4 != 4 || ip->ver_ihl < 0x45)
			return CLASSIFY_PASS;
		udp = (void *)ip + (ip->ver_ihl & 0xf) * 4;
		if ((void *)(udp + 1) > end || udp->dport != bpf_htons(cfg_vxlan_port))
			return CLASSIFY_PASS;
		return -REASON_BAD_TUNNEL;
	}
	if (unlikely(ip->frag & bpf_htons(IP4_OFFSET)))
		return CLASSIFY_PASS; /* no port: cannot be told from the host's */
	r = classify_udp(ctx, p, (void *)(ip + 1), l3_len - sizeof(*ip),
			 bpf_ntohs(ip->len) - sizeof(*ip));
	if (r == CLASSIFY_PASS)
		return r;
	if (ip->frag & bpf_htons(IP4_MF))
		return -REASON_BAD_TUNNEL;
	if (r)
		return r;
	if (csum_ip4_sum(ip) != 0xffff)
		return -REASON_BAD_CHECKSUM;
	return 0;
}

static __always_inline int classify_ip6(CTX *ctx, struct pkt *p, __u32 l3_len)
{
	struct ip6_hdr *ip = ctx_data(ctx) + ETH_LEN;

	if ((void *)(ip + 1) > ctx_data_end(ctx) || ip->nexthdr != PROTO_UDP ||
	    (*(__u8 *)ip & 0xf0) != 0x60)
		return CLASSIFY_PASS;
	p->outer_tos = (bpf_ntohl(ip->ver_tc_flow) >> 20) & 0xff;
	p->outer_len = TUNNEL6_LEN;
	return classify_udp(ctx, p, (void *)(ip + 1), l3_len - sizeof(*ip), bpf_ntohs(ip->len));
}

/*
 * len: of the frame. 0: a tunnel packet, perhaps ours; CLASSIFY_PASS; or a negative reason if it
 * is ours.
 */
static __always_inline int node_classify(CTX *ctx, struct pkt *p, __u32 len)
{
	struct eth_hdr *eth = ctx_data(ctx);
	__u32 l3_len = len - ETH_LEN;

	asm volatile("" : "+r"(l3_len)); /* now: the compiler would keep halves of pointers */
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return CLASSIFY_PASS;
	if (eth->type == bpf_htons(ETHERTYPE_IPV4))
		return classify_ip4(ctx, p, l3_len);
	if (eth->type == bpf_htons(ETHERTYPE_IPV6))
		return classify_ip6(ctx, p, l3_len);
	return CLASSIFY_PASS;
}

/*
 * Whether a frame whose headers are apart (ctx_apart()) is for our port at one of our addresses:
 * 1. It cannot be forwarded, and should not reach the host as if it were its own.
 */
static __noinline __maybe_unused int classify_apart(CTX *ctx)
{
	struct {
		__u16 pad; /* the stack is read in aligned pieces */
		struct eth_hdr eth;
		union {
			struct {
				struct ip4_hdr ip;
				struct udp_hdr udp;
			} v4;
			struct {
				struct ip6_hdr ip;
				struct udp_hdr udp;
			} v6;
		};
	} h = {};
	struct ip_addr address;
	__be16 port;

	if (ctx_load_bytes(ctx, 0, &h.eth, sizeof(h) - sizeof(h.pad)))
		return 0;
	if (h.eth.type == bpf_htons(ETHERTYPE_IPV4)) {
		if (h.v4.ip.ver_ihl != 0x45 || h.v4.ip.proto != PROTO_UDP ||
		    (h.v4.ip.frag & bpf_htons(IP4_OFFSET)))
			return 0;
		addr_from_v4(&address, h.v4.ip.daddr);
		port = h.v4.udp.dport;
	} else if (h.eth.type == bpf_htons(ETHERTYPE_IPV6)) {
		if (h.v6.ip.nexthdr != PROTO_UDP)
			return 0;
		address = h.v6.ip.daddr;
		port = h.v6.udp.dport;
	} else {
		return 0;
	}
	return port == bpf_htons(cfg_vxlan_port) && bpf_map_lookup_elem(&local, &address) != NULL;
}

/* For the walk: addresses of the outer header, which is still in front. 0, or -1. */
static __always_inline int classify_addresses(CTX *ctx, struct pkt *p)
{
	void *l3 = ctx_data(ctx) + ETH_LEN;

	if (p->outer_len == TUNNEL6_LEN) {
		struct ip6_hdr *ip = l3;

		if ((void *)(ip + 1) > ctx_data_end(ctx))
			return -1;
		p->outer_src = ip->saddr;
		p->outer_dst = ip->daddr;
	} else {
		struct ip4_hdr *ip = l3;

		if ((void *)(ip + 1) > ctx_data_end(ctx))
			return -1;
		addr_from_v4(&p->outer_src, ip->saddr);
		addr_from_v4(&p->outer_dst, ip->daddr);
	}
	return 0;
}

/*
 * For the hit path: whether the packet is from the next hop's VTEP to an address of ours, in
 * most cases the one we send from.
 */
static __always_inline int classify_is_from(CTX *ctx, struct pkt *p, const struct nh_val *n)
{
	void *l3 = ctx_data(ctx) + ETH_LEN;

	if (p->outer_len == TUNNEL6_LEN) {
		struct ip6_hdr *ip = l3;

		if (!(n->flags & NH_IPV6) || (void *)(ip + 1) > ctx_data_end(ctx) ||
		    !addr_equal(&n->dst, &ip->saddr))
			return 0;
		if (likely(addr_equal(&n->src, &ip->daddr)))
			return 1;
	} else {
		struct ip4_hdr *ip = l3;

		if ((n->flags & NH_IPV6) || (void *)(ip + 1) > ctx_data_end(ctx) ||
		    addr_to_v4(&n->dst) != ip->saddr)
			return 0;
		if (likely(addr_to_v4(&n->src) == ip->daddr))
			return 1;
	}
	return !classify_addresses(ctx, p) && bpf_map_lookup_elem(&local, &p->outer_dst);
}

/*
 * Whether a frame with a priority tag (VID 0) is for our port at one of our addresses: 1. Only
 * then the tag may be taken off; what is the host's reaches it as it came. A tag with a VID
 * belongs to a VLAN device of the host. The tag is in the frame, or was taken off by the kernel.
 */
static __noinline __maybe_unused int classify_priority_tag(CTX *ctx, __u32 in_frame)
{
	void *l3 = ctx_data(ctx) + ETH_LEN, *end = ctx_data_end(ctx);
	__be16 *type = l3 - sizeof(*type);
	struct ip_addr address;
	struct udp_hdr *udp;

	if (in_frame) {
		struct vlan_hdr *tag = l3;

		if ((void *)(tag + 1) > end || (tag->tci & bpf_htons(0xfff)))
			return 0;
		type = &tag->type;
		l3 = tag + 1;
	}
	if (l3 > end)
		return 0;
	if (*type == bpf_htons(ETHERTYPE_IPV4)) {
		struct ip4_hdr *ip = l3;

		if ((void *)(ip + 1) > end || ip->ver_ihl >> 4 != 4 || ip->ver_ihl < 0x45 ||
		    ip->proto != PROTO_UDP || (ip->frag & bpf_htons(IP4_OFFSET)))
			return 0;
		addr_from_v4(&address, ip->daddr);
		udp = l3 + (ip->ver_ihl & 0xf) * 4;
	} else if (*type == bpf_htons(ETHERTYPE_IPV6)) {
		struct ip6_hdr *ip = l3;

		if ((void *)(ip + 1) > end || (*(__u8 *)ip & 0xf0) != 0x60 ||
		    ip->nexthdr != PROTO_UDP)
			return 0;
		address = ip->daddr;
		udp = l3 + sizeof(*ip);
	} else {
		return 0;
	}
	if ((void *)(udp + 1) > end || udp->dport != bpf_htons(cfg_vxlan_port))
		return 0;
	return bpf_map_lookup_elem(&local, &address) != NULL;
}

#endif
