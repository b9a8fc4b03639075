/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Asks policy_judge() about many connections in one test run: the frame is a list of questions
 * behind HEADER bytes, and comes back with the answers in it.
 */
#include <ctx/ctx.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include <nodes/flow.h>
#include <nodes/policy.h>

char _license[] SEC("license") = "Dual BSD/GPL";

#ifdef CTX_XDP
#define VERDICTS_SEC "xdp.frags"
#define VERDICTS_NAME xdp_verdicts
#define verdicts_store(ctx, at, from, len) bpf_xdp_store_bytes(ctx, at, from, len)
#else
#define VERDICTS_SEC "tc"
#define VERDICTS_NAME tc_verdicts
#define verdicts_store(ctx, at, from, len) bpf_skb_store_bytes(ctx, at, from, len, 0)
#endif

enum {
	HEADER = 16, /* Ethernet's, and two bytes so that questions are aligned */
	QUESTIONS = 60, /* more than a frame of one page has */
};

struct question {
	struct flow_key key;
	__u32 ep;
	__u8 reply;
	__u8 sends;
	__u16 pad;
	__s32 answer; /* of policy_judge() */
};

/* 0, or -1: there is no such question. Global: verified once. */
__noinline int verdicts_answer(CTX *ctx, __u32 i)
{
	__u32 at = HEADER + i * sizeof(struct question);
	struct question q;

	if (i >= QUESTIONS || ctx_load_bytes(ctx, at, &q, sizeof(q)))
		return -1;
	q.answer = policy_judge(q.ep, &q.key, q.reply, q.sends);
	if (verdicts_store(ctx, at, &q, sizeof(q)))
		return -1;
	return 0;
}

/* How many were answered. */
SEC(VERDICTS_SEC)
int VERDICTS_NAME(CTX *ctx)
{
	int i;

	for (i = 0; i < QUESTIONS; i++)
		if (verdicts_answer(ctx, i))
			break;
	return i;
}
