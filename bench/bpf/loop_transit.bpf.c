/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The transit program, repeatable: see loop.h. */
#include "../../bpf/programs/transit.bpf.c"
#include "loop.h"

/* Comes back from a walk: see loop_agent.bpf.c. */
static __noinline int transit_call(CTX *ctx)
{
	return transit_entry(ctx);
}

#define TRANSIT(outer, inner)                                                                      \
	LOOP_PROGRAM(transit_decap_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 1,        \
		     transit_entry(ctx), loop_push(ctx, LOOP_OUTER##outer))                        \
	LOOP_PROGRAM(walk_decap_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 1,           \
		     transit_call(ctx), loop_push(ctx, LOOP_OUTER##outer))
LOOP_FAMILIES(TRANSIT)
