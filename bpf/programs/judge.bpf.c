/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Asks what policies say of a connection, by the code and the maps that judge packets
 * (nodes/policy.h). Run by the daemon through BPF_PROG_TEST_RUN; never attached, and nothing
 * notices: what it works on is its own, and it counts nothing.
 */
#include <ctx/ctx.h>
#include <transit/config.h>
#include <nodes/policy.h>

char _license[] SEC("license") = "Dual BSD/GPL";

/* The frame is a struct pol_judge. 0: allowed, or an enum reason. */
SEC("tc")
int judge(CTX *ctx)
{
	struct pol_judge *j = ctx_data(ctx);
	struct pol_work *w = pol_work_get();
	struct flow_key key;
	int r;

	if (!w || (void *)(j + 1) > ctx_data_end(ctx))
		return REASON_TRUNCATED;
	w->quiet = 1;
	w->hit = 0;
	key = j->key;
	r = policy_judge(j->ep, &key, !!j->reply, !!j->sends);
	j = ctx_data(ctx);
	if ((void *)(j + 1) > ctx_data_end(ctx))
		return REASON_TRUNCATED;
	j->hit = w->hit;
	return -r;
}
