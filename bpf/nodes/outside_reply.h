/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers ARP requests and neighbour solicitations for public addresses, which are at whichever
 * droplet leads outside, and for addresses set aside for services, which are at their own.
 * Edges: NODE_REPLY; NODE_PASS for all that asks for something else: the host answers.
 */
#ifndef TRANSIT_NODE_OUTSIDE_REPLY_H
#define TRANSIT_NODE_OUTSIDE_REPLY_H

#include "l2_answer.h"
#include "nat_query.h"
#include "resolve.h"

/* Whether an address of a translated prefix stands for an endpoint's. */
static __noinline int outside_stands(const struct ip_addr *address)
{
	struct nat_plan *plan = nat_plan_get();
	struct target t = {};
	struct nat_query *q;

	if (!plan)
		return 0;
	q = &plan->query;
	q->key.daddr = *address;
	q->key.family = 6;
	if (nat_query_prefix(q) != 1)
		return 0;
	nat_resolve(q->vni, &q->addr, 6, &t);
	return (t.kind == TARGET_LOCAL || t.kind == TARGET_REMOTE) &&
	       nat_prefix_serves(q->gw, t.sub);
}

/* The droplet's MAC when an address is ours there; 0, or -1. */
static __always_inline int outside_owns(const struct pkt *p, const struct outside_val *o,
					const struct ip_addr *address, __u8 family,
					struct mac_addr *mac)
{
	struct target t = {};

	resolve(VNI_OUTSIDE, address, family, &t);
	if (t.kind == TARGET_SERVICE && t.ifindex == p->ifindex)
		*mac = t.mac;
	else if (t.kind == TARGET_PUBLIC && o && (t.exact || outside_stands(address)))
		*mac = o->mac;
	else
		return -1;
	return mac_is_group(&p->dmac) || mac_equal(&p->dmac, mac) ? 0 : -1;
}

/* 0: the frame is the answer; 1: it is not for us; or a negative reason. */
static __noinline int outside_arp(CTX *ctx, struct pkt *p, struct outside_val *o)
{
	struct eth_hdr *eth = ctx_data(ctx);
	struct arp_hdr *arp = (void *)(eth + 1);
	struct mac_addr to, own __attribute__((aligned(4)));
	struct ip_addr address;

	if ((void *)(arp + 1) > ctx_data_end(ctx))
		return 1;
	if (arp->htype != bpf_htons(1) || arp->ptype != bpf_htons(ETHERTYPE_IPV4) ||
	    arp->hlen != MAC_LEN || arp->plen != 4 || arp->op != bpf_htons(1))
		return 1;
	addr_from_bytes4(&address, arp->tpa);
	to = arp->sha;
	if (mac_is_group(&to) || outside_owns(p, o, &address, 4, &own))
		return 1;
	return arp_answer(ctx, &to, &own);
}

/* The same for a neighbour solicitation. */
static __noinline int outside_nd(CTX *ctx, struct pkt *p, struct outside_val *o)
{
	struct nd_frame *f = ctx_data(ctx);
	struct nd_answer answer = {};
	int dad;

	if ((void *)&f->opt > ctx_data_end(ctx))
		return 1;
	answer.address = f->nd.target;
	answer.to = f->ip.saddr;
	answer.to_mac = f->eth.src;
	answer.router = 1;
	if (mac_is_group(&answer.to_mac) || outside_owns(p, o, &answer.address, 6, &answer.own))
		return 1;
	dad = nd_check(ctx, p);
	if (dad < 0)
		return dad;
	answer.dad = dad;
	return nd_advertise(ctx, &answer);
}

#endif
