/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A token bucket, filled by time. */
#ifndef TRANSIT_TOKEN_H
#define TRANSIT_TOKEN_H

#include <ctx/ctx.h>

enum { TOKEN = 1000 }; /* thousandths of a packet */

/* 1 when one more packet may go. rate: packets a second; burst: at once. */
static __always_inline int token_take(struct icmp_limit_val *l, __u32 rate, __u32 burst)
{
	__u64 now = bpf_ktime_get_coarse_ns(), passed, fill, cap = (__u64)burst * TOKEN;
	int ok = 0;

	bpf_spin_lock(&l->lock);
	passed = now - l->last_ns;
	if (!l->last_ns || passed > 1000000000ull * 3600)
		fill = cap;
	else /* thousandths of a packet: ns * rate / 1e6 */
		fill = l->tokens + passed * rate / 1000000;
	if (fill > cap)
		fill = cap;
	if (fill > l->tokens || !l->last_ns)
		l->last_ns = now;
	if (fill >= TOKEN) {
		fill -= TOKEN;
		ok = 1;
	}
	l->tokens = fill;
	bpf_spin_unlock(&l->lock);
	return ok;
}

#endif
