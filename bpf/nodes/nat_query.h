/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where an address and port that packets from outside carry leads: a public one to a PortForward, a
 * PublicIp, into a translated prefix, or to a mapping, in this order; another one to itself, in a
 * connection that left untranslated.
 * Edges: none; drop: REASON_NO_MAPPING, REASON_FILTERED, REASON_NAT_PREFIX.
 */
#ifndef TRANSIT_NODE_NAT_QUERY_H
#define TRANSIT_NODE_NAT_QUERY_H

#include <lib/rfc6052.h>
#include "nat_map.h"
#include "nat_plan.h"
#include "nat_prefix.h"

static __always_inline int nat_query_forward(struct nat_query *q)
{
	struct port_fwd_key key = {
		.prefixlen = 128 + 16 + 16,
		.addr = q->key.daddr,
		.proto = q->key.proto,
		.port = q->key.dport,
	};
	struct port_fwd_val *v;

	if (!translate_has_ports(q->key.proto))
		return -1;
	v = bpf_map_lookup_elem(&port_fwd, &key);
	if (!v)
		return -1;
	q->vni = v->vni;
	q->addr = v->addr;
	q->port = bpf_htons(bpf_ntohs(q->key.dport) - v->from + v->to);
	return 0;
}

static __always_inline int nat_query_static(struct nat_query *q)
{
	struct addr_key key = {.vni = VNI_OUTSIDE, .addr = q->key.daddr};
	struct nat_static_val *s = bpf_map_lookup_elem(&nat_static, &key);

	if (!s)
		return -1;
	q->vni = s->vni;
	q->addr = s->addr;
	q->port = q->key.dport;
	return 0;
}

/* A frame of its own, so that its keys are not on the stack below nat_query_prefix(). */
static __noinline int nat_query_exact(struct nat_query *q)
{
	return nat_query_forward(q) && nat_query_static(q);
}

/* 1: its address is of a translated prefix; 0: not; or a negative reason. */
static __noinline int nat_query_prefix(struct nat_query *q)
{
	struct addr_key inside = {};
	struct nat_prefix_val *v;

	if (q->key.family != 6)
		return 0;
	v = nat_prefix_find(VNI_OUTSIDE, VNI_OUTSIDE, NAT_PREFIX_DESTINATION, 6, &q->key.daddr);
	if (!v)
		return 0;
	if (prefix_translate(v, &q->key.daddr, &q->addr))
		return -REASON_NAT_PREFIX;
	/* who has a PublicIp is there, and nowhere else */
	inside.vni = v->vni;
	inside.addr = q->addr;
	if (bpf_map_lookup_elem(&nat_static, &inside))
		return -REASON_NO_MAPPING;
	q->vni = v->vni;
	q->gw = v->gw;
	q->port = q->key.dport;
	return 1;
}

/*
 * The mapping has sent to this address before, or, with NAT_MAP_EXPECTED, an ALG lets it in. Makes
 * q->name the permit's.
 */
static __always_inline int nat_permitted(const struct flow_seed_val *seed, struct nat_query *q,
					 __u32 flags)
{
	struct nat_map_val *m;
	__u64 id;

	/* an ALG names the other end of its control connection by where it really is */
	q->name.saddr = flags && q->hairpin ? q->sender : q->key.saddr;
	q->name.scope = SCOPE_OUTSIDE | q->outer | NAT_MAP_PERMIT | flags;
	id = flow_id(seed, &q->name);
	m = bpf_map_lookup_elem(&nat_map, &id);
	return m && flow_key_equal(&m->key, &q->name) && m->refs;
}

/*
 * The gateway of a mapping that still may be used: its endpoint is here, and has the address, which
 * is in the pool. NULL otherwise. Others' mappings of the same index are gone before it has it.
 */
static __always_inline struct nat_gw_val *nat_query_gateway(const struct nat_map_val *m,
							    const struct nat_query *q)
{
	__u32 gw = nat_gateway_index(m->sub);
	__u32 ext = m->block ? (m->block - 1) / NAT_EXT_BLOCKS + 1
			     : nat_lease_ext(m->sub, q->key.family == 6);
	struct nat_ext_val *e;

	e = ext ? bpf_map_lookup_elem(&nat_ext, &ext) : NULL;
	if (!gw || !e || e->gw != gw || !addr_equal(&e->addr, &q->key.daddr))
		return NULL;
	return bpf_map_lookup_elem(&nat_gw, &gw);
}

static __always_inline int nat_query_mapping(struct nat_query *q)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct nat_map_val *m;
	struct nat_gw_val *g;
	__u64 id;

	if (!seed)
		return -REASON_INTERNAL;
	q->name = (struct flow_key){.scope = SCOPE_OUTSIDE | q->outer};
	q->name.daddr = q->key.daddr;
	q->name.proto = q->key.proto;
	q->name.family = q->key.family;
	if (translate_has_number(&q->key))
		q->name.dport = q->key.dport;
	else
		q->name.saddr = q->key.saddr;
	id = flow_id(seed, &q->name);
	m = bpf_map_lookup_elem(&nat_map, &id);
	if (!m || !flow_key_equal(&m->key, &q->name) || !m->refs)
		return -REASON_NO_MAPPING;
	if (m->flags & NAT_MAP_EXPECTED) {
		if (!q->known && !nat_permitted(seed, q, NAT_MAP_EXPECTED))
			return -REASON_FILTERED;
	} else {
		g = nat_query_gateway(m, q);
		if (!g)
			return -REASON_NO_MAPPING;
		/* without ports a mapping is for one remote address anyway */
		if (!q->known && g->filtering != NAT_FILTER_ENDPOINT &&
		    (g->filtering == NAT_FILTER_ADDRESS_PORT ||
		     (translate_has_number(&q->key) && !nat_permitted(seed, q, 0))) &&
		    !nat_permitted(seed, q, NAT_MAP_EXPECTED))
			return -REASON_FILTERED;
	}
	if (nat_map_ref(id, m))
		return -REASON_NO_MAPPING;
	q->vni = m->vni;
	q->addr = m->addr;
	q->port = translate_has_number(&q->key) ? m->port : q->key.dport;
	q->map = id;
	return 0;
}

/* As long as the VPC exempts who is on the other side. */
static __noinline int nat_query_plain(struct nat_query *q)
{
	struct target t = {};

	nat_resolve(q->plain_vni, &q->key.saddr, q->key.family, &t);
	if (t.kind != TARGET_OUTSIDE || !(t.flags & TARGET_EXEMPT))
		return -REASON_NO_MAPPING;
	q->vni = q->plain_vni;
	q->addr = q->key.daddr;
	q->port = q->key.dport;
	return 0;
}

/* The first that knows it answers plan->query. 0 or a negative reason. */
static __noinline int nat_query(struct nat_plan *plan)
{
	struct nat_query *q = &plan->query;
	int r;

	q->map = 0;
	q->gw = 0;
	if (q->plain)
		return nat_query_plain(q);
	if (!q->outer) {
		if (!nat_query_exact(q))
			return 0;
		r = nat_query_prefix(q);
		if (r)
			return r < 0 ? r : 0;
	}
	return nat_query_mapping(q);
}

/* The port, unless it is the identifier of a hairpinned echo: one for both ends, the sender's. */
static __always_inline int nat_query_number(const struct nat_plan *plan)
{
	const struct flow_key *key = &plan->query.key;

	return translate_has_number(key) && !(plan->hairpin && translate_is_echo(key));
}

/* 1 when the answer is what a connection's packets are translated to. */
static __always_inline int nat_query_same(const struct nat_plan *plan, const struct flow_val *f,
					  const struct nat_rewrite *r)
{
	const struct nat_query *q = &plan->query;

	return q->vni == f->vni && addr_equal(&q->addr, &r->daddr) &&
	       (!nat_query_number(plan) || q->port == r->dport);
}

/*
 * Asks where an inside source's public end leads. key: of its packets; r: what is made of them. 1:
 * it leads to vni and the source itself, and one connection more counts on q->map.
 */
static __noinline int nat_query_back(struct nat_plan *plan, const struct flow_key *key,
				     const struct nat_rewrite *r, __u32 vni)
{
	struct nat_query *q = &plan->query;

	q->known = 1;
	q->plain = 0;
	q->key.saddr = plan->dst;
	q->key.daddr = r->saddr;
	q->key.sport = translate_is_echo(key) ? r->sport : key->dport;
	q->key.dport = r->sport;
	q->key.proto = plan->proto;
	q->key.family = plan->family;
	/* an IPv6 receiver sees it under its prefix */
	if (r->family != plan->family && rfc6052_extract(&plan->far, &r->saddr, &q->key.daddr))
		return 0;
	if (nat_query(plan))
		return 0;
	if (q->vni == vni && addr_equal(&q->addr, &key->saddr) &&
	    (!nat_query_number(plan) || q->port == key->sport))
		return 1;
	nat_map_unref(q->map, now_s());
	return 0;
}

/* What a record's connection makes of its packets. */
static __always_inline const struct nat_rewrite *nat_rewrite_of(const struct flow_val *f)
{
	__u32 index = f->node;
	struct nat_val *v = bpf_map_lookup_elem(&nat, &index);

	if (!v)
		return NULL;
	return f->flags & FLOW_REPLY ? &v->reply : &v->fwd;
}

#endif
