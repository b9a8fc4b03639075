/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The search for a public address and port: an address of the pool that the endpoint stays bound
 * to, a block of its own or a free one, and in it a port that nobody guesses (RFC 4787 REQ-1 to 4,
 * RFC 6056, RFC 7422).
 * Edges: drop: REASON_NO_NAT, REASON_NAT_QUOTA, REASON_NAT_EXHAUSTED, REASON_NAT_TABLE_FULL.
 */
#ifndef TRANSIT_NODE_NAT_PORT_H
#define TRANSIT_NODE_NAT_PORT_H

#include "nat_work.h"

static long nat_try_port(__u32 i, struct nat_try *t)
{
	struct nat_work *w = t->w;
	__u32 n = (t->start + i * t->stride) & (t->span - 1);
	__u32 port = t->base + (w->class == NAT_CLASS_ICMP ? n : n * 2 + (w->class & 1));
	__u64 id;

	if (!port)
		return 0;
	w->out.key.dport = bpf_htons((__u16)port);
	id = flow_id(t->seed, &w->out.key);
	/* most are taken when a block is nearly full: looking is cheaper than trying */
	if (bpf_map_lookup_elem(&nat_map, &id))
		return 0;
	if (w->class != NAT_CLASS_ICMP && !w->outer && nat_port_forwarded(&w->out.key))
		return 0;
	return nat_claim(w, t->seed);
}

/* Looks for a free port in a block of the endpoint's; sets w->found. */
static __noinline int nat_in_block(struct nat_work *w, __u32 index)
{
	struct nat_try t = {.w = w, .seed = flow_seed_get()};
	struct nat_block_val *b = bpf_map_lookup_elem(&nat_block, &index);
	__u32 *used;

	if (!b || !t.seed)
		return 0;
	used = nat_block_used(b, w->class);
	t.span = w->class == NAT_CLASS_ICMP ? w->block_size : w->block_size / 2;
	if (!used || *(volatile __u32 *)used >= t.span || nat_block_use(b, index, w->in.sub))
		return 0;
	t.base = ((index - 1) & (NAT_EXT_BLOCKS - 1)) * w->block_size;
	t.start = bpf_get_prandom_u32();
	t.stride = t.start >> 16 | 1;
	w->out.block = index;
	bpf_loop(t.span, nat_try_port, &t, 0);
	if (!w->found) {
		nat_block_unuse(index, w->in.sub);
		return 0;
	}
	__sync_fetch_and_add(used, 1);
	w->block = index;
	return 0;
}

/* A block of the endpoint's list, when it is still its own and of its present address. */
static long nat_try_slot(__u32 i, struct nat_try *t)
{
	struct nat_work *w = t->w;
	struct nat_block_val *b;
	__u32 index;

	if (w->low)
		index = t->l->low[i & 1];
	else
		index = t->l->block[i & (NAT_BLOCKS_MAX - 1)];
	b = index ? bpf_map_lookup_elem(&nat_block, &index) : NULL;
	if (!b || (index - 1) / NAT_EXT_BLOCKS + 1 != w->ext || nat_block_owner(b) != w->in.sub) {
		if (!w->free_slot)
			w->free_slot = i + 1;
		return 0;
	}
	w->held++;
	nat_in_block(w, index);
	return w->found || w->full;
}

/*
 * A block that is the endpoint's by arithmetic (RFC 7422). Somebody else may still be in it, who
 * had it before the configuration changed.
 */
static long nat_try_fixed(__u32 i, struct nat_try *t)
{
	struct nat_work *w = t->w;
	__u32 index = w->fixed + i;
	struct nat_block_val *b = bpf_map_lookup_elem(&nat_block, &index);

	if (!b || (nat_block_owner(b) != w->in.sub &&
		   __sync_val_compare_and_swap(&b->lease, 0, (__u64)w->in.sub << 32) != 0))
		return 0;
	nat_in_block(w, index);
	return w->found || w->full;
}

/*
 * Whether PortForwards have a block: its first and its last port. Whoever took it would have a
 * block less and nothing to map in it.
 */
static __always_inline int nat_block_forwarded(struct nat_work *w, __u32 n)
{
	__u32 first = n * w->block_size + (w->class & 1);

	if (w->class == NAT_CLASS_ICMP)
		return 0;
	w->out.key.dport = bpf_htons((__u16)first);
	if (!nat_port_forwarded(&w->out.key))
		return 0;
	w->out.key.dport = bpf_htons((__u16)(first + w->block_size - 2));
	return nat_port_forwarded(&w->out.key);
}

/* Takes a free block of the address w->ext, which w->out has: w->block. */
static long nat_try_block(__u32 i, struct nat_try *t)
{
	struct nat_work *w = t->w;
	__u32 n = w->first + (t->start + i) % w->count;
	__u32 index = 1 + (w->ext - 1) * NAT_EXT_BLOCKS + n;
	struct nat_block_val *b = bpf_map_lookup_elem(&nat_block, &index);

	if (!b || nat_block_forwarded(w, n) || (b->owner && b->owner != w->owner) ||
	    __sync_val_compare_and_swap(&b->lease, 0, (__u64)w->in.sub << 32) != 0)
		return 0;
	b->owner = w->owner;
	w->block = index;
	return 1;
}

static __noinline int nat_take_block(struct nat_work *w)
{
	struct nat_try t = {.w = w, .start = bpf_get_prandom_u32() >> 8};
	__u32 low = NAT_PORT_LOW / w->block_size;

	w->block = 0;
	w->first = w->low ? 0 : low + w->fixed_blocks;
	w->count = w->low ? low : 65536 / w->block_size - w->first;
	if (w->count && w->count <= NAT_EXT_BLOCKS)
		bpf_loop(w->count, nat_try_block, &t, 0);
	return 0;
}

static __always_inline void nat_return_block(struct nat_work *w)
{
	__u32 index = w->block;
	struct nat_block_val *b = bpf_map_lookup_elem(&nat_block, &index);

	if (b)
		__sync_val_compare_and_swap(&b->lease, (__u64)w->in.sub << 32, 0);
	w->block = 0;
}

/* Protocols without ports: whether an address is another's for this remote one. */
static __noinline int nat_pair_taken(const struct flow_key *key)
{
	const struct flow_seed_val *seed = flow_seed_get();
	__u64 id;

	if (!seed)
		return 1;
	id = flow_id(seed, key);
	return bpf_map_lookup_elem(&nat_map, &id) != NULL;
}

/* One member of the pool: bind to it when it has room. t->start: where the endpoint begins. */
static long nat_try_ext(__u32 i, struct nat_try *t)
{
	struct nat_work *w = t->w;
	__u32 position = t->base + (t->start + i) % t->span;
	struct nat_ext_of_val *of = bpf_map_lookup_elem(&nat_ext_of, &position);
	struct nat_ext_val *e;
	__u32 index;

	if (!of)
		return 0;
	index = of->ext;
	e = index ? bpf_map_lookup_elem(&nat_ext, &index) : NULL;
	if (!e || e->gw != w->gw)
		return 0;
	w->ext = index;
	w->out.key.daddr = e->addr;
	if (w->class < 0) {
		if (!nat_pair_taken(&w->out.key))
			return 1;
	} else {
		nat_take_block(w);
		if (w->block)
			return 1;
	}
	w->ext = 0;
	return 0;
}

/* The endpoint's address in the pool: w->ext, and perhaps a first block. 0 or a negative reason. */
static __noinline int nat_bind(struct nat_work *w, struct nat_lease *l, struct nat_gw_val *g)
{
	__u32 before = l->ext, index = before;
	struct nat_ext_val *e = index ? bpf_map_lookup_elem(&nat_ext, &index) : NULL;
	int ipv6 = w->out.key.family == 6;
	struct nat_try t = {
		.w = w,
		.base = ipv6 ? g->ext6 : g->ext4,
		.span = ipv6 ? g->ext6_count : g->ext4_count,
		.start = w->in.sub,
	};

	if (w->fixed) {
		index = (w->fixed - 1) / NAT_EXT_BLOCKS + 1;
		l->ext = w->ext = index;
		return 0;
	}
	if (e && e->gw == w->gw) {
		w->ext = index;
		return 0;
	}
	if (!t.span)
		return -REASON_NO_NAT;
	if (!w->max_blocks) /* all there is belongs to others by arithmetic */
		return -REASON_NAT_QUOTA;
	bpf_loop(t.span, nat_try_ext, &t, 0);
	if (!w->ext)
		return -REASON_NAT_EXHAUSTED;
	if (__sync_val_compare_and_swap(&l->ext, before, w->ext) != before) {
		/* bound on another CPU meanwhile */
		if (w->block)
			nat_return_block(w);
		w->ext = l->ext;
	}
	return 0;
}

static __always_inline void nat_tell_taken(struct nat_work *w)
{
	struct nat_event *e = &w->event;
	__u32 index = w->block;

	e->time_ns = bpf_ktime_get_ns();
	e->block = index;
	e->sub = w->in.sub;
	e->vni = w->in.vni;
	e->owner = w->owner;
	e->first = ((index - 1) & (NAT_EXT_BLOCKS - 1)) * w->block_size;
	e->last = e->first + w->block_size - 1;
	e->kind = NAT_EVENT_TAKEN;
	e->family = w->out.key.family;
	e->addr = w->out.key.daddr;
	e->inside = w->in.key.saddr;
	nat_block_tell(e);
}

/* Puts a block just taken on the endpoint's list and takes a port in it. */
static __always_inline void nat_new_block(struct nat_work *w, struct nat_lease *l)
{
	__u32 i = w->free_slot - 1, index = w->block, *slot, before, taken;

	if (w->low)
		slot = &l->low[i & 1];
	else
		slot = &l->block[i & (NAT_BLOCKS_MAX - 1)];
	before = *(volatile __u32 *)slot;
	taken = __sync_val_compare_and_swap(slot, before, index);
	if (taken == before) {
		nat_tell_taken(w);
	} else {
		/* another CPU was first, for the same endpoint: its block has room for both */
		nat_return_block(w);
		index = taken;
	}
	nat_in_block(w, index);
}

/* A public port of the endpoint's: sets w->out and w->out_id. 0 or a negative reason. */
static __noinline int nat_new_port(struct nat_work *w, struct nat_lease *l)
{
	struct nat_try t = {.w = w, .l = l};
	__u32 taken = w->block, index = w->ext;
	struct nat_ext_val *e = bpf_map_lookup_elem(&nat_ext, &index);

	if (!e)
		return -REASON_NAT_EXHAUSTED;
	w->out.key.daddr = e->addr;
	if (w->fixed)
		bpf_loop(w->fixed_count, nat_try_fixed, &t, 0);
	if (!w->found && !w->full)
		bpf_loop(w->max_blocks, nat_try_slot, &t, 0);
	if (!w->found && !w->full) {
		w->block = taken;
		if (w->held >= w->max_blocks || !w->free_slot) {
			if (taken)
				nat_return_block(w);
			return -REASON_NAT_QUOTA;
		}
		if (!taken)
			nat_take_block(w);
		if (!w->block)
			return -REASON_NAT_EXHAUSTED;
		nat_new_block(w, l);
	} else if (taken) {
		w->block = taken;
		nat_return_block(w);
	}
	if (w->full)
		return -REASON_NAT_TABLE_FULL;
	return w->found ? 0 : -REASON_NAT_QUOTA;
}

/*
 * Protocols without ports: one owner for each public and remote address. An endpoint has as many
 * of these as ports, those by arithmetic included, at most: no block would limit them.
 */
static __always_inline int nat_new_pair(struct nat_work *w, struct nat_lease *l)
{
	const struct flow_seed_val *seed = flow_seed_get();
	__u32 index = w->ext;
	struct nat_ext_val *e = bpf_map_lookup_elem(&nat_ext, &index);

	if (!e || !seed)
		return -REASON_NAT_EXHAUSTED;
	w->out.key.daddr = e->addr;
	if (__sync_fetch_and_add(&l->pairs, 1) >=
	    (w->fixed_count + w->max_blocks) * w->block_size) {
		__sync_fetch_and_add(&l->pairs, -1);
		return -REASON_NAT_QUOTA;
	}
	nat_claim(w, seed);
	if (w->found)
		return 0;
	__sync_fetch_and_add(&l->pairs, -1);
	return w->full ? -REASON_NAT_TABLE_FULL : -REASON_NAT_EXHAUSTED;
}

#endif
