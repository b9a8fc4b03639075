/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stores what a walk concluded, one record per direction, and the connection that both belong
 * to: its node on the ageing wheel.
 * Edges: next: act; drop: REASON_FLOW_TABLE_FULL when a record finds no room, REASON_POLICY, those
 * of limit.h.
 */
#ifndef TRANSIT_NODE_COMMIT_H
#define TRANSIT_NODE_COMMIT_H

#include <transit/config.h>
#include <lib/age.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include "conn.h"
#include "limit.h"
#include "policy.h"

/* A node for a new record, not on the wheel yet; 0 when there is none. */
static __always_inline __u32 commit_node(__u64 id, __u8 kind, __u32 seconds)
{
	struct age_val *a = age_get();
	struct age_node_val *n;
	__u32 index;

	if (!a)
		return 0;
	index = age_alloc(a, cfg_age_nodes);
	n = index ? bpf_map_lookup_elem(&age_node, &index) : NULL;
	if (!n)
		return 0;
	n->kind = kind;
	n->state = CONN_OTHER;
	n->interval = seconds;
	n->id = id;
	n->reply = 0;
	n->charge = 0;
	return index;
}

/* Every record that exists is named by a node; a node may outlive its record. */
static __always_inline int commit_age(__u64 id, __u8 kind, __u32 seconds)
{
	__u32 index = commit_node(id, kind, seconds);
	struct age_node_val *n = index ? bpf_map_lookup_elem(&age_node, &index) : NULL;

	if (!n)
		return -1;
	age_push(index, n, seconds);
	return 0;
}

static __always_inline void commit_unused(__u32 index)
{
	struct age_node_val *n = bpf_map_lookup_elem(&age_node, &index);
	struct age_val *a = age_get();

	if (a && n) {
		limit_release(n);
		age_free(a, index, n);
	}
}

/* The record stored under a name; fails when another flow has the name. */
static __always_inline int commit_find(__u64 id, const struct flow_key *key, struct flow_val **out)
{
	struct flow_val *old = bpf_map_lookup_elem(&flow, &id);

	*out = old;
	return old && !flow_key_equal(&old->key, key) ? -1 : 0;
}

static __always_inline int commit_put(__u64 id, struct flow_val *val)
{
	int err; /* before 6.4 the upper half of what maps answer is not a sign */

	val->last_seen = now_s();
	err = bpf_map_update_elem(&flow, &id, val, BPF_NOEXIST);
	if (err == -17 /* EEXIST */)
		err = bpf_map_update_elem(&flow, &id, val, BPF_EXIST);
	return err;
}

/* Gives a direction of a connection its record; one that it had under another name goes. */
static __always_inline void commit_name(__u64 *slot, __u64 id, __u32 index)
{
	__u64 before = *slot;
	struct flow_val *f;

	if (before && before != id) {
		f = bpf_map_lookup_elem(&flow, &before);
		if (f && f->node == index)
			bpf_map_delete_elem(&flow, &before);
	}
	*slot = id;
}

/*
 * The connection's node, d->fwd.node. One that is known keeps it, and with it its state and
 * translation; one that is not is charged. What hangs on the node has to be there before
 * commit_end(): another CPU may use the records at once. 0 or a negative reason.
 */
static __noinline __maybe_unused int commit_begin(struct decision *d, __u8 tcp_flags)
{
	const struct flow_seed_val *seed = flow_seed_ready();
	struct flow_val *old, *other;
	struct age_node_val *n;
	__u64 id, reply = 0;
	__u32 index = 0;
	int err;

	if (!seed)
		return -REASON_INTERNAL;
	id = flow_id(seed, &d->fwd.key);
	if (commit_find(id, &d->fwd.key, &old))
		return -REASON_FLOW_TABLE_FULL; /* its place is taken */
	if (old) {
		index = old->node;
		d->fwd.flags |= old->flags & (FLOW_REPLY | FLOW_CLOSING | FLOW_ALG);
	}
	if (d->has_reverse) {
		reply = flow_id(seed, &d->rev.key);
		if (commit_find(reply, &d->rev.key, &other))
			return -REASON_FLOW_TABLE_FULL;
		if (other && !old) {
			index = other->node;
			d->fwd.flags |= other->flags & FLOW_REPLY ? 0 : FLOW_REPLY;
			d->fwd.flags |= other->flags & (FLOW_CLOSING | FLOW_ALG);
		}
		d->rev.flags |= d->fwd.flags & FLOW_REPLY ? 0 : FLOW_REPLY;
		d->rev.flags |= d->fwd.flags & (FLOW_CLOSING | FLOW_ALG);
	}
	err = policy_ends(d, !!old);
	if (err)
		return err;
	n = index ? bpf_map_lookup_elem(&age_node, &index) : NULL;
	d->fresh = !n;
	if (!n) {
		err = limit_charge(d, d->fwd.key.proto, tcp_flags);
		if (err)
			return err;
		index = commit_node(id, AGE_FLOW, AGE_FIRST_S);
		n = index ? bpf_map_lookup_elem(&age_node, &index) : NULL;
		if (!n) {
			limit_uncharge(d);
			return -REASON_FLOW_TABLE_FULL;
		}
		n->charge = d->charge;
		d->charge = 0;
		if (d->fwd.key.proto == PROTO_TCP) {
			n->state = CONN_OPENING;
			/* not from its beginning, or without the answers: the next packet tells
			 * that it lives */
			if (tcp_flags & TCP_SYN ? !d->has_reverse : d->fwd.flags & FLOW_NAT) {
				d->fwd.flags |= FLOW_CLOSING;
				d->rev.flags |= FLOW_CLOSING;
			} else if (!(tcp_flags & TCP_SYN)) {
				n->state = CONN_ESTABLISHED;
			}
		}
	} else {
		limit_uncharge(d);
	}
	d->fwd.node = index;
	d->rev.node = index;
	d->id = id;
	d->reply = reply;
	return 0;
}

/*
 * Both records, the reply's first: there is never a forward record without room for its reply. 0 or
 * a negative reason: the node is then still the caller's if d->fresh.
 */
static __noinline __maybe_unused int commit_end(struct decision *d, __u8 tcp_flags)
{
	__u64 id = d->id, reply = d->reply;
	__u32 index = d->fwd.node;
	struct age_node_val *n = bpf_map_lookup_elem(&age_node, &index);

	if (!n)
		return -REASON_INTERNAL;
	if (reply) {
		if (commit_put(reply, &d->rev))
			return -REASON_FLOW_TABLE_FULL;
		if (d->fwd.flags & FLOW_REPLY)
			commit_name(&n->id, reply, index);
		else
			commit_name(&n->reply, reply, index);
	}
	/* the node goes on the wheel even if this fails: it names the reply's record */
	if (commit_put(id, &d->fwd)) {
		if (d->fresh && reply) {
			age_push(index, n, AGE_FIRST_S);
			d->fresh = 0;
		}
		return -REASON_FLOW_TABLE_FULL;
	}
	if (d->fwd.flags & FLOW_REPLY)
		commit_name(&n->reply, id, index);
	else
		commit_name(&n->id, id, index);
	if (d->fresh)
		age_push(index, n, AGE_FIRST_S);
	if (tcp_flags & TCP_EVENTS)
		conn_tcp(&d->fwd, tcp_flags);
	return 0;
}

/* A connection that nothing but its records hangs on. 0 or a negative reason. */
static __always_inline int commit(struct decision *d, __u8 tcp_flags)
{
	int err = commit_begin(d, tcp_flags);

	if (err)
		return err;
	err = commit_end(d, tcp_flags);
	if (err && d->fresh)
		commit_unused(d->fwd.node);
	return err;
}

#endif
