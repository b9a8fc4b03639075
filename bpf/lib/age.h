/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The ageing wheel: one list of nodes per second, each node names a record to look at in
 * that second. Cost is paid per look, never per record that exists.
 *
 * Lock-free. Lists: a node is pushed by exchanging the slot's head and then linking the old
 * head behind it; that is safe because a slot is only drained after its second has passed,
 * when nobody pushes to it any more. Free nodes: a stack whose head carries a tag that
 * changes with every pop, so a node that was popped and pushed meanwhile is noticed (ABA).
 */
#ifndef TRANSIT_AGE_H
#define TRANSIT_AGE_H

#include "clock.h"

enum {
	AGE_FIRST_S = 4, /* first look at a new record: short connections go soon */
	AGE_HORIZON_S = AGE_SLOTS - 8, /* a push never reaches the slot being drained */
	AGE_TRIES = 8, /* attempts to pop under contention */
};

static __always_inline struct age_val *age_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&age, &zero);
}

/* A free node's index, 0 when there is none. */
static __always_inline __u32 age_alloc(struct age_val *a, __u32 capacity)
{
	int i;

	for (i = 0; i < AGE_TRIES; i++) {
		__u64 head = *(volatile __u64 *)&a->free;
		__u32 index = (__u32)head;
		struct age_node_val *n;
		__u64 next;

		if (!index)
			break;
		n = bpf_map_lookup_elem(&age_node, &index);
		if (!n)
			return 0;
		next = ((head >> 32) + 1) << 32 | *(volatile __u32 *)&n->next;
		if (__sync_val_compare_and_swap(&a->free, head, next) == head)
			return index;
	}
	if (*(volatile __u32 *)&a->used < capacity - 1) {
		__u32 index = __sync_fetch_and_add(&a->used, 1) + 1;

		if (index < capacity)
			return index;
	}
	return 0;
}

static __always_inline void age_free(struct age_val *a, __u32 index, struct age_node_val *n)
{
	int i;

	/* a node that cannot be given back under contention is lost until reload: try longer */
	for (i = 0; i < 4 * AGE_TRIES; i++) {
		__u64 head = *(volatile __u64 *)&a->free;
		__u64 next = ((head >> 32) + 1) << 32 | index;

		*(volatile __u32 *)&n->next = (__u32)head;
		if (__sync_val_compare_and_swap(&a->free, head, next) == head)
			return;
	}
}

/* Puts a node into the list of the second `seconds` from now. */
static __always_inline void age_push(__u32 index, struct age_node_val *n, __u32 seconds)
{
	__u32 slot, *head;

	if (seconds < 1)
		seconds = 1;
	if (seconds > AGE_HORIZON_S)
		seconds = AGE_HORIZON_S;
	slot = (now_s() + seconds + 1) & (AGE_SLOTS - 1);
	head = bpf_map_lookup_elem(&age_slot, &slot);
	if (head)
		n->next = __sync_lock_test_and_set(head, index);
}

#endif
