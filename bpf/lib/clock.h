/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Time in seconds without a clock call: the ageing wheel writes it once a second. */
#ifndef TRANSIT_CLOCK_H
#define TRANSIT_CLOCK_H

#include <ctx/ctx.h>

static __always_inline __u32 now_s(void)
{
	__u32 zero = 0;
	struct clock_val *v = bpf_map_lookup_elem(&clock, &zero);

	return v ? v->now_s : 0;
}

#endif
