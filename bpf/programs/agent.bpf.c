/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The agent: runs on the host side of every endpoint's device, so it sees what the workload
 * sends. Built for XDP and for tc from this one source.
 *
 * A packet's journey: headers are read; if a walk has left a record for this flow on this
 * device, and nothing about the packet is exceptional, it is rewritten, encapsulated and
 * sent: that is all. Everything else (first packets, ARP, errors, old generations) goes
 * to the walk stage, and from there perhaps to the ICMP error stage.
 */
#include <ctx/ctx.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include <nodes/act.h>
#include <nodes/antispoof.h>
#include <nodes/commit.h>
#include <nodes/drop.h>
#include <nodes/echo.h>
#include <nodes/flow.h>
#include <nodes/fragment.h>
#include <nodes/held.h>
#include <nodes/icmp_error.h>
#include <nodes/l2_reply.h>
#include <nodes/nat.h>
#include <nodes/nat_icmp.h>
#include <nodes/peer.h>
#include <nodes/peer_icmp.h>
#include <nodes/resolve.h>
#include <nodes/service.h>
#include <nodes/xlat.h>
#include <nodes/xlat_icmp.h>

char _license[] SEC("license") = "Dual BSD/GPL";

#ifdef CTX_XDP
#define PROGRAM(what) xdp_##what
enum { HOOK = HOOK_AGENT_XDP };
#else
#define PROGRAM(what) tc_##what
enum { HOOK = HOOK_AGENT_TC };
#endif

int PROGRAM(agent_walk)(CTX *ctx);
int PROGRAM(agent_icmp)(CTX *ctx);
int PROGRAM(agent_nat)(CTX *ctx);
int PROGRAM(agent_nat_icmp)(CTX *ctx);
int PROGRAM(agent_xlat)(CTX *ctx);
int PROGRAM(agent_xlat_icmp)(CTX *ctx);
int PROGRAM(agent_service)(CTX *ctx);
int PROGRAM(agent_peer)(CTX *ctx);
int PROGRAM(agent_peer_icmp)(CTX *ctx);
int PROGRAM(agent_held)(CTX *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NODE_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(CTX *));
} stages SEC(".maps") = {
	.values =
		{
			[NODE_WALK] = (void *)&PROGRAM(agent_walk),
			[NODE_ICMP_ERROR] = (void *)&PROGRAM(agent_icmp),
			[NODE_NAT] = (void *)&PROGRAM(agent_nat),
			[NODE_NAT_ICMP] = (void *)&PROGRAM(agent_nat_icmp),
			[NODE_XLAT] = (void *)&PROGRAM(agent_xlat),
			[NODE_XLAT_ICMP] = (void *)&PROGRAM(agent_xlat_icmp),
			[NODE_SERVICE] = (void *)&PROGRAM(agent_service),
			[NODE_PEER] = (void *)&PROGRAM(agent_peer),
			[NODE_PEER_ICMP] = (void *)&PROGRAM(agent_peer_icmp),
			[NODE_FRAGMENT] = (void *)&PROGRAM(agent_held),
		},
};

/*
 * A priority tag (VID 0, IEEE 802.1Q) is taken off; any other has no meaning here. The tag
 * may be in the frame or already taken off by the kernel. len: of the frame, kept right. 0 or a
 * negative reason.
 */
static __always_inline int untag(CTX *ctx, __u32 *len)
{
	struct vlan_hdr *tag = ctx_data(ctx) + ETH_LEN;
	__u32 tci = ctx_vlan_tci(ctx);
	struct eth_hdr *eth;

	if (likely(tci == TAG_NONE)) {
		eth = ctx_data(ctx);
		if ((void *)(eth + 1) > ctx_data_end(ctx) ||
		    likely(eth->type != bpf_htons(ETHERTYPE_VLAN)))
			return 0;
		if ((void *)(tag + 1) > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		tci = bpf_ntohs(tag->tci);
		*len -= sizeof(*tag);
	}
	if (tci & 0xfff)
		return -REASON_VLAN;
	if (ctx_untag(ctx))
		return -REASON_REWRITE;
	return ctx_tagged(ctx) ? -REASON_ETHERTYPE : 0;
}

static __always_inline int agent_entry(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct flow_val *f;
	int r = 0, i;
	__u32 len;

	if (!c || !p)
		return CTX_DROP;
	len = ctx_len(ctx);
	c->received++;
	c->received_bytes += len;
	c->node[NODE_PARSE]++;
	pkt_init(ctx, p);
	p->key.scope = p->ifindex;
	ctx_open(ctx, len);
	r = untag(ctx, &len);
	p->frame_len = len;
	if (unlikely(r))
		goto bad;
	for (i = 0; i < 2; i++) {
		r = parse_frame(ctx, p, 0, len);
		if (likely(r == 0) || r != -REASON_TRUNCATED || !ctx_pull(ctx))
			break;
	}
	if (unlikely(r))
		goto bad;
	if (unlikely(p->frag == FRAG_LATER)) {
		r = node_fragment(p);
		if (r) {
			p->reason = -r;
			goto walk;
		}
	}
	if (unlikely(!p->key.family))
		goto walk;
	f = node_flow(p);
	if (!f)
		goto walk;
	p->ep = f->in_id;
	p->vni = f->vni;
	if (unlikely(f->flags & FLOW_NAT || f->action == FLOW_FORWARD)) {
		if (f->flags & FLOW_XLAT) {
			c->node[NODE_FLOW]++;
			xlat_take(f);
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			goto walk;
		}
		if (p->seg_len > act_mtu(f))
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_nat(ctx, c, p, f, 0);
	} else if (f->action == FLOW_ENCAP) {
		__u32 index = f->out_id;
		struct nh_val *n = bpf_map_lookup_elem(&nh, &index);

		if (!n || !(n->flags & NH_RESOLVED) || p->seg_len > n->mtu)
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_encap(ctx, c, p, f, n);
	} else if (f->action == FLOW_DELIVER) {
		if (p->seg_len > f->mtu)
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_deliver(ctx, c, p, f);
	} else {
		goto walk;
	}
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	return r;
bad:
	p->reason = r == -REASON_TRUNCATED && ctx_apart(ctx, len) ? REASON_HEADERS_APART : -r;
walk:
	bpf_tail_call(ctx, &stages, NODE_WALK);
	return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
}

SEC(CTX_SEC)
int PROGRAM(agent)(CTX *ctx)
{
	return agent_entry(ctx);
}

/* The reply's record: what its own walk would conclude, seen from here. */
static __always_inline void decide_reverse(const struct pkt *p, const struct ep_val *e,
					   const struct target *src, const struct target *dst,
					   struct decision *d)
{
	struct flow_val *r = &d->rev, *f = &d->fwd;
	int routed = f->flags & FLOW_ROUTED;

	/* a workload addresses another's MAC for its own addresses only: refused when it walks */
	if (!routed && dst->kind == TARGET_LOCAL && !src->exact)
		return;
	d->has_reverse = 1;
	r->key.saddr = p->key.daddr;
	r->key.daddr = p->key.saddr;
	r->key.sport = p->key.dport;
	r->key.dport = p->key.sport;
	r->key.proto = p->key.proto;
	r->key.family = p->key.family;
	r->generation = f->generation;
	r->vni = f->vni;
	r->vpc = f->vpc;
	r->action = FLOW_DELIVER;
	r->flags = src->flags & TARGET_PEER ? FLOW_PEER : 0;
	r->out_id = e->ep;
	r->out_ifindex = p->ifindex;
	r->mtu = e->mtu;
	r->in_smac = routed && dst->kind == TARGET_REMOTE ? e->gw_mac : dst->mac;
	r->out_dmac = p->smac;
	if (dst->kind == TARGET_REMOTE) {
		/* the other host has routed it already: delivered as it is */
		r->key.scope = SCOPE_TUNNEL | f->vni;
		r->flags |= FLOW_TUNNEL_IN;
		r->in_id = f->out_id;
		r->in_dmac = p->smac;
		r->out_smac = r->in_smac;
	} else {
		r->key.scope = dst->ifindex;
		r->in_id = dst->ep;
		r->in_dmac = routed ? e->gw_mac : p->smac;
		r->out_smac = routed ? e->gw_mac : dst->mac;
		if (routed)
			r->flags |= FLOW_ROUTED;
	}
}

enum {
	DECIDED_GATEWAY = 1, /* addressed to the gateway itself */
	DECIDED_OUTSIDE = 2, /* leaves the VPC: stage NAT goes on */
	DECIDED_SERVICE = 3, /* to a service: stage SERVICE goes on */
	DECIDED_PEER = 4, /* into another VPC: stage PEER goes on */
};

/* The decision for an IP packet: 0, one of the above, or a negative reason. Writes nothing. */
static __always_inline int decide(struct pkt *p, const struct ep_val *e, struct decision *d)
{
	struct target src = {}, dst = {};
	struct flow_val *f = &d->fwd;
	__u32 hash, index;
	int r, routed;

	r = check_addresses(p);
	if (r && r != -REASON_LINK_LOCAL)
		return r;
	f->generation = p->generation;
	resolve(e->vni, &p->key.daddr, p->key.family, &dst);
	/* a service may be at a link-local address, as metadata servers are (RFC 3927 s2.8) */
	if (r && dst.kind != TARGET_SERVICE)
		return r;
	r = node_antispoof(p, e, &src);
	if (r)
		return r;
	routed = mac_equal(&p->dmac, &e->gw_mac);
	if (dst.kind == TARGET_BROADCAST)
		return -REASON_MULTICAST;
	if (dst.kind == TARGET_GATEWAY)
		return routed ? DECIDED_GATEWAY : -REASON_UNKNOWN_MAC;
	/* the way to it is as alive as the gateway: nobody else would answer */
	if (dst.kind == TARGET_SERVICE && routed && service_is_echo(p))
		return DECIDED_GATEWAY;
	if (!routed && !(dst.exact && mac_equal(&p->dmac, &dst.mac)))
		return -REASON_UNKNOWN_MAC;
	if (dst.kind == TARGET_NONE)
		return -REASON_NO_ROUTE;
	if (dst.kind == TARGET_SUBNET)
		return -REASON_HOST_UNREACHABLE;
	if (dst.kind == TARGET_BLACKHOLE)
		return -REASON_BLACKHOLE;
	if (routed && p->ttl <= 1)
		return -REASON_TTL_EXCEEDED;

	f->key = p->key;
	f->in_dmac = p->dmac;
	f->in_smac = p->smac;
	f->out_dmac = routed ? dst.mac : p->dmac;
	f->out_smac = routed ? e->gw_mac : p->smac;
	f->vni = e->vni;
	f->vpc = e->vpc;
	f->in_id = e->ep;
	f->flags = routed ? FLOW_ROUTED : 0;
	d->account = limit_of_endpoint(e->ep);
	if (dst.kind == TARGET_OUTSIDE || dst.kind == TARGET_SERVICE || dst.kind == TARGET_PEERED) {
		hash = hash_flow(&p->key, e->vni);
		nat_leg_endpoint(&d->rev, f, &src, &e->gw_mac, e->vni, hash);
		d->sub = src.sub;
		d->exempt = dst.flags & TARGET_EXEMPT;
		d->peer = dst.nh;
		d->stateful = dst.flags & TARGET_STATEFUL;
		return dst.kind == TARGET_SERVICE  ? DECIDED_SERVICE
		       : dst.kind == TARGET_PEERED ? DECIDED_PEER
						   : DECIDED_OUTSIDE;
	}
	if (dst.kind == TARGET_LOCAL) {
		f->action = FLOW_DELIVER;
		f->flags |= dst.flags & TARGET_PEER ? FLOW_PEER : 0;
		f->out_id = dst.ep;
		f->out_ifindex = dst.ifindex;
		f->mtu = dst.mtu;
		d->mtu = dst.mtu;
	} else {
		struct nh_val *n;

		hash = hash_flow(&p->key, e->vni);
		f->action = FLOW_ENCAP;
		f->udp_sport = hash_udp_port(hash);
		f->out_id = resolve_nexthop(&dst, hash);
		index = f->out_id;
		n = bpf_map_lookup_elem(&nh, &index);
		if (!n || !(n->flags & NH_RESOLVED))
			return -REASON_NO_NEXTHOP;
		d->mtu = n->mtu;
	}
	if (p->seg_len > d->mtu)
		return -REASON_TOO_BIG;
	decide_reverse(p, e, &src, &dst, d);
	return 0;
}

static __always_inline int walk_ip(CTX *ctx, struct counters_val *c, struct pkt *p,
				   struct ep_val *e)
{
	struct decision *d = decision_get();
	int r;

	if (!d)
		return -REASON_INTERNAL;
	if (p->key.family == 6 && p->l4_proto == PROTO_ICMPV6 && p->frag == FRAG_NONE &&
	    p->icmp_type >= ICMP6_ROUTER_SOLICIT && p->icmp_type <= ICMP6_REDIRECT) {
		count_node(c, NODE_ND);
		r = nd_check(ctx, p);
		if (r < 0)
			return r;
		r = node_nd(ctx, p, e, r);
		if (r)
			return r;
		goto reply;
	}
	count_node(c, NODE_ROUTE);
	r = decide(p, e, d);
	if (r == DECIDED_OUTSIDE) {
		bpf_tail_call(ctx, &stages, NODE_NAT);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_SERVICE) {
		bpf_tail_call(ctx, &stages, NODE_SERVICE);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_PEER) {
		bpf_tail_call(ctx, &stages, NODE_PEER);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_GATEWAY) {
		count_node(c, NODE_ECHO);
		r = node_echo(ctx, p, e);
		if (!r && p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (r)
			return r;
		goto reply;
	}
	if (!r) {
		count_node(c, NODE_COMMIT);
		if (p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r)
			r = commit(d, p->tcp_flags);
	}
	if (r < 0) {
		if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p)) {
			node_drop(ctx, c, p, -r, HOOK);
			bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
			return CTX_DROP;
		}
		return r;
	}
	if (d->fwd.action == FLOW_ENCAP) {
		__u32 index = d->fwd.out_id;
		struct nh_val *n = bpf_map_lookup_elem(&nh, &index);

		return n ? act_encap(ctx, c, p, &d->fwd, n) : -REASON_INTERNAL;
	}
	return act_deliver(ctx, c, p, &d->fwd);
reply:
	c->node[NODE_REPLY]++;
	c->sent++;
	count_ep_tx(e->ep, p->l3_len + ETH_LEN);
	return ctx_reply(ctx);
}

SEC(CTX_SEC)
int PROGRAM(agent_walk)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	__u32 ifindex, vpc_vni, index, *generation;
	struct vpc_val *v;
	struct ep_val *e;
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_WALK]++;
	p->node = NODE_WALK;
	ifindex = p->ifindex;
	e = bpf_map_lookup_elem(&ep, &ifindex);
	if (!e)
		return node_drop(ctx, c, p, REASON_UNKNOWN_ENDPOINT, HOOK);
	/*
	 * Tables are written before the generation is raised, so it is read before the tables:
	 * a change in between makes the record old at once. Hence the second look-up.
	 */
	index = e->vpc;
	generation = bpf_map_lookup_elem(&vpc_gen, &index);
	if (!generation)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	p->generation = *(volatile __u32 *)generation;
	e = bpf_map_lookup_elem(&ep, &ifindex);
	if (!e || e->vpc != index)
		return node_drop(ctx, c, p, REASON_GENERATION_RACE, HOOK);
	p->ep = e->ep;
	p->vni = e->vni;
	vpc_vni = e->vni;
	v = bpf_map_lookup_elem(&vpc, &vpc_vni);
	if (!v)
		return node_drop(ctx, c, p, REASON_UNKNOWN_VPC, HOOK);
	icmp_error_source(p, e, v);

	if (p->reason == REASON_FRAG_UNKNOWN && mac_equal(&p->smac, &e->mac))
		bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
	if (p->reason)
		return node_drop(ctx, c, p, p->reason, HOOK);
	if (!mac_equal(&p->smac, &e->mac))
		return node_drop(ctx, c, p, REASON_SPOOFED_MAC, HOOK);
	if (p->ethertype == ETHERTYPE_ARP) {
		p->node = NODE_ARP;
		c->node[NODE_ARP]++;
		r = node_arp(ctx, p, e);
		if (!r) {
			c->node[NODE_REPLY]++;
			c->sent++;
			count_ep_tx(e->ep, ETH_LEN + sizeof(struct arp_hdr));
			return ctx_reply(ctx);
		}
	} else if (!p->key.family) {
		r = -REASON_ETHERTYPE;
	} else {
		r = walk_ip(ctx, c, p, e);
	}
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	return r;
}

SEC(CTX_SEC)
int PROGRAM(agent_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();

	if (!c || !p)
		return CTX_DROP;
	if (!icmp_allowed(p->vpc, p->icmp_rate, p->icmp_burst))
		return CTX_DROP;
	if (icmp_error_build(ctx, p))
		return CTX_DROP;
	c->node[NODE_ICMP_ERROR]++;
	c->generated++;
	return ctx_reply(ctx);
}

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
