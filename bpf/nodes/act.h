/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Does what a flow record says: the end of every forwarded packet's way, on the hit path
 * and after a walk alike.
 * Edges: next: NODE_ENCAP (to a VTEP), NODE_DELIVER (to a local endpoint).
 */
#ifndef TRANSIT_NODE_ACT_H
#define TRANSIT_NODE_ACT_H

#include <lib/rewrite.h>
#include "encap.h"

/*
 * ECN on decapsulation, RFC 6040 s4.2: the inner field to write, or -1 to drop.
 */
static __always_inline int ecn_decap(__u8 inner, __u8 outer)
{
	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? -1 : ECN_CE;
	if (outer == ECN_ECT1 && inner == ECN_ECT0)
		return ECN_ECT1;
	return inner;
}

/* From an endpoint to a VTEP. Returns a verdict, or a negative reason. */
static __always_inline int act_encap(CTX *ctx, struct counters_val *c, struct pkt *p,
				     const struct flow_val *f, const struct nh_val *n)
{
	/* with the padding of a short frame */
	__u32 ifindex = n->ifindex, ep = f->in_id, len = p->frame_len;
	struct encap e = {
		.macs = &f->out_dmac,
		.vni = f->vni,
		.udp_sport = f->out_arg,
		.tos = p->tos,
		.inner_ipv6 = p->key.family == 6,
		.tcp = p->key.proto == PROTO_TCP,
	};
	int err;

	if ((f->flags & FLOW_ROUTED) && rewrite_ttl(ctx, ETH_LEN, p->key.family == 6))
		return -REASON_TRUNCATED;
	err = encap_write(ctx, n, &e, len);
	if (err)
		return err;
	c->node[NODE_ENCAP]++;
	c->sent++;
	count_ep_tx(ep, p->l3_len + ETH_LEN);
	return ctx_redirect(ctx, ifindex);
}

/* From an endpoint to another of this host. */
static __always_inline int act_deliver(CTX *ctx, struct counters_val *c, struct pkt *p,
				       const struct flow_val *f)
{
	__u32 ifindex = f->out_ifindex & ~OUT_PEER, from = f->in_id, to = f->out_id;
	int peer = !!(f->out_ifindex & OUT_PEER), ipv6 = p->key.family == 6;

	if ((f->flags & FLOW_ROUTED) && rewrite_ttl(ctx, ETH_LEN, ipv6))
		return -REASON_TRUNCATED;
	if (rewrite_eth(ctx, &f->out_dmac, ipv6))
		return -REASON_TRUNCATED;
	c->node[NODE_DELIVER]++;
	c->sent++;
	count_ep_tx(from, p->l3_len + ETH_LEN);
	count_ep_rx(to, p->l3_len + ETH_LEN);
	return ctx_deliver(ctx, ifindex, peer);
}

/* From the tunnel to a local endpoint: outer headers are still on. */
static __always_inline int act_decap(CTX *ctx, struct counters_val *c, struct pkt *p,
				     const struct flow_val *f)
{
	__u32 ifindex = f->out_ifindex & ~OUT_PEER, to = f->out_id, l3_off;
	int peer = !!(f->out_ifindex & OUT_PEER), ipv6 = p->key.family == 6, err;
	__u8 routed = f->flags & FLOW_ROUTED;

	if (unlikely(p->outer_tos & ECN_MASK)) {
		int ecn = ecn_decap(p->tos & ECN_MASK, p->outer_tos & ECN_MASK);

		if (ecn < 0)
			return -REASON_ECN;
		l3_off = p->l3_off;
		if (ecn != (p->tos & ECN_MASK) && l3_off <= TUNNEL6_LEN + ETH_LEN &&
		    rewrite_tos(ctx, l3_off, ipv6, (p->tos & ~ECN_MASK) | ecn))
			return -REASON_TRUNCATED;
	}
	if (p->outer_len == TUNNEL6_LEN)
		err = ctx_shrink(ctx, TUNNEL6_LEN, ipv6);
	else
		err = ctx_shrink(ctx, TUNNEL4_LEN, ipv6);
	if (err < 0)
		return -REASON_REWRITE;
	if (routed && rewrite_ttl(ctx, ETH_LEN, ipv6))
		return -REASON_TRUNCATED;
	if (rewrite_eth(ctx, &f->out_dmac, ipv6))
		return -REASON_TRUNCATED;
	c->node[NODE_DECAP]++;
	c->node[NODE_DELIVER]++;
	c->sent++;
	count_ep_rx(to, p->l3_len + ETH_LEN);
	return ctx_deliver(ctx, ifindex, peer && err == 0);
}

#endif
