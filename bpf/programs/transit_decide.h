/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the walk of a packet out of a tunnel concludes. Part of transit.bpf.c. */
#ifndef TRANSIT_PROGRAM_TRANSIT_DECIDE_H
#define TRANSIT_PROGRAM_TRANSIT_DECIDE_H

/* The local endpoint's reply: what the agent's walk would conclude. */
static __always_inline void decide_reverse(const struct pkt *p, const struct vpc_val *v,
					   const struct target *dst, struct decision *d)
{
	struct flow_val *r = &d->rev, *f = &d->fwd;
	int routed = mac_equal(&p->smac, &v->gw_mac); /* the sender's host has routed it */
	struct target src = {};
	__u32 hash;

	resolve(p->vni, &p->key.saddr, p->key.family, &src);
	/* unknown here, or not by the address it claims: let the reply walk by itself */
	if (src.kind != TARGET_REMOTE ||
	    (!routed && (!src.exact || !mac_equal(&src.mac, &p->smac))))
		return;
	r->key.scope = dst->ifindex;
	r->key.saddr = p->key.daddr;
	r->key.daddr = p->key.saddr;
	r->key.sport = p->key.dport;
	r->key.dport = p->key.sport;
	r->key.proto = p->key.proto;
	r->key.family = p->key.family;
	hash = hash_flow(&r->key, p->vni);
	r->in_dmac = p->smac;
	r->in_smac = dst->mac;
	r->generation = f->generation;
	r->out_dmac = src.mac;
	r->out_smac = routed ? v->gw_mac : dst->mac;
	r->vni = p->vni;
	r->vpc = v->vpc;
	r->in_id = dst->ep;
	r->out_id = resolve_nexthop(&src, hash);
	r->out_arg = hash_udp_port(hash);
	r->action = FLOW_ENCAP;
	r->flags = routed ? FLOW_ROUTED : 0;
	d->has_reverse = 1;
}

enum {
	DECIDED_OUTSIDE = 1, /* leaves the VPC: stage NAT goes on */
	DECIDED_PEER_ICMP = 2, /* tells a sender in a peered VPC: stage PEER_ICMP goes on */
	DECIDED_PEER = 3, /* into another VPC, by a pool of this host: stage PEER goes on */
};

/* Out of the VPC, from an endpoint behind the VTEP that sent it: the sender's leg. 0 or a reason.
 */
static __always_inline int decide_outside(struct pkt *p, const struct vpc_val *v,
					  const struct target *dst, struct decision *d)
{
	struct flow_val *f = &d->fwd;
	struct target src = {};
	__u32 hash = hash_reply(&p->key, p->vni);

	resolve(p->vni, &p->key.saddr, p->key.family, &src);
	/* replies go to where the address is known to be, not to whoever used it */
	if (src.kind != TARGET_REMOTE)
		return -REASON_SPOOFED_IP;
	f->key = p->key;
	f->vpc = v->vpc;
	nat_leg_endpoint(&d->rev, f, &src, &v->gw_mac, p->vni, hash);
	f->in_dmac = p->dmac;
	f->in_smac = p->smac;
	f->in_id = p->in_nh;
	f->vni = p->vni;
	f->flags |= FLOW_ROUTED;
	d->account = limit_of_sub(src.sub);
	d->sub = src.sub;
	d->exempt = dst->flags & TARGET_EXEMPT;
	return 0;
}

/* 0, the above, or a negative reason. Writes nothing. dst is filled as far as it got. */
static __always_inline int decide(struct pkt *p, const struct vpc_val *v, struct target *dst,
				  struct decision *d)
{
	struct flow_val *f = &d->fwd;
	int r, routed;

	r = check_addresses(p);
	if (r)
		return r;
	f->generation = p->generation;
	resolve(p->vni, &p->key.daddr, p->key.family, dst);
	routed = mac_equal(&p->dmac, &v->gw_mac);
	if (dst->kind == TARGET_BROADCAST)
		return -REASON_MULTICAST;
	if (dst->kind == TARGET_GATEWAY)
		return -REASON_GATEWAY_SERVICE;
	if (dst->kind == TARGET_NONE)
		return -REASON_NO_ROUTE;
	if (dst->kind == TARGET_SUBNET)
		return -REASON_HOST_UNREACHABLE;
	if (dst->kind == TARGET_BLACKHOLE)
		return -REASON_BLACKHOLE;
	if (dst->kind == TARGET_REMOTE || dst->kind == TARGET_SERVICE)
		return -REASON_NOT_HERE; /* services are met on the sender's own host */
	/*
	 * Packets into a peered VPC are translated by their sender's host, or where a pool is;
	 * errors arise anywhere.
	 */
	if (dst->kind == TARGET_PEERED && !(dst->flags & TARGET_STATEFUL) && !icmp_is_error(p))
		return -REASON_NOT_HERE;
	if (!routed && (dst->kind == TARGET_OUTSIDE || dst->kind == TARGET_PEERED ||
			!mac_equal(&p->dmac, &dst->mac)))
		return -REASON_UNKNOWN_MAC;
	if (routed && p->ttl <= 1)
		return -REASON_TTL_EXCEEDED;
	if (dst->kind == TARGET_PEERED) {
		f->flags = FLOW_TUNNEL_IN | FLOW_ROUTED;
		f->in_id = p->in_nh;
		d->peer = dst->nh;
		d->stateful = dst->flags & TARGET_STATEFUL;
		if (icmp_is_error(p))
			return DECIDED_PEER_ICMP;
		r = decide_outside(p, v, dst, d);
		return r ? r : DECIDED_PEER;
	}
	if (dst->kind == TARGET_OUTSIDE) {
		r = decide_outside(p, v, dst, d);
		return r ? r : DECIDED_OUTSIDE;
	}
	d->mtu = dst->mtu;
	if (p->seg_len > dst->mtu)
		return -REASON_TOO_BIG;
	f->key = p->key;
	f->in_dmac = p->dmac;
	f->in_smac = p->smac;
	f->out_dmac = dst->mac;
	f->out_smac = routed ? v->gw_mac : p->smac;
	f->vni = p->vni;
	f->vpc = v->vpc;
	f->in_id = p->in_nh;
	f->out_id = dst->ep;
	f->out_ifindex = out_device(dst->ifindex, dst->flags);
	f->out_arg = dst->mtu;
	f->action = FLOW_DELIVER;
	f->flags = FLOW_TUNNEL_IN | (routed ? FLOW_ROUTED : 0);
	d->account = limit_of_endpoint(dst->ep) | LIMIT_ACCEPTED;
	decide_reverse(p, v, dst, d);
	return 0;
}

#endif
