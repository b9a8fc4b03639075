/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The part of a walk that leads to or from the outside: where the packet really goes, what it
 * looks like there, and both directions' records. Its own stage; docs/design/nat.md.
 * Edges: next: act; drop: REASON_NO_ROUTE, REASON_NO_NEXTHOP, REASON_TOO_BIG, REASON_TTL_EXCEEDED,
 * REASON_HOST_UNREACHABLE, REASON_BLACKHOLE, REASON_SPOOFED_IP, REASON_NAT64_ADDRESS, those of
 * nat_query.h and nat_source.h.
 */
#ifndef TRANSIT_NODE_NAT_H
#define TRANSIT_NODE_NAT_H

#include <lib/xlat.h>
#include "icmp_error.h"
#include "nat_commit.h"

/* Largest packet of a GSO frame as it will leave. */
static __always_inline __u32 nat_len(const struct pkt *p, const struct nat_plan *plan)
{
	return plan->val.fwd.family == p->key.family ? p->seg_len : xlat_len(p, p->seg_len);
}

/*
 * What a way's MTU is to the sender (RFC 7915 s4.2, s5.2). Without fragments a host of IPv6 need
 * not send less than 1280 bytes (RFC 8200 s5).
 */
static __always_inline __u32 nat_mtu(const struct pkt *p, const struct nat_plan *plan, __u32 mtu)
{
	if (plan->val.fwd.family == p->key.family)
		return mtu;
	if (p->key.family == 6)
		return mtu + XLAT_GAP < IP6_MTU_MIN ? IP6_MTU_MIN : mtu + XLAT_GAP;
	return mtu - (xlat_headers_after(p, 1) - IP4_LEN);
}

/* Asks the daemon to have a neighbour outside resolved. */
static __always_inline void nat_ask_neighbour(struct pkt *p, const struct ip_addr *address)
{
	struct event *e = bpf_ringbuf_reserve(&event, sizeof(*e), 0);

	if (!e)
		return;
	__builtin_memset(e, 0, sizeof(*e));
	e->time_ns = bpf_ktime_get_ns();
	e->ifindex = p->ifindex;
	e->vni = p->vni;
	e->kind = EVENT_PUNT;
	e->reason = REASON_NO_NEXTHOP;
	e->node = NODE_NAT;
	e->resolve = *address;
	bpf_ringbuf_submit(e, 0);
}

/*
 * To an inside address: the receiver's leg, and d->mtu: 0 when the way is not resolved. 0 or a
 * negative reason.
 */
static __noinline int nat_leg_inside(struct nat_plan *plan, __u32 vni,
				     const struct ip_addr *address, __u32 hash, struct decision *d)
{
	struct target *t = &plan->to;
	struct vpc_val *v = bpf_map_lookup_elem(&vpc, &vni);
	struct nh_val *n;
	__u32 index;

	if (!v)
		return -REASON_UNKNOWN_VPC;
	nat_resolve(vni, address, plan->val.fwd.family, t);
	if (t->kind == TARGET_LOCAL) {
		d->mtu = t->mtu;
	} else if (t->kind == TARGET_REMOTE) {
		index = resolve_nexthop(t, hash);
		n = bpf_map_lookup_elem(&nh, &index);
		d->mtu = n && n->flags & NH_RESOLVED ? n->mtu : 0;
	} else {
		return t->kind == TARGET_SUBNET	     ? -REASON_HOST_UNREACHABLE
		       : t->kind == TARGET_BLACKHOLE ? -REASON_BLACKHOLE
						     : -REASON_NO_ROUTE;
	}
	return nat_leg_endpoint(&d->fwd, &d->rev, t, &v->gw_mac, vni, hash);
}

/* The endpoint behind a public destination: the receiver's leg. 0 or a negative reason. */
static __noinline int nat_receiver(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_query *q = &plan->query;
	struct flow_val *f = flow_find(&p->key);
	const struct nat_rewrite *k = f ? nat_rewrite_of(f) : NULL;
	__u32 hash;
	int r;

	q->key = p->key;
	q->key.daddr = plan->dst;
	q->key.proto = plan->proto;
	q->key.family = plan->family;
	q->known = 0;
	q->plain = 0;
	/* with another source it is nobody that the receiver knows */
	if (f && (!plan->hairpin || plan->kept)) {
		q->known = !!(f->flags & FLOW_NAT);
		q->plain = !q->known && plan->vni == VNI_OUTSIDE;
		q->plain_vni = f->vni;
	}
	/* mappings and permits know senders by what is seen of them outside */
	if (plan->hairpin) {
		q->hairpin = 1;
		q->sender = p->key.saddr;
		nat_source_address(p, plan, d->sub, &q->key.saddr);
	}
	r = nat_query(plan);
	if (!r && q->known && f && k && !nat_query_same(plan, f, k)) {
		/* it was about another receiver: a stranger to this one */
		nat_map_unref(q->map, now_s());
		q->known = 0;
		r = nat_query(plan);
	}
	if (r == -REASON_NAT_PREFIX)
		d->mtu = __builtin_offsetof(struct ip6_hdr, daddr);
	if (r)
		return r;
	plan->val.map = q->map;
	plan->val.fwd.daddr = q->addr;
	plan->val.fwd.dport = q->port;
	plan->val.fwd.family = nat_family_of(&q->addr);
	if (q->vni != plan->vni) {
		/* hangs on tables of more than one VPC */
		d->fwd.vpc = 0;
		d->fwd.generation = plan->generation;
	}
	if (plan->val.fwd.family != plan->family) {
		__u32 vni = q->vni;
		struct nat64_val *x = bpf_map_lookup_elem(&nat64, &vni);

		if (!x)
			return -REASON_NO_NAT;
		plan->far = *x;
	}
	/* of several ways to it the one that its VPC would take for such a packet */
	hash = hash_ends(&p->key.saddr, &plan->val.fwd.daddr, p->key.sport, q->port, p->key.proto,
			 q->vni);
	r = nat_leg_inside(plan, q->vni, &plan->val.fwd.daddr, hash, d);
	if (plan->vni == VNI_OUTSIDE)
		d->account = LIMIT_ACCEPTED |
			     (plan->to.kind == TARGET_LOCAL ? limit_of_endpoint(plan->to.ep)
							    : limit_of_sub(plan->to.sub));
	if (q->gw && (plan->to.kind == TARGET_LOCAL || plan->to.kind == TARGET_REMOTE) &&
	    !nat_prefix_serves(q->gw, plan->to.sub))
		return -REASON_NO_MAPPING;
	return r;
}

/* A router or host outside for an address; ways that are not resolved are asked for. */
static __always_inline struct nh_val *nat_outside(struct pkt *p, const struct ip_addr *address,
						  __u8 family, struct target *t)
{
	struct nh_val *n;
	__u32 index;

	nat_resolve(VNI_OUTSIDE, address, family, t);
	if (t->kind == TARGET_ONLINK)
		nat_ask_neighbour(p, address);
	if (t->kind != TARGET_NEXTHOP)
		return NULL;
	index = t->nh;
	n = bpf_map_lookup_elem(&nh, &index);
	if (!n || !(n->flags & NH_RESOLVED)) {
		if (n)
			nat_ask_neighbour(p, &n->dst);
		t->kind = TARGET_ONLINK;
		return NULL;
	}
	return n;
}

/* Why nat_outside() found none. */
static __always_inline int nat_no_way(const struct target *t)
{
	if (t->kind == TARGET_BROADCAST)
		return -REASON_MULTICAST;
	return t->kind == TARGET_ONLINK ? -REASON_NO_NEXTHOP : -REASON_NO_ROUTE;
}

/*
 * Which family the packet has outside: IPv4 when an IPv6 one is for an address under the VPC's
 * prefix. 0 or a negative reason.
 */
static __noinline int nat_outside_form(struct pkt *p, struct nat_plan *plan)
{
	__u32 vni = plan->vni;
	struct nat64_val *x;

	plan->family = p->key.family;
	plan->proto = p->key.proto;
	plan->dst = p->key.daddr;
	x = p->key.family == 6 ? bpf_map_lookup_elem(&nat64, &vni) : NULL;
	if (!x || !rfc6052_within(x, &p->key.daddr))
		return 0;
	/* RFC 6146 s3.5: it would come back to us for ever */
	if (rfc6052_within(x, &p->key.saddr))
		return -REASON_SPOOFED_IP;
	if (rfc6052_extract(x, &p->key.daddr, &plan->dst))
		return -REASON_INTERNAL;
	if (rfc6052_may_show(x, &plan->dst))
		return -REASON_NAT64_ADDRESS;
	plan->family = 4;
	plan->proto = proto_in_family(p->key.proto, 4);
	return 0;
}

/* What was planned can be done to this packet, and fits its way. 0 or a negative reason. */
static __always_inline int nat_feasible(CTX *ctx, struct pkt *p, const struct nat_plan *plan,
					struct decision *d)
{
	struct xlat x;
	int err;

	if (!d->mtu)
		return -REASON_NO_NEXTHOP;
	if (plan->val.fwd.family != p->key.family) {
		err = xlat_check(ctx, p, &x);
		if (err == -REASON_SOURCE_ROUTE)
			d->mtu = p->error_mtu; /* where it is */
		if (err)
			return err;
	}
	if (nat_len(p, plan) <= d->mtu)
		return 0;
	d->mtu = nat_mtu(p, plan, d->mtu);
	return -REASON_TOO_BIG;
}

/* An IPv6 receiver sees IPv4 under its VPC's prefix. 0 or a negative reason. */
static __always_inline int nat_show_source(struct nat_plan *plan)
{
	struct ip_addr *a = &plan->val.fwd.saddr, v4 = *a;
	int err;

	if (plan->val.fwd.family == plan->family)
		return 0;
	err = rfc6052_may_show(&plan->far, &v4);
	if (err)
		return err;
	return rfc6052_embed(&plan->far, &v4, a) ? -REASON_INTERNAL : 0;
}

/*
 * From an endpoint, with the sender's leg filled in. 0 or a negative reason: when it is to be told,
 * d->mtu is set.
 */
static __always_inline int nat_from_inside(CTX *ctx, struct pkt *p, struct nat_plan *plan,
					   struct decision *d)
{
	struct target t = {};
	struct nh_val *n;
	int r;

	r = nat_outside_form(p, plan);
	if (r)
		return r;
	plan->val.fwd.saddr = p->key.saddr;
	plan->val.fwd.daddr = plan->dst;
	plan->val.fwd.sport = p->key.sport;
	plan->val.fwd.dport = p->key.dport;
	plan->val.fwd.family = plan->family;
	n = nat_outside(p, &plan->dst, plan->family, &t);
	plan->hairpin = !n && t.kind == TARGET_PUBLIC;
	if (!n && !plan->hairpin)
		return nat_no_way(&t);
	plan->kept = nat_source_kept(p, plan);
	if (n) {
		d->mtu = n->mtu;
		nat_leg_outside(&d->fwd, &d->rev, &t);
		/* a router may answer from another address than the one packets are sent to */
		d->rev.in_dmac = n->smac;
	} else {
		r = nat_receiver(p, plan, d);
		if (r) {
			nat_abandon(plan, d);
			return r;
		}
	}
	r = plan->kept ? 0 : nat_entitled(p, plan, d);
	if (!r)
		r = nat_feasible(ctx, p, plan, d);
	if (!r)
		r = nat_charge(p, d);
	if (!r) {
		r = nat_source(p, plan, d);
		if (r)
			limit_note(d, r);
	}
	if (!r)
		r = nat_show_source(plan);
	if (r) {
		nat_abandon(plan, d);
		return r;
	}
	nat_check_back(d, &plan->val.fwd.saddr, plan->val.fwd.family);
	return nat_commit(p, plan, d);
}

/* From outside to a public address. 0 or a negative reason. */
static __always_inline int nat_from_outside(CTX *ctx, struct pkt *p, struct nat_plan *plan,
					    struct decision *d)
{
	struct target t = {};
	struct nh_val *n;
	int r;

	plan->family = p->key.family;
	plan->proto = p->key.proto;
	plan->dst = p->key.daddr;
	plan->val.fwd.saddr = p->key.saddr;
	plan->val.fwd.sport = p->key.sport;
	d->fwd.key = p->key;
	d->fwd.in_dmac = p->dmac;
	d->fwd.generation = plan->generation;
	/* first whether there is anybody: a port nobody has is silent */
	r = nat_receiver(p, plan, d);
	if (!r && p->ttl <= 1)
		r = -REASON_TTL_EXCEEDED;
	if (!r)
		r = nat_feasible(ctx, p, plan, d);
	if (!r)
		r = nat_show_source(plan);
	if (r) {
		nat_abandon(plan, d);
		return r;
	}
	/* without a way back yet the reply will have to walk */
	n = nat_outside(p, &p->key.saddr, p->key.family, &t);
	if (!n)
		t.nh = 0;
	nat_leg_outside(&d->rev, &d->fwd, &t);
	d->fwd.key.scope = SCOPE_OUTSIDE;
	d->fwd.in_dmac = p->dmac;
	d->rev.vni = plan->vni;
	nat_check_back(d, &plan->val.fwd.saddr, plan->val.fwd.family);
	return nat_commit(p, plan, d);
}

#endif
