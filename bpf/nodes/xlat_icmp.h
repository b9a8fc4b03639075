/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Makes an ICMP error one of the other family, and what it quotes (RFC 7915 s4.2, s5.2): whose it
 * is, what MTU it may tell, where it goes.
 * Edges: next: act; drop: REASON_NAT_UNRELATED, REASON_NAT_PROTOCOL, REASON_TTL_EXCEEDED.
 */
#ifndef TRANSIT_NODE_XLAT_ICMP_H
#define TRANSIT_NODE_XLAT_ICMP_H

#include <lib/rfc6052.h>
#include "nat_icmp.h"
#include "xlat_quote.h"

/*
 * Who the error is from, in the other family. An address that may not be shown there (RFC 6052
 * s3.1) is replaced by that of whom the packet was sent to: what the error says is worth more than
 * who says it (RFC 6791 s3).
 */
static __noinline int xlat_error_source(const struct pkt *p, const struct flow_val *f,
					const struct nat_rewrite *r, struct ip_addr *saddr)
{
	__u32 vni = f->vni;
	struct nat64_val *n = r->family == 6 ? bpf_map_lookup_elem(&nat64, &vni) : NULL;

	if (!n || rfc6052_may_show(n, &p->key.saddr) || rfc6052_embed(n, &p->key.saddr, saddr))
		*saddr = r->saddr;
	return 0;
}

/* What the quoted packet's own way carries; 0: not known. f: of packets the other way. */
static __noinline __u32 xlat_way_back(const struct flow_val *f)
{
	__u32 index = f->node;
	struct age_node_val *n = bpf_map_lookup_elem(&age_node, &index);
	struct flow_val *back;
	__u64 id;

	if (!n || n->kind != AGE_FLOW)
		return 0;
	id = f->flags & FLOW_REPLY ? n->id : n->reply;
	back = id ? bpf_map_lookup_elem(&flow, &id) : NULL;
	return back && back->node == index ? act_mtu(back) : 0;
}

/*
 * Largest MTU that the error may tell of: no more than either way takes (RFC 7915 s4.2, s5.2). to:
 * family it gets.
 */
static __always_inline __u32 xlat_mtu_most(const struct flow_val *f, __u8 to, __u32 way)
{
	__u32 back = xlat_way_back(f);

	if (!back)
		return way;
	back = to == 6 ? back + XLAT_GAP : back > XLAT_GAP ? back - XLAT_GAP : 0;
	return back < way ? back : way;
}

/* A record is of the present configuration: it leads where it says. */
static __always_inline int xlat_is_current(const struct flow_val *f)
{
	__u32 vpc_index = f->vpc, *generation = bpf_map_lookup_elem(&vpc_gen, &vpc_index);

	return f->flags & FLOW_SERVICE || (generation && f->generation == *generation);
}

/* As nat_error(), of a record that has FLOW_XLAT. */
static __always_inline int node_xlat_icmp(CTX *ctx, struct counters_val *c, struct pkt *p,
					  __u32 scope, int inside)
{
	__u32 sent = p->l3_len + ETH_LEN, zero = 0, way;
	struct xlat_work *w = bpf_map_lookup_elem(&scratch_xlat, &zero);
	const struct nat_rewrite *r;
	struct xlat_quoted *x;
	struct flow_val *f;
	int err, tunnel = 0;

	c->node[NODE_XLAT_ICMP]++;
	p->node = NODE_XLAT_ICMP;
	if (!w)
		return -REASON_INTERNAL;
	__builtin_memset(w, 0, sizeof(*w));
	w->q.key.scope = scope;
	x = &w->x;
	ctx_pull(ctx);
	p->frag_proto = 0; /* of the quote, when that is a fragment */
	err = nat_error_find(ctx, p, &w->q, &f, &r);
	if (err)
		return err;
	way = act_mtu(f);
	x->most = r->family == 6 ? IP6_MTU_MIN : ERROR4_MAX;
	if (x->most > way)
		x->most = way & ~1u;
	if (!(f->flags & FLOW_XLAT) || !xlat_is_current(f) || x->most < ERROR6_LEN + FRAG6_LEN + 8)
		return -REASON_NAT_UNRELATED;
	err = xlat_quoted_read(ctx, p, p->l4_off + sizeof(struct icmp_hdr), &w->q, x);
	if (!err)
		err = xlat_error_read(ctx, p, p->l4_off, x, xlat_mtu_most(f, r->family, way),
				      &w->e);
	if (err)
		return err;
	if (inside || f->flags & FLOW_SERVICE || addr_equal(&p->key.saddr, &w->q.key.saddr))
		x->saddr = r->saddr;
	else
		xlat_error_source(p, f, r, &x->saddr);
	x->at = w->q.l4_off;
	if (p->tunnel) {
		tunnel = act_untunnel(ctx, c, p);
		if (tunnel < 0)
			return tunnel;
		x->at -= p->outer_len;
		p->l3_off -= p->outer_len;
		p->l4_off -= p->outer_len;
		p->frame_len -= p->outer_len;
		p->tunnel = 0;
	}
	err = xlat_error_rewrite(ctx, p, &w->e, x, r);
	if (err)
		return err;
	return act_send(ctx, c, p, f, sent, tunnel == 0);
}

#endif
