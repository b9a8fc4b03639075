/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stores what a walk concluded, one record per direction, and puts each new record on the
 * ageing wheel.
 * Edges: next: act; drop: REASON_FLOW_TABLE_FULL when a record finds no room.
 */
#ifndef TRANSIT_NODE_COMMIT_H
#define TRANSIT_NODE_COMMIT_H

#include <transit/config.h>
#include <lib/age.h>
#include <lib/hash.h>
#include "flow.h"

/* Every record that exists is named by at least one node; a node may outlive its record. */
static __always_inline int commit_age(__u64 id, __u16 kind, __u32 seconds)
{
	struct age_val *a = age_get();
	struct age_node_val *n;
	__u32 index;

	if (!a)
		return -1;
	index = age_alloc(a, cfg_age_nodes);
	n = index ? bpf_map_lookup_elem(&age_node, &index) : NULL;
	if (!n)
		return -1;
	n->kind = kind;
	n->interval = seconds;
	n->id = id;
	age_push(index, n, seconds);
	return 0;
}

/* Returns 0 or a negative reason. */
static __noinline int commit_flow(struct flow_val *val)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct flow_val *old;
	__u64 id;
	int err; /* before 6.4 the upper half of what maps answer is not a sign */

	/* before ageing was started every name would be the same */
	if (!seed || !seed->m[0])
		return -REASON_INTERNAL;
	id = flow_id(seed, &val->key);
	val->last_seen = now_s();
	err = bpf_map_update_elem(&flow, &id, val, BPF_NOEXIST);
	if (err == -17 /* EEXIST */) {
		old = bpf_map_lookup_elem(&flow, &id);
		if (old && !flow_key_equal(&old->key, &val->key))
			return -REASON_FLOW_TABLE_FULL; /* its place is taken */
		return bpf_map_update_elem(&flow, &id, val, BPF_EXIST) ? -REASON_INTERNAL : 0;
	}
	if (err)
		return -REASON_FLOW_TABLE_FULL;
	if (commit_age(id, AGE_FLOW, AGE_FIRST_S)) {
		/* a record that nothing would ever remove must not stay */
		bpf_map_delete_elem(&flow, &id);
		return -REASON_FLOW_TABLE_FULL;
	}
	return 0;
}

/* After a reset neither direction has more to say: both records go soon. */
static __always_inline void commit_reset(const struct pkt *p, struct flow_val *fwd,
					 struct flow_val *rev)
{
	if (p->tcp_flags & TCP_RST) {
		fwd->flags |= FLOW_CLOSING;
		rev->flags |= FLOW_CLOSING;
	}
}

#endif
