/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Does what a record of a packet to or from the outside says: takes the tunnel off when there is
 * one, translates, and sends on: to an endpoint, into a tunnel, or out. The plain cases have
 * shorter ways in act.h.
 * Edges: next: NODE_DELIVER, NODE_ENCAP, NODE_FORWARD, NODE_ALG.
 */
#ifndef TRANSIT_NODE_ACT_NAT_H
#define TRANSIT_NODE_ACT_NAT_H

#include <lib/translate.h>
#include "act.h"
#include "alg.h"

static __always_inline void act_nat_sent(struct counters_val *c, __u32 len, __u8 flags, __u32 from,
					 __u32 node)
{
	c->sent++;
	c->node[node]++;
	if (!(flags & FLOW_TUNNEL_IN) && from)
		count_ep_tx(from, len);
}

static __always_inline int act_ecn(CTX *ctx, struct pkt *p, int ipv6)
{
	int ecn = ecn_decap(p->tos & ECN_MASK, p->outer_tos & ECN_MASK);
	__u32 l3_off = p->l3_off;

	if (ecn < 0)
		return -REASON_ECN;
	if (ecn != (p->tos & ECN_MASK)) {
		p->tos = (p->tos & ~ECN_MASK) | ecn;
		if (l3_off <= TUNNEL6_LEN + ETH_LEN && rewrite_tos(ctx, l3_off, ipv6, p->tos))
			return -REASON_TRUNCATED;
	}
	return 0;
}

/*
 * One hop less and on its way: to an endpoint, into a tunnel, or out. The frame starts with its
 * Ethernet header. sent: its length as its sender sent it; peer: the other end of a veth may be
 * entered directly. A verdict or a negative reason.
 */
static __always_inline int act_send(CTX *ctx, struct counters_val *c, struct pkt *p,
				    const struct flow_val *f, __u32 sent, int peer)
{
	__u32 out = f->out_id, ifindex = f->out_ifindex & ~OUT_PEER, from = f->in_id,
	      len = p->l3_len + ETH_LEN;
	__u32 frame_len;
	__u8 action = f->action, flags = f->flags;
	int direct = f->out_ifindex & OUT_PEER;
	struct mac_addr macs[2] __attribute__((aligned(4)));
	struct encap e = {.macs = macs, .vni = f->vni, .udp_sport = f->out_arg};
	int ipv6 = p->key.family == 6, err;
	struct nh_val *n;

	mac_pair_copy(macs, &f->out_dmac);
	if (rewrite_ttl(ctx, ETH_LEN, ipv6))
		return -REASON_TRUNCATED;
	if (action == FLOW_DELIVER) {
		if (rewrite_eth(ctx, macs, ipv6))
			return -REASON_TRUNCATED;
		act_nat_sent(c, sent, flags, from, NODE_DELIVER);
		count_ep_rx(out, len);
		return ctx_deliver(ctx, ifindex, direct && peer);
	}
	n = bpf_map_lookup_elem(&nh, &out);
	if (!n)
		return -REASON_INTERNAL;
	ifindex = n->ifindex;
	if (action == FLOW_FORWARD) {
		if (rewrite_eth(ctx, &n->dmac, ipv6))
			return -REASON_TRUNCATED;
		act_nat_sent(c, sent, flags, from, NODE_FORWARD);
		return ctx_redirect(ctx, ifindex);
	}
	e.tos = p->tos;
	e.inner_ipv6 = ipv6;
	/* padding of a short frame goes along */
	frame_len = p->frame_len - (p->tunnel ? p->outer_len : 0);
	if (len < frame_len)
		len = frame_len;
	err = encap_write(ctx, n, &e, len);
	if (err)
		return err;
	act_nat_sent(c, sent, flags, from, NODE_ENCAP);
	return ctx_redirect(ctx, ifindex);
}

/* Takes the tunnel off. As ctx_shrink(), or a negative reason. */
static __always_inline int act_untunnel(CTX *ctx, struct counters_val *c, struct pkt *p)
{
	int ipv6 = p->key.family == 6, err;

	if (unlikely(p->outer_tos & ECN_MASK)) {
		err = act_ecn(ctx, p, ipv6);
		if (err)
			return err;
	}
	if (p->outer_len == TUNNEL6_LEN)
		err = ctx_shrink(ctx, TUNNEL6_LEN, ipv6);
	else
		err = ctx_shrink(ctx, TUNNEL4_LEN, ipv6);
	if (err < 0)
		return -REASON_REWRITE;
	c->node[NODE_DECAP]++;
	return err;
}

/* tunnel: what the packet came in is still on. Returns a verdict, or a negative reason. */
static __always_inline int act_nat(CTX *ctx, struct counters_val *c, struct pkt *p,
				   const struct flow_val *f, int tunnel)
{
	__u32 index = f->node, l4_off = p->l4_off;
	int err = 0, r;
	struct nat_val *v;

	if (tunnel) {
		err = act_untunnel(ctx, c, p);
		if (err < 0)
			return err;
		l4_off -= p->outer_len;
	}
	if (unlikely(f->flags & FLOW_ALG) && p->node != NODE_ALG)
		return alg_punt(ctx, c, p, f);
	if (f->flags & FLOW_NAT) {
		v = bpf_map_lookup_elem(&nat, &index);
		if (!v)
			return -REASON_INTERNAL;
		r = translate(ctx, p, f->flags & FLOW_REPLY ? &v->reply : &v->fwd, l4_off);
		if (r)
			return r;
	}
	return act_send(ctx, c, p, f, p->l3_len + ETH_LEN, err == 0);
}

/* Largest L3 packet that a record's way takes, bytes; 0 when the way is not resolved. */
static __always_inline __u32 act_mtu(const struct flow_val *f)
{
	__u32 index = f->out_id;
	struct nh_val *n;

	if (f->action == FLOW_DELIVER)
		return f->out_arg;
	n = bpf_map_lookup_elem(&nh, &index);
	return n && n->flags & NH_RESOLVED ? n->mtu : 0;
}

#endif
