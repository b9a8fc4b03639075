/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The end of a packet's way, with a reason: counted, and now and then shown to the daemon.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_DROP_H
#define TRANSIT_NODE_DROP_H

#include <transit/config.h>
#include <lib/count.h>
#include <lib/clock.h>

/* Samples are limited per reason and CPU, so that a flood of one kind hides no other. */
static __noinline int drop_sample(CTX *ctx, struct pkt *p, __u32 reason, __u32 hook)
{
	struct event_limit_val *limit;
	struct event *e;
	__u32 now;
	__u64 len;

	limit = bpf_map_lookup_elem(&event_limit, &reason);
	if (!limit)
		return 0;
	now = now_s();
	if (limit->second != now) {
		limit->second = now;
		limit->sent = 0;
	}
	if (limit->sent >= cfg_drop_events_per_second)
		return 0;
	limit->sent++;
	e = bpf_ringbuf_reserve(&event, sizeof(*e), 0);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = bpf_ktime_get_ns();
	e->ifindex = p->ifindex;
	e->vni = p->vni;
	e->kind = EVENT_DROP;
	e->reason = reason;
	e->node = p->node;
	e->hook = hook;
	len = ctx_len(ctx);
	e->length = len;
	/* kernel 6.1 follows bounds only through 64-bit comparisons with a lower and upper end */
	asm volatile("" : "+r"(len));
	if (len > EVENT_DATA)
		len = EVENT_DATA;
	if (len >= ETH_LEN && ctx_load_bytes(ctx, 0, e->data, len) == 0)
		e->captured = len;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

/* reason: positive. Returns the verdict. */
static __always_inline int node_drop(CTX *ctx, struct counters_val *c, struct pkt *p, __u32 reason,
				     __u32 hook)
{
	__u64 slot = reason;

	/* kernel 6.1 follows the bound only when it is set on all 64 bits at once */
	asm volatile("" : "+r"(slot));
	slot &= REASON_SLOTS - 1;
	c->drop[slot]++;
	c->node[NODE_DROP]++;
	if (p->ep) {
		__u32 ep = p->ep;
		struct ep_stats_val *s = bpf_map_lookup_elem(&ep_stats, &ep);

		if (s)
			s->tx_drops++;
	}
	if (cfg_drop_events)
		drop_sample(ctx, p, slot, hook);
	return CTX_DROP;
}

#endif
