/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Quotas of an endpoint: connections, half-open ones, new ones per second (RFC 6888 REQ-4c, REQ-5).
 * Asked when a walk makes a new connection and at no other time; what was taken is noted in the
 * connection's node and given back when it ends. Counts are exact: never above the limit, and
 * equal to the connections that exist; at the limit, walks on several CPUs at once may refuse one
 * connection each that would still have fitted.
 * Edges: next: the stage that asked; drop: REASON_CONN_QUOTA, REASON_HALF_OPEN_QUOTA,
 * REASON_CONN_RATE.
 */
#ifndef TRANSIT_NODE_LIMIT_H
#define TRANSIT_NODE_LIMIT_H

#include <lib/clock.h>
#include <lib/parse.h>
#include <lib/stage.h>

enum {
	LIMIT_TRIES = 4, /* attempts to take a token under contention; then it goes for free */
	LIMIT_TOLD = 8, /* ICMP errors per endpoint and second, so that others get theirs, too */
};

/* By index into ep_stats. */
static __always_inline __u32 limit_of_endpoint(__u32 ep)
{
	return ep << 1;
}

/* By index into nat_sub: an endpoint of another host. */
static __always_inline __u32 limit_of_sub(__u32 sub)
{
	return sub ? sub << 1 | 1 : 0;
}

static __always_inline struct limit_use_val *limit_use_of(__u32 charge)
{
	__u32 account = charge & LIMIT_ACCOUNT;

	return account ? bpf_map_lookup_elem(&limit_use, &account) : NULL;
}

static __always_inline struct limit_count *limit_count_of(struct limit_use_val *u, __u32 charge)
{
	return charge & LIMIT_ACCEPTED ? &u->accepted : &u->opened;
}

/* One more of what has a limit, 0 none. -1 when all are taken. */
static __always_inline int limit_add(__u32 *count, __u32 max)
{
	__u32 before = __sync_fetch_and_add(count, 1);

	if (!max || before < max)
		return 0;
	__sync_fetch_and_add(count, -1);
	return -1;
}

/*
 * A token; the bucket is filled once a second, when the clock steps. -1 when it is empty.
 */
static __always_inline int limit_token(struct limit_use_val *u, const struct limit_val *l)
{
	__u64 rate = l->rate, burst = l->burst, now = now_s(), before, left;
	__u32 passed;
	int i;

	if (!rate)
		return 0;
	for (i = 0; i < LIMIT_TRIES; i++) {
		before = *(volatile __u64 *)&u->bucket;
		left = (__u32)before;
		passed = (__u32)now - (__u32)(before >> 32);
		if ((__s32)passed > 0 || !before)
			left += rate * passed;
		if (left > burst || !before)
			left = burst;
		if (!left)
			return -1;
		if (__sync_val_compare_and_swap(&u->bucket, before, now << 32 | (left - 1)) ==
		    before)
			return 0;
	}
	return 0;
}

/* Notes a refusal. 1 when the sender is to be told. */
static __always_inline int limit_refuse(struct limit_use_val *u, int reason)
{
	__u32 now = now_s();

	u->refused_reason = -reason;
	if (u->refused_s != now) {
		u->refused_s = now;
		u->refused_now = 0;
	}
	return __sync_fetch_and_add(&u->refused_now, 1) < LIMIT_TOLD;
}

/* A refusal of another kind: of ports. The sender is told so often, too. */
static __always_inline void limit_note(struct decision *d, int reason)
{
	struct limit_use_val *u = limit_use_of(d->account);

	if (u)
		d->quiet = !limit_refuse(u, reason);
}

/* Gives back what a charge stands for. */
static __noinline int limit_return(__u32 charge)
{
	struct limit_use_val *u = limit_use_of(charge);
	struct limit_count *c;

	if (!u)
		return 0;
	c = limit_count_of(u, charge);
	__sync_fetch_and_add(&c->connections, -1);
	if (charge & LIMIT_HALF_OPEN)
		__sync_fetch_and_add(&c->half_open, -1);
	return 0;
}

/* A connection more for an account. 0 or a negative reason; quiet: the sender is told no more. */
static __noinline int limit_take(__u32 charge, __u32 *quiet)
{
	__u32 account = charge & LIMIT_ACCOUNT;
	struct limit_val *l = bpf_map_lookup_elem(&limit, &account);
	struct limit_use_val *u = limit_use_of(charge);
	struct limit_count *c;
	int reason;

	if (!l || !u)
		return 0;
	c = limit_count_of(u, charge);
	if (limit_add(&c->connections, l->connections)) {
		__sync_fetch_and_add(&u->refused_connections, 1);
		reason = -REASON_CONN_QUOTA;
		goto refused;
	}
	if (charge & LIMIT_HALF_OPEN && limit_add(&c->half_open, l->half_open)) {
		__sync_fetch_and_add(&c->connections, -1);
		__sync_fetch_and_add(&u->refused_half_open, 1);
		reason = -REASON_HALF_OPEN_QUOTA;
		goto refused;
	}
	if (charge & LIMIT_ACCEPTED || !limit_token(u, l))
		return 0;
	limit_return(charge);
	__sync_fetch_and_add(&u->refused_rate, 1);
	reason = -REASON_CONN_RATE;
refused:
	*quiet = !limit_refuse(u, reason);
	return reason;
}

/* Charges a new connection to d->account, once. 0 or a negative reason. */
static __always_inline int limit_charge(struct decision *d, __u8 proto, __u8 tcp_flags)
{
	__u32 charge = d->account;
	int r;

	if (!charge || d->charge)
		return 0;
	/* without the reply's record it would not be seen to open */
	if (proto == PROTO_TCP && (tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && d->has_reverse)
		charge |= LIMIT_HALF_OPEN;
	r = limit_take(charge, &d->quiet);
	if (!r)
		d->charge = charge;
	return r;
}

/* The connection did not come about, or was known. */
static __always_inline void limit_uncharge(struct decision *d)
{
	__u32 charge = d->charge;

	d->charge = 0;
	if (charge)
		limit_return(charge);
}

/* A connection is no longer half-open. */
static __always_inline void limit_opened(struct age_node_val *n)
{
	__u32 charge = *(volatile __u32 *)&n->charge;
	struct limit_use_val *u;

	if (!(charge & LIMIT_HALF_OPEN) ||
	    __sync_val_compare_and_swap(&n->charge, charge, charge & ~LIMIT_HALF_OPEN) != charge)
		return;
	u = limit_use_of(charge);
	if (u)
		__sync_fetch_and_add(&limit_count_of(u, charge)->half_open, -1);
}

/* A connection ends. */
static __always_inline void limit_release(struct age_node_val *n)
{
	__u32 charge;

	if (!*(volatile __u32 *)&n->charge)
		return;
	charge = __sync_lock_test_and_set(&n->charge, 0);
	if (charge)
		limit_return(charge);
}

#endif
