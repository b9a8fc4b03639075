/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the real programs are measured against: the least that does the same work by hand: one
 * look-up of the flow, one rewrite, no checks beyond what the verifier asks, IPv4 in IPv4 and
 * UDP only.
 */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "loop.h"

char _license[] SEC("license") = "Dual BSD/GPL";

struct eth {
	__u8 dst[6];
	__u8 src[6];
	__be16 type;
} __attribute__((packed));

struct ip4 {
	__u8 ver_ihl, tos;
	__be16 len, id, frag;
	__u8 ttl, proto;
	__u16 csum;
	__be32 saddr, daddr;
};

struct udp {
	__be16 sport, dport, len;
	__u16 csum;
};

struct vxlan {
	__be32 flags, vni;
};

struct tuple {
	__be32 saddr, daddr;
	__be16 sport, dport;
	__u32 vni;
};

struct action {
	__u8 dmac[6], smac[6]; /* inner */
	__u8 outer_dmac[6], outer_smac[6];
	__be32 saddr, daddr;
	__u32 vni, ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, struct tuple);
	__type(value, struct action);
} min_flow SEC(".maps");

enum { OUTER = 50 };

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(__u16)((sum & 0xffff) + (sum >> 16));
}

static __always_inline int encap_key(void *data, void *end, struct tuple *t, __u16 *len)
{
	struct ip4 *ip = data + sizeof(struct eth);
	struct udp *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end || ip->ver_ihl != 0x45)
		return -1;
	t->saddr = ip->saddr;
	t->daddr = ip->daddr;
	t->sport = udp->sport;
	t->dport = udp->dport;
	t->vni = 0;
	*len = bpf_ntohs(ip->len);
	return 0;
}

static __always_inline int encap_write(void *data, void *end, const struct action *a, __u16 len)
{
	struct eth *eth = data, *inner;
	struct ip4 *ip = (void *)(eth + 1);
	struct udp *udp = (void *)(ip + 1);
	struct vxlan *vx = (void *)(udp + 1);

	inner = (void *)(vx + 1);
	if ((void *)(inner + 1) > end)
		return -1;
	__builtin_memcpy(inner->dst, a->dmac, 6);
	__builtin_memcpy(inner->src, a->smac, 6);
	inner->type = bpf_htons(0x0800);
	__builtin_memcpy(eth->dst, a->outer_dmac, 6);
	__builtin_memcpy(eth->src, a->outer_smac, 6);
	eth->type = bpf_htons(0x0800);
	ip->ver_ihl = 0x45;
	ip->tos = 0;
	ip->len = bpf_htons(len + OUTER);
	ip->id = 0;
	ip->frag = bpf_htons(0x4000);
	ip->ttl = 64;
	ip->proto = 17;
	ip->saddr = a->saddr;
	ip->daddr = a->daddr;
	ip->csum = fold((__u64)bpf_htons(0x4500) + bpf_htons(len + OUTER) + bpf_htons(0x4000) +
			bpf_htons(64 << 8 | 17) + a->saddr + a->daddr);
	udp->sport = bpf_htons(50000);
	udp->dport = bpf_htons(4789);
	udp->len = bpf_htons(len + OUTER - 20);
	udp->csum = 0;
	vx->flags = bpf_htonl(0x08000000);
	vx->vni = bpf_htonl(a->vni << 8);
	return 0;
}

static __always_inline int decap_key(void *data, void *end, struct tuple *t)
{
	struct ip4 *outer = data + sizeof(struct eth), *ip;
	struct udp *tunnel = (void *)(outer + 1), *udp;
	struct vxlan *vx = (void *)(tunnel + 1);

	ip = (void *)(vx + 1) + sizeof(struct eth);
	udp = (void *)(ip + 1);
	if ((void *)(udp + 1) > end || outer->proto != 17 || tunnel->dport != bpf_htons(4789))
		return -1;
	t->saddr = ip->saddr;
	t->daddr = ip->daddr;
	t->sport = udp->sport;
	t->dport = udp->dport;
	t->vni = bpf_ntohl(vx->vni) >> 8;
	return 0;
}

#ifdef CTX_XDP
static __always_inline int min_encap(struct xdp_md *ctx)
{
	struct action *a;
	struct tuple t;
	__u32 ifindex;
	__u16 len;

	if (encap_key((void *)(long)ctx->data, (void *)(long)ctx->data_end, &t, &len))
		return XDP_DROP;
	a = bpf_map_lookup_elem(&min_flow, &t);
	if (!a)
		return XDP_DROP;
	ifindex = a->ifindex;
	if (bpf_xdp_adjust_head(ctx, -OUTER) ||
	    encap_write((void *)(long)ctx->data, (void *)(long)ctx->data_end, a, len))
		return XDP_DROP;
	return bpf_redirect(ifindex, 0);
}

static __always_inline int min_decap(struct xdp_md *ctx)
{
	struct action *a;
	struct eth *eth;
	struct tuple t;

	if (decap_key((void *)(long)ctx->data, (void *)(long)ctx->data_end, &t))
		return XDP_DROP;
	a = bpf_map_lookup_elem(&min_flow, &t);
	if (!a || bpf_xdp_adjust_head(ctx, OUTER))
		return XDP_DROP;
	eth = (void *)(long)ctx->data;
	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(eth->dst, a->dmac, 6);
	__builtin_memcpy(eth->src, a->smac, 6);
	return bpf_redirect(a->ifindex, 0);
}

#else
static __always_inline int min_encap(struct __sk_buff *skb)
{
	struct action *a;
	struct tuple t;
	__u32 ifindex;
	__u16 len;

	if (encap_key((void *)(long)skb->data, (void *)(long)skb->data_end, &t, &len))
		return TC_ACT_SHOT;
	a = bpf_map_lookup_elem(&min_flow, &t);
	if (!a)
		return TC_ACT_SHOT;
	ifindex = a->ifindex;
	if (bpf_skb_adjust_room(skb, OUTER, BPF_ADJ_ROOM_MAC,
				BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
					BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L2(14) |
					BPF_F_ADJ_ROOM_ENCAP_L2_ETH) ||
	    encap_write((void *)(long)skb->data, (void *)(long)skb->data_end, a, len))
		return TC_ACT_SHOT;
	return bpf_redirect(ifindex, 0);
}

static __always_inline int min_decap(struct __sk_buff *skb)
{
	struct action *a;
	struct eth *eth;
	struct tuple t;

	if (decap_key((void *)(long)skb->data, (void *)(long)skb->data_end, &t))
		return TC_ACT_SHOT;
	a = bpf_map_lookup_elem(&min_flow, &t);
	if (!a || bpf_skb_adjust_room(skb, -OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
		return TC_ACT_SHOT;
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return TC_ACT_SHOT;
	__builtin_memcpy(eth->dst, a->dmac, 6);
	__builtin_memcpy(eth->src, a->smac, 6);
	return bpf_redirect(a->ifindex, 0);
}

#endif

/* To an endpoint of the same host: no tunnel. */
static __always_inline int min_near(LOOP_CTX *ctx)
{
	struct action *a;
	struct tuple t;
	struct eth *eth;
	__u32 ifindex;
	__u16 len;

	if (encap_key(LOOP_DATA(ctx), LOOP_END(ctx), &t, &len))
		return LOOP_DROPPED;
	a = bpf_map_lookup_elem(&min_flow, &t);
	eth = LOOP_DATA(ctx);
	if (!a || (void *)(eth + 1) > LOOP_END(ctx))
		return LOOP_DROPPED;
	__builtin_memcpy(eth->dst, a->dmac, 6);
	__builtin_memcpy(eth->src, a->smac, 6);
	ifindex = a->ifindex;
	return bpf_redirect(ifindex, 0);
}

#ifdef CTX_XDP /* tc cannot undo an encapsulation */
LOOP_PROGRAM(min_encap_44, 0, LOOP_INNER4, 0, min_encap(ctx), loop_strip(ctx, LOOP_OUTER4))
#endif
LOOP_PROGRAM(min_near_04, 0, LOOP_INNER4, 0, min_near(ctx), 0)
LOOP_PROGRAM(min_decap_44, LOOP_OUTER4, LOOP_INNER4, 1, min_decap(ctx), loop_push(ctx, LOOP_OUTER4))

SEC(LOOP_SEC)
int LOOP_NAME(min_encap_once)(LOOP_CTX *ctx)
{
	return min_encap(ctx);
}

/* Remembers the flow of a packet as its action says: the bench's way to fill the table. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct action);
} min_action SEC(".maps");

static __always_inline int min_learn(const struct tuple *t)
{
	__u32 zero = 0;
	struct action *a = bpf_map_lookup_elem(&min_action, &zero);

	if (!a || bpf_map_update_elem(&min_flow, t, a, BPF_ANY))
		return LOOP_DROPPED;
	return LOOP_SENT;
}

static __always_inline int min_learn_inner(LOOP_CTX *ctx)
{
	struct tuple t;
	__u16 len;

	if (encap_key(LOOP_DATA(ctx), LOOP_END(ctx), &t, &len))
		return LOOP_DROPPED;
	return min_learn(&t);
}

static __always_inline int min_learn_tunnel(LOOP_CTX *ctx)
{
	struct tuple t;

	if (decap_key(LOOP_DATA(ctx), LOOP_END(ctx), &t))
		return LOOP_DROPPED;
	return min_learn(&t);
}

LOOP_PROGRAM(min_learn_04, 0, LOOP_INNER4, 0, min_learn_inner(ctx), 0)
LOOP_PROGRAM(min_learn_44, LOOP_OUTER4, LOOP_INNER4, 1, min_learn_tunnel(ctx), 0)
