/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Layouts that only the programs write and that need kernel-only member types; apart from
 * types.h so that this can be read without libbpf.
 */
#ifndef TRANSIT_EVENTS_H
#define TRANSIT_EVENTS_H

#include <linux/bpf.h>
#include "types.h"

/* The wheel. Map `age`. */
struct age_val {
	struct bpf_timer timer;
	__u64 free; /* free list: tag << 32 | index of its first node; the tag defeats ABA */
	__u32 used; /* nodes ever taken; those above it were never used */
	__u32 cursor_s; /* the next second to look at */
	__u32 pending; /* list being worked on, 0 when none */
	__u32 pad;
	__u64 expired_flows;
	__u64 expired_frags;
	__u64 rescheduled; /* records looked at and found alive */
};

struct clock_val {
	__u32 now_s;
	__u32 pad;
};

/* Token bucket, filled by time. Maps `icmp_limit`, `held_limit`. */
struct icmp_limit_val {
	struct bpf_spin_lock lock;
	__u32 tokens; /* thousandths of a packet */
	__u64 last_ns; /* CLOCK_MONOTONIC, coarse */
};

struct event_limit_val {
	__u32 second; /* of the clock map */
	__u32 sent;
};

#endif
