/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Puts a packet back as it was after a program has encapsulated or decapsulated it, so that
 * BPF_PROG_TEST_RUN can repeat it: test runs keep what a program did to the packet. The cost
 * is the same around every program measured.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <bpf/bpf_helpers.h>

#ifdef CTX_XDP
enum { LOOP_SENT = XDP_REDIRECT };
#else
enum { LOOP_SENT = TC_ACT_REDIRECT };
#endif

enum {
	LOOP_OUTER = 50,
	LOOP_HEAD4 = 34, /* Ethernet and IPv4: MACs and TTL change */
	LOOP_HEAD6 = 54,
};

#define LOOP_DATA(ctx) ((void *)(long)(ctx)->data)
#define LOOP_END(ctx) ((void *)(long)(ctx)->data_end)

#ifdef CTX_XDP
#define LOOP_STRIP(ctx) bpf_xdp_adjust_head(ctx, LOOP_OUTER)
#define LOOP_PUSH(ctx) bpf_xdp_adjust_head(ctx, -LOOP_OUTER)
#else
#define LOOP_STRIP(ctx)                                                                            \
	bpf_skb_adjust_room(ctx, -LOOP_OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO)
#define LOOP_PUSH(ctx)                                                                             \
	bpf_skb_adjust_room(ctx, LOOP_OUTER, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO)
#endif

/* Runs `call` on a frame of `head` bytes of headers, then undoes it with `undo`. */
#define LOOP(ctx, head, call, undo)                                                                \
	({                                                                                         \
		__u8 saved[head];                                                                  \
		int verdict;                                                                       \
                                                                                                   \
		if (LOOP_DATA(ctx) + (head) > LOOP_END(ctx))                                       \
			return -1;                                                                 \
		__builtin_memcpy(saved, LOOP_DATA(ctx), head);                                     \
		verdict = call;                                                                    \
		if (verdict != LOOP_SENT || undo)                                                  \
			return -2;                                                                 \
		if (LOOP_DATA(ctx) + (head) > LOOP_END(ctx))                                       \
			return -3;                                                                 \
		__builtin_memcpy(LOOP_DATA(ctx), saved, head);                                     \
		verdict;                                                                           \
	})

#endif
