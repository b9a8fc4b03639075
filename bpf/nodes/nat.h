/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The part of a walk that leads to or from the outside: where the packet really goes, what it
 * looks like there, and both directions' records. Its own stage; docs/design/nat.md.
 * Edges: next: act; drop: REASON_NO_ROUTE, REASON_NO_NEXTHOP, REASON_TOO_BIG, REASON_TTL_EXCEEDED,
 * REASON_HOST_UNREACHABLE, those of nat_query.h and nat_source.h.
 */
#ifndef TRANSIT_NODE_NAT_H
#define TRANSIT_NODE_NAT_H

#include "icmp_error.h"
#include "nat_source.h"

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

/* The endpoint behind a public destination: the receiver's leg. 0 or a negative reason. */
static __noinline int nat_receiver(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_query *q = &plan->query;
	__u32 vni, index, hash = hash_flow(&p->key, plan->vni);
	struct target t = {};
	struct vpc_val *v;
	struct nh_val *n;
	int r;

	q->key = p->key;
	q->known = nat_known(&p->key) != NULL;
	r = nat_query(plan);
	if (r)
		return r;
	plan->val.map = q->map;
	plan->val.fwd.daddr = q->addr;
	plan->val.fwd.dport = q->port;
	vni = q->vni;
	if (vni != plan->vni) {
		/* hangs on tables of more than one VPC */
		d->fwd.vpc = 0;
		d->fwd.generation = plan->generation;
	}
	v = bpf_map_lookup_elem(&vpc, &vni);
	if (!v)
		return -REASON_UNKNOWN_VPC;
	nat_resolve(vni, &plan->val.fwd.daddr, p->key.family, &t);
	plan->sub = t.sub;
	if (plan->vni == VNI_OUTSIDE)
		d->account = LIMIT_ACCEPTED | (t.kind == TARGET_LOCAL ? limit_of_endpoint(t.ep)
								      : limit_of_sub(t.sub));
	if (t.kind == TARGET_LOCAL) {
		d->mtu = t.mtu;
	} else if (t.kind == TARGET_REMOTE) {
		index = resolve_nexthop(&t, hash);
		n = bpf_map_lookup_elem(&nh, &index);
		if (!n || !(n->flags & NH_RESOLVED))
			return -REASON_NO_NEXTHOP;
		d->mtu = n->mtu;
	} else {
		return -REASON_HOST_UNREACHABLE;
	}
	return nat_leg_endpoint(&d->fwd, &d->rev, &t, &v->gw_mac, vni, hash);
}

/* A router or host outside for an address; ways that are not resolved are asked for. */
static __always_inline struct nh_val *nat_outside(struct pkt *p, const struct ip_addr *address,
						  struct target *t)
{
	struct nh_val *n;
	__u32 index;

	nat_resolve(VNI_OUTSIDE, address, p->key.family, t);
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

/* What a plan holds is given back: nothing came of it. */
static __always_inline void nat_abandon(struct nat_plan *plan, struct decision *d)
{
	nat_map_unref(plan->val.map, now_s());
	nat_map_unref(plan->val.permit, now_s());
	limit_uncharge(d);
}

/* Before anything is made for it: a refused connection must not use up ports. */
static __noinline int nat_charge(struct pkt *p, struct decision *d)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct flow_val *known;

	if (!seed)
		return -REASON_INTERNAL;
	if (!commit_find(flow_id(seed, &p->key), &p->key, &known) && known)
		return 0;
	d->has_reverse = 1;
	return limit_charge(d, p->key.proto, p->tcp_flags);
}

/*
 * Untranslated, two VPCs may have the same packet to send: the answer can only be one's. 1 when
 * another VPC was first.
 */
static __always_inline int nat_taken(const struct nat_plan *plan, const struct flow_key *reply)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct flow_val *f;
	__u64 id;

	if (!seed)
		return 1;
	id = flow_id(seed, reply);
	f = bpf_map_lookup_elem(&flow, &id);
	return f && flow_key_equal(&f->key, reply) && f->vni != plan->vni;
}

/* Whether the gateway of an endpoint has an ALG for what goes to this port. */
static __always_inline int nat_has_alg(__u32 sub, __u8 proto, __be16 port)
{
	__u8 alg = proto == PROTO_TCP && port == bpf_htons(PORT_FTP)	? NAT_ALG_FTP
		   : proto == PROTO_UDP && port == bpf_htons(PORT_TFTP) ? NAT_ALG_TFTP
									: 0;
	struct nat_sub_val *s;
	struct nat_gw_val *g;
	__u32 gw;

	if (likely(!alg))
		return 0;
	s = sub ? bpf_map_lookup_elem(&nat_sub, &sub) : NULL;
	gw = s ? s->gw : 0;
	g = gw ? bpf_map_lookup_elem(&nat_gw, &gw) : NULL;
	return g && g->algs & alg;
}

/* The outer source port is of the packet that will be in the tunnel (RFC 7348 s5). */
static __always_inline void nat_entropy(struct flow_val *record, const struct nat_rewrite *r)
{
	struct flow_key inner = {.proto = proto_in_family(record->key.proto, r->family)};

	if (record->action != FLOW_ENCAP)
		return;
	inner.saddr = r->saddr;
	inner.daddr = r->daddr;
	inner.sport = r->sport;
	inner.dport = r->dport;
	record->udp_sport = hash_udp_port(hash_flow(&inner, record->vni));
}

/* Completes both records and stores them with the translation. 0 or a negative reason. */
static __noinline int nat_commit(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_rewrite *f = &plan->val.fwd, *r = &plan->val.reply;
	__u64 map, permit;
	struct nat_val *v;
	__u32 index;
	int err;

	if (translate_is_echo(p->key.proto)) { /* one identifier, whichever side changed it */
		if (f->sport != p->key.sport)
			f->dport = f->sport;
		else
			f->sport = f->dport;
	}
	d->rev.key.saddr = f->daddr;
	d->rev.key.daddr = f->saddr;
	d->rev.key.sport = f->dport;
	d->rev.key.dport = f->sport;
	d->rev.key.proto = proto_in_family(p->key.proto, f->family);
	d->rev.key.family = f->family;
	r->family = p->key.family;
	d->rev.generation = d->fwd.generation;
	d->rev.vpc = d->fwd.vpc;
	r->saddr = p->key.daddr;
	r->daddr = p->key.saddr;
	r->sport = p->key.dport;
	r->dport = p->key.sport;
	translate_diffs(f, &p->key);
	translate_diffs(r, &d->rev.key);
	nat_entropy(&d->fwd, f);
	nat_entropy(&d->rev, r);
	if (f->family != p->key.family) {
		d->fwd.flags |= FLOW_NAT | FLOW_XLAT;
		d->rev.flags |= FLOW_NAT | FLOW_XLAT;
	} else if (!addr_equal(&f->saddr, &p->key.saddr) || !addr_equal(&f->daddr, &p->key.daddr) ||
		   f->sport != p->key.sport || f->dport != p->key.dport) {
		d->fwd.flags |= FLOW_NAT;
		d->rev.flags |= FLOW_NAT;
		/* the server's port as its client inside, or the server inside, sees it */
		if (nat_has_alg(d->sub, p->key.proto, p->key.dport) ||
		    nat_has_alg(plan->sub, p->key.proto, f->dport))
			d->fwd.flags |= FLOW_ALG;
	} else if (nat_taken(plan, &d->rev.key)) {
		nat_abandon(plan, d);
		return -REASON_FLOW_TABLE_FULL;
	}
	d->has_reverse = 1;
	err = commit(d, p->tcp_flags);
	index = d->fwd.node;
	v = err ? NULL : bpf_map_lookup_elem(&nat, &index);
	if (!v) {
		nat_abandon(plan, d);
		return err ? err : -REASON_NAT_TABLE_FULL;
	}
	/* a walk of a known connection holds the same once more */
	map = v->map;
	permit = v->permit;
	if (d->fwd.flags & FLOW_REPLY) {
		v->reply = plan->val.fwd;
		v->fwd = plan->val.reply;
	} else {
		v->fwd = plan->val.fwd;
		v->reply = plan->val.reply;
	}
	v->map = plan->val.map;
	v->permit = plan->val.permit;
	nat_map_unref(map, now_s());
	nat_map_unref(permit, now_s());
	return 0;
}

/*
 * From an endpoint, with the sender's leg filled in. 0 or a negative reason: when it is to be told,
 * d->mtu is set.
 */
static __always_inline int nat_from_inside(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct target t = {};
	struct nh_val *n;
	int r;

	plan->val.fwd.saddr = p->key.saddr;
	plan->val.fwd.daddr = p->key.daddr;
	plan->val.fwd.sport = p->key.sport;
	plan->val.fwd.dport = p->key.dport;
	plan->val.fwd.family = p->key.family;
	n = nat_outside(p, &p->key.daddr, &t);
	if (n) {
		d->mtu = n->mtu;
		nat_leg_outside(&d->fwd, &d->rev, &t, n);
	} else if (t.kind == TARGET_PUBLIC) {
		plan->hairpin = 1;
		r = nat_receiver(p, plan, d);
		if (r) {
			nat_abandon(plan, d);
			return r;
		}
	} else {
		return t.kind == TARGET_ONLINK ? -REASON_NO_NEXTHOP : -REASON_NO_ROUTE;
	}
	r = nat_entitled(p, plan, d);
	if (!r)
		r = p->seg_len > d->mtu ? -REASON_TOO_BIG : nat_charge(p, d);
	if (!r)
		r = nat_source(p, plan, d);
	if (r) {
		nat_abandon(plan, d);
		return r;
	}
	return nat_commit(p, plan, d);
}

/* From outside to a public address. 0 or a negative reason. */
static __always_inline int nat_from_outside(struct pkt *p, struct nat_plan *plan,
					    struct decision *d)
{
	struct target t = {};
	struct nh_val *n;
	int r;

	plan->val.fwd.saddr = p->key.saddr;
	plan->val.fwd.sport = p->key.sport;
	plan->val.fwd.family = p->key.family;
	d->fwd.key = p->key;
	d->fwd.in_dmac = p->dmac;
	d->fwd.generation = plan->generation;
	/* first whether there is anybody: a port nobody has is silent */
	r = nat_receiver(p, plan, d);
	if (!r && p->ttl <= 1)
		r = -REASON_TTL_EXCEEDED;
	if (!r && p->seg_len > d->mtu)
		r = -REASON_TOO_BIG;
	if (!r) {
		n = nat_outside(p, &p->key.saddr, &t);
		if (n)
			nat_leg_outside(&d->rev, &d->fwd, &t, n);
		else
			r = -REASON_NO_NEXTHOP;
	}
	if (r) {
		nat_abandon(plan, d);
		return r;
	}
	d->fwd.key.scope = SCOPE_OUTSIDE;
	d->fwd.in_dmac = p->dmac;
	d->rev.vni = plan->vni;
	return nat_commit(p, plan, d);
}

#endif
