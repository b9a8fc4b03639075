/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The agent, repeatable: see loop.h. */
#include "../../bpf/programs/agent.bpf.c"
#include "loop.h"

SEC(CTX_SEC)
int PROGRAM(agent_loop4)(CTX *ctx)
{
	return LOOP(ctx, LOOP_HEAD4, agent_entry(ctx), LOOP_STRIP(ctx));
}

SEC(CTX_SEC)
int PROGRAM(agent_loop6)(CTX *ctx)
{
	return LOOP(ctx, LOOP_HEAD6, agent_entry(ctx), LOOP_STRIP(ctx));
}

/* Same-host delivery and drops leave the length alone. */
SEC(CTX_SEC)
int PROGRAM(agent_near)(CTX *ctx)
{
	return LOOP(ctx, LOOP_HEAD4, agent_entry(ctx), 0);
}
