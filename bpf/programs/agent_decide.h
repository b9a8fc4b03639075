/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the walk of an endpoint's packet concludes. Part of agent.bpf.c. */
#ifndef TRANSIT_PROGRAM_AGENT_DECIDE_H
#define TRANSIT_PROGRAM_AGENT_DECIDE_H

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
	r->flags = 0;
	r->out_id = e->ep;
	r->out_ifindex = out_device(p->ifindex, src->flags);
	r->out_arg = e->mtu;
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
		f->out_id = dst.ep;
		f->out_ifindex = out_device(dst.ifindex, dst.flags);
		f->out_arg = dst.mtu;
		d->mtu = dst.mtu;
	} else {
		struct nh_val *n;

		hash = hash_flow(&p->key, e->vni);
		f->action = FLOW_ENCAP;
		f->out_arg = hash_udp_port(hash);
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

#endif
