/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a packet costs before any work is done, and what one memory access of the kind that
 * decides costs: programs that only return a verdict, the loop of loop.h with nothing in it,
 * with one look-up in a hash of as many entries of the size of a flow record, and with two
 * inserts into it, which is the least a new connection can cost.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <transit/maps.h>
#include "loop.h"

char _license[] SEC("license") = "Dual BSD/GPL";

typedef typeof(*flow.key) record_key;
typedef typeof(*flow.value) record;

/* Entries as large as flow records, under keys as long. Sized as the flow table by the bench. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, record_key);
	__type(value, record);
} bench_hash SEC(".maps");

SEC(LOOP_SEC)
int LOOP_NAME(bare)(LOOP_CTX *ctx)
{
#ifdef CTX_XDP
	return XDP_TX;
#else
	return TC_ACT_OK;
#endif
}

enum { FORWARD = 7, REVERSE = 8 };

/* Whatever a record's key is made of. */
union yardstick_key {
	record_key key;
	__u32 words[sizeof(record_key) / 4];
};

/* Distinct by flow and direction, zero otherwise: `key` is zero before. */
static __always_inline void yardstick_name(union yardstick_key *key, const void *ports,
					   __u32 direction)
{
	key->words[0] = *(const __u32 *)ports;
	key->words[1] = direction;
}

/* One random look-up, and the first word of what it finds into the packet. */
static __always_inline int yardstick_lookup(LOOP_CTX *ctx, __u32 head)
{
	union yardstick_key key = {};
	void *data = LOOP_DATA(ctx);
	__u32 *value;

	if (data + head > LOOP_END(ctx))
		return LOOP_DROPPED;
	yardstick_name(&key, data + head - sizeof(struct vary_ports), FORWARD);
	value = bpf_map_lookup_elem(&bench_hash, &key);
	if (!value || !*value)
		return LOOP_DROPPED;
	*(__u32 *)data = *value;
	return LOOP_SENT;
}

/* The same, and a word of each cache line of it: the least that using the record costs. */
static __always_inline int yardstick_read(LOOP_CTX *ctx, __u32 head)
{
	union yardstick_key key = {};
	void *data = LOOP_DATA(ctx);
	volatile __u32 *value;
	__u32 sum = 0, i;

	if (data + head > LOOP_END(ctx))
		return LOOP_DROPPED;
	yardstick_name(&key, data + head - sizeof(struct vary_ports), FORWARD);
	value = bpf_map_lookup_elem(&bench_hash, &key);
	if (!value)
		return LOOP_DROPPED;
#pragma unroll
	for (i = 0; i < sizeof(record) / 4; i += 64 / 4)
		sum += value[i];
	sum += value[sizeof(record) / 4 - 1];
	if (!sum)
		return LOOP_DROPPED;
	*(__u32 *)data = sum;
	return LOOP_SENT;
}

/* Both directions of a new connection. */
static __always_inline int yardstick_insert(LOOP_CTX *ctx, __u32 head)
{
	union yardstick_key key = {};
	record value = {};

	if (LOOP_DATA(ctx) + head > LOOP_END(ctx))
		return LOOP_DROPPED;
	*(__u32 *)&value = 1; /* tells it from none */
	yardstick_name(&key, LOOP_DATA(ctx) + head - sizeof(struct vary_ports), FORWARD);
	if (bpf_map_update_elem(&bench_hash, &key, &value, BPF_NOEXIST))
		return LOOP_DROPPED;
	key.words[1] = REVERSE;
	if (bpf_map_update_elem(&bench_hash, &key, &value, BPF_NOEXIST))
		return LOOP_DROPPED;
	return LOOP_SENT;
}

#ifdef CTX_XDP
/*
 * Forwards by the kernel's own routes, as xdp-forward of xdp-tools does in its full mode: one
 * bpf_fib_lookup(), TTL, MACs, redirect.
 */
static __always_inline int yardstick_fib4(LOOP_CTX *ctx)
{
	struct bpf_fib_lookup fib = {.family = 2 /* AF_INET */, .ifindex = ctx->ingress_ifindex};
	__u8 *eth = LOOP_DATA(ctx), *ip = eth + 14;
	__u32 sum;

	if (LOOP_DATA(ctx) + LOOP_INNER4 > LOOP_END(ctx) || ip[8] <= 1)
		return LOOP_DROPPED;
	fib.tos = ip[1];
	fib.l4_protocol = ip[9];
	fib.tot_len = bpf_ntohs(*(__be16 *)(ip + 2));
	fib.ipv4_src = *(__be32 *)(ip + 12);
	fib.ipv4_dst = *(__be32 *)(ip + 16);
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0))
		return LOOP_DROPPED;
	/* RFC 1624, for one less in the TTL */
	sum = *(__u16 *)(ip + 10) + (__u32)bpf_htons(0x0100);
	*(__u16 *)(ip + 10) = sum + (sum >= 0xffff);
	ip[8]--;
	__builtin_memcpy(eth, fib.dmac, 6);
	__builtin_memcpy(eth + 6, fib.smac, 6);
	return bpf_redirect(fib.ifindex, 0);
}

static __always_inline int yardstick_fib6(LOOP_CTX *ctx)
{
	struct bpf_fib_lookup fib = {.family = 10 /* AF_INET6 */, .ifindex = ctx->ingress_ifindex};
	__u8 *eth = LOOP_DATA(ctx), *ip = eth + 14;

	if (LOOP_DATA(ctx) + LOOP_INNER6 > LOOP_END(ctx) || ip[7] <= 1)
		return LOOP_DROPPED;
	fib.flowinfo = *(__be32 *)ip & bpf_htonl(0x0fffffff);
	fib.l4_protocol = ip[6];
	fib.tot_len = bpf_ntohs(*(__be16 *)(ip + 4));
	__builtin_memcpy(fib.ipv6_src, ip + 8, 16);
	__builtin_memcpy(fib.ipv6_dst, ip + 24, 16);
	if (bpf_fib_lookup(ctx, &fib, sizeof(fib), 0))
		return LOOP_DROPPED;
	ip[7]--;
	__builtin_memcpy(eth, fib.dmac, 6);
	__builtin_memcpy(eth + 6, fib.smac, 6);
	return bpf_redirect(fib.ifindex, 0);
}

/* The TTL is not among what the loop puts back. */
LOOP_PREPARED(fib_04, LOOP_INNER4, *(__u8 *)(data + 14 + 8) = 64, yardstick_fib4(ctx), 0)
LOOP_PREPARED(fib_06, LOOP_INNER6, *(__u8 *)(data + 14 + 7) = 64, yardstick_fib6(ctx), 0)
#endif

#define YARDSTICK(outer, inner)                                                                    \
	LOOP_PROGRAM(nothing_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0, LOOP_SENT,   \
		     0)                                                                            \
	LOOP_PROGRAM(lookup_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0,               \
		     yardstick_lookup(ctx, LOOP_OUTER##outer + LOOP_INNER##inner), 0)              \
	LOOP_PROGRAM(read_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0,                 \
		     yardstick_read(ctx, LOOP_OUTER##outer + LOOP_INNER##inner), 0)                \
	LOOP_PROGRAM(insert_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0,               \
		     yardstick_insert(ctx, LOOP_OUTER##outer + LOOP_INNER##inner), 0)
LOOP_FAMILIES(YARDSTICK)
YARDSTICK(0, 4)
YARDSTICK(0, 6)

LOOP_PREPARED(nothing_target_44, LOOP_INNER4, vary_target(data + 14), LOOP_SENT, 0)

/* For one packet a call: the bench has varied the packet. */
SEC(LOOP_SEC)
int LOOP_NAME(lookup_once_04)(LOOP_CTX *ctx)
{
	return yardstick_lookup(ctx, LOOP_INNER4);
}

SEC(LOOP_SEC)
int LOOP_NAME(lookup_once_06)(LOOP_CTX *ctx)
{
	return yardstick_lookup(ctx, LOOP_INNER6);
}
