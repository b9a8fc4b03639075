/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The transit program: runs on a droplet, an underlay device, and sees all that arrives at
 * the host. Built for XDP and for tc from this one source.
 *
 * A packet's journey: what is not for our VXLAN port goes to the host untouched. A tunnel
 * packet with a record is decapsulated and delivered. Else the walk checks that it is
 * addressed to us, comes from a known VTEP and belongs to a VPC of ours, finds the local
 * endpoint, and leaves records for it and for the reply. Nothing is forwarded from VTEP to
 * VTEP.
 */
#include <ctx/ctx.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include <nodes/act.h>
#include <nodes/antispoof.h>
#include <nodes/classify.h>
#include <nodes/commit.h>
#include <nodes/drop.h>
#include <nodes/flow.h>
#include <nodes/fragment.h>
#include <nodes/held.h>
#include <nodes/icmp_error.h>
#include <nodes/nat.h>
#include <nodes/nat_icmp.h>
#include <nodes/outside_reply.h>
#include <nodes/peer.h>
#include <nodes/peer_icmp.h>
#include <nodes/resolve.h>
#include <nodes/service.h>
#include <nodes/xlat.h>
#include <nodes/xlat_icmp.h>

char _license[] SEC("license") = "Dual BSD/GPL";

#ifdef CTX_XDP
#define PROGRAM(what) xdp_##what
enum { HOOK = HOOK_TRANSIT_XDP };
#else
#define PROGRAM(what) tc_##what
enum { HOOK = HOOK_TRANSIT_TC };
#endif

int PROGRAM(trans_walk)(CTX *ctx);
int PROGRAM(trans_icmp)(CTX *ctx);
int PROGRAM(trans_nat)(CTX *ctx);
int PROGRAM(trans_nat_icmp)(CTX *ctx);
int PROGRAM(trans_xlat)(CTX *ctx);
int PROGRAM(trans_xlat_icmp)(CTX *ctx);
int PROGRAM(trans_peer)(CTX *ctx);
int PROGRAM(trans_peer_icmp)(CTX *ctx);
int PROGRAM(trans_outside)(CTX *ctx);
int PROGRAM(trans_outside_l2)(CTX *ctx);
int PROGRAM(trans_service)(CTX *ctx);
int PROGRAM(trans_held)(CTX *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NODE_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(CTX *));
} stages SEC(".maps") = {
	.values =
		{
			[NODE_WALK] = (void *)&PROGRAM(trans_walk),
			[NODE_ICMP_ERROR] = (void *)&PROGRAM(trans_icmp),
			[NODE_NAT] = (void *)&PROGRAM(trans_nat),
			[NODE_NAT_ICMP] = (void *)&PROGRAM(trans_nat_icmp),
			[NODE_XLAT] = (void *)&PROGRAM(trans_xlat),
			[NODE_XLAT_ICMP] = (void *)&PROGRAM(trans_xlat_icmp),
			[NODE_PEER] = (void *)&PROGRAM(trans_peer),
			[NODE_PEER_ICMP] = (void *)&PROGRAM(trans_peer_icmp),
			[NODE_OUTSIDE] = (void *)&PROGRAM(trans_outside),
			[NODE_OUTSIDE_L2] = (void *)&PROGRAM(trans_outside_l2),
			[NODE_SERVICE] = (void *)&PROGRAM(trans_service),
			[NODE_FRAGMENT] = (void *)&PROGRAM(trans_held),
		},
};

static __always_inline int pass(struct counters_val *c)
{
	c->node[NODE_PASS]++;
	c->passed++;
	return CTX_PASS;
}

/* Not understood: the host's, unless its headers are apart. */
static __always_inline int pass_or_drop(CTX *ctx, struct counters_val *c, struct pkt *p, __u32 len)
{
	if (unlikely(ctx_apart(ctx, len)) && classify_apart(ctx))
		return node_drop(ctx, c, p, REASON_HEADERS_APART, HOOK);
	return pass(c);
}

/*
 * Not in a tunnel. Of a connection that is translated: its record is looked for here, which saves
 * reading the packet again behind a tail call. To a public address, from the server of a service,
 * or the host's own: stage OUTSIDE tells. Whatever cannot be read is the host's.
 */
static __always_inline int untunnelled(CTX *ctx, struct counters_val *c, struct pkt *p, __u32 len)
{
	struct flow_val *f;
	int r = 0, i;

	if (!outside_generation())
		return pass_or_drop(ctx, c, p, len);
	c->node[NODE_OUTSIDE]++;
	pkt_init(ctx, p);
	p->key.scope = SCOPE_OUTSIDE;
	for (i = 0; i < 2; i++) {
		r = parse_frame(ctx, p, 0, len);
		if (likely(r == 0) || r != -REASON_TRUNCATED || !ctx_pull(ctx))
			break;
	}
	if (unlikely(r))
		return pass_or_drop(ctx, c, p, len);
	mac_pair_any_source(&p->dmac); /* any router may bring it */
	f = likely(p->key.family && p->frag != FRAG_LATER) ? node_flow(p) : NULL;
	if (f && f->flags & FLOW_XLAT) {
		c->node[NODE_FLOW]++;
		xlat_take(f);
		bpf_tail_call(ctx, &stages, NODE_XLAT);
	} else if (f && p->seg_len <= act_mtu(f)) {
		c->node[NODE_FLOW]++;
		r = act_nat(ctx, c, p, f, 0);
		return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
	}
	bpf_tail_call(ctx, &stages, NODE_OUTSIDE);
	return pass(c);
}

static __always_inline int parse_inner(CTX *ctx, struct pkt *p, __u32 len)
{
	int r;

	if (p->outer_len == TUNNEL6_LEN)
		r = parse_frame(ctx, p, TUNNEL6_LEN, len - TUNNEL6_LEN);
	else
		r = parse_frame(ctx, p, TUNNEL4_LEN, len - TUNNEL4_LEN);
	return r;
}

static __always_inline int transit_entry(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct eth_hdr *eth;
	struct flow_val *f;
	struct nh_val *n;
	__u32 index, len;
	int r = 0, i;

	if (!c || !p)
		return CTX_PASS; /* the host's own traffic must not depend on us */
	len = ctx_len(ctx);
	c->received++;
	c->received_bytes += len;
	c->node[NODE_CLASSIFY]++;
	pkt_init(ctx, p);
	p->tunnel = 1;
	ctx_open(ctx, len);
	if (unlikely(ctx_vlan_tci(ctx) != TAG_NONE)) {
		if ((ctx_vlan_tci(ctx) & 0xfff) || !classify_priority_tag(ctx, 0) || ctx_untag(ctx))
			return pass(c);
	}
	eth = ctx_data(ctx);
	if ((void *)(eth + 1) <= ctx_data_end(ctx) &&
	    unlikely(eth->type == bpf_htons(ETHERTYPE_VLAN))) {
		if (!classify_priority_tag(ctx, 1) || ctx_untag(ctx))
			return pass(c);
		len -= sizeof(struct vlan_hdr);
	}
	p->frame_len = len;
	for (i = 0; i < 2; i++) {
		asm volatile(""
			     : "+r"(ctx)); /* the verifier takes no sums with it kept for later */
		r = node_classify(ctx, p, len);
		if (r == CLASSIFY_PASS && !ctx_pull(ctx))
			break;
		if (r == CLASSIFY_PASS)
			continue;
		if (!r) {
			c->node[NODE_PARSE]++;
			p->key.scope = SCOPE_TUNNEL | p->vni;
			r = parse_inner(ctx, p, len);
		}
		if (likely(r == 0) || r != -REASON_TRUNCATED || !ctx_pull(ctx))
			break;
	}
	if (r == CLASSIFY_PASS)
		return untunnelled(ctx, c, p, len);
	if (unlikely(r)) {
		p->reason =
			r == -REASON_TRUNCATED && ctx_apart(ctx, len) ? REASON_HEADERS_APART : -r;
		goto walk;
	}
	if (unlikely(p->frag == FRAG_LATER)) {
		r = node_fragment(p);
		if (r) {
			p->reason = -r;
			goto walk;
		}
	}
	if (unlikely(!p->key.family))
		goto walk;
	f = node_flow(p);
	if (!f || !(f->flags & FLOW_TUNNEL_IN))
		goto walk;
	index = f->in_id;
	n = bpf_map_lookup_elem(&nh, &index);
	if (!n || !classify_is_from(ctx, p, n))
		goto walk;
	if (unlikely(f->action != FLOW_DELIVER || f->flags & FLOW_NAT)) {
		if (f->flags & FLOW_XLAT) {
			c->node[NODE_FLOW]++;
			xlat_take(f);
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			goto walk;
		}
		if (p->seg_len > act_mtu(f))
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_nat(ctx, c, p, f, 1);
	} else {
		if (p->seg_len > f->out_arg)
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_decap(ctx, c, p, f);
	}
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	return r;
walk:
	bpf_tail_call(ctx, &stages, NODE_WALK);
	return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
}

SEC(CTX_SEC)
int PROGRAM(transit)(CTX *ctx)
{
	return transit_entry(ctx);
}

#include "transit_decide.h"

static __always_inline int walk_ip(CTX *ctx, struct counters_val *c, struct pkt *p,
				   struct vpc_val *v)
{
	struct target dst = {};
	struct decision *d = decision_get();
	int r;

	if (!d)
		return -REASON_INTERNAL;
	c->node[NODE_ROUTE]++;
	r = decide(p, v, &dst, d);
	if (r == DECIDED_OUTSIDE) {
		icmp_error_source(p, NULL, v);
		bpf_tail_call(ctx, &stages, NODE_NAT);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_PEER) {
		icmp_error_source(p, NULL, v);
		bpf_tail_call(ctx, &stages, NODE_PEER);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_PEER_ICMP) {
		bpf_tail_call(ctx, &stages, NODE_PEER_ICMP);
		return -REASON_INTERNAL;
	}
	if (!r) {
		c->node[NODE_COMMIT]++;
		if (p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r)
			r = commit(d, p->tcp_flags);
	}
	if (r < 0) {
		__u32 ifindex = dst.ifindex;
		struct ep_val *e = bpf_map_lookup_elem(&ep, &ifindex);
		struct target src = {};

		icmp_error_source(p, e, v);
		resolve(p->vni, &p->key.saddr, p->key.family, &src);
		if (src.kind != TARGET_BROADCAST && !d->quiet && error_for(p, -r, d->mtu) &&
		    icmp_error_due(p)) {
			node_drop(ctx, c, p, -r, HOOK);
			bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
			return CTX_DROP;
		}
		return r;
	}
	return act_decap(ctx, c, p, &d->fwd);
}

SEC(CTX_SEC)
int PROGRAM(trans_walk)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct vtep_val *vt;
	struct vpc_val *v;
	__u32 vni, index, *generation;
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_WALK]++;
	p->node = NODE_WALK;
	if (classify_addresses(ctx, p))
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	if (!bpf_map_lookup_elem(&local, &p->outer_dst))
		return untunnelled(ctx, c, p, p->frame_len);
	/* a broken outer header says nothing true about the rest */
	if (p->reason == REASON_BAD_TUNNEL || p->reason == REASON_BAD_CHECKSUM)
		return node_drop(ctx, c, p, p->reason, HOOK);
	vt = bpf_map_lookup_elem(&vtep, &p->outer_src);
	if (!vt)
		return node_drop(ctx, c, p, REASON_UNKNOWN_VTEP, HOOK);
	p->in_nh = vt->nh;
	if (p->reason == REASON_FRAG_UNKNOWN)
		bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
	if (p->reason)
		return node_drop(ctx, c, p, p->reason, HOOK);
	vni = p->vni;
	v = bpf_map_lookup_elem(&vpc, &vni);
	if (!v)
		return node_drop(ctx, c, p, REASON_UNKNOWN_VPC, HOOK);
	/* the generation before the tables, as in the agent's walk */
	index = v->vpc;
	generation = bpf_map_lookup_elem(&vpc_gen, &index);
	if (!generation)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	p->generation = *(volatile __u32 *)generation;
	v = bpf_map_lookup_elem(&vpc, &vni);
	if (!v || v->vpc != index)
		return node_drop(ctx, c, p, REASON_GENERATION_RACE, HOOK);
	if (p->ethertype == ETHERTYPE_VLAN || p->ethertype == ETHERTYPE_QINQ)
		return node_drop(ctx, c, p, REASON_VLAN, HOOK); /* RFC 7348 s6.1 */
	if (mac_is_group(&p->dmac))
		return node_drop(ctx, c, p, REASON_MULTICAST, HOOK);
	/* no station sends from such an address (IEEE 802 s8.2), and no error could go there */
	if (mac_is_group(&p->smac) || mac_is_zero(&p->smac))
		return node_drop(ctx, c, p, REASON_BAD_HEADER, HOOK);
	if (!p->key.family)
		return node_drop(ctx, c, p,
				 p->ethertype == ETHERTYPE_ARP ? REASON_ARP_UNKNOWN
							       : REASON_ETHERTYPE,
				 HOOK);
	r = walk_ip(ctx, c, p, v);
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	return r;
}

SEC(CTX_SEC)
int PROGRAM(trans_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	__u32 index, ifindex;
	struct mac_addr macs[2] __attribute__((aligned(4)));
	struct encap e = {};
	struct nh_val *n;
	int err;

	if (!c || !p)
		return CTX_DROP;
	if (!p->tunnel) { /* to the outside, through the droplet it came from */
		if (!icmp_allowed(p->vpc, p->icmp_rate, p->icmp_burst) || icmp_error_build(ctx, p))
			return CTX_DROP;
		c->node[NODE_ICMP_ERROR]++;
		c->generated++;
		return ctx_reply(ctx);
	}
	index = p->in_nh;
	n = bpf_map_lookup_elem(&nh, &index);
	if (!n || !(n->flags & NH_RESOLVED) || !icmp_allowed(p->vpc, p->icmp_rate, p->icmp_burst))
		return CTX_DROP;
	if (p->outer_len == TUNNEL6_LEN)
		err = ctx_shrink(ctx, TUNNEL6_LEN, p->key.family == 6);
	else
		err = ctx_shrink(ctx, TUNNEL4_LEN, p->key.family == 6);
	if (err < 0)
		return CTX_DROP;
	p->l4_off -= p->outer_len;
	if (icmp_error_build(ctx, p))
		return CTX_DROP;
	macs[0] = p->smac;
	macs[1] = p->gw_mac;
	e.macs = macs;
	e.vni = p->vni;
	e.udp_sport = hash_udp_port(hash_flow(&p->key, p->vni));
	e.tos = p->tos;
	e.inner_ipv6 = p->key.family == 6;
	ifindex = n->ifindex;
	if (encap_write(ctx, n, &e, p->l3_len + ETH_LEN))
		return CTX_DROP;
	c->node[NODE_ICMP_ERROR]++;
	c->generated++;
	return ctx_redirect(ctx, ifindex);
}

#include "transit_outside.h"
#include "transit_stages.h"
