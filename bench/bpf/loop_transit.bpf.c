/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The transit program, repeatable: see loop.h. */
#include "../../bpf/programs/transit.bpf.c"
#include "loop.h"

SEC(CTX_SEC)
int PROGRAM(transit_loop4)(CTX *ctx)
{
	return LOOP(ctx, LOOP_OUTER + LOOP_HEAD4, transit_entry(ctx), LOOP_PUSH(ctx));
}

SEC(CTX_SEC)
int PROGRAM(transit_loop6)(CTX *ctx)
{
	return LOOP(ctx, LOOP_OUTER + LOOP_HEAD6, transit_entry(ctx), LOOP_PUSH(ctx));
}
