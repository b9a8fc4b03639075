/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From one VPC into another that it is peered with (twice NAT): both addresses are replaced by
 * what the other side knows them as, and the packet goes to the endpoint there. All of it on the
 * sender's host: the receiver's finds an ordinary packet of its VPC, whose reply takes the same
 * way back through its own sender's host. No state: what is exposed is computed from addresses.
 * Edges: next: act; drop: REASON_NO_ROUTE, REASON_NOT_EXPOSED, REASON_HOST_UNREACHABLE,
 * REASON_NO_NEXTHOP, REASON_TOO_BIG, REASON_UNKNOWN_VPC.
 */
#ifndef TRANSIT_NODE_PEER_H
#define TRANSIT_NODE_PEER_H

#include "nat.h"

/* What a packet of a VPC looks like in its peer. 0 or a negative reason. */
static __noinline int peer_rewrite(const struct flow_key *key, __u32 vni, __u32 peer,
				   struct nat_rewrite *r)
{
	struct nat_prefix_val *v;

	v = nat_prefix_find(vni, peer, NAT_PREFIX_DESTINATION, key->family, &key->daddr);
	if (!v)
		return -REASON_NO_ROUTE;
	prefix_translate(v, &key->daddr, &r->daddr);
	v = nat_prefix_find(vni, peer, NAT_PREFIX_SOURCE, key->family, &key->saddr);
	if (!v)
		return -REASON_NOT_EXPOSED;
	prefix_translate(v, &key->saddr, &r->saddr);
	r->sport = key->sport;
	r->dport = key->dport;
	r->family = key->family;
	return 0;
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

/* From an endpoint, with the sender's leg filled in. 0 or a negative reason. */
static __always_inline int peer_send(struct pkt *p, struct nat_plan *plan, struct decision *d)
{
	__u32 peer = d->peer;
	int r;

	r = peer_rewrite(&p->key, plan->vni, peer, &plan->val.fwd);
	if (!r)
		r = peer_leg(plan, d, peer, p->key.family);
	if (r)
		return r;
	if (p->seg_len > d->mtu)
		return -REASON_TOO_BIG;
	return nat_commit(p, plan, d);
}

#endif
