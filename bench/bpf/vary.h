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
	__u32 targets; /* IPv4 destinations to pick from at random; 0: leave the packet's */
	__u32 base; /* the first of them */
	__u32 stride; /* between them */
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

static __always_inline struct bench_val *vary_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&bench, &zero);
}

/* At random below n: xorshift32, Marsaglia 2003. */
static __always_inline __u32 vary_random(struct bench_val *b, __u32 n)
{
	__u32 x = b->state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	b->state = x;
	return (__u64)x * n >> 32;
}

static __always_inline __u32 vary_pick(void)
{
	struct bench_val *b = vary_get();

	if (!b)
		return 0;
	if (!b->flows)
		return b->next++;
	return vary_random(b, b->flows);
}

/*
 * Lets the next flow depend on what this one's packet looks like afterwards, without changing
 * which it is. Else the processor reads for the next packets while it waits for this one's
 * record, the more the shorter a program is; between real packets there is a driver's work.
 */
static __always_inline void vary_wait(const __u32 *packet)
{
	struct bench_val *b = vary_get();
	__u64 seen;

	if (!b || b->flows <= 1)
		return;
	seen = *packet;
	asm volatile("%0 &= 0" : "+r"(seen));
	b->state += (__u32)seen;
}

/* Gives an IPv4 packet one of the destinations, a fresh TTL, and its header checksum. */
static __always_inline void vary_target(__u16 *ip)
{
	struct bench_val *b = vary_get();
	__be32 target;
	__u32 sum = 0, i;

	if (!b || !b->targets)
		return;
	target = bpf_htonl(b->base + vary_random(b, b->targets) * b->stride);
	*(__be32 *)(ip + 8) = target;
	*(__u8 *)(ip + 4) = 64;
	ip[5] = 0;
#pragma unroll
	for (i = 0; i < 10; i++)
		sum += ip[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip[5] = ~sum;
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
