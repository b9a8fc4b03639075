/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The context layer on tc ingress (tcx or clsact); see ctx.h. Frames may be GSO, partly in
 * pages, and their transport checksum may still be partial (ip_summed CHECKSUM_PARTIAL):
 * only helpers that keep the kernel's offsets right may resize them.
 */
#ifndef TRANSIT_CTX_TC_H
#define TRANSIT_CTX_TC_H

#include <linux/pkt_cls.h>
#include <bpf/bpf_core_read.h>
#include <lib/csum.h>

#define CTX struct __sk_buff
#define CTX_SEC "tc"
#define CTX_PASS TC_ACT_UNSPEC
#define CTX_DROP TC_ACT_SHOT

enum {
	PULL_BYTES = 256, /* headers we may want to read: tunnel, inner, extension chain */
	/* linux/bpf.h since 6.3: skb->protocol follows the inner packet */
	ADJ_DECAP_L3_IPV4 = 1 << 7,
	ADJ_DECAP_L3_IPV6 = 1 << 8,
	ERR_ALREADY = 114, /* EALREADY, asm-generic/errno.h */
	EXCESS = 8, /* see ctx_grow() */
	SHRINK_LEAST = 14 + 40, /* Ethernet and IPv6 header, see ctx_shrink() */
	FAMILY_GAP = 20, /* bytes by which an IPv6 header is longer than an IPv4 header */
	/* what sk_buff.ip_summed says of the transport checksum, linux/skbuff.h */
	SUMMED_COMPLETE = 2, /* the kernel has summed the whole packet */
	SUMMED_PARTIAL = 3, /* the pseudo-header's sum is there, the rest comes later */
	SUMMED_UNKNOWN = 4,
};

/* Since 6.3. Costs no call. */
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;

struct sk_buff___summed {
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

/* The verifier refuses the address of a field; the barrier keeps the compiler from making one. */
static __always_inline void *ctx_data(const CTX *ctx)
{
	asm volatile("" : "+r"(ctx));
	return (void *)(long)ctx->data;
}

static __always_inline void *ctx_data_end(const CTX *ctx)
{
	return (void *)(long)ctx->data_end;
}

static __always_inline __u32 ctx_len(const CTX *ctx)
{
	return ctx->len;
}

static __always_inline __u32 ctx_readable(const CTX *ctx)
{
	return ctx_data_end(ctx) - ctx_data(ctx);
}

/* Most frames need nothing of the kind: see ctx_pull(). */
static __always_inline void ctx_open(CTX *ctx, __u32 len)
{
}

static __always_inline int ctx_apart(const CTX *ctx, __u32 len)
{
	return 0;
}

static __always_inline __u32 ctx_ifindex(const CTX *ctx)
{
	return ctx->ifindex;
}

static __always_inline int ctx_pull(CTX *ctx)
{
	__u32 linear = ctx->data_end - ctx->data;
	__u32 want = ctx->len;

	if (want > PULL_BYTES)
		want = PULL_BYTES;
	if (linear >= want)
		return 0;
	return bpf_skb_pull_data(ctx, want) == 0;
}

static __always_inline void ctx_pull_to(CTX *ctx, __u32 len)
{
	bpf_skb_pull_data(ctx, len);
}

static __always_inline __u32 ctx_gso_size(const CTX *ctx)
{
	return ctx->gso_size;
}

static __always_inline __u32 ctx_vlan_tci(const CTX *ctx)
{
	return ctx->vlan_present ? ctx->vlan_tci & 0xffff : TAG_NONE;
}

static __always_inline int ctx_untag(CTX *ctx)
{
	return bpf_skb_vlan_pop(ctx);
}

/* It takes the first one's place, where a parser would not see it. */
static __always_inline int ctx_tagged(const CTX *ctx)
{
	return ctx->vlan_present;
}

/*
 * The flags make the kernel segment a GSO frame behind the tunnel header (RFC 7348 with
 * SKB_GSO_UDP_TUNNEL) and keep the payload per segment.
 *
 * An skb that the kernel merged in front of the tunnel (GRO) stays marked as encapsulated
 * after ctx_shrink(), with its inner headers' places as they are: nothing that a program may
 * call takes the mark off. A workload that forwards it brings it here again. Its tunnel type
 * is still the right one, and the inner headers will be where they were, so it only has to
 * grow. The same mark on other frames is a tunnel of the workload's own; they can grow, too,
 * unless they are still to be segmented, since the kernel knows of one tunnel only. TCP
 * carries no tunnel: such a GSO frame is of the first kind. skb->protocol follows only a
 * shrinking by a few bytes that were grown in excess, since 6.3: what forwards between a
 * tunnel and one of the other family does not get there before.
 */
static __always_inline int ctx_grow(CTX *ctx, __u32 bytes, int outer_ipv6, int tcp)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
		      BPF_F_ADJ_ROOM_ENCAP_L2(14) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH;

	int err;

	flags |= outer_ipv6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
	err = bpf_skb_adjust_room(ctx, (__s32)bytes, BPF_ADJ_ROOM_MAC, flags);
	if (likely(err != -ERR_ALREADY) || (ctx->gso_size && !tcp))
		return err;
	flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	if (ctx->protocol == (outer_ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4)))
		return bpf_skb_adjust_room(ctx, (__s32)bytes, BPF_ADJ_ROOM_MAC, flags);
	err = bpf_skb_adjust_room(ctx, (__s32)bytes + EXCESS, BPF_ADJ_ROOM_MAC, flags);
	if (err)
		return err;
	flags |= outer_ipv6 ? ADJ_DECAP_L3_IPV6 : ADJ_DECAP_L3_IPV4;
	return bpf_skb_adjust_room(ctx, -EXCESS, BPF_ADJ_ROOM_MAC, flags);
}

/*
 * Kernels before 6.3 do not know the decapsulation flags; without them skb->protocol stays
 * the outer one, which matters only when the families differ: the caller then must not
 * enter the workload past eth_type_trans. Nor do they leave less than a header of the outer
 * family, so a short IPv4 packet behind an IPv6 header is lent the missing bytes.
 * Returns 0, 1 for that case, or an error.
 */
static __always_inline int ctx_shrink(CTX *ctx, __u32 bytes, int inner_ipv6)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	__u64 decap = inner_ipv6 ? ADJ_DECAP_L3_IPV6 : ADJ_DECAP_L3_IPV4;
	__u32 len = ctx->len, least = bytes + SHRINK_LEAST;
	int same = ctx->protocol ==
		   (inner_ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4));
	int err;

	if (same)
		return bpf_skb_adjust_room(ctx, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags);
	err = bpf_skb_adjust_room(ctx, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags | decap);
	if (!err)
		return 0;
	if (len < least && bpf_skb_change_tail(ctx, least, 0))
		return -1;
	err = bpf_skb_adjust_room(ctx, -(__s32)bytes, BPF_ADJ_ROOM_MAC, flags);
	if (!err && len < least)
		err = bpf_skb_change_tail(ctx, len - bytes, 0);
	return err ? err : 1;
}

static __always_inline int ctx_push_l3(CTX *ctx, __u32 bytes)
{
	return bpf_skb_adjust_room(ctx, (__s32)bytes, BPF_ADJ_ROOM_MAC,
				   BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET);
}

static __always_inline int ctx_prepend(CTX *ctx, __u32 bytes)
{
	return bpf_skb_change_head(ctx, bytes, 0);
}

static __always_inline int ctx_whole(CTX *ctx)
{
	return 1;
}

/*
 * As on XDP. The kernel's helper resizes by the difference of the two headers, and makes a GSO
 * frame one of the other family. A frame that came out of a tunnel of that family is taken for one
 * already before 6.3 (see ctx_shrink()): it goes there and back.
 */
static __always_inline int ctx_family(CTX *ctx, int to_ipv6, __s32 cut)
{
	__be16 to = to_ipv6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
	__be16 other = to_ipv6 ? bpf_htons(ETHERTYPE_IPV4) : bpf_htons(ETHERTYPE_IPV6);
	int err;

	if (ctx->protocol == to) {
		err = bpf_skb_change_proto(ctx, other, 0);
		if (err)
			return err;
		cut += to_ipv6 ? -FAMILY_GAP : FAMILY_GAP;
	}
	err = bpf_skb_change_proto(ctx, to, 0);
	cut += to_ipv6 ? FAMILY_GAP : -FAMILY_GAP;
	if (err || !cut)
		return err;
	return bpf_skb_adjust_room(ctx, -cut, BPF_ADJ_ROOM_MAC,
				   BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_NO_CSUM_RESET);
}

/* Also makes the rest linear and forgets GSO. */
static __always_inline int ctx_trim(CTX *ctx, __u32 length)
{
	int err = bpf_skb_change_tail(ctx, length, 0);

	return err ? err : bpf_skb_pull_data(ctx, length);
}

static __always_inline __u32 ctx_summed(CTX *ctx)
{
	struct sk_buff___summed *skb;

	if (!bpf_cast_to_kern_ctx)
		return SUMMED_UNKNOWN;
	skb = bpf_cast_to_kern_ctx(ctx);
	return BPF_CORE_READ_BITFIELD(skb, ip_summed);
}

static __always_inline void ctx_csum_update(CTX *ctx, __u32 diff)
{
	bpf_csum_update(ctx, diff);
}

/*
 * Where the kernel does not say what kind of checksum it is, its helper tells it apart. That also
 * takes the change off what the kernel may have summed, which is right for IPv4, whose header's
 * checksum changes too, and not for IPv6.
 */
static __always_inline int ctx_l4_csum_call(CTX *ctx, __u32 off, __u16 addr_diff, __u16 port_diff,
					    int udp, int ipv6)
{
	__u64 flags = udp ? BPF_F_MARK_MANGLED_0 : 0;

	if (addr_diff) {
		if (bpf_l4_csum_replace(ctx, off, 0, addr_diff, flags | BPF_F_PSEUDO_HDR))
			return -1;
		if (ipv6)
			bpf_csum_update(ctx, addr_diff);
	}
	if (port_diff && bpf_l4_csum_replace(ctx, off, 0, port_diff, flags))
		return -1;
	return 0;
}

/*
 * As on XDP. A checksum that is still to be completed holds the pseudo-header's sum, not its
 * complement, and knows no ports. What the kernel has summed changes by what no checksum makes up
 * for: IPv4 addresses are made up for by their header's.
 */
static __always_inline int ctx_l4_csum(CTX *ctx, __u32 off, __u16 addr_diff, __u16 port_diff,
				       int udp, int ipv6)
{
	__u32 summed = ctx_summed(ctx);
	__u16 *csum, sum, complement;

	if (summed == SUMMED_UNKNOWN)
		return ctx_l4_csum_call(ctx, off, addr_diff, port_diff, udp, ipv6);
	csum = ctx_data(ctx) + off;
	if ((void *)(csum + 1) > ctx_data_end(ctx))
		return -1;
	sum = *csum;
	if (udp && !sum) { /* there is none, RFC 768 */
		if (summed == SUMMED_COMPLETE)
			bpf_csum_update(ctx, (__u32)port_diff + (ipv6 ? addr_diff : 0));
		return 0;
	}
	complement = summed == SUMMED_PARTIAL ? 0 : 0xffff;
	sum = complement ^
	      csum_fold((__u64)(sum ^ complement) + addr_diff + (port_diff & complement));
	*csum = udp && !sum ? 0xffff : sum;
	if (summed == SUMMED_COMPLETE && !ipv6)
		bpf_csum_update(ctx, (__u16)~addr_diff);
	return 0;
}

static __always_inline int ctx_load_bytes(CTX *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_skb_load_bytes(ctx, offset, to, len);
}

static __always_inline int ctx_redirect(CTX *ctx, __u32 ifindex)
{
	return bpf_redirect(ifindex, 0);
}

static __always_inline int ctx_reply(CTX *ctx)
{
	return bpf_redirect(ctx->ifindex, 0);
}

static __always_inline int ctx_deliver(CTX *ctx, __u32 ifindex, int peer)
{
	return peer ? bpf_redirect_peer(ifindex, 0) : bpf_redirect(ifindex, 0);
}

#endif
