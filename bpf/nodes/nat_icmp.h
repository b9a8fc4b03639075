/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ICMP errors about translated packets (RFC 5508 s4, RFC 4443): the packet they quote went the
 * other way, so the record of packets the error's way, with the quote turned round as its key,
 * says what to make of both. Nothing is refreshed or ended (RFC 5508 REQ-3, RFC 5382 REQ-10).
 * The record may be of an older generation: whether its translation still holds, and where the
 * error goes, is found out anew for each.
 * Edges: next: act; drop: REASON_NAT_UNRELATED, REASON_BAD_CHECKSUM, REASON_TRUNCATED,
 * REASON_TTL_EXCEEDED, REASON_NO_ROUTE, REASON_HOST_UNREACHABLE, REASON_NO_NEXTHOP,
 * REASON_TOO_BIG.
 */
#ifndef TRANSIT_NODE_NAT_ICMP_H
#define TRANSIT_NODE_NAT_ICMP_H

#include <lib/sum.h>
#include "act_nat.h"
#include "antispoof.h"
#include "nat.h"
#include "nat_quote.h"

enum { NAT_ERROR_XLAT = 1 << 16 }; /* it becomes one of the other family: stage XLAT_ICMP */

/* Longer ones are not verified: what was wrong stays wrong, and the receiver will see it. */
enum { ERROR_SUM_MAX = 1500 };

/* RFC 5508 REQ-3a. 0 or a negative reason. Nobody offloads the checksum of ICMP. */
static __noinline int nat_error_verify(CTX *ctx, struct pkt *p)
{
	__u32 l4_off = p->l4_off, end = p->l3_off + p->l3_len, len = end - l4_off;
	int ipv6 = p->key.family == 6;
	__u64 sum;

	if (l4_off > L4_OFF_MAX || l4_off > end || len > ERROR_SUM_MAX)
		return 0;
	if (ctx_readable(ctx) < end)
		ctx_pull_to(ctx, end);
	if (ctx_readable(ctx) < end)
		return 0;
	sum = sum_frame(ctx, l4_off, len);
	if (ipv6) {
		sum += csum_addr(&p->key.saddr, 1) + csum_addr(&p->key.daddr, 1);
		sum += bpf_htons(len) + bpf_htons(PROTO_ICMPV6);
	}
	return csum_fold(sum) == 0xffff ? 0 : -REASON_BAD_CHECKSUM;
}

/* What packets of the record have as destination outside: IPv4 when it is under a prefix. */
static __noinline int nat_error_form(struct nat_plan *plan, const struct flow_val *f)
{
	__u32 vni = plan->vni;
	struct nat64_val *x;

	plan->dst = f->key.daddr;
	plan->proto = f->key.proto;
	plan->family = f->key.family;
	x = plan->vni != VNI_OUTSIDE && f->key.family == 6 ? bpf_map_lookup_elem(&nat64, &vni)
							   : NULL;
	if (!x || !rfc6052_within(x, &f->key.daddr) ||
	    rfc6052_extract(x, &f->key.daddr, &plan->dst))
		return 0;
	plan->family = 4;
	plan->proto = proto_in_family(f->key.proto, 4);
	vni = f->vni;
	x = bpf_map_lookup_elem(&nat64, &vni);
	if (x)
		plan->far = *x;
	return 0;
}

/*
 * Whether what entitled the connection to its translation still does. f, r: of packets the error's
 * way; plan->vni: where that begins.
 */
static __noinline int nat_error_entitled(struct nat_plan *plan, const struct flow_val *f,
					 const struct nat_rewrite *r, const struct decision *d)
{
	struct nat_query *q = &plan->query;
	int plain = !(f->flags & FLOW_NAT), same;

	if (f->flags & FLOW_SERVICE) /* goes with its service */
		return 1;
	plan->hairpin = plan->vni != VNI_OUTSIDE && f->action != FLOW_FORWARD;
	nat_error_form(plan, f);
	if (plan->vni != VNI_OUTSIDE) {
		if (plain)
			return !!d->exempt;
		if (!nat_query_back(plan, &f->key, r, plan->vni))
			return 0;
		nat_map_unref(q->map, now_s());
	}
	if (f->action == FLOW_FORWARD)
		return 1;
	q->known = 1;
	q->plain = plain;
	q->plain_vni = f->vni;
	q->key = f->key;
	q->key.daddr = plan->dst;
	q->key.proto = plan->proto;
	q->key.family = plan->family;
	/* without ports a mapping knows its sender by what is seen of it outside */
	if (plan->hairpin && r->family == plan->family)
		q->key.saddr = r->saddr;
	if (nat_query(plan))
		return 0;
	same = nat_query_same(plan, f, r);
	nat_map_unref(q->map, now_s());
	return same;
}

/* The receiver's leg. 0 or a negative reason. */
static __noinline int nat_error_leg(struct pkt *p, struct nat_plan *plan, const struct flow_val *f,
				    const struct nat_rewrite *r, const struct ip_addr *saddr)
{
	struct flow_key after = {
		.daddr = r->daddr,
		.dport = p->key.dport,
		.proto = p->key.proto,
	};
	struct decision *d = decision_peek();
	struct target t = {};
	struct nh_val *n;

	if (!d)
		return -REASON_INTERNAL;
	if (f->flags & FLOW_SERVICE) {
		d->fwd = *f;
		d->mtu = act_mtu(f);
		return 0;
	}
	if (f->action != FLOW_FORWARD) {
		after.saddr = *saddr;
		plan->val.fwd.family = p->key.family;
		return nat_leg_inside(plan, f->vni, &r->daddr, hash_flow(&after, f->vni), d);
	}
	n = nat_outside(p, &r->daddr, p->key.family, &t);
	if (!n)
		return nat_no_way(&t);
	d->mtu = n->mtu;
	nat_leg_outside(&d->fwd, &d->rev, &t);
	return 0;
}

static __always_inline int nat_error_fits(const struct pkt *p, const struct decision *d)
{
	if (!d->mtu)
		return -REASON_NO_NEXTHOP;
	return p->seg_len > d->mtu ? -REASON_TOO_BIG : 0;
}

/* The error's own addresses and checksum. */
static __always_inline int nat_error_write(CTX *ctx, struct pkt *p, __u32 l4_off,
					   const struct nat_rewrite *r, const struct ip_addr *saddr,
					   __u64 sum)
{
	void *end = ctx_data_end(ctx);
	__u64 addr;
	struct icmp_hdr *icmp;

	if (p->key.family == 6) {
		struct ip6_hdr *ip = ctx_data(ctx) + ETH_LEN;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		addr = diff_addr(&p->key.saddr, saddr, 1) + diff_addr(&p->key.daddr, &r->daddr, 1);
		ip->saddr = *saddr;
		ip->daddr = r->daddr;
		sum += csum_fold(addr);
	} else {
		struct ip4_hdr *ip = ctx_data(ctx) + ETH_LEN;

		if ((void *)(ip + 1) > end)
			return -REASON_TRUNCATED;
		addr = diff_addr(&p->key.saddr, saddr, 0) + diff_addr(&p->key.daddr, &r->daddr, 0);
		ip->saddr = addr_to_v4(saddr);
		ip->daddr = addr_to_v4(&r->daddr);
		ip->csum = (__u16)~csum_fold((__u64)(__u16)~ip->csum + csum_fold(addr));
	}
	if (l4_off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	icmp = ctx_data(ctx) + offset_bounded(l4_off);
	if ((void *)(icmp + 1) > end)
		return -REASON_TRUNCATED;
	icmp->csum = (__u16)~csum_fold((__u64)(__u16)~icmp->csum + csum_fold(sum));
	return 0;
}

/* Both translated and sent. A verdict or a negative reason. */
static __always_inline int nat_error_send(CTX *ctx, struct counters_val *c, struct pkt *p,
					  const struct nat_quote *q, const struct nat_rewrite *r,
					  const struct ip_addr *saddr, const struct flow_val *f)
{
	__u32 l4_off = p->l4_off, quote_off = q->l4_off;
	int err, peer = 1;
	__u64 sum = 0;

	if (p->tunnel) {
		err = act_untunnel(ctx, c, p);
		if (err < 0)
			return err;
		peer = err == 0;
		l4_off -= p->outer_len;
		quote_off -= p->outer_len;
	}
	err = nat_quote_write(ctx, p, l4_off, quote_off, q, r, &sum);
	if (!err)
		err = nat_error_write(ctx, p, l4_off, r, saddr, sum);
	if (err)
		return err;
	return act_send(ctx, c, p, f, p->l3_len + ETH_LEN, peer);
}

/*
 * The record of packets the error's way, and its translation. q->key.scope: where the error
 * entered, as of records. 0 or a negative reason.
 */
static __always_inline int nat_error_find(CTX *ctx, struct pkt *p, struct nat_quote *q,
					  struct flow_val **record, const struct nat_rewrite **r)
{
	int err;

	/* its checksum and its quote may go on in other fragments */
	if (p->frag != FRAG_NONE)
		return -REASON_NAT_UNRELATED;
	err = nat_quote_read(ctx, p, q);
	if (err)
		return err;
	/* who is told must be who sent what is quoted */
	*record = addr_equal(&q->key.daddr, &p->key.daddr) ? flow_find(&q->key) : NULL;
	if (!*record)
		return -REASON_NAT_UNRELATED;
	*r = nat_rewrite_of(*record);
	return *r ? 0 : -REASON_NAT_UNRELATED;
}

/*
 * inside: it leaves for the outside, so that its source must not show an inside address; d has the
 * sender's leg. A verdict, NAT_ERROR_XLAT or a negative reason.
 */
static __always_inline int nat_error(CTX *ctx, struct counters_val *c, struct pkt *p, int inside)
{
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_peek();
	struct nat_quote q = {.key = {.scope = p->key.scope}};
	const struct nat_rewrite *r;
	struct ip_addr saddr;
	struct flow_val *f;
	int err;

	if (!plan || !d)
		return -REASON_INTERNAL;
	err = nat_error_find(ctx, p, &q, &f, &r);
	if (err)
		return err;
	if (f->flags & FLOW_XLAT) {
		err = p->ttl <= 1 ? -REASON_TTL_EXCEEDED : nat_error_verify(ctx, p);
		return err ? err : NAT_ERROR_XLAT;
	}
	plan->vni = inside ? p->vni : VNI_OUTSIDE;
	if (!nat_error_entitled(plan, f, r, d))
		return -REASON_NAT_UNRELATED;
	err = inside ? 0 : check_addresses(p);
	if (!err)
		err = nat_error_verify(ctx, p);
	if (err)
		return err;
	/* a router on the inside must not be seen, one outside may (RFC 5508 REQ-4, REQ-5) */
	saddr = p->key.saddr;
	/* nor may any of the underlay, which a service stands in front of */
	if ((inside && f->flags & FLOW_NAT) || f->flags & FLOW_SERVICE)
		saddr = r->saddr;
	err = nat_error_leg(p, plan, f, r, &saddr);
	if (!err)
		err = p->ttl <= 1 ? -REASON_TTL_EXCEEDED : nat_error_fits(p, d);
	if (err)
		return err;
	return nat_error_send(ctx, c, p, &q, r, &saddr, &d->fwd);
}

#endif
