/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors about packets that came from a peered VPC, on their way back there: as the packets
 * were translated by their addresses alone, so is the quote, the other way round, wherever the
 * error arises: at the endpoint, or on its host when the packet did not fit. About a pool's
 * connections its record says how.
 * Edges: next: act; drop: REASON_NAT_UNRELATED, those of peer.h.
 */
#ifndef TRANSIT_NODE_PEER_ICMP_H
#define TRANSIT_NODE_PEER_ICMP_H

#include "nat_icmp.h"
#include "peer.h"

/*
 * About a connection of a pool: what it makes of packets the error's way, as long as its mapping
 * still leads to the same. inward: to who is behind the pool. 0 or a negative reason.
 */
static __noinline int peer_error_pool(struct nat_plan *plan, const struct flow_key *key, __u32 peer,
				      int inward)
{
	struct flow_val *f = flow_find(key);
	const struct nat_rewrite *k = f ? nat_rewrite_of(f) : NULL;
	struct nat_query *q = &plan->query;
	int same = 1;

	if (!f || !k)
		return -REASON_NAT_UNRELATED;
	plan->val.fwd = *k;
	plan->family = key->family;
	plan->proto = key->proto;
	if (inward) {
		q->outer = plan->vni << NAT_OUTER_SHIFT;
		q->known = 1;
		q->key = *key;
		if (nat_query(plan))
			return -REASON_NAT_UNRELATED;
		same = nat_query_same(plan, f, k);
	} else {
		q->outer = peer << NAT_OUTER_SHIFT;
		plan->dst = k->daddr;
		if (!nat_query_back(plan, key, k, plan->vni))
			return -REASON_NAT_UNRELATED;
	}
	nat_map_unref(q->map, now_s());
	return same ? 0 : -REASON_NAT_UNRELATED;
}

/*
 * From the VPC plan->vni into d->peer; the sender's leg is filled in. here: only to an endpoint of
 * this host, as nothing goes from VTEP to VTEP. A verdict or a negative reason.
 */
static __always_inline int peer_error(CTX *ctx, struct counters_val *c, struct pkt *p,
				      struct nat_plan *plan, struct decision *d, int here)
{
	struct nat_quote q = {.key = {.scope = p->key.scope}};
	struct nat_rewrite *r = &plan->val.fwd;
	struct nat_prefix_val *source;
	__u32 peer = d->peer, sub = 0;
	struct ip_addr saddr;
	int err;

	if (p->frag != FRAG_NONE)
		return -REASON_NAT_UNRELATED;
	err = nat_quote_read(ctx, p, &q);
	if (err)
		return err;
	/* it tells whoever sent the packet it quotes */
	if (!addr_equal(&q.key.daddr, &p->key.daddr))
		return -REASON_NAT_UNRELATED;
	err = peer_rewrite(&q.key, plan->vni, peer, r, &sub);
	if (err == PEER_POOL)
		err = peer_error_pool(plan, &q.key, peer, !sub);
	if (err)
		return err;
	err = nat_error_verify(ctx, p);
	if (err)
		return err;
	translate_diffs(r, &q.key);
	d->fwd.key.proto = p->key.proto;
	err = peer_leg(plan, d, peer, p->key.family);
	if (err)
		return err;
	if (here && d->fwd.action != FLOW_DELIVER)
		return -REASON_NOT_HERE;
	if (p->seg_len > d->mtu)
		return -REASON_NAT_UNRELATED;
	/* who is not exposed, as a gateway may be, shows as whom the packet was sent to */
	saddr = r->saddr;
	source = nat_prefix_find(plan->vni, peer, NAT_PREFIX_SOURCE, p->key.family, &p->key.saddr);
	if (source && !source->gw)
		prefix_translate(source, &p->key.saddr, &saddr);
	return nat_error_send(ctx, c, p, &q, r, &saddr, &d->fwd);
}

#endif
