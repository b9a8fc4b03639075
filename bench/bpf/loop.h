/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Runs a program on a packet of a flow picked anew each time (vary.h), then puts the packet
 * back as it was, so that BPF_PROG_TEST_RUN can repeat it: test runs keep what a program did
 * to the packet. The cost is the same around every program measured, and is measured alone by
 * the `nothing` programs of yardstick.bpf.c.
 *
 * Frames are named by their families: outer, then inner; 0 stands for none. tc cannot undo an
 * encapsulation (the kernel refuses to encapsulate a packet twice), nor a decapsulation that
 * changed the family: there the bench runs the program itself, one packet a call.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include "vary.h"

#ifdef CTX_XDP
#define LOOP_CTX struct xdp_md
#define LOOP_SEC "xdp.frags"
#define LOOP_NAME(what) xdp_##what
enum { LOOP_SENT = XDP_REDIRECT, LOOP_DROPPED = XDP_DROP };
#else
#include <linux/pkt_cls.h>
#define LOOP_CTX struct __sk_buff
#define LOOP_SEC "tc"
#define LOOP_NAME(what) tc_##what
enum { LOOP_SENT = TC_ACT_REDIRECT, LOOP_DROPPED = TC_ACT_SHOT };
#endif

/* Bytes of tunnel headers, and up to and with the ports behind Ethernet. */
enum {
	LOOP_OUTER0 = 0,
	LOOP_OUTER4 = 50,
	LOOP_OUTER6 = 70,
	LOOP_INNER4 = 14 + 20 + 4,
	LOOP_INNER6 = 14 + 40 + 4,
};

#define LOOP_DATA(ctx) ((void *)(long)(ctx)->data)
#define LOOP_END(ctx) ((void *)(long)(ctx)->data_end)

static __always_inline int loop_strip(LOOP_CTX *ctx, __u32 bytes)
{
#ifdef CTX_XDP
	return bpf_xdp_adjust_head(ctx, (int)bytes);
#else
	return bpf_skb_adjust_room(ctx, -(__s32)bytes, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
#endif
}

static __always_inline int loop_push(LOOP_CTX *ctx, __u32 bytes)
{
#ifdef CTX_XDP
	return bpf_xdp_adjust_head(ctx, -(int)bytes);
#else
	return bpf_skb_adjust_room(ctx, (__s32)bytes, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO);
#endif
}

/* By words; n is known to the compiler and even. */
static __always_inline void loop_copy(void *to, const void *from, __u32 n)
{
	__u32 i;

#pragma unroll
	for (i = 0; i + 8 <= n; i += 8)
		*(__u64 *)(to + i) = *(const __u64 *)(from + i);
	if (n & 4)
		*(__u32 *)(to + (n & ~7)) = *(const __u32 *)(from + (n & ~7));
	if (n & 2)
		*(__u16 *)(to + (n & ~3)) = *(const __u16 *)(from + (n & ~3));
}

/*
 * What of the frame must be put back. XDP moves only the start of the frame, so removed headers
 * are still there, and no flow of the bench is routed: the Ethernet header of the inner frame.
 * More would be unfair: a word that was just written in other pieces is slow to read. tc opens
 * a gap and fills it with nothing.
 */
#ifdef CTX_XDP
#define LOOP_BACK_FROM(outer) (outer)
#define LOOP_BACK(outer) 14
#else
#define LOOP_BACK_FROM(outer) 0
#define LOOP_BACK(outer) ((outer) + 14)
#endif

/*
 * `outer`: bytes of tunnel headers, `head`: bytes up to and with the ports. `prepare` may vary
 * more than these. `call` must send the packet; `undo` gives the frame its old length back and
 * answers 0.
 */
#define LOOP(ctx, outer, head, swapped, prepare, call, undo)                                       \
	({                                                                                         \
		__u64 saved[(LOOP_BACK(outer) + 7) / 8];                                           \
		void *data = LOOP_DATA(ctx);                                                       \
		int verdict;                                                                       \
                                                                                                   \
		if (data + (head) > LOOP_END(ctx))                                                 \
			return -1;                                                                 \
		vary_write(data + (head) - sizeof(struct vary_ports), vary_pick(), swapped);       \
		prepare;                                                                           \
		loop_copy(saved, data + LOOP_BACK_FROM(outer), LOOP_BACK(outer));                  \
		/* else the compiler keeps what it can in registers */                             \
		asm volatile("" : : "r"(saved) : "memory");                                        \
		verdict = call;                                                                    \
		data = LOOP_DATA(ctx);                                                             \
		if (verdict != LOOP_SENT || data + 14 > LOOP_END(ctx))                             \
			return -2;                                                                 \
		vary_wait(data);                                                                   \
		if (undo)                                                                          \
			return -2;                                                                 \
		data = LOOP_DATA(ctx);                                                             \
		if (data + (head) > LOOP_END(ctx))                                                 \
			return -3;                                                                 \
		loop_copy(data + LOOP_BACK_FROM(outer), saved, LOOP_BACK(outer));                  \
		verdict;                                                                           \
	})

/* A program of its own around `call`. */
#define LOOP_PROGRAM(name, outer, head, swapped, call, undo)                                       \
	SEC(LOOP_SEC)                                                                              \
	int LOOP_NAME(name)(LOOP_CTX * ctx)                                                        \
	{                                                                                          \
		return LOOP(ctx, outer, (outer) + (head), swapped, (void)0, call, undo);           \
	}

/* The same without a tunnel, with something written into the packet first. */
#define LOOP_PREPARED(name, head, prepare, call, undo)                                             \
	SEC(LOOP_SEC)                                                                              \
	int LOOP_NAME(name)(LOOP_CTX * ctx)                                                        \
	{                                                                                          \
		return LOOP(ctx, LOOP_OUTER0, head, 0, prepare, call, undo);                       \
	}

/* Once for each frame that a tunnel can carry: outer and inner family. */
#define LOOP_FAMILIES(LOOP_FOR) LOOP_FOR(4, 4) LOOP_FOR(4, 6) LOOP_FOR(6, 4) LOOP_FOR(6, 6)

#endif
