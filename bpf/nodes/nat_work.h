/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A mapping being found or made, holds on the entries of map nat_map, and the claim of a public
 * end: its owner is whoever inserts its outside entry; nothing else says that a port is free.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_NAT_WORK_H
#define TRANSIT_NODE_NAT_WORK_H

#include <lib/translate.h>
#include "commit.h"
#include "nat_expire.h"

enum { NAT_REF_TRIES = 4 };

/* A mapping being found or made. Too large for the stack; one packet at a time on a CPU. */
struct nat_work {
	struct nat_map_val in; /* to be filled: key, vni, sub */
	struct nat_map_val out;
	__u64 in_id;
	__u64 out_id;
	__u32 gw; /* to be filled, as the next two */
	struct ip_addr remote; /* of protocols without ports */
	__u32 low; /* port below 1024: another range of blocks */
	int class;
	__u32 outer; /* as in struct nat_query */
	/* results and state of the search */
	__u32 ext;
	__u32 block;
	__u32 block_size;
	__u32 max_blocks;
	__u32 owner; /* this gateway's number */
	__u32 fixed; /* blocks that are the endpoint's by arithmetic: first, how many */
	__u32 fixed_count;
	__u32 fixed_blocks; /* of the address */
	__u32 held; /* blocks that are the endpoint's */
	__u32 free_slot; /* number + 1 */
	__u32 first; /* blocks or pool members to look at: first, how many, where to begin */
	__u32 count;
	__u32 start;
	__u32 full; /* the map is */
	__u32 found;
	struct nat_event event;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_work);
} scratch_nat SEC(".maps");

/* What a callback gets: on the stack, as bpf_loop() wants it. */
struct nat_try {
	struct nat_work *w;
	struct nat_lease *l;
	const struct flow_seed_val *seed;
	__u32 base; /* first port of the block */
	__u32 span; /* ports to choose from, a power of two */
	__u32 start;
	__u32 stride; /* odd, so that all are met: ports next to each other are taken in clusters */
};

static __always_inline struct nat_work *nat_work_get(void)
{
	__u32 zero = 0;
	struct nat_work *w = bpf_map_lookup_elem(&scratch_nat, &zero);

	if (w)
		__builtin_memset(w, 0, sizeof(*w));
	return w;
}

/*
 * A hold was taken on what is another entry by now: the kernel uses an element that was deleted at
 * once for the next.
 */
static __noinline int nat_map_mistaken(struct nat_map_val *m)
{
	const struct flow_seed_val *seed = flow_seed_get();

	if (seed)
		nat_map_drop(flow_id(seed, &m->key), m, now_s());
	return -1;
}

/* m: found under id. One connection more; -1 when the entry is being removed. */
static __noinline int nat_map_ref(__u64 id, struct nat_map_val *m)
{
	int i;

	for (i = 0; i < NAT_REF_TRIES; i++) {
		__u32 refs = *(volatile __u32 *)&m->refs;

		if (refs & NAT_MAP_GOING)
			return -1;
		if (__sync_val_compare_and_swap(&m->refs, refs, refs + 1) != refs)
			continue;
		return likely(bpf_map_lookup_elem(&nat_map, &id) == m) ? 0 : nat_map_mistaken(m);
	}
	return -1;
}

/* A port that a PortForward leads elsewhere is nobody's to map. */
static __always_inline int nat_port_forwarded(const struct flow_key *outside)
{
	struct port_fwd_key key = {
		.prefixlen = 128 + 16 + 16,
		.addr = outside->daddr,
		.proto = outside->proto,
		.port = outside->dport,
	};

	return bpf_map_lookup_elem(&port_fwd, &key) != NULL;
}

/* 1: inserted, or no use to go on. */
static __always_inline long nat_claim(struct nat_work *w, const struct flow_seed_val *seed)
{
	__u64 id = flow_id(seed, &w->out.key);
	int err = bpf_map_update_elem(&nat_map, &id, &w->out, BPF_NOEXIST);

	if (err == -17 /* EEXIST */)
		return 0;
	if (err) {
		w->full = 1;
		return 1;
	}
	w->out_id = id;
	w->found = 1;
	return 1;
}

#endif
