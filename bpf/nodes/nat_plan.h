/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A translation in the making: what a walk to or from the outside has found so far, and the two
 * legs of its way. A leg is half of each record: how packets enter there (scope, MACs, who they
 * come from), and how packets leave there.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_NAT_PLAN_H
#define TRANSIT_NODE_NAT_PLAN_H

#include <lib/translate.h>
#include "commit.h"
#include "nat_expire.h"
#include "resolve.h"

/* Where a public address and port leads. */
struct nat_query {
	struct flow_key
		key; /* to be filled, as of a packet from outside: ports of TCP, UDP, echo */
	__u32 known; /* to be filled: of a connection, so nobody is filtered */
	__u32 plain; /* to be filled: which is not translated, and of VPC plain_vni */
	__u32 plain_vni;
	__u32 outer; /* to be filled: a peered VPC is outside, its VNI << NAT_OUTER_SHIFT; or 0 */
	__u32 vni;
	struct ip_addr addr;
	__be16 port;
	__u16 hairpin; /* the sender is inside, too: sender is its address there */
	struct ip_addr sender;
	__u32 gw; /* only if this gateway serves the endpoint; or 0 */
	__u64 map; /* a mapping, one connection more counts on it; or 0 */
	struct flow_key name; /* being looked up */
};

/* The translation being made, and what the connection will hold. */
struct nat_plan {
	struct nat_val val;
	__u32 hairpin; /* the destination is a public address of ours, too */
	__u32 generation; /* of VPC 0, read before any table */
	__u32 vni; /* the sender's; VNI_OUTSIDE */
	__u8 family; /* outside, as the next two */
	__u8 proto;
	__u8 one_way; /* replies come by another way: they walk by themselves */
	__u8 inward; /* from a peered VPC to a pool there */
	__u8 kept; /* the source is as before */
	__u8 pad[3];
	struct ip_addr dst;
	struct nat64_val far; /* hairpin, or from outside: the receiver's prefix */
	/* here, since the stack is small */
	struct nat_query query;
	struct target to; /* the receiver, when it is inside */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_plan);
} scratch_plan SEC(".maps");

/* Generation of VPC 0: more than 0 when this host meets the outside. */
static __always_inline __u32 outside_generation(void)
{
	__u32 zero = 0, *generation = bpf_map_lookup_elem(&vpc_gen, &zero);

	return generation ? *(volatile __u32 *)generation : 0;
}

static __always_inline struct nat_plan *nat_plan_get(void)
{
	__u32 zero = 0;
	struct nat_plan *plan = bpf_map_lookup_elem(&scratch_plan, &zero);

	if (plan)
		__builtin_memset(plan, 0, sizeof(*plan));
	return plan;
}

/* A mapped address is never an endpoint's IPv6 address. */
static __always_inline __u8 nat_family_of(const struct ip_addr *a)
{
	const __u32 *w = (const __u32 *)a;

	return !w[0] && !w[1] && w[2] == bpf_htonl(0xffff) ? 4 : 6;
}

/* Whether the packet comes from where public ends are. */
static __always_inline int nat_inward(const struct nat_plan *plan)
{
	return plan->vni == VNI_OUTSIDE || plan->inward;
}

/* The scope under which keys have a sender's inside address. */
static __always_inline __u32 nat_inside(const struct pkt *p, const struct nat_plan *plan)
{
	return plan->family == p->key.family ? plan->vni : plan->vni | NAT_OTHER_FAMILY;
}

/* In a frame of its own: the keys it makes would otherwise be on every caller's stack. */
static __noinline int nat_resolve(__u32 vni, const struct ip_addr *address, __u8 family,
				  struct target *t)
{
	resolve(vni, address, family, t);
	return 0;
}

/* Of an endpoint: packets to it leave by `to`, packets from it enter by `from`. */
static __always_inline int nat_leg_endpoint(struct flow_val *to, struct flow_val *from,
					    const struct target *t, const struct mac_addr *gw_mac,
					    __u32 vni, __u32 hash)
{
	to->out_dmac = t->mac;
	to->out_smac = *gw_mac;
	to->vni = vni;
	to->flags |= FLOW_ROUTED;
	from->in_dmac = *gw_mac;
	if (t->kind == TARGET_LOCAL) {
		to->action = FLOW_DELIVER;
		to->out_id = t->ep;
		to->out_ifindex = out_device(t->ifindex, t->flags);
		to->out_arg = t->mtu;
		from->key.scope = t->ifindex;
		from->in_smac = t->mac;
		from->in_id = t->ep;
		return 0;
	}
	to->action = FLOW_ENCAP;
	to->out_id = resolve_nexthop(t, hash);
	to->out_arg = hash_udp_port(hash);
	from->key.scope = SCOPE_TUNNEL | vni;
	from->in_smac = *gw_mac; /* its host has routed it */
	from->in_id = to->out_id;
	from->flags |= FLOW_TUNNEL_IN;
	return 0;
}

/* Of the outside. */
static __always_inline void nat_leg_outside(struct flow_val *to, struct flow_val *from,
					    const struct target *t)
{
	to->action = FLOW_FORWARD;
	to->out_id = t->nh;
	to->flags |= FLOW_ROUTED;
	from->key.scope = SCOPE_OUTSIDE;
}

#endif
