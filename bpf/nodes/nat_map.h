/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Endpoint-independent mappings (RFC 4787 s4.1, RFC 6146 s3.1): finds the one of an inside
 * address and port, or makes it, and lets others send to it.
 * Edges: next: the stage that asked; drop: REASON_NAT_QUOTA, REASON_NAT_EXHAUSTED,
 * REASON_NAT_TABLE_FULL.
 */
#ifndef TRANSIT_NODE_NAT_MAP_H
#define TRANSIT_NODE_NAT_MAP_H

#include "nat_port.h"

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

/* A PortForward leads elsewhere what comes to the mapping's port. */
static __noinline int nat_map_forwarded(const struct nat_map_val *o, int class, __u32 outer)
{
	if (class < 0 || class == NAT_CLASS_ICMP || outer)
		return 0;
	return nat_port_forwarded(&o->key);
}

/* The mapping that exists, with one connection more; -1 when there is none that may be used. */
static __noinline int nat_map_find(struct nat_work *w, struct nat_lease *l)
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
	/* the address may have left the pool, the endpoint gone and another come with its address,
	 * or a PortForward taken the port: the mapping is of no use any more */
	if (o && o->peer == in_id && o->sub == w->in.sub &&
	    !nat_map_forwarded(o, w->class, w->outer) && e && e->gw == w->gw &&
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
