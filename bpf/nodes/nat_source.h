/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What an endpoint's packet looks like outside: as before when the connection is known, else by its
 * PublicIp, else in its NatGateway's outside prefix, else by a mapping of that one's pool.
 * Edges: none; drop: REASON_NO_NAT, REASON_NAT_PROTOCOL, REASON_NAT_PREFIX, those of nat_map.h.
 */
#ifndef TRANSIT_NODE_NAT_SOURCE_H
#define TRANSIT_NODE_NAT_SOURCE_H

#include "nat_query.h"

/* Other messages of ICMP have no number that could be mapped. */
static __always_inline int nat_is_query(const struct pkt *p)
{
	return !translate_is_icmp(p->key.proto) || translate_is_echo(&p->key);
}

/*
 * Notes that a mapping has sent to an address, for filtering. A hairpinned connection, which holds
 * two mappings, permits nothing but itself. 0 or a negative reason.
 */
static __noinline int nat_source_permit(struct pkt *p, struct nat_plan *plan)
{
	const struct nat_rewrite *f = &plan->val.fwd;
	struct nat_work *w = nat_work_get();

	if (!w)
		return -REASON_INTERNAL;
	w->outer = plan->query.outer;
	w->out.key.daddr = f->saddr;
	w->out.key.dport = f->sport;
	w->out.key.proto = plan->proto;
	w->out.key.family = plan->family;
	w->remote = plan->dst;
	return nat_permit(w, 0, &plan->val.permit);
}

/* A port of the pool for an inside source. 0 or a negative reason. */
static __noinline int nat_source_pool(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_work *w = nat_work_get();
	struct nat_rewrite *r = &plan->val.fwd;
	__u32 sub = d->sub, gw = nat_gateway_index(sub);
	int err;

	if (!w || !gw)
		return -REASON_NO_NAT;
	if (!nat_is_query(p))
		return -REASON_NAT_PROTOCOL;
	w->in.key.scope = nat_inside(p, plan);
	w->in.key.saddr = p->key.saddr;
	w->in.key.proto = p->key.proto;
	w->in.key.family = p->key.family;
	w->in.vni = plan->vni;
	w->in.sub = sub;
	w->gw = gw;
	w->outer = plan->query.outer;
	w->remote = plan->dst;
	w->class = nat_class(p->key.proto, p->key.sport);
	if (w->class >= 0) {
		w->in.key.sport = p->key.sport;
		w->low = w->class != NAT_CLASS_ICMP && bpf_ntohs(p->key.sport) < NAT_PORT_LOW;
	} else {
		w->in.key.daddr = p->key.daddr;
	}
	err = nat_map_get(w, plan->family == 6);
	if (err)
		return err;
	r->saddr = w->out.key.daddr;
	if (w->class >= 0)
		r->sport = w->out.key.dport;
	if (plan->hairpin) {
		plan->val.permit = w->out_id;
		return 0;
	}
	plan->val.map = w->out_id;
	return 0;
}

/*
 * A connection keeps its public address and port as long as they still lead to its endpoint,
 * whoever opened it and whatever a new one would get. 1: kept.
 */
static __noinline int nat_source_kept(struct pkt *p, struct nat_plan *plan)
{
	struct flow_val *f = flow_find(&p->key);
	const struct nat_rewrite *k = f && f->flags & FLOW_NAT ? nat_rewrite_of(f) : NULL;
	struct nat_query *q = &plan->query;
	struct nat64_val *x;
	__u32 vni;

	if (!k)
		return 0;
	if (k->family != plan->family) { /* of who receives it */
		vni = f->vni;
		x = bpf_map_lookup_elem(&nat64, &vni);
		if (x)
			plan->far = *x;
	}
	if (!nat_query_back(plan, &p->key, k, plan->vni))
		return 0;
	plan->val.fwd.saddr = q->key.daddr;
	plan->val.fwd.sport = q->key.dport;
	if (plan->hairpin)
		plan->val.permit = q->map;
	else
		plan->val.map = q->map;
	return 1;
}

/* Whether the endpoint may leave as somebody new; makes nothing. 0 or a negative reason. */
static __noinline int nat_entitled(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct addr_key key = {.vni = nat_inside(p, plan), .addr = p->key.saddr};

	if ((d->exempt && !plan->hairpin) || bpf_map_lookup_elem(&nat_static, &key) ||
	    nat_prefix_outside(plan->vni, d->sub, plan->family, &p->key.saddr))
		return 0;
	if (!nat_gateway_index(d->sub))
		return -REASON_NO_NAT;
	return nat_is_query(p) ? 0 : -REASON_NAT_PROTOCOL;
}

/* What the source looks like outside. 0 or a negative reason. */
static __always_inline int nat_source_find(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct addr_key key = {.vni = nat_inside(p, plan), .addr = p->key.saddr};
	struct nat_prefix_val *v;
	struct nat_static_val *s;

	if (plan->kept || (d->exempt && !plan->hairpin))
		return 0;
	s = bpf_map_lookup_elem(&nat_static, &key);
	if (s) {
		plan->val.fwd.saddr = s->addr;
		return 0;
	}
	v = nat_prefix_outside(plan->vni, d->sub, plan->family, &p->key.saddr);
	if (v && prefix_translate(v, &p->key.saddr, &plan->val.fwd.saddr)) {
		d->mtu = __builtin_offsetof(struct ip6_hdr, saddr);
		return -REASON_NAT_PREFIX;
	}
	return v ? 0 : nat_source_pool(p, plan, d);
}

static __always_inline int nat_source(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_gw_val *g;
	int r = nat_source_find(p, plan, d);

	if (r || plan->hairpin || !plan->val.map || !translate_has_number(&p->key))
		return r;
	g = nat_gateway_of(d->sub);
	return g && g->filtering == NAT_FILTER_ADDRESS ? nat_source_permit(p, plan) : 0;
}

/*
 * The address that the receiver of a hairpinned packet will see, as far as it is known before there
 * is a mapping; otherwise none.
 */
static __noinline int nat_source_address(struct pkt *p, struct nat_plan *plan, __u32 sub,
					 struct ip_addr *out)
{
	struct addr_key inside = {.vni = nat_inside(p, plan), .addr = p->key.saddr};
	struct nat_static_val *s = bpf_map_lookup_elem(&nat_static, &inside);
	__u32 ext, gw = nat_gateway_index(sub);
	struct nat_prefix_val *v;
	struct nat_ext_val *e;

	if (s) {
		*out = s->addr;
		return 0;
	}
	v = nat_prefix_outside(plan->vni, sub, plan->family, &p->key.saddr);
	if (v) {
		prefix_translate(v, &p->key.saddr, out);
		return 0;
	}
	ext = gw ? nat_lease_ext(sub, plan->family == 6) : 0;
	e = ext ? bpf_map_lookup_elem(&nat_ext, &ext) : NULL;
	if (e && e->gw == gw)
		*out = e->addr;
	else
		*out = (struct ip_addr){};
	return 0;
}

#endif
