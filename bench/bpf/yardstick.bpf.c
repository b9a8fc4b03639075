/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a packet costs before any work is done, and what one memory access of the kind that
 * decides costs: programs that only return a verdict, the loop of loop.h with nothing in it,
 * with one look-up in a hash of as many entries of the size of a flow record, and with two
 * inserts into it, which is the least a new connection can cost.
 */
#include <linux/bpf.h>
#include <transit/types.h>
#include "loop.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* Sized as the flow table by the bench. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, struct flow_key);
	__type(value, struct flow_val);
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

static __always_inline void yardstick_key(struct flow_key *key, const struct vary_ports *p)
{
	key->scope = 7;
	key->sport = p->src;
	key->dport = p->dst;
	key->proto = 17;
	key->family = 4;
}

/* One random look-up, and the first word of what it finds. */
static __always_inline int yardstick_lookup(LOOP_CTX *ctx, __u32 head)
{
	struct flow_key key = {};
	__u32 *value;

	if (LOOP_DATA(ctx) + head > LOOP_END(ctx))
		return LOOP_DROPPED;
	yardstick_key(&key, LOOP_DATA(ctx) + head - sizeof(struct vary_ports));
	value = bpf_map_lookup_elem(&bench_hash, &key);
	return value && *value ? LOOP_SENT : LOOP_DROPPED;
}

/* Both directions of a new connection. */
static __always_inline int yardstick_insert(LOOP_CTX *ctx, __u32 head)
{
	static const struct flow_val value = {.key = {.scope = 1}};
	struct flow_key key = {};

	if (LOOP_DATA(ctx) + head > LOOP_END(ctx))
		return LOOP_DROPPED;
	yardstick_key(&key, LOOP_DATA(ctx) + head - sizeof(struct vary_ports));
	if (bpf_map_update_elem(&bench_hash, &key, &value, BPF_NOEXIST))
		return LOOP_DROPPED;
	key.scope = 8;
	if (bpf_map_update_elem(&bench_hash, &key, &value, BPF_NOEXIST))
		return LOOP_DROPPED;
	return LOOP_SENT;
}

#define YARDSTICK(outer, inner)                                                                    \
	LOOP_PROGRAM(nothing_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0, LOOP_SENT,   \
		     0)                                                                            \
	LOOP_PROGRAM(lookup_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0,               \
		     yardstick_lookup(ctx, LOOP_OUTER##outer + LOOP_INNER##inner), 0)              \
	LOOP_PROGRAM(insert_##outer##inner, LOOP_OUTER##outer, LOOP_INNER##inner, 0,               \
		     yardstick_insert(ctx, LOOP_OUTER##outer + LOOP_INNER##inner), 0)
LOOP_FAMILIES(YARDSTICK)
YARDSTICK(0, 4)
YARDSTICK(0, 6)

LOOP_TARGETS(nothing_target_44, LOOP_SENT, 0)

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
