/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Endpoint-independent mappings (RFC 4787 s4.1, RFC 6146 s3.1): finds the one of an inside
 * address and port, or makes it. A public address and port is owned by whoever inserts its
 * outside entry; nothing else says that a port is free.
 * Edges: next: the stage that asked; drop: REASON_NAT_QUOTA, REASON_NAT_EXHAUSTED,
 * REASON_NAT_TABLE_FULL.
 */
#ifndef TRANSIT_NODE_NAT_MAP_H
#define TRANSIT_NODE_NAT_MAP_H

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

/* The outside entry is ours; now the inside one, which makes the mapping known. */
static __noinline int nat_map_publish(struct nat_work *w, struct nat_lease *l)
{
	__u64 in_id = w->in_id, out_id = w->out_id;
	struct nat_map_val *o = bpf_map_lookup_elem(&nat_map, &out_id);
	int err;

	if (!o)
		return -REASON_NAT_TABLE_FULL;
	w->in.addr = w->out.key.daddr;
	w->in.port = w->out.key.dport;
	w->in.family = w->out.key.family;
	w->in.block = o->block;
	w->in.peer = out_id;
	w->in.refs = NAT_MAP_GOING; /* only outside entries are held */
	__sync_fetch_and_add(&l->mappings, 1);
	/* first what can fail: once it is known, other CPUs send by it */
	err = commit_age(out_id, AGE_MAP, AGE_HORIZON_S / 4);
	if (!err)
		err = bpf_map_update_elem(&nat_map, &in_id, &w->in, BPF_NOEXIST);
	if (!err)
		return 0;
	nat_block_put(o);
	bpf_map_delete_elem(&nat_map, &out_id);
	return -REASON_NAT_TABLE_FULL;
}

/* The mapping that exists, with one connection more; -1 when there is none that may be used. */
static __always_inline int nat_map_find(struct nat_work *w, struct nat_lease *l)
{
	__u64 in_id = w->in_id, out_id;
	struct nat_map_val *m = bpf_map_lookup_elem(&nat_map, &in_id), *o;
	struct nat_ext_val *e;
	__u32 ext;

	if (!m || !flow_key_equal(&m->key, &w->in.key))
		return -1;
	out_id = m->peer;
	o = bpf_map_lookup_elem(&nat_map, &out_id);
	/* not the one it is bound to, when that was changed */
	ext = o && o->block ? (o->block - 1) / NAT_EXT_BLOCKS + 1 : l->ext;
	e = ext ? bpf_map_lookup_elem(&nat_ext, &ext) : NULL;
	/* the address may have left the pool, or the endpoint gone and another come with its
	 * address: the mapping is of no use any more */
	if (o && o->peer == in_id && o->sub == w->in.sub && e && e->gw == w->gw &&
	    addr_equal(&e->addr, &o->key.daddr)) {
		if (!nat_map_ref(out_id, o)) {
			w->out_id = out_id;
			w->out.key = o->key;
			return 0;
		}
		if (!(*(volatile __u32 *)&o->refs & NAT_MAP_GOING))
			return -1; /* of use, but other CPUs are at it */
	}
	nat_map_forget(in_id, out_id);
	return -1;
}

/* Towards each outside an inside address and port has its own mapping. */
static __always_inline void nat_name_outer(struct nat_work *w)
{
	struct flow_key *key = &w->in.key;
	__u32 vni = w->outer >> NAT_OUTER_SHIFT;

	if (w->class >= 0) {
		((__u32 *)&key->daddr)[3] = vni;
	} else {
		key->sport = vni >> 16;
		key->dport = vni;
	}
}

/* Counts a packet that got no mapping. */
static __always_inline void nat_refuse(struct nat_lease *l, __u32 reason)
{
	if (reason == REASON_NAT_QUOTA)
		__sync_fetch_and_add(&l->refused_quota, 1);
	else if (reason == REASON_NAT_EXHAUSTED)
		__sync_fetch_and_add(&l->refused_pool, 1);
	else if (reason == REASON_NAT_TABLE_FULL)
		__sync_fetch_and_add(&l->refused_table, 1);
	else
		return;
	l->refused_reason = reason;
	l->refused_s = now_s();
}

/*
 * w->in.key, vni and sub, gw, remote, low, class and outer are filled. Afterwards w->out.key has
 * the public address and port, w->out_id the name of the entry, on which one connection more
 * counts. 0 or a negative reason.
 */
static __noinline int nat_map_get(struct nat_work *w, int ipv6)
{
	const struct flow_seed_val *seed = flow_seed_ready();
	__u32 sub = w->in.sub, gw = w->gw;
	struct nat_lease *l = nat_lease_of(sub, ipv6);
	struct nat_gw_val *g = gw ? bpf_map_lookup_elem(&nat_gw, &gw) : NULL;
	struct nat_sub_val *s = bpf_map_lookup_elem(&nat_sub, &sub);
	int r;

	if (!seed)
		return -REASON_INTERNAL;
	if (!l || !g || g->block_size < 64 || g->block_size > NAT_PORT_LOW)
		return -REASON_NO_NAT;
	if (w->outer)
		nat_name_outer(w);
	w->in_id = flow_id(seed, &w->in.key);
	if (!nat_map_find(w, l))
		return 0;
	w->block_size = g->block_size;
	w->owner = g->owner;
	w->fixed_blocks = g->fixed_blocks;
	if (w->fixed_blocks)
		w->low = 0; /* there is no range of its own for them */
	if (s && s->gw == gw && !ipv6) {
		w->fixed = s->fixed;
		w->fixed_count = s->fixed_count;
	}
	w->max_blocks = w->low && g->max_blocks > 2 ? 2 : g->max_blocks;
	if (w->max_blocks > NAT_BLOCKS_MAX)
		w->max_blocks = NAT_BLOCKS_MAX;
	w->out.key.scope = SCOPE_OUTSIDE | w->outer;
	w->out.key.family = ipv6 ? 6 : 4;
	w->out.key.proto = proto_in_family(w->in.key.proto, w->out.key.family);
	if (w->class < 0)
		w->out.key.saddr = w->remote;
	w->out.addr = w->in.key.saddr;
	w->out.port = w->in.key.sport;
	w->out.family = w->in.key.family;
	w->out.flags = NAT_MAP_OUTSIDE;
	w->out.vni = w->in.vni;
	w->out.sub = sub;
	w->out.refs = 1;
	w->out.peer = w->in_id;
	r = nat_bind(w, l, g);
	if (!r)
		r = w->class < 0 ? nat_new_pair(w, l) : nat_new_port(w, l);
	if (!r)
		r = nat_map_publish(w, l);
	/* another CPU may just have mapped the same inside address and port, so that ours went */
	if (r && !nat_map_find(w, l))
		r = 0;
	if (r)
		nat_refuse(l, -r);
	return r;
}

/*
 * Lets an address send to a mapping that is filtered. flags: NAT_MAP_EXPECTED or 0. Its name, to be
 * given back, goes to *held. 0 or a negative reason.
 */
static __always_inline int nat_permit(struct nat_work *w, __u8 flags, __u64 *held)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct nat_map_val *m;
	__u64 id;
	int err;

	if (!seed)
		return -REASON_INTERNAL;
	w->out.key.saddr = w->remote;
	w->out.flags = NAT_MAP_PERMIT | flags;
	w->out.key.scope = SCOPE_OUTSIDE | w->outer | NAT_MAP_PERMIT | flags;
	w->out.refs = 1;
	id = flow_id(seed, &w->out.key);
	err = bpf_map_update_elem(&nat_map, &id, &w->out, BPF_NOEXIST);
	if (err == -17 /* EEXIST */) {
		m = bpf_map_lookup_elem(&nat_map, &id);
		err = !m || nat_map_ref(id, m);
	}
	if (err)
		return -REASON_NAT_TABLE_FULL;
	*held = id;
	return 0;
}

#endif
