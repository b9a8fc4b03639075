/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The agent on packets that leave with other addresses, repeatable: see fresh.h. */
#include "../../bpf/programs/agent.bpf.c"
#include "fresh.h"

/* Comes back from a walk: see loop_agent.bpf.c. */
static __noinline int agent_call(CTX *ctx)
{
	return agent_entry(ctx);
}

#define AGENT_FRESH(inner, ipv6)                                                                   \
	FRESH_PROGRAM(fresh_agent_0##inner, 0, ipv6, 1, agent_entry(ctx), 0)                       \
	FRESH_PROGRAM(fresh_new_0##inner, 0, ipv6, 1, agent_call(ctx), 0)                          \
	FRESH_PROGRAM(fresh_nothing_0##inner, 0, ipv6, 1, LOOP_SENT, 0)
AGENT_FRESH(4, 0)
AGENT_FRESH(6, 1)
#ifdef CTX_XDP /* tc cannot undo an encapsulation, nor another family */
FRESH_PROGRAM(fresh_encap_44, 0, 0, 0, agent_entry(ctx), loop_strip(ctx, LOOP_OUTER4))
FRESH_PROGRAM(fresh_xlat_06, 0, 1, 0, agent_call(ctx), loop_push(ctx, FRESH_IP6 - FRESH_IP4))
FRESH_PROGRAM(fresh_encap_46, 0, 1, 0, agent_entry(ctx), loop_strip(ctx, LOOP_OUTER4))
#endif
