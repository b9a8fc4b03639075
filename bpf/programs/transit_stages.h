/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The stages of services, peers and translation between families. Part of transit.bpf.c. */
#ifndef TRANSIT_PROGRAM_TRANSIT_STAGES_H
#define TRANSIT_PROGRAM_TRANSIT_STAGES_H

/* Into the other family: a record says so. */
SEC(CTX_SEC)
int PROGRAM(trans_xlat)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct flow_val *f;
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat(ctx, c, p);
	if (r == XLAT_WALK) {
		f = flow_find(&p->key);
		if (f && f->flags & FLOW_SERVICE)
			bpf_tail_call(ctx, &stages, NODE_SERVICE);
		bpf_tail_call(ctx, &stages, p->tunnel ? NODE_WALK : NODE_NAT);
		r = -REASON_INTERNAL;
	}
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* What a server, or a router on the way to it, sends: to a workload, or the host's. */
SEC(CTX_SEC)
int PROGRAM(trans_service)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_get();
	struct eth_hdr *eth = ctx_data(ctx);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_SERVICE]++;
	p->node = NODE_SERVICE;
	if (!d || !plan || (void *)(eth + 1) > ctx_data_end(ctx))
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	p->smac = eth->src;
	if (icmp_is_error(p) && p->frag == FRAG_NONE) {
		r = service_quoted(ctx, p);
		if (!r) {
			bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
			r = -REASON_INTERNAL;
		}
	} else {
		r = service_from_server(ctx, p, plan, d);
		if (!r && p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r && d->fwd.flags & FLOW_XLAT) {
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			r = -REASON_INTERNAL;
		}
		if (!r)
			r = act_nat(ctx, c, p, &d->fwd, p->tunnel);
		if (r >= 0 && r != SERVICE_STRANGER)
			return r;
	}
	if (r == SERVICE_STRANGER) {
		/* an error about what left untranslated */
		if (!service_address(p) && icmp_is_error(p))
			bpf_tail_call(ctx, &stages, NODE_NAT);
		if (!service_address(p))
			return pass(c);
		if (p->reason == REASON_FRAG_UNKNOWN)
			bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
		r = p->reason ? -p->reason : -REASON_NO_MAPPING;
	}
	node_drop(ctx, c, p, -r, HOOK);
	if (error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

/* Into a peered VPC by a pool of this host: the walk has filled in the sender's leg. */
SEC(CTX_SEC)
int PROGRAM(trans_peer)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct decision *d = decision_peek();
	struct nat_plan *plan = nat_plan_get();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_PEER]++;
	p->node = NODE_PEER;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	plan->vni = p->vni;
	if (ecn_decap(p->tos & ECN_MASK, p->outer_tos & ECN_MASK) < 0)
		r = -REASON_ECN; /* before anything is made for it */
	else
		r = peer_send(p, plan, d);
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r)
		r = act_nat(ctx, c, p, &d->fwd, p->tunnel);
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

SEC(CTX_SEC)
int PROGRAM(trans_peer_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_peek();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_PEER_ICMP]++;
	p->node = NODE_PEER_ICMP;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	plan->vni = p->vni;
	r = peer_error(ctx, c, p, plan, d, !d->stateful);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* The same of an error. */
SEC(CTX_SEC)
int PROGRAM(trans_xlat_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat_icmp(ctx, c, p, p->key.scope, p->tunnel);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* A fragment before its first one: to the daemon. */
SEC(CTX_SEC)
int PROGRAM(trans_held)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	__u32 vni;
	int r;

	if (!c || !p)
		return CTX_DROP;
	vni = p->vni;
	if (p->tunnel && !bpf_map_lookup_elem(&vpc, &vni))
		r = -REASON_UNKNOWN_VPC;
	else
		r = node_held(ctx, c, p, p->tunnel ? HELD_TUNNEL : HELD_OUTSIDE);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

#endif
