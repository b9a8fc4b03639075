/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The stages of translation, services, peers and early fragments. Part of agent.bpf.c. */
#ifndef TRANSIT_PROGRAM_AGENT_STAGES_H
#define TRANSIT_PROGRAM_AGENT_STAGES_H

/* Out of the VPC: the walk has filled in the sender's leg. */
SEC(CTX_SEC)
int PROGRAM(agent_nat)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct decision *d = decision_peek();
	struct nat_plan *plan = nat_plan_get();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_NAT]++;
	p->node = NODE_NAT;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	}
	plan->vni = p->vni;
	plan->generation = outside_generation();
	r = nat_from_inside(ctx, p, plan, d);
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r && d->fwd.flags & FLOW_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT);
		r = -REASON_INTERNAL;
	}
	if (!r)
		r = act_nat(ctx, c, p, &d->fwd, 0);
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

SEC(CTX_SEC)
int PROGRAM(agent_nat_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_NAT_ICMP]++;
	p->node = NODE_NAT_ICMP;
	r = nat_error(ctx, c, p, 1);
	if (r == NAT_ERROR_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT_ICMP);
		r = -REASON_INTERNAL;
	}
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* Into the other family: a record says so. */
SEC(CTX_SEC)
int PROGRAM(agent_xlat)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat(ctx, c, p);
	if (r == XLAT_WALK) {
		bpf_tail_call(ctx, &stages, NODE_WALK);
		r = -REASON_INTERNAL;
	}
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* To a service: the walk has filled in the sender's leg. */
SEC(CTX_SEC)
int PROGRAM(agent_service)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct decision *d = decision_peek();
	struct nat_plan *plan = nat_plan_get();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_SERVICE]++;
	p->node = NODE_SERVICE;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	}
	r = service_from_inside(ctx, p, plan, d);
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r && d->fwd.flags & FLOW_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT);
		r = -REASON_INTERNAL;
	}
	if (!r)
		r = act_nat(ctx, c, p, &d->fwd, 0);
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

/* Into a peered VPC: the walk has filled in the sender's leg. */
SEC(CTX_SEC)
int PROGRAM(agent_peer)(CTX *ctx)
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
	if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_PEER_ICMP);
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	}
	plan->vni = p->vni;
	r = peer_send(p, plan, d);
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r)
		r = act_nat(ctx, c, p, &d->fwd, 0);
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

SEC(CTX_SEC)
int PROGRAM(agent_peer_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct decision *d = decision_peek();
	struct nat_plan *plan = nat_plan_get();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_PEER_ICMP]++;
	p->node = NODE_PEER_ICMP;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	plan->vni = p->vni;
	r = peer_error(ctx, c, p, plan, d, 0);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* The same of an error. */
SEC(CTX_SEC)
int PROGRAM(agent_xlat_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat_icmp(ctx, c, p, p->ifindex, 1);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* A fragment before its first one: to the daemon. */
SEC(CTX_SEC)
int PROGRAM(agent_held)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_held(ctx, c, p, HELD_AGENT);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

#endif
