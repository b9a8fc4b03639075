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
		if (p->seg_len > f->mtu)
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

/* The local endpoint's reply: what the agent's walk would conclude. */
static __always_inline void decide_reverse(const struct pkt *p, const struct vpc_val *v,
					   const struct target *dst, struct decision *d)
{
	struct flow_val *r = &d->rev, *f = &d->fwd;
	int routed = mac_equal(&p->smac, &v->gw_mac); /* the sender's host has routed it */
	struct target src = {};
	__u32 hash;

	resolve(p->vni, &p->key.saddr, p->key.family, &src);
	/* unknown here, or not by the address it claims: let the reply walk by itself */
	if (src.kind != TARGET_REMOTE ||
	    (!routed && (!src.exact || !mac_equal(&src.mac, &p->smac))))
		return;
	r->key.scope = dst->ifindex;
	r->key.saddr = p->key.daddr;
	r->key.daddr = p->key.saddr;
	r->key.sport = p->key.dport;
	r->key.dport = p->key.sport;
	r->key.proto = p->key.proto;
	r->key.family = p->key.family;
	hash = hash_flow(&r->key, p->vni);
	r->in_dmac = p->smac;
	r->in_smac = dst->mac;
	r->generation = f->generation;
	r->out_dmac = src.mac;
	r->out_smac = routed ? v->gw_mac : dst->mac;
	r->vni = p->vni;
	r->vpc = v->vpc;
	r->in_id = dst->ep;
	r->out_id = resolve_nexthop(&src, hash);
	r->udp_sport = hash_udp_port(hash);
	r->action = FLOW_ENCAP;
	r->flags = routed ? FLOW_ROUTED : 0;
	d->has_reverse = 1;
}

enum {
	DECIDED_OUTSIDE = 1, /* leaves the VPC: stage NAT goes on */
	DECIDED_PEER_ICMP = 2, /* tells a sender in a peered VPC: stage PEER_ICMP goes on */
	DECIDED_PEER = 3, /* into another VPC, by a pool of this host: stage PEER goes on */
};

/* Out of the VPC, from an endpoint behind the VTEP that sent it: the sender's leg. 0 or a reason.
 */
static __always_inline int decide_outside(struct pkt *p, const struct vpc_val *v,
					  const struct target *dst, struct decision *d)
{
	struct flow_val *f = &d->fwd;
	struct target src = {};
	__u32 hash = hash_flow(&p->key, p->vni);

	resolve(p->vni, &p->key.saddr, p->key.family, &src);
	/* replies go to where the address is known to be, not to whoever used it */
	if (src.kind != TARGET_REMOTE)
		return -REASON_SPOOFED_IP;
	f->key = p->key;
	f->vpc = v->vpc;
	nat_leg_endpoint(&d->rev, f, &src, &v->gw_mac, p->vni, hash);
	f->in_dmac = p->dmac;
	f->in_smac = p->smac;
	f->in_id = p->in_nh;
	f->vni = p->vni;
	f->flags |= FLOW_ROUTED;
	d->account = limit_of_sub(src.sub);
	d->sub = src.sub;
	d->exempt = dst->flags & TARGET_EXEMPT;
	return 0;
}

/* 0, the above, or a negative reason. Writes nothing. dst is filled as far as it got. */
static __always_inline int decide(struct pkt *p, const struct vpc_val *v, struct target *dst,
				  struct decision *d)
{
	struct flow_val *f = &d->fwd;
	int r, routed;

	r = check_addresses(p);
	if (r)
		return r;
	f->generation = p->generation;
	resolve(p->vni, &p->key.daddr, p->key.family, dst);
	routed = mac_equal(&p->dmac, &v->gw_mac);
	if (dst->kind == TARGET_BROADCAST)
		return -REASON_MULTICAST;
	if (dst->kind == TARGET_GATEWAY)
		return -REASON_GATEWAY_SERVICE;
	if (dst->kind == TARGET_NONE)
		return -REASON_NO_ROUTE;
	if (dst->kind == TARGET_SUBNET)
		return -REASON_HOST_UNREACHABLE;
	if (dst->kind == TARGET_BLACKHOLE)
		return -REASON_BLACKHOLE;
	if (dst->kind == TARGET_REMOTE || dst->kind == TARGET_SERVICE)
		return -REASON_NOT_HERE; /* services are met on the sender's own host */
	/*
	 * Packets into a peered VPC are translated by their sender's host, or where a pool is;
	 * errors arise anywhere.
	 */
	if (dst->kind == TARGET_PEERED && !(dst->flags & TARGET_STATEFUL) && !icmp_is_error(p))
		return -REASON_NOT_HERE;
	if (!routed && (dst->kind == TARGET_OUTSIDE || dst->kind == TARGET_PEERED ||
			!mac_equal(&p->dmac, &dst->mac)))
		return -REASON_UNKNOWN_MAC;
	if (routed && p->ttl <= 1)
		return -REASON_TTL_EXCEEDED;
	if (dst->kind == TARGET_PEERED) {
		f->flags = FLOW_TUNNEL_IN | FLOW_ROUTED;
		f->in_id = p->in_nh;
		d->peer = dst->nh;
		d->stateful = dst->flags & TARGET_STATEFUL;
		if (icmp_is_error(p))
			return DECIDED_PEER_ICMP;
		r = decide_outside(p, v, dst, d);
		return r ? r : DECIDED_PEER;
	}
	if (dst->kind == TARGET_OUTSIDE) {
		r = decide_outside(p, v, dst, d);
		return r ? r : DECIDED_OUTSIDE;
	}
	d->mtu = dst->mtu;
	if (p->seg_len > dst->mtu)
		return -REASON_TOO_BIG;
	f->key = p->key;
	f->in_dmac = p->dmac;
	f->in_smac = p->smac;
	f->out_dmac = dst->mac;
	f->out_smac = routed ? v->gw_mac : p->smac;
	f->vni = p->vni;
	f->vpc = v->vpc;
	f->in_id = p->in_nh;
	f->out_id = dst->ep;
	f->out_ifindex = dst->ifindex;
	f->mtu = dst->mtu;
	f->action = FLOW_DELIVER;
	f->flags = FLOW_TUNNEL_IN | (routed ? FLOW_ROUTED : 0) |
		   (dst->flags & TARGET_PEER ? FLOW_PEER : 0);
	d->account = limit_of_endpoint(dst->ep) | LIMIT_ACCEPTED;
	decide_reverse(p, v, dst, d);
	return 0;
}

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

/* A packet that is in no tunnel and has no record that can be used; its headers were read. */
SEC(CTX_SEC)
int PROGRAM(trans_outside)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct flow_val *found = NULL, *f;
	struct target t = {};
	int r;

	if (!c || !p)
		return CTX_PASS;
	if (unlikely(!p->key.family)) {
		if (p->ethertype == ETHERTYPE_ARP)
			bpf_tail_call(ctx, &stages, NODE_OUTSIDE_L2);
		return pass(c);
	}
	if (unlikely(p->frag == FRAG_LATER)) {
		if (node_fragment(p)) {
			p->reason = REASON_FRAG_UNKNOWN;
			goto walk;
		}
		f = node_flow(p);
		if (f && f->flags & FLOW_XLAT) {
			c->node[NODE_FLOW]++;
			xlat_take(f);
			bpf_tail_call(ctx, &stages, NODE_XLAT);
		} else if (f && p->seg_len <= act_mtu(f)) {
			c->node[NODE_FLOW]++;
			r = act_nat(ctx, c, p, f, 0);
			return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
		}
	}
	found = flow_find(&p->key);
walk:
	if (p->key.family == 6 && p->l4_proto == PROTO_ICMPV6 && p->frag == FRAG_NONE &&
	    p->icmp_type >= ICMP6_ROUTER_SOLICIT && p->icmp_type <= ICMP6_REDIRECT) {
		if (p->icmp_type == ICMP6_NEIGHBOUR_SOLICIT)
			bpf_tail_call(ctx, &stages, NODE_OUTSIDE_L2);
		return pass(c); /* the link's own business (RFC 4861) */
	}
	if (mac_is_group(&p->dmac))
		return pass(c);
	resolve(VNI_OUTSIDE, &p->key.daddr, p->key.family, &t);
	if ((found && found->flags & FLOW_SERVICE) || t.kind == TARGET_SERVICE ||
	    (t.kind != TARGET_PUBLIC && icmp_is_error(p)))
		bpf_tail_call(ctx, &stages, NODE_SERVICE);
	/* or of a connection that left untranslated */
	if (t.kind != TARGET_PUBLIC && !found)
		return pass(c);
	bpf_tail_call(ctx, &stages, NODE_NAT);
	return pass(c);
}

SEC(CTX_SEC)
int PROGRAM(trans_outside_l2)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct outside_val *o;
	__u32 ifindex;
	int arp, r;

	if (!c || !p)
		return CTX_PASS;
	ifindex = p->ifindex;
	o = bpf_map_lookup_elem(&outside, &ifindex);
	arp = p->ethertype == ETHERTYPE_ARP;
	r = arp ? outside_arp(ctx, p, o) : outside_nd(ctx, p, o);
	if (r > 0)
		return pass(c);
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	c->node[arp ? NODE_ARP : NODE_ND]++;
	c->node[NODE_REPLY]++;
	c->sent++;
	return ctx_reply(ctx);
}

static __noinline int for_public(struct pkt *p)
{
	struct target t = {};

	resolve(VNI_OUTSIDE, &p->key.daddr, p->key.family, &t);
	return t.kind == TARGET_PUBLIC;
}

enum { NOT_OURS = 1 << 16 }; /* no verdict has this value: CTX_PASS may be negative */

/* From outside to a public address. A verdict, NOT_OURS or a negative reason. */
static __always_inline int nat_outside_in(CTX *ctx, struct counters_val *c, struct pkt *p,
					  struct nat_plan *plan)
{
	__u32 ifindex = p->ifindex, vni = VNI_OUTSIDE;
	struct outside_val *o = bpf_map_lookup_elem(&outside, &ifindex);
	struct vpc_val *v = bpf_map_lookup_elem(&vpc, &vni);
	struct eth_hdr *eth = ctx_data(ctx);
	struct decision *d = decision_get();
	int r;

	if (!o || !v || !d || (void *)(eth + 1) > ctx_data_end(ctx))
		return NOT_OURS;
	p->smac = eth->src;
	if (!mac_equal(&p->dmac, &o->mac))
		return NOT_OURS;
	if (p->reason == REASON_FRAG_UNKNOWN)
		bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
	if (p->reason)
		return -p->reason;
	r = check_addresses(p);
	/* an error may turn out to be the host's */
	if (r && (!icmp_is_error(p) || for_public(p)))
		return r;
	icmp_error_source(p, NULL, v);
	p->gw = p->key.family == 6 ? o->gw6 : o->gw4;
	p->gw_mac = o->mac;
	if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
		return -REASON_INTERNAL;
	}
	plan->vni = VNI_OUTSIDE;
	r = nat_from_outside(ctx, p, plan, d);
	if (r == -REASON_NO_MAPPING && !for_public(p))
		return NOT_OURS; /* its connection has ended */
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r && d->fwd.flags & FLOW_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT);
		r = -REASON_INTERNAL;
	}
	return r ? r : act_nat(ctx, c, p, &d->fwd, p->tunnel);
}

SEC(CTX_SEC)
int PROGRAM(trans_nat)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_peek();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_NAT]++;
	p->node = NODE_NAT;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	/* before any table, as in the walk */
	plan->generation = outside_generation();
	if (!p->tunnel) {
		r = nat_outside_in(ctx, c, p, plan);
		if (r == NOT_OURS)
			return pass(c);
	} else if (ecn_decap(p->tos & ECN_MASK, p->outer_tos & ECN_MASK) < 0) {
		r = -REASON_ECN; /* before anything is made for it */
	} else if (icmp_is_error(p)) {
		bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
		r = -REASON_INTERNAL;
	} else {
		plan->vni = p->vni;
		r = nat_from_inside(ctx, p, plan, d);
		if (!r && p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r && d->fwd.flags & FLOW_XLAT) {
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			r = -REASON_INTERNAL;
		}
		if (!r)
			r = act_nat(ctx, c, p, &d->fwd, p->tunnel);
	}
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

SEC(CTX_SEC)
int PROGRAM(trans_nat_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_NAT_ICMP]++;
	p->node = NODE_NAT_ICMP;
	r = nat_error(ctx, c, p, p->tunnel);
	if (r == NAT_ERROR_XLAT) {
		bpf_tail_call(ctx, &stages, NODE_XLAT_ICMP);
		r = -REASON_INTERNAL;
	}
	if (r >= 0)
		return r;
	if (r == -REASON_NAT_UNRELATED && !p->tunnel && !for_public(p))
		return pass(c);
	return node_drop(ctx, c, p, -r, HOOK);
}

/* Into the other family: a record says so. */
SEC(CTX_SEC)
int PROGRAM(trans_xlat)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct flow_val *f;
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat(ctx, c, p);
	if (r == XLAT_WALK) {
		f = flow_find(&p->key);
		if (f && f->flags & FLOW_SERVICE)
			bpf_tail_call(ctx, &stages, NODE_SERVICE);
		bpf_tail_call(ctx, &stages, p->tunnel ? NODE_WALK : NODE_NAT);
		r = -REASON_INTERNAL;
	}
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* What a server, or a router on the way to it, sends: to a workload, or the host's. */
SEC(CTX_SEC)
int PROGRAM(trans_service)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_get();
	struct eth_hdr *eth = ctx_data(ctx);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_SERVICE]++;
	p->node = NODE_SERVICE;
	if (!d || !plan || (void *)(eth + 1) > ctx_data_end(ctx))
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	p->smac = eth->src;
	if (icmp_is_error(p) && p->frag == FRAG_NONE) {
		r = service_quoted(ctx, p);
		if (!r) {
			bpf_tail_call(ctx, &stages, NODE_NAT_ICMP);
			r = -REASON_INTERNAL;
		}
	} else {
		r = service_from_server(ctx, p, plan, d);
		if (!r && p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r && d->fwd.flags & FLOW_XLAT) {
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			r = -REASON_INTERNAL;
		}
		if (!r)
			r = act_nat(ctx, c, p, &d->fwd, p->tunnel);
		if (r >= 0 && r != SERVICE_STRANGER)
			return r;
	}
	if (r == SERVICE_STRANGER) {
		/* an error about what left untranslated */
		if (!service_address(p) && icmp_is_error(p))
			bpf_tail_call(ctx, &stages, NODE_NAT);
		if (!service_address(p))
			return pass(c);
		if (p->reason == REASON_FRAG_UNKNOWN)
			bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
		r = p->reason ? -p->reason : -REASON_NO_MAPPING;
	}
	node_drop(ctx, c, p, -r, HOOK);
	if (error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

/* Into a peered VPC by a pool of this host: the walk has filled in the sender's leg. */
SEC(CTX_SEC)
int PROGRAM(trans_peer)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct decision *d = decision_peek();
	struct nat_plan *plan = nat_plan_get();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_PEER]++;
	p->node = NODE_PEER;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	plan->vni = p->vni;
	if (ecn_decap(p->tos & ECN_MASK, p->outer_tos & ECN_MASK) < 0)
		r = -REASON_ECN; /* before anything is made for it */
	else
		r = peer_send(p, plan, d);
	if (!r && p->frag == FRAG_FIRST)
		r = fragment_remember(p);
	if (!r)
		r = act_nat(ctx, c, p, &d->fwd, p->tunnel);
	if (r >= 0)
		return r;
	node_drop(ctx, c, p, -r, HOOK);
	if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p))
		bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
	return CTX_DROP;
}

SEC(CTX_SEC)
int PROGRAM(trans_peer_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct nat_plan *plan = nat_plan_get();
	struct decision *d = decision_peek();
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_PEER_ICMP]++;
	p->node = NODE_PEER_ICMP;
	if (!d || !plan)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	plan->vni = p->vni;
	r = peer_error(ctx, c, p, plan, d, !d->stateful);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* The same of an error. */
SEC(CTX_SEC)
int PROGRAM(trans_xlat_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat_icmp(ctx, c, p, p->key.scope, p->tunnel);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* A fragment before its first one: to the daemon. */
SEC(CTX_SEC)
int PROGRAM(trans_held)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	__u32 vni;
	int r;

	if (!c || !p)
		return CTX_DROP;
	vni = p->vni;
	if (p->tunnel && !bpf_map_lookup_elem(&vpc, &vni))
		r = -REASON_UNKNOWN_VPC;
	else
		r = node_held(ctx, c, p, p->tunnel ? HELD_TUNNEL : HELD_OUTSIDE);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}
