/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Answers ARP requests (RFC 826, 5227) and neighbour solicitations (RFC 4861) of endpoints
 * for every address the VPC knows, in place: nothing is flooded (RFC 9161 s3).
 * Edges: NODE_REPLY; drop: REASON_ARP_UNKNOWN, REASON_ND_UNKNOWN, REASON_OWN_ADDRESS,
 * REASON_SPOOFED_MAC, REASON_SPOOFED_IP, REASON_TRUNCATED, REASON_BAD_HEADER,
 * REASON_BAD_CHECKSUM.
 */
#ifndef TRANSIT_NODE_L2_REPLY_H
#define TRANSIT_NODE_L2_REPLY_H

#include "antispoof.h"
#include "l2_answer.h"
#include "resolve.h"

static __always_inline int addr_is_zero4(const __u8 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

/* Whether the endpoint may use an address as its own. */
static __always_inline int owns(__u32 vni, const struct ip_addr *address, __u8 family,
				__u32 ifindex)
{
	struct target t = {};

	resolve(vni, address, family, &t);
	return t.kind == TARGET_LOCAL && t.ifindex == ifindex;
}

/* 0: the frame is the answer. Else a negative reason. */
static __noinline int node_arp(CTX *ctx, struct pkt *p, struct ep_val *e)
{
	struct eth_hdr *eth = ctx_data(ctx);
	struct arp_hdr *arp = (void *)(eth + 1);
	struct target t = {};
	struct ip_addr address;

	if ((void *)(arp + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	if (arp->htype != bpf_htons(1) || arp->ptype != bpf_htons(ETHERTYPE_IPV4) ||
	    arp->hlen != MAC_LEN || arp->plen != 4)
		return -REASON_BAD_HEADER;
	if (!mac_equal(&p->smac, &e->mac) || !mac_equal(&arp->sha, &e->mac))
		return -REASON_SPOOFED_MAC;
	if (arp->op != bpf_htons(1))
		return -REASON_ARP_UNKNOWN;
	if (!addr_is_zero4(arp->spa)) { /* zero: a probe, RFC 5227 s1.1 */
		addr_from_bytes4(&address, arp->spa);
		if (!owns(e->vni, &address, 4, p->ifindex))
			return -REASON_SPOOFED_IP;
	}
	addr_from_bytes4(&address, arp->tpa);
	resolve(e->vni, &address, 4, &t);
	if (!t.exact || t.kind == TARGET_BROADCAST)
		return -REASON_ARP_UNKNOWN;
	if (t.kind == TARGET_LOCAL && t.ifindex == p->ifindex)
		return -REASON_OWN_ADDRESS;
	return arp_answer(ctx, &e->mac, &t.mac);
}

/* dad: what nd_check said. 0: the frame is the answer. Else a negative reason. */
static __noinline int node_nd(CTX *ctx, struct pkt *p, struct ep_val *e, int dad)
{
	struct nd_frame *f = ctx_data(ctx);
	struct target t = {};
	struct ip_addr address, sender;
	struct nd_answer answer = {};

	if ((void *)&f->opt > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	address = f->nd.target;
	sender = f->ip.saddr;
	/* the tables hold IPv4 addresses mapped: such an address in IPv6 is nobody's */
	if (is_martian(p, &address))
		return -REASON_ND_UNKNOWN;
	if (!dad && is_martian(p, &sender))
		return -REASON_SPOOFED_IP;
	/* a link-local source is every host's right; the MAC says whose it is */
	if (!dad && !(sender.b[0] == 0xfe && (sender.b[1] & 0xc0) == 0x80) &&
	    !owns(e->vni, &sender, 6, p->ifindex))
		return -REASON_SPOOFED_IP;
	resolve(e->vni, &address, 6, &t);
	if (!t.exact)
		return -REASON_ND_UNKNOWN;
	if (t.kind == TARGET_LOCAL && t.ifindex == p->ifindex)
		return -REASON_OWN_ADDRESS;
	answer.address = address;
	answer.to = sender;
	answer.to_mac = e->mac;
	answer.own = t.mac;
	answer.router = t.kind == TARGET_GATEWAY;
	answer.dad = dad;
	return nd_advertise(ctx, &answer);
}

#endif
