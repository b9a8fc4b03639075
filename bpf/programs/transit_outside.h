/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The stages of what comes from outside, or goes there. Part of transit.bpf.c. */
#ifndef TRANSIT_PROGRAM_TRANSIT_OUTSIDE_H
#define TRANSIT_PROGRAM_TRANSIT_OUTSIDE_H

/* A packet that is in no tunnel and has no record that can be used; its headers were read. */
SEC(CTX_SEC)
int PROGRAM(trans_outside)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct flow_val *found = NULL, *f;
	struct target t = {};
	int r;

	if (!c || !p)
		return CTX_PASS;
	if (unlikely(!p->key.family)) {
		if (p->ethertype == ETHERTYPE_ARP)
			bpf_tail_call(ctx, &stages, NODE_OUTSIDE_L2);
		return pass(c);
	}
	if (unlikely(p->frag == FRAG_LATER)) {
		if (node_fragment(p)) {
			p->reason = REASON_FRAG_UNKNOWN;
			goto walk;
		}
		f = node_flow(p);
		if (f && f->flags & FLOW_XLAT) {
			c->node[NODE_FLOW]++;
			xlat_take(f);
			bpf_tail_call(ctx, &stages, NODE_XLAT);
		} else if (f && p->seg_len <= act_mtu(f)) {
			c->node[NODE_FLOW]++;
			r = act_nat(ctx, c, p, f, 0);
			return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
		}
	}
	found = flow_find(&p->key);
walk:
	if (p->key.family == 6 && p->l4_proto == PROTO_ICMPV6 && p->frag == FRAG_NONE &&
	    p->icmp_type >= ICMP6_ROUTER_SOLICIT && p->icmp_type <= ICMP6_REDIRECT) {
		if (p->icmp_type == ICMP6_NEIGHBOUR_SOLICIT)
			bpf_tail_call(ctx, &stages, NODE_OUTSIDE_L2);
		return pass(c); /* the link's own business (RFC 4861) */
	}
	if (mac_is_group(&p->dmac))
		return pass(c);
	resolve(VNI_OUTSIDE, &p->key.daddr, p->key.family, &t);
	if ((found && found->flags & FLOW_SERVICE) || t.kind == TARGET_SERVICE ||
	    (t.kind != TARGET_PUBLIC && icmp_is_error(p)))
		bpf_tail_call(ctx, &stages, NODE_SERVICE);
	/* or of a connection that left untranslated */
	if (t.kind != TARGET_PUBLIC && !found)
		return pass(c);
	bpf_tail_call(ctx, &stages, NODE_NAT);
	return pass(c);
}

SEC(CTX_SEC)
int PROGRAM(trans_outside_l2)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct outside_val *o;
	__u32 ifindex;
	int arp, r;

	if (!c || !p)
		return CTX_PASS;
	ifindex = p->ifindex;
	o = bpf_map_lookup_elem(&outside, &ifindex);
	arp = p->ethertype == ETHERTYPE_ARP;
	r = arp ? outside_arp(ctx, p, o) : outside_nd(ctx, p, o);
	if (r > 0)
		return pass(c);
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	c->node[arp ? NODE_ARP : NODE_ND]++;
	c->node[NODE_REPLY]++;
	c->sent++;
	return ctx_reply(ctx);
}

static __noinline int for_public(struct pkt *p)
{
	struct target t = {};

	resolve(VNI_OUTSIDE, &p->key.daddr, p->key.family, &t);
	return t.kind == TARGET_PUBLIC;
}

enum { NOT_OURS = 1 << 16 }; /* no verdict has this value: CTX_PASS may be negative */

/* From outside to a public address. A verdict, NOT_OURS or a negative reason. */
static __always_inline int nat_outside_in(CTX *ctx, struct counters_val *c, struct pkt *p,
					  struct nat_plan *plan)
{
	__u32 ifindex = p->ifindex, vni = VNI_OUTSIDE;
	struct outside_val *o = bpf_map_lookup_elem(&outside, &ifindex);
	struct vpc_val *v = bpf_map_lookup_elem(&vpc, &vni);
	struct eth_hdr *eth = ctx_data(ctx);
	struct decision *d = decision_get();
	int r;

	if (!o || !v || !d || (void *)(eth + 1) > ctx_data_end(ctx))
		return NOT_OURS;
	p->smac = eth->src;
	if (!mac_equal(&p->dmac, &o->mac))
		return NOT_OURS;
	if (p->reason == REASON_FRAG_UNKNOWN)
		bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
	if (p->reason)
		return -p->reason;
	r = check_addresses(p);
	/* an error may turn out to be the host's */
	if (r && (!icmp_is_error(p) || for_public(p)))
		return r;
	icmp_error_source(p, NULL, v);
	p->gw = p->key.family == 6 ? o->gw6 : o->gw4;
	p->gw_mac = o->mac;
	if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
		return -REASON_INTERNAL;
	}
	plan->vni = VNI_OUTSIDE;
	r = nat_from_outside(ctx, p, plan, d);
	if (r == -REASON_NO_MAPPING && !for_public(p))
		return NOT_OURS; /* its connection has ended */
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r && d->fwd.flags & FLOW_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT);
		r = -REASON_INTERNAL;
	}
	return r ? r : act_nat(ctx, c, p, &d->fwd, p->tunnel);
}

SEC(CTX_SEC)
int PROGRAM(trans_nat)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_peek();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_NAT]++;
	p->node = NODE_NAT;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	/* before any table, as in the walk */
	plan->generation = outside_generation();
	if (!p->tunnel) {
		r = nat_outside_in(ctx, c, p, plan);
		if (r == NOT_OURS)
			return pass(c);
	} else if (ecn_decap(p->tos & ECN_MASK, p->outer_tos & ECN_MASK) < 0) {
		r = -REASON_ECN; /* before anything is made for it */
	} else if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
		r = -REASON_INTERNAL;
	} else {
		plan->vni = p->vni;
		r = nat_from_inside(ctx, p, plan, d);
		if (!r && p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r && d->fwd.flags & FLOW_XLAT) {
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			r = -REASON_INTERNAL;
		}
		if (!r)
			r = act_nat(ctx, c, p, &d->fwd, p->tunnel);
	}
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

SEC(CTX_SEC)
int PROGRAM(trans_nat_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_NAT_ICMP]++;
	p->node = NODE_NAT_ICMP;
	r = nat_error(ctx, c, p, p->tunnel);
	if (r == NAT_ERROR_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT_ICMP);
		r = -REASON_INTERNAL;
	}
	if (r >= 0)
		return r;
	if (r == -REASON_NAT_UNRELATED && !p->tunnel && !for_public(p))
		return pass(c);
	return node_drop(ctx, c, p, -r, HOOK);
}

#endif
