/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A data connection that an ALG has seen announced (RFC 959, RFC 2428): the mapping it will come
 * to, owned by whoever inserts it as any other, and a permit for who will come. Both are held for
 * a while by a node of the wheel.
 * Edges: none; drop: REASON_NO_NAT, REASON_NAT_TABLE_FULL, those of nat_map.h.
 */
#ifndef TRANSIT_NODE_NAT_EXPECT_H
#define TRANSIT_NODE_NAT_EXPECT_H

#include "nat_map.h"
#include "nat_plan.h"

enum { EXPECT_TRIES = 128 };

/* A PortForward or PublicIp leads there already: nothing has to be made. The port, or 0. */
static __noinline int expect_static(const struct alg_expect *e)
{
	struct addr_key key = {.vni = e->vni, .addr = e->addr};
	struct nat_static_val *s = bpf_map_lookup_elem(&nat_static, &key);
	struct port_fwd_key fwd = {
		.prefixlen = 128 + 16 + 16,
		.addr = e->pub,
		.proto = e->proto,
		.port = e->port,
	};
	struct port_fwd_val *v;

	if (s && addr_equal(&s->addr, &e->pub))
		return e->port;
	v = bpf_map_lookup_elem(&port_fwd, &fwd);
	if (v && v->vni == e->vni && addr_equal(&v->addr, &e->addr) && v->from == v->to)
		return e->port;
	return 0;
}

/* Index into nat_sub of the endpoint, 0 none. In a frame of its own: stacks are small. */
static __noinline __u32 expect_sub(const struct alg_expect *e)
{
	struct target t = {};

	nat_resolve(e->vni, &e->addr, e->family, &t);
	return t.sub;
}

static long expect_try(__u32 i, struct nat_try *t)
{
	struct nat_work *w = t->w;
	__u32 port = i ? NAT_PORT_LOW + bpf_get_prandom_u32() % (65536 - NAT_PORT_LOW) : t->start;

	w->out.key.dport = bpf_htons((__u16)port);
	if (nat_port_forwarded(&w->out.key))
		return 0;
	return nat_claim(w, t->seed);
}

/*
 * At an address that is not the endpoint's in its pool: a port without a block, the inside one
 * when it is free. It leads in and is nobody's source. 0 or a negative reason.
 */
static __noinline int expect_alone(struct nat_work *w, const struct alg_expect *e, int ipv6)
{
	struct nat_try t = {.w = w, .seed = flow_seed_ready(), .start = bpf_ntohs(e->port)};
	struct nat_lease *l = nat_lease_of(w->in.sub, ipv6);
	struct nat_map_val *o;
	__u64 id;

	if (!t.seed)
		return -REASON_INTERNAL;
	w->out.key.scope = SCOPE_OUTSIDE;
	w->out.key.daddr = e->pub;
	w->out.key.proto = e->proto;
	w->out.key.family = ipv6 ? 6 : 4;
	w->out.addr = e->addr;
	w->out.port = e->port;
	w->out.family = e->family;
	w->out.flags = NAT_MAP_OUTSIDE | NAT_MAP_EXPECTED;
	w->out.vni = e->vni;
	w->out.sub = w->in.sub;
	w->out.refs = 1;
	bpf_loop(EXPECT_TRIES, expect_try, &t, 0);
	if (!w->found)
		return w->full ? -REASON_NAT_TABLE_FULL : -REASON_NAT_EXHAUSTED;
	if (l)
		__sync_fetch_and_add(&l->mappings, 1);
	id = w->out_id;
	if (!commit_age(id, AGE_MAP, AGE_HORIZON_S / 4))
		return 0;
	o = bpf_map_lookup_elem(&nat_map, &id);
	if (o)
		nat_block_put(o);
	bpf_map_delete_elem(&nat_map, &id);
	return -REASON_NAT_TABLE_FULL;
}

/* The mapping, with one hold of ours: w->out.key, w->out_id. 0 or a negative reason. */
static __noinline int expect_mapping(struct nat_work *w, const struct alg_expect *e, int ipv6)
{
	struct nat_lease *l = nat_lease_of(w->in.sub, ipv6);
	__u32 sub = w->in.sub, ext = l ? l->ext : 0, gw;
	struct nat_ext_val *x = ext ? bpf_map_lookup_elem(&nat_ext, &ext) : NULL;

	gw = nat_gateway_index(sub);
	if (!gw || !x || x->gw != gw || !addr_equal(&x->addr, &e->pub))
		return expect_alone(w, e, ipv6);
	w->in.key.scope = e->vni;
	w->in.key.saddr = e->addr;
	w->in.key.sport = e->port;
	w->in.key.proto = e->proto;
	w->in.key.family = e->family;
	w->gw = gw;
	w->class = nat_class(e->proto, e->port);
	w->low = bpf_ntohs(e->port) < NAT_PORT_LOW;
	return nat_map_get(w, ipv6);
}

/* Held by the wheel from now on, for so many seconds. 0 or a negative reason. */
static __always_inline int expect_hold(__u64 map, __u64 permit, __u32 seconds)
{
	__u32 index = commit_node(map, AGE_EXPECT, seconds);
	struct age_node_val *n = index ? bpf_map_lookup_elem(&age_node, &index) : NULL;

	if (!n)
		return -REASON_NAT_TABLE_FULL;
	n->reply = permit;
	age_push(index, n, seconds);
	return 0;
}

/* Fills the answer in. 0 or a negative reason. */
static __noinline int nat_expect(struct alg_expect *e)
{
	struct nat_work *w = nat_work_get();
	__u64 permit = 0, map;
	__u32 seconds, sub;
	int ipv6, r;

	if (!w || !e)
		return -REASON_INTERNAL;
	seconds = e->seconds;
	if (!translate_has_ports(e->proto) || !e->port || !seconds || seconds > ALG_EXPECT_MAX_S)
		return -REASON_NAT_PROTOCOL;
	e->pub_port = expect_static(e);
	if (e->pub_port)
		return 0;
	sub = expect_sub(e);
	if (!sub)
		return -REASON_NO_NAT;
	ipv6 = e->pub_family == 6;
	w->in.sub = sub;
	w->in.vni = e->vni;
	w->remote = e->remote;
	r = expect_mapping(w, e, ipv6);
	if (r)
		return r;
	map = w->out_id;
	if (addr_equal(&w->out.key.daddr, &e->pub)) {
		e->pub_port = w->out.key.dport;
		r = nat_permit(w, NAT_MAP_EXPECTED, &permit);
	} else {
		r = -REASON_NAT_EXHAUSTED; /* its address in the pool has changed meanwhile */
	}
	if (!r)
		r = expect_hold(map, permit, seconds);
	if (r) {
		nat_map_unref(permit, now_s());
		nat_map_unref(map, now_s());
	}
	return r;
}

#endif
