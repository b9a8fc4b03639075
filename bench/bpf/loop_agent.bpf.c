/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The agent, repeatable: see loop.h. */
#include "../../bpf/programs/agent.bpf.c"
#include "loop.h"

/*
 * A walk is reached by a tail call, which would end the loop's program too; called like this
 * it comes back. The hit path is inlined, as in the program itself.
 */
static __noinline int agent_call(CTX *ctx)
{
	return agent_entry(ctx);
}

#ifdef CTX_XDP /* tc cannot undo an encapsulation */
#define AGENT_ENCAP(outer, inner)                                                                  \
	LOOP_PROGRAM(agent_encap_##outer##inner, 0, LOOP_INNER##inner, 0, agent_entry(ctx),        \
		     loop_strip(ctx, LOOP_OUTER##outer))                                           \
	LOOP_PROGRAM(walk_encap_##outer##inner, 0, LOOP_INNER##inner, 0, agent_call(ctx),          \
		     loop_strip(ctx, LOOP_OUTER##outer))
LOOP_FAMILIES(AGENT_ENCAP)

/* To a destination picked from as many routes or addresses as there are. */
LOOP_PREPARED(walk_target_44, LOOP_INNER4, vary_target(data + 14), agent_call(ctx),
	      loop_strip(ctx, LOOP_OUTER4))
#endif

/* Delivery on the same host leaves the length alone. */
#define AGENT_NEAR(inner)                                                                          \
	LOOP_PROGRAM(agent_near_0##inner, 0, LOOP_INNER##inner, 0, agent_entry(ctx), 0)            \
	LOOP_PROGRAM(walk_near_0##inner, 0, LOOP_INNER##inner, 0, agent_call(ctx), 0)
AGENT_NEAR(4)
AGENT_NEAR(6)
