/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where a public address and port leads: to a PortForward, a PublicIp, into a translated prefix, or
 * to a mapping, in this order.
 * Edges: none; drop: REASON_NO_MAPPING, REASON_FILTERED, REASON_NAT_PREFIX.
 */
#ifndef TRANSIT_NODE_NAT_QUERY_H
#define TRANSIT_NODE_NAT_QUERY_H

#include "nat_map.h"
#include "nat_plan.h"
#include "nat_prefix.h"

static __always_inline int nat_has_number(__u8 proto)
{
	return translate_has_ports(proto) || translate_is_echo(proto);
}

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

	q->name.saddr = q->key.saddr;
	q->name.scope = SCOPE_OUTSIDE | NAT_MAP_PERMIT | flags;
	id = flow_id(seed, &q->name);
	m = bpf_map_lookup_elem(&nat_map, &id);
	return m && flow_key_equal(&m->key, &q->name) && m->refs;
}

static __always_inline int nat_query_mapping(struct nat_query *q)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct nat_map_val *m;
	struct nat_sub_val *s;
	struct nat_gw_val *g;
	__u32 sub, gw;
	__u64 id;

	if (!seed)
		return -REASON_INTERNAL;
	q->name = (struct flow_key){.scope = SCOPE_OUTSIDE};
	q->name.daddr = q->key.daddr;
	q->name.proto = q->key.proto;
	q->name.family = q->key.family;
	if (nat_has_number(q->key.proto))
		q->name.dport = q->key.dport;
	else
		q->name.saddr = q->key.saddr;
	id = flow_id(seed, &q->name);
	m = bpf_map_lookup_elem(&nat_map, &id);
	if (!m || !flow_key_equal(&m->key, &q->name) || !m->refs)
		return -REASON_NO_MAPPING;
	if (!q->known && m->flags & NAT_MAP_EXPECTED) {
		if (!nat_permitted(seed, q, NAT_MAP_EXPECTED))
			return -REASON_FILTERED;
	} else if (!q->known) {
		sub = m->sub;
		s = bpf_map_lookup_elem(&nat_sub, &sub);
		gw = s ? s->gw : 0;
		g = gw ? bpf_map_lookup_elem(&nat_gw, &gw) : NULL;
		if (!g)
			return -REASON_NO_MAPPING;
		if (g->filtering != NAT_FILTER_ENDPOINT &&
		    (g->filtering == NAT_FILTER_ADDRESS_PORT || !nat_permitted(seed, q, 0)) &&
		    !nat_permitted(seed, q, NAT_MAP_EXPECTED))
			return -REASON_FILTERED;
	}
	if (nat_map_ref(m))
		return -REASON_NO_MAPPING;
	q->vni = m->vni;
	q->addr = m->addr;
	q->port = nat_has_number(q->key.proto) ? m->port : q->key.dport;
	q->map = id;
	return 0;
}

/* The first that knows it answers plan->query. 0 or a negative reason. */
static __noinline int nat_query(struct nat_plan *plan)
{
	struct nat_query *q = &plan->query;
	int r;

	q->map = 0;
	q->gw = 0;
	if (!nat_query_exact(q))
		return 0;
	r = nat_query_prefix(q);
	if (r)
		return r < 0 ? r : 0;
	return nat_query_mapping(q);
}

/* How a connection that is known translates a packet of this key; NULL: not known. */
static __always_inline const struct nat_rewrite *nat_known(const struct flow_key *key)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct flow_val *f;
	struct nat_val *v;
	__u32 index;
	__u64 id;

	if (!seed)
		return NULL;
	id = flow_id(seed, key);
	f = bpf_map_lookup_elem(&flow, &id);
	if (!f || !flow_key_equal(&f->key, key) || !(f->flags & FLOW_NAT))
		return NULL;
	index = f->node;
	v = bpf_map_lookup_elem(&nat, &index);
	if (!v)
		return NULL;
	return f->flags & FLOW_REPLY ? &v->reply : &v->fwd;
}

#endif
