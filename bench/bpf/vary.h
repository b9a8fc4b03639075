/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which flow the next packet of a loop belongs to: one of `flows` at random, or the next in
 * order. A flow's number becomes its ports, so that a packet is varied by writing four bytes.
 * Map `bench` is written by the bench before a run.
 */
#ifndef BENCH_VARY_H
#define BENCH_VARY_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct bench_val {
	__u32 flows; /* 0: in order, never the same again */
	__u32 state; /* of the random numbers, never 0 */
	__u32 next; /* in order: the flow to take */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_val);
} bench SEC(".maps");

struct vary_ports {
	__be16 src, dst;
};

static __always_inline __u32 vary_pick(void)
{
	__u32 zero = 0, x;
	struct bench_val *b = bpf_map_lookup_elem(&bench, &zero);

	if (!b)
		return 0;
	if (!b->flows)
		return b->next++;
	/* xorshift32, Marsaglia 2003 */
	x = b->state;
	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	b->state = x;
	return (__u64)x * b->flows >> 32;
}

/* 2^15 source ports for each destination port; seen from the other end they are swapped. */
static __always_inline void vary_write(struct vary_ports *p, __u32 flow, int swapped)
{
	__be16 client = bpf_htons(0x8000 | (flow & 0x7fff)),
	       server = bpf_htons(0x1000 + (flow >> 15));

	/* at once, since a program may read them so */
	*(__u32 *)p = swapped ? (__u32)client << 16 | server : (__u32)server << 16 | client;
}

#endif
