/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the part of a walk that leads to or from the outside concluded becomes two records and their
 * translation.
 * Edges: next: act; drop: REASON_FLOW_TABLE_FULL, REASON_NAT_TABLE_FULL, those of limit.h.
 */
#ifndef TRANSIT_NODE_NAT_COMMIT_H
#define TRANSIT_NODE_NAT_COMMIT_H

#include "nat_source.h"

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
	if (flow_find(&p->key))
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
	struct flow_val *f = flow_find(reply);

	return f && f->vni != plan->vni;
}

/* Whether the gateway of an endpoint has an ALG for what goes to this port. */
static __always_inline int nat_has_alg(__u32 sub, __u8 proto, __be16 port)
{
	__u8 alg = proto == PROTO_TCP && port == bpf_htons(PORT_FTP)	? NAT_ALG_FTP
		   : proto == PROTO_UDP && port == bpf_htons(PORT_TFTP) ? NAT_ALG_TFTP
									: 0;
	struct nat_gw_val *g;

	if (likely(!alg))
		return 0;
	g = nat_gateway_of(sub);
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
	record->out_arg = hash_udp_port(hash_flow(&inner, record->vni));
}

/*
 * What the receiver answers must find its own way out when its VPC leads the sender's address
 * elsewhere: the reply's record is then one that sends it to the walk.
 */
static __noinline int nat_check_back(struct decision *d, const struct ip_addr *sender, __u8 family)
{
	struct target t = {};

	if (d->fwd.action == FLOW_FORWARD)
		return 0;
	nat_resolve(d->fwd.vni, sender, family, &t);
	if (t.kind != TARGET_OUTSIDE) {
		d->rev.action = FLOW_FORWARD;
		d->rev.out_id = 0;
	}
	return 0;
}

/* Completes both records and stores them with the translation. 0 or a negative reason. */
static __noinline int nat_commit(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	struct nat_rewrite *f = &plan->val.fwd, *r = &plan->val.reply;
	__u64 map, permit = 0;
	struct nat_val *v;
	__u32 index;
	int err;

	if (translate_is_echo(&p->key)) { /* one identifier: hairpinned, that of the sender */
		if (!nat_inward(plan))
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
		    nat_has_alg(plan->to.sub, p->key.proto, f->dport))
			d->fwd.flags |= FLOW_ALG;
	} else if (!plan->one_way && plan->vni != VNI_OUTSIDE && nat_taken(plan, &d->rev.key)) {
		nat_abandon(plan, d);
		return -REASON_FLOW_TABLE_FULL;
	}
	d->has_reverse = !plan->one_way;
	err = commit_begin(d, p->tcp_flags);
	index = d->fwd.node;
	v = err ? NULL : bpf_map_lookup_elem(&nat, &index);
	if (!v) {
		nat_abandon(plan, d);
		return err ? err : -REASON_NAT_TABLE_FULL;
	}
	/* a walk of a known connection, here or on another CPU just now, holds the same once more
	 */
	map = __sync_lock_test_and_set(&v->map, plan->val.map);
	if (d->fwd.flags & FLOW_REPLY) {
		v->reply = plan->val.fwd;
		v->fwd = plan->val.reply;
	} else {
		v->fwd = plan->val.fwd;
		v->reply = plan->val.reply;
	}
	/* what the inside has sent to does not change with what comes from outside */
	if (!nat_inward(plan))
		permit = __sync_lock_test_and_set(&v->permit, plan->val.permit);
	nat_map_unref(map, now_s());
	nat_map_unref(permit, now_s());
	err = commit_end(d, p->tcp_flags);
	if (err && d->fresh) {
		nat_release(index, now_s());
		commit_unused(index);
	}
	return err;
}

#endif
