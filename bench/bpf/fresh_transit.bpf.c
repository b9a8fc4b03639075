/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The transit program on packets that leave with other addresses, repeatable: see fresh.h. */
#include "../../bpf/programs/transit.bpf.c"
#include "fresh.h"

/* Comes back from a tail call: see loop_agent.bpf.c. */
static __noinline int transit_call(CTX *ctx)
{
	return transit_entry(ctx);
}

/* From outside to an endpoint of this host; out of a tunnel, to an endpoint or to the outside. */
#define TRANSIT_FRESH(inner, ipv6)                                                                 \
	FRESH_PROGRAM(fresh_outside_0##inner, 0, ipv6, 0, transit_call(ctx), 0)                    \
	FRESH_PROGRAM(fresh_decap_4##inner, LOOP_OUTER4, ipv6, 0, transit_entry(ctx),              \
		      loop_push(ctx, LOOP_OUTER4))                                                 \
	FRESH_PROGRAM(fresh_still_0##inner, 0, ipv6, 0, LOOP_SENT, 0)                              \
	FRESH_PROGRAM(fresh_still_4##inner, LOOP_OUTER4, ipv6, 0, LOOP_SENT, 0)
TRANSIT_FRESH(4, 0)
TRANSIT_FRESH(6, 1)
#ifdef CTX_XDP /* from outside into a tunnel, which tc cannot undo */
FRESH_PROGRAM(fresh_into_44, 0, 0, 0, transit_call(ctx), loop_strip(ctx, LOOP_OUTER4))
FRESH_PROGRAM(fresh_into_46, 0, 1, 0, transit_call(ctx), loop_strip(ctx, LOOP_OUTER4))
#endif
