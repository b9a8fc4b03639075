/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From one VPC into another that it is peered with (twice NAT): both addresses are replaced by
 * what the other side knows them as, and the packet goes to the endpoint there. All of it on the
 * sender's host: the receiver's finds an ordinary packet of its VPC, whose reply takes the same
 * way back through its own sender's host. No state: what is exposed is computed from addresses.
 * But what shows as a pool: its connections, and mappings as those of a NatGateway with the peer as
 * the outside, are kept on one host, which packets both ways go through (TARGET_STATEFUL).
 * Edges: next: act; drop: REASON_NO_ROUTE, REASON_NOT_EXPOSED, REASON_HOST_UNREACHABLE,
 * REASON_NO_NEXTHOP, REASON_TOO_BIG, REASON_UNKNOWN_VPC, REASON_NAT_PROTOCOL, those of nat_map.h
 * and nat_query.h, quotas.
 */
#ifndef TRANSIT_NODE_PEER_H
#define TRANSIT_NODE_PEER_H

#include "nat.h"

enum { PEER_POOL = 1 << 16 }; /* a pool's state says more */

/* What a packet of a VPC looks like in its peer: 0, PEER_POOL or a negative reason. */
static __noinline int peer_rewrite(const struct flow_key *key, __u32 vni, __u32 peer,
				   struct nat_rewrite *r, __u32 *sub)
{
	struct nat_prefix_val *v;
	int pool;

	v = nat_prefix_find(vni, peer, NAT_PREFIX_DESTINATION, key->family, &key->daddr);
	if (!v)
		return -REASON_NO_ROUTE;
	pool = !!v->gw;
	if (!pool)
		prefix_translate(v, &key->daddr, &r->daddr);
	v = nat_prefix_find(vni, peer, NAT_PREFIX_SOURCE, key->family, &key->saddr);
	/* of two pools that face each other nobody could begin */
	if (!v || (pool && v->gw))
		return -REASON_NOT_EXPOSED;
	r->saddr = key->saddr;
	if (v->gw)
		*sub = v->vni;
	else
		prefix_translate(v, &key->saddr, &r->saddr);
	r->sport = key->sport;
	r->dport = key->dport;
	r->family = key->family;
	return pool || v->gw ? PEER_POOL : 0;
}

/*
 * The way to an endpoint of the peer, as half of each record. Sets d->mtu. Only endpoints and what
 * is routed to them or to VTEPs: no peering leads through another. 0 or a negative reason.
 */
static __noinline int peer_leg(struct nat_plan *plan, struct decision *d, __u32 peer, __u8 family)
{
	struct flow_key inner = {};
	struct target t = {};
	__u32 index, hash;
	struct vpc_val *v;
	struct nh_val *n;

	v = bpf_map_lookup_elem(&vpc, &peer);
	if (!v)
		return -REASON_UNKNOWN_VPC;
	nat_resolve(peer, &plan->val.fwd.daddr, family, &t);
	if (t.kind == TARGET_BROADCAST)
		return -REASON_MULTICAST;
	if (t.kind != TARGET_LOCAL && t.kind != TARGET_REMOTE)
		return -REASON_HOST_UNREACHABLE;
	inner.saddr = plan->val.fwd.saddr;
	inner.daddr = plan->val.fwd.daddr;
	inner.sport = plan->val.fwd.sport;
	inner.dport = plan->val.fwd.dport;
	inner.proto = d->fwd.key.proto;
	hash = hash_flow(&inner, peer);
	if (t.kind == TARGET_LOCAL) {
		d->mtu = t.mtu;
	} else {
		index = resolve_nexthop(&t, hash);
		n = bpf_map_lookup_elem(&nh, &index);
		if (!n || !(n->flags & NH_RESOLVED))
			return -REASON_NO_NEXTHOP;
		d->mtu = n->mtu;
		plan->one_way = 1; /* the reply is translated where it is sent */
	}
	return nat_leg_endpoint(&d->fwd, &d->rev, &t, &v->gw_mac, peer, hash);
}

/* To an address of a pool: whose connection it is of. 0 or a negative reason. */
static __noinline int peer_query(struct pkt *p, struct nat_plan *plan)
{
	struct nat_query *q = &plan->query;
	struct flow_val *f = flow_find(&p->key);
	const struct nat_rewrite *k = f ? nat_rewrite_of(f) : NULL;
	int r;

	q->outer = plan->vni << NAT_OUTER_SHIFT;
	q->key = p->key;
	q->known = !!k;
	r = nat_query(plan);
	if (!r && f && k && !nat_query_same(plan, f, k)) {
		nat_map_unref(q->map, now_s());
		q->known = 0;
		r = nat_query(plan);
	}
	if (r)
		return r;
	plan->inward = 1;
	plan->val.map = q->map;
	plan->val.fwd.daddr = q->addr;
	plan->val.fwd.dport = q->port;
	return 0;
}

/* What the sender is in the pool, which holds the mapping. 0 or a negative reason. */
static __noinline int peer_source(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_gw_val *g;
	int r;

	r = nat_charge(p, d);
	if (r)
		return r;
	plan->query.outer = d->peer << NAT_OUTER_SHIFT;
	r = nat_source_kept(p, plan) ? 0 : nat_source_pool(p, plan, d);
	if (r)
		limit_note(d, r);
	if (r || !translate_has_number(&p->key))
		return r;
	g = nat_gateway_of(d->sub);
	return g && g->filtering == NAT_FILTER_ADDRESS ? nat_source_permit(p, plan) : 0;
}

/* From an endpoint, with the sender's leg filled in. 0 or a negative reason. */
static __always_inline int peer_send(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	__u32 peer = d->peer, sub = 0;
	int r, pool;

	r = peer_rewrite(&p->key, plan->vni, peer, &plan->val.fwd, &sub);
	if (r < 0)
		return r;
	pool = r == PEER_POOL;
	/* a pool is where its connections are kept, and nowhere else */
	if (pool && !d->stateful)
		return -REASON_NOT_EXPOSED;
	plan->family = p->key.family;
	plan->proto = p->key.proto;
	plan->dst = plan->val.fwd.daddr;
	r = pool && !sub ? peer_query(p, plan) : 0;
	if (!r)
		r = peer_leg(plan, d, peer, p->key.family);
	if (!r && p->seg_len > d->mtu)
		r = -REASON_TOO_BIG;
	if (pool)
		plan->one_way = 0;
	if (!r && sub) {
		d->sub = sub;
		if (p->tunnel)
			d->account = limit_of_sub(sub);
		r = peer_source(p, plan, d);
	}
	if (r) {
		nat_abandon(plan, d);
		return r;
	}
	return nat_commit(p, plan, d);
}

#endif
