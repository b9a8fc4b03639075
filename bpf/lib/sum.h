/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sum over a part of the frame whose length is known at run time only. */
#ifndef TRANSIT_SUM_H
#define TRANSIT_SUM_H

#include "parse.h"

enum { SUM_OFF_MAX = 2047 };

struct sum_work {
	CTX *ctx;
	__u64 sum;
	__u32 off;
};

static long sum_word(__u32 i, struct sum_work *w)
{
	__u64 off = w->off + 2 * i;
	__u16 *word;

	asm volatile("" : "+r"(off));
	off &= 2 * SUM_OFF_MAX + 1;
	word = ctx_data(w->ctx) + off;
	if ((void *)(word + 1) > ctx_data_end(w->ctx))
		return 1;
	w->sum += *word;
	return 0;
}

/*
 * off up to SUM_OFF_MAX, len up to as much. What is not readable counts as zero. To be folded.
 * One body for the verifier, however long the part is.
 */
static __always_inline __u64 sum_frame(CTX *ctx, __u32 off, __u32 len)
{
	struct sum_work w = {.ctx = ctx, .off = off};
	__u64 last = off + len - 1;
	__u8 *byte;

	bpf_loop(len / 2, sum_word, &w, 0);
	if (len & 1) {
		asm volatile("" : "+r"(last));
		last &= 2 * SUM_OFF_MAX + 1;
		byte = ctx_data(ctx) + last;
		if ((void *)(byte + 1) <= ctx_data_end(ctx))
			w.sum += bpf_htons((__u16)*byte << 8);
	}
	return w.sum;
}

#endif
