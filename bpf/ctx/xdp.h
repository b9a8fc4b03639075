/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The context layer on XDP; see ctx.h. Frames carry complete checksums. Above a page they lie in
 * several buffers (xdp.frags), of which only the first can be read: data_end is its end, not the
 * frame's. Drivers put all headers there, but for some that put nothing.
 */
#ifndef TRANSIT_CTX_XDP_H
#define TRANSIT_CTX_XDP_H

#include <lib/csum.h>

#define CTX struct xdp_md
#define CTX_SEC "xdp.frags"
#define CTX_PASS XDP_PASS
#define CTX_DROP XDP_DROP

enum { PULL_BYTES = 256 }; /* headers we may want to read: tunnel, inner, extension chain */

/* Since 6.18. Moves the start of the frame's later buffers into the first. */
extern int bpf_xdp_pull_data(struct xdp_md *xdp, __u32 len) __ksym __weak;

static __always_inline void *ctx_data(const CTX *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *ctx_data_end(const CTX *ctx)
{
	return (void *)(long)ctx->data_end;
}

/* A call: to be made once. */
static __always_inline __u32 ctx_len(const CTX *ctx)
{
	return bpf_xdp_get_buff_len((CTX *)ctx);
}

static __always_inline __u32 ctx_ifindex(const CTX *ctx)
{
	return ctx->ingress_ifindex;
}

static __always_inline __u32 ctx_readable(const CTX *ctx)
{
	return ctx_data_end(ctx) - ctx_data(ctx);
}

static __always_inline void ctx_open(CTX *ctx, __u32 len)
{
	__u32 readable = ctx_readable(ctx);

	if (likely(readable == len) || readable >= PULL_BYTES || !bpf_xdp_pull_data)
		return;
	bpf_xdp_pull_data(ctx, len < PULL_BYTES ? len : PULL_BYTES);
}

/* What a header may need is not all there. */
static __always_inline int ctx_apart(const CTX *ctx, __u32 len)
{
	__u32 readable = ctx_readable(ctx);

	return readable < len && readable < PULL_BYTES;
}

static __always_inline int ctx_pull(CTX *ctx)
{
	return 0; /* done by ctx_open() */
}

static __always_inline void ctx_pull_to(CTX *ctx, __u32 len)
{
	if (bpf_xdp_pull_data)
		bpf_xdp_pull_data(ctx, len);
}

static __always_inline __u32 ctx_gso_size(const CTX *ctx)
{
	return 0;
}

static __always_inline __u32 ctx_vlan_tci(const CTX *ctx)
{
	return TAG_NONE;
}

/* 0, or -1 when the frame is too short. */
static __always_inline int ctx_untag(CTX *ctx)
{
	__u8 *data = ctx_data(ctx);
	__u32 *word;
	__u32 a, b, c;

	if (data + 18 > (__u8 *)ctx_data_end(ctx))
		return -1;
	word = (__u32 *)data;
	a = word[0];
	b = word[1];
	c = word[2];
	word[1] = a;
	word[2] = b;
	word[3] = c;
	return bpf_xdp_adjust_head(ctx, 4);
}

static __always_inline int ctx_tagged(const CTX *ctx)
{
	const __be16 *type = ctx_data(ctx) + 12;

	return (void *)(type + 1) <= ctx_data_end(ctx) &&
	       (*type == bpf_htons(ETHERTYPE_VLAN) || *type == bpf_htons(ETHERTYPE_QINQ));
}

static __always_inline int ctx_grow(CTX *ctx, __u32 bytes, int outer_ipv6, int tcp)
{
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
}

static __always_inline int ctx_shrink(CTX *ctx, __u32 bytes, int inner_ipv6)
{
	return bpf_xdp_adjust_head(ctx, (int)bytes);
}

/* Inserts bytes behind the Ethernet header, which is written anew by the caller. */
static __always_inline int ctx_push_l3(CTX *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
}

/* Room in front of the frame. */
static __always_inline int ctx_prepend(CTX *ctx, __u32 bytes)
{
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
}

/* All of the frame is in the first buffer. */
static __always_inline int ctx_whole(CTX *ctx)
{
	return ctx_readable(ctx) == ctx_len(ctx);
}

/* Takes `cut` bytes away where the network header is, or adds -cut. 0 or an error. */
static __always_inline int ctx_family(CTX *ctx, int to_ipv6, __s32 cut)
{
	return bpf_xdp_adjust_head(ctx, cut);
}

static __always_inline int ctx_trim(CTX *ctx, __u32 length)
{
	int err = bpf_xdp_adjust_tail(ctx, (int)length - (int)ctx_len(ctx));

	if (!err && bpf_xdp_pull_data && ctx_readable(ctx) < length)
		bpf_xdp_pull_data(ctx, length);
	return err;
}

static __always_inline void ctx_csum_update(CTX *ctx, __u32 diff)
{
}

/*
 * off: of the checksum in the frame. addr_diff: of the pseudo-header's addresses, port_diff: of
 * what lies in the segment; both folded, new less old. A UDP checksum of zero stays (RFC 768). 0 or
 * -1.
 */
static __always_inline int ctx_l4_csum(CTX *ctx, __u32 off, __u16 addr_diff, __u16 port_diff,
				       int udp, int ipv6)
{
	__u16 *csum = ctx_data(ctx) + off, sum;

	if ((void *)(csum + 1) > ctx_data_end(ctx))
		return -1;
	sum = *csum;
	if (udp && !sum)
		return 0;
	sum = (__u16)~csum_fold((__u64)(__u16)~sum + addr_diff + port_diff);
	*csum = udp && !sum ? 0xffff : sum;
	return 0;
}

static __always_inline int ctx_load_bytes(CTX *ctx, __u32 offset, void *to, __u32 len)
{
	return bpf_xdp_load_bytes(ctx, offset, to, len);
}

static __always_inline int ctx_redirect(CTX *ctx, __u32 ifindex)
{
	return bpf_redirect(ifindex, 0);
}

/*
 * Back out of the device it came from. Not XDP_TX: on a veth whose other end has no XDP program,
 * that puts the frame into the other end's ring and does not wake it (veth_xdp_flush()); it waits
 * there for the next packet. A redirect wakes.
 */
static __always_inline int ctx_reply(CTX *ctx)
{
	return bpf_redirect(ctx->ingress_ifindex, 0);
}

static __always_inline int ctx_deliver(CTX *ctx, __u32 ifindex, int peer)
{
	return bpf_redirect(ifindex, 0);
}

#endif
