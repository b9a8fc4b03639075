/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Port blocks (RFC 6888 REQ-13 to 15): who holds a block and how many mappings are in it is one
 * word, so that taking, using and giving back cannot disagree. An endpoint's own list of blocks
 * (nat_lease) is a hint: the block itself says whose it is.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_NAT_BLOCK_H
#define TRANSIT_NODE_NAT_BLOCK_H

#include <transit/maps.h>

enum {
	NAT_PORT_LOW = 1024, /* range classes, RFC 4787 REQ-3a */
	NAT_CLASS_ICMP = 4, /* identifiers: no parity, counted as even */
};

/* Which of a block's counters a mapping belongs to; -1: its protocol has no ports. */
static __always_inline int nat_class(__u8 proto, __be16 port)
{
	int odd = bpf_ntohs(port) & 1;

	if (proto == PROTO_TCP)
		return odd;
	if (proto == PROTO_UDP)
		return 2 + odd;
	if (proto == PROTO_ICMP || proto == PROTO_ICMPV6)
		return NAT_CLASS_ICMP;
	return -1;
}

static __always_inline __u32 nat_block_owner(const struct nat_block_val *b)
{
	return *(volatile __u64 *)&b->lease >> 32;
}

static __always_inline void nat_block_lost(void)
{
	__u32 zero = 0;
	struct nat_lost_val *lost = bpf_map_lookup_elem(&nat_lost, &zero);

	if (lost)
		__sync_fetch_and_add(&lost->events, 1);
}

static __always_inline void nat_block_tell(struct nat_event *e)
{
	if (bpf_ringbuf_output(&nat_event, e, sizeof(*e), 0))
		nat_block_lost();
}

/* The block is the endpoint's by arithmetic: nobody needs to be told. */
static __always_inline int nat_block_fixed(__u32 index, __u32 sub)
{
	struct nat_sub_val *s = bpf_map_lookup_elem(&nat_sub, &sub);

	return s && s->fixed && index - s->fixed < s->fixed_count;
}

/* Written in the ring itself: the stack is small here. time_ns: from before another could take it.
 */
static __always_inline void nat_block_tell_given_back(__u32 index, __u32 sub, __u64 time_ns)
{
	struct nat_event *e = bpf_ringbuf_reserve(&nat_event, sizeof(*e), 0);

	if (!e) {
		nat_block_lost();
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = time_ns;
	e->block = index;
	e->sub = sub;
	e->kind = NAT_EVENT_GIVEN_BACK;
	bpf_ringbuf_submit(e, 0);
}

/* One less; the block is free again after its last. sub: whose it is, 0 nobody's. */
static __noinline int nat_block_unuse(__u32 index, __u32 sub)
{
	struct nat_block_val *b = bpf_map_lookup_elem(&nat_block, &index);
	__u64 mine = (__u64)sub << 32, time_ns;

	if (!b || __sync_fetch_and_add(&b->lease, -1ull) != mine + 1 || !sub)
		return 0;
	time_ns = bpf_ktime_get_ns();
	if (__sync_val_compare_and_swap(&b->lease, mine, 0) == mine && !nat_block_fixed(index, sub))
		nat_block_tell_given_back(index, sub, time_ns);
	return 0;
}

/* Counts one more mapping in a block of the endpoint's; 0, or -1 when it is not (any more). */
static __always_inline int nat_block_use(struct nat_block_val *b, __u32 index, __u32 sub)
{
	__u64 before = __sync_fetch_and_add(&b->lease, 1);

	if (before >> 32 == sub)
		return 0;
	/* its last mapping may have gone meanwhile, and could not free it with ours in it */
	nat_block_unuse(index, before >> 32);
	return -1;
}

static __always_inline __u32 *nat_block_used(struct nat_block_val *b, int class)
{
	if (class < 0 || class > 5)
		return NULL;
	return &b->used[class];
}

static __always_inline struct nat_lease *nat_lease_of(__u32 sub, int ipv6)
{
	struct nat_lease_val *l = bpf_map_lookup_elem(&nat_lease, &sub);

	if (!l)
		return NULL;
	return ipv6 ? &l->v6 : &l->v4;
}

/* The address of the pool that an endpoint is bound to: index into nat_ext, 0 none yet. */
static __always_inline __u32 nat_lease_ext(__u32 sub, int ipv6)
{
	struct nat_lease *l = nat_lease_of(sub, ipv6);

	return l ? l->ext : 0;
}

/* The gateway that serves an endpoint: index into nat_gw, 0 none. */
static __always_inline __u32 nat_gateway_index(__u32 sub)
{
	struct nat_sub_val *s = sub ? bpf_map_lookup_elem(&nat_sub, &sub) : NULL;

	return s ? s->gw : 0;
}

static __always_inline struct nat_gw_val *nat_gateway_of(__u32 sub)
{
	__u32 gw = nat_gateway_index(sub);

	return gw ? bpf_map_lookup_elem(&nat_gw, &gw) : NULL;
}

/* m: the outside entry of a mapping that goes. */
static __always_inline void nat_block_put(const struct nat_map_val *m)
{
	struct nat_lease *l = nat_lease_of(m->sub, m->key.family == 6);
	int class = nat_class(m->key.proto, m->key.dport);
	__u32 index = m->block, *used;
	struct nat_block_val *b;

	if (l)
		__sync_fetch_and_add(&l->mappings, -1);
	if (l && class < 0)
		__sync_fetch_and_add(&l->pairs, -1);
	b = index ? bpf_map_lookup_elem(&nat_block, &index) : NULL;
	if (!b)
		return;
	used = nat_block_used(b, class);
	if (used)
		__sync_fetch_and_add(used, -1);
	nat_block_unuse(index, m->sub);
}

#endif
