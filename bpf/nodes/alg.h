/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Application layer gateways: packets of connections that carry addresses in their payload go to
 * the daemon before they are translated, and come back changed. What says which connection a
 * packet is of takes the place of its MACs, which the record has, too. While nobody takes care of
 * them they are dropped: untranslated, with sequence numbers that nobody adjusts, they would do
 * harm.
 * Edges: to the daemon's device; drop: REASON_ALG.
 */
#ifndef TRANSIT_NODE_ALG_H
#define TRANSIT_NODE_ALG_H

#include <lib/clock.h>
#include <lib/count.h>
#include <lib/parse.h>

/* The frame starts with its Ethernet header. A verdict or a negative reason. */
static __noinline int alg_punt(CTX *ctx, struct counters_val *c, struct pkt *p,
			       const struct flow_val *f)
{
	__u32 zero = 0, ifindex;
	struct alg_dev_val *dev = bpf_map_lookup_elem(&alg_dev, &zero);
	struct eth_hdr *eth = ctx_data(ctx);
	__be32 *word = (__be32 *)eth;

	if (!c || !p || !f || !dev || p->frag != FRAG_NONE)
		return -REASON_ALG;
	ifindex = dev->ifindex;
	if (!ifindex || (__s32)(now_s() - dev->alive_s) > ALG_ALIVE_S)
		return -REASON_ALG;
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	word[0] = bpf_htonl(ALG_MAGIC);
	word[1] = bpf_htonl(f->node);
	word[2] = f->flags & FLOW_REPLY ? bpf_htonl(1) : 0;
	eth->type = p->key.family == 6 ? bpf_htons(ETHERTYPE_IPV6) : bpf_htons(ETHERTYPE_IPV4);
	c->node[NODE_ALG]++;
	c->punted++;
	return ctx_redirect(ctx, ifindex);
}

/*
 * A packet that came back: what it was when it entered. Its key is parsed already; the tag is only
 * a claim. 0, or -1 when there is no such connection.
 */
static __always_inline int alg_restore(struct pkt *p, const struct alg_tag *tag)
{
	__u32 index = bpf_ntohl(tag->node);
	struct age_node_val *n = bpf_map_lookup_elem(&age_node, &index);
	struct flow_val *f;
	__u64 id;

	if (tag->magic != bpf_htonl(ALG_MAGIC) || !n || n->kind != AGE_FLOW)
		return -1;
	id = tag->reply ? n->reply : n->id;
	f = id ? bpf_map_lookup_elem(&flow, &id) : NULL;
	if (!f || f->node != index || !(f->flags & FLOW_ALG))
		return -1;
	p->key.scope = f->key.scope;
	mac_pair_copy(&p->dmac, &f->in_dmac);
	p->vni = f->vni;
	p->ep = f->flags & FLOW_TUNNEL_IN ? 0 : f->in_id;
	return 0;
}

#endif
