/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An endpoint sends its own addresses only: the exact ones, and prefixes routed to it.
 * Both are what the VPC's tables say of the source, so there is no second list to keep.
 * Edges: next: NODE_ROUTE; drop: REASON_SPOOFED_MAC, REASON_SPOOFED_IP, REASON_MARTIAN,
 * REASON_LINK_LOCAL, REASON_MULTICAST.
 */
#ifndef TRANSIT_NODE_ANTISPOOF_H
#define TRANSIT_NODE_ANTISPOOF_H

#include <lib/parse.h>
#include "resolve.h"

static __always_inline int is_link_local(const struct pkt *p, const struct ip_addr *a)
{
	if (p->key.family == 6)
		return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
	return a->b[12] == 169 && a->b[13] == 254;
}

static __always_inline int is_multicast(const struct pkt *p, const struct ip_addr *a)
{
	if (p->key.family == 6)
		return a->b[0] == 0xff;
	return (a->b[12] & 0xf0) == 0xe0 || addr_to_v4(a) == 0xffffffff;
}

/* Addresses no packet between hosts may carry: RFC 6890. */
static __always_inline int is_martian(const struct pkt *p, const struct ip_addr *a)
{
	const __u32 *w = (const __u32 *)a;

	if (p->key.family == 6)
		return w[0] == 0 && w[1] == 0 &&
		       (w[2] == bpf_htonl(0xffff) || (w[2] == 0 && bpf_ntohl(w[3]) <= 1));
	return a->b[12] == 0 || a->b[12] == 127 || a->b[12] >= 240;
}

/* Checks that do not depend on who sent it. 0 or a negative reason. */
static __always_inline int check_addresses(const struct pkt *p)
{
	if (mac_is_group(&p->dmac) || is_multicast(p, &p->key.daddr))
		return -REASON_MULTICAST;
	if (is_multicast(p, &p->key.saddr) || is_martian(p, &p->key.saddr) ||
	    is_martian(p, &p->key.daddr))
		return -REASON_MARTIAN;
	if (is_link_local(p, &p->key.saddr) || is_link_local(p, &p->key.daddr))
		return -REASON_LINK_LOCAL;
	return 0;
}

/* src: filled with where replies go. 0 or a negative reason. */
static __always_inline int node_antispoof(const struct pkt *p, const struct ep_val *e,
					  struct target *src)
{
	resolve(e->vni, &p->key.saddr, p->key.family, src);
	if (src->kind != TARGET_LOCAL || src->ifindex != p->ifindex)
		return -REASON_SPOOFED_IP;
	return 0;
}

#endif
