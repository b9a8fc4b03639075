/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where an address of a VPC is: the exact address first, then the longest prefix.
 * Edges: used by antispoof and route; none of its own.
 */
#ifndef TRANSIT_NODE_RESOLVE_H
#define TRANSIT_NODE_RESOLVE_H

#include <lib/count.h>

enum target_kind {
	TARGET_NONE = 0,
	TARGET_LOCAL,
	TARGET_REMOTE,
	TARGET_GATEWAY,
	TARGET_SUBNET,
	TARGET_BLACKHOLE,
	TARGET_BROADCAST,
	TARGET_OUTSIDE, /* of a tenant: VPC 0 knows more */
	TARGET_PUBLIC, /* VPC 0: a public address of ours; not exact: of a translated prefix */
	TARGET_NEXTHOP, /* VPC 0: through nh */
	TARGET_ONLINK, /* VPC 0: a neighbour that is not known yet */
	TARGET_SERVICE, /* has services; VPC 0: our address towards servers */
	TARGET_PEERED, /* of another VPC, whose VNI is `nh` */
};

struct target {
	__u8 kind; /* enum target_kind */
	__u8 flags; /* enum target_flags */
	__u8 exact; /* the address itself is known, not only a prefix */
	struct mac_addr mac;
	__u32 ep;
	__u32 ifindex;
	__u32 mtu;
	__u32 nh;
	__u32 sub;
};

/* flow_val.out_ifindex of a local endpoint. */
static __always_inline __u32 out_device(__u32 ifindex, __u8 flags)
{
	return flags & TARGET_PEER ? ifindex | OUT_PEER : ifindex;
}

static __always_inline void resolve(__u32 vni, const struct ip_addr *address, __u8 family,
				    struct target *t)
{
	struct addr_key key = {.vni = vni, .addr = *address};
	struct addr_val *a = bpf_map_lookup_elem(&addr, &key);
	struct route_key rkey;
	struct route_val *r;

	if (a) {
		t->kind = a->kind == ADDR_LOCAL	      ? TARGET_LOCAL
			  : a->kind == ADDR_REMOTE    ? TARGET_REMOTE
			  : a->kind == ADDR_GATEWAY   ? TARGET_GATEWAY
			  : a->kind == ADDR_BROADCAST ? TARGET_BROADCAST
			  : a->kind == ADDR_PUBLIC    ? TARGET_PUBLIC
			  : a->kind == ADDR_OUTSIDE   ? TARGET_NEXTHOP
			  : a->kind == ADDR_SERVICE   ? TARGET_SERVICE
						      : TARGET_NONE;
		t->flags = a->flags;
		t->exact = 1;
		t->mac = a->mac;
		t->ep = a->ep;
		t->ifindex = a->ifindex;
		t->mtu = a->mtu;
		t->nh = a->nh;
		t->sub = a->sub;
		return;
	}
	rkey.prefixlen = 32 + 128;
	rkey.vni[0] = vni >> 16;
	rkey.vni[1] = vni >> 8;
	rkey.vni[2] = vni;
	rkey.family = family;
	rkey.addr = *address;
	t->kind = TARGET_NONE;
	t->exact = 0;
	r = bpf_map_lookup_elem(&route, &rkey);
	if (!r)
		return;
	t->kind = r->kind == ROUTE_LOCAL       ? TARGET_LOCAL
		  : r->kind == ROUTE_REMOTE    ? TARGET_REMOTE
		  : r->kind == ROUTE_SUBNET    ? TARGET_SUBNET
		  : r->kind == ROUTE_BLACKHOLE ? TARGET_BLACKHOLE
		  : r->kind == ROUTE_OUTSIDE   ? TARGET_OUTSIDE
		  : r->kind == ROUTE_NEXTHOP   ? TARGET_NEXTHOP
		  : r->kind == ROUTE_ONLINK    ? TARGET_ONLINK
		  : r->kind == ROUTE_PUBLIC    ? TARGET_PUBLIC
		  : r->kind == ROUTE_PEER      ? TARGET_PEERED
					       : TARGET_NONE;
	t->flags = r->flags;
	t->mac = r->mac;
	t->ep = r->ep;
	t->ifindex = r->ifindex;
	t->mtu = r->mtu;
	t->nh = r->nh;
	t->sub = r->sub;
}

/* The next hop of a remote target for a flow's hash: itself, or a member of its ECMP set. */
static __always_inline __u32 resolve_nexthop(const struct target *t, __u32 hash)
{
	__u32 index = t->nh;
	struct nh_group_val *g;

	if (!(t->flags & TARGET_GROUP))
		return index;
	g = bpf_map_lookup_elem(&nh_group, &index);
	if (!g || !g->count)
		return 0;
	index = (hash >> 14) % g->count;
	if (index >= ECMP_MAX)
		return 0;
	return g->nh[index];
}

#endif
