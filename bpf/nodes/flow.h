/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Finds the record that an earlier walk wrote and decides whether it still holds.
 * Edges: next: NODE_ENCAP or NODE_DELIVER when it holds, NODE_WALK when not.
 */
#ifndef TRANSIT_NODE_FLOW_H
#define TRANSIT_NODE_FLOW_H

#include <lib/count.h>
#include <lib/clock.h>
#include <lib/hash.h>
#include <lib/parse.h>
#include "conn.h"

/* The record if the packet may use it as it is; every exception walks and is dealt with there. */
static __always_inline struct flow_val *flow_holds(struct pkt *p, struct flow_val *f)
{
	__u32 *generation, vpc_index, now;

	if (!f)
		return NULL;
	vpc_index = f->vpc;
	generation = bpf_map_lookup_elem(&vpc_gen, &vpc_index);
	if (!generation || f->generation != *generation)
		return NULL;
	if (!mac_pair_equal(&f->in_dmac, &p->dmac))
		return NULL;
	if (p->frag == FRAG_FIRST) /* the walk remembers its ports */
		return NULL;
	if ((f->flags & FLOW_ROUTED) && p->ttl <= 1)
		return NULL;
	now = now_s();
	if (f->last_seen != now)
		f->last_seen = now;
	if (unlikely(p->tcp_flags & TCP_EVENTS) || unlikely(f->flags & FLOW_CLOSING))
		conn_tcp(f, p->tcp_flags);
	return f;
}

static __always_inline struct flow_val *node_flow(struct pkt *p)
{
	return flow_holds(p, flow_find(&p->key));
}

#endif
