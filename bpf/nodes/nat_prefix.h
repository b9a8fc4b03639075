/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Prefixes that stand for others: an inside IPv6 prefix outside (NPTv6, RFC 6296), and what a
 * Peering exposes. No state: both directions are computed from the address alone.
 * Edges: none; drop: REASON_NAT_PREFIX.
 */
#ifndef TRANSIT_NODE_NAT_PREFIX_H
#define TRANSIT_NODE_NAT_PREFIX_H

#include <lib/prefix.h>
#include "nat_block.h"

enum { NAT_PREFIX_KEY_BITS = 96 }; /* before the address */

static __always_inline struct nat_prefix_val *
nat_prefix_find(__u32 vni, __u32 peer, __u8 end, __u8 family, const struct ip_addr *address)
{
	struct nat_prefix_key key = {
		.prefixlen = NAT_PREFIX_KEY_BITS + 128,
		.vni = vni,
		.peer = peer,
		.end = end,
		.family = family,
		.addr = *address,
	};

	return bpf_map_lookup_elem(&nat_prefix, &key);
}

/* Whether the NatGateway that serves an endpoint, by its index of nat_sub, has the prefix. */
static __always_inline int nat_prefix_serves(__u32 gw, __u32 sub)
{
	return gw && nat_gateway_index(sub) == gw;
}

/* The prefix that an endpoint's address has outside; NULL: none. */
static __noinline struct nat_prefix_val *nat_prefix_outside(__u32 vni, __u32 sub, __u8 family,
							    const struct ip_addr *address)
{
	struct nat_prefix_val *v;

	if (family != 6)
		return NULL;
	v = nat_prefix_find(vni, VNI_OUTSIDE, NAT_PREFIX_SOURCE, family, address);
	return v && nat_prefix_serves(v->gw, sub) ? v : NULL;
}

#endif
