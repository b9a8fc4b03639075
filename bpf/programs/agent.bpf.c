/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The agent: runs on the host side of every endpoint's device, so it sees what the workload
 * sends. Built for XDP and for tc from this one source.
 *
 * A packet's journey: headers are read; if a walk has left a record for this flow on this
 * device, and nothing about the packet is exceptional, it is rewritten, encapsulated and
 * sent: that is all. Everything else (first packets, ARP, errors, old generations) goes
 * to the walk stage, and from there perhaps to the ICMP error stage.
 */
#include <ctx/ctx.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include <nodes/act.h>
#include <nodes/antispoof.h>
#include <nodes/commit.h>
#include <nodes/drop.h>
#include <nodes/echo.h>
#include <nodes/flow.h>
#include <nodes/fragment.h>
#include <nodes/held.h>
#include <nodes/icmp_error.h>
#include <nodes/l2_reply.h>
#include <nodes/nat.h>
#include <nodes/nat_icmp.h>
#include <nodes/peer.h>
#include <nodes/peer_icmp.h>
#include <nodes/resolve.h>
#include <nodes/service.h>
#include <nodes/xlat.h>
#include <nodes/xlat_icmp.h>

char _license[] SEC("license") = "Dual BSD/GPL";

#ifdef CTX_XDP
#define PROGRAM(what) xdp_##what
enum { HOOK = HOOK_AGENT_XDP };
#else
#define PROGRAM(what) tc_##what
enum { HOOK = HOOK_AGENT_TC };
#endif

int PROGRAM(agent_walk)(CTX *ctx);
int PROGRAM(agent_icmp)(CTX *ctx);
int PROGRAM(agent_nat)(CTX *ctx);
int PROGRAM(agent_nat_icmp)(CTX *ctx);
int PROGRAM(agent_xlat)(CTX *ctx);
int PROGRAM(agent_xlat_icmp)(CTX *ctx);
int PROGRAM(agent_service)(CTX *ctx);
int PROGRAM(agent_peer)(CTX *ctx);
int PROGRAM(agent_peer_icmp)(CTX *ctx);
int PROGRAM(agent_held)(CTX *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NODE_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(CTX *));
} stages SEC(".maps") = {
	.values =
		{
			[NODE_WALK] = (void *)&PROGRAM(agent_walk),
			[NODE_ICMP_ERROR] = (void *)&PROGRAM(agent_icmp),
			[NODE_NAT] = (void *)&PROGRAM(agent_nat),
			[NODE_NAT_ICMP] = (void *)&PROGRAM(agent_nat_icmp),
			[NODE_XLAT] = (void *)&PROGRAM(agent_xlat),
			[NODE_XLAT_ICMP] = (void *)&PROGRAM(agent_xlat_icmp),
			[NODE_SERVICE] = (void *)&PROGRAM(agent_service),
			[NODE_PEER] = (void *)&PROGRAM(agent_peer),
			[NODE_PEER_ICMP] = (void *)&PROGRAM(agent_peer_icmp),
			[NODE_FRAGMENT] = (void *)&PROGRAM(agent_held),
		},
};

/*
 * A priority tag (VID 0, IEEE 802.1Q) is taken off; any other has no meaning here. The tag
 * may be in the frame or already taken off by the kernel. len: of the frame, kept right. 0 or a
 * negative reason.
 */
static __always_inline int untag(CTX *ctx, __u32 *len)
{
	struct vlan_hdr *tag = ctx_data(ctx) + ETH_LEN;
	__u32 tci = ctx_vlan_tci(ctx);
	struct eth_hdr *eth;

	if (likely(tci == TAG_NONE)) {
		eth = ctx_data(ctx);
		if ((void *)(eth + 1) > ctx_data_end(ctx) ||
		    likely(eth->type != bpf_htons(ETHERTYPE_VLAN)))
			return 0;
		if ((void *)(tag + 1) > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		tci = bpf_ntohs(tag->tci);
		*len -= sizeof(*tag);
	}
	if (tci & 0xfff)
		return -REASON_VLAN;
	if (ctx_untag(ctx))
		return -REASON_REWRITE;
	return ctx_tagged(ctx) ? -REASON_ETHERTYPE : 0;
}

static __always_inline int agent_entry(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct flow_val *f;
	int r = 0, i;
	__u32 len;

	if (!c || !p)
		return CTX_DROP;
	len = ctx_len(ctx);
	c->received++;
	c->received_bytes += len;
	c->node[NODE_PARSE]++;
	pkt_init(ctx, p);
	p->key.scope = p->ifindex;
	ctx_open(ctx, len);
	r = untag(ctx, &len);
	p->frame_len = len;
	if (unlikely(r))
		goto bad;
	for (i = 0; i < 2; i++) {
		r = parse_frame(ctx, p, 0, len);
		if (likely(r == 0) || r != -REASON_TRUNCATED || !ctx_pull(ctx))
			break;
	}
	if (unlikely(r))
		goto bad;
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
	if (!f)
		goto walk;
	p->ep = f->in_id;
	p->vni = f->vni;
	if (unlikely(f->flags & FLOW_NAT || f->action == FLOW_FORWARD)) {
		if (f->flags & FLOW_XLAT) {
			c->node[NODE_FLOW]++;
			xlat_take(f);
			bpf_tail_call(ctx, &stages, NODE_XLAT);
			goto walk;
		}
		if (p->seg_len > act_mtu(f))
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_nat(ctx, c, p, f, 0);
	} else if (f->action == FLOW_ENCAP) {
		__u32 index = f->out_id;
		struct nh_val *n = bpf_map_lookup_elem(&nh, &index);

		if (!n || !(n->flags & NH_RESOLVED) || p->seg_len > n->mtu)
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_encap(ctx, c, p, f, n);
	} else if (f->action == FLOW_DELIVER) {
		if (p->seg_len > f->out_arg)
			goto walk;
		c->node[NODE_FLOW]++;
		r = act_deliver(ctx, c, p, f);
	} else {
		goto walk;
	}
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	return r;
bad:
	p->reason = r == -REASON_TRUNCATED && ctx_apart(ctx, len) ? REASON_HEADERS_APART : -r;
walk:
	bpf_tail_call(ctx, &stages, NODE_WALK);
	return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
}

SEC(CTX_SEC)
int PROGRAM(agent)(CTX *ctx)
{
	return agent_entry(ctx);
}

#include "agent_decide.h"

static __always_inline int walk_ip(CTX *ctx, struct counters_val *c, struct pkt *p,
				   struct ep_val *e)
{
	struct decision *d = decision_get();
	int r;

	if (!d)
		return -REASON_INTERNAL;
	if (p->key.family == 6 && p->l4_proto == PROTO_ICMPV6 && p->frag == FRAG_NONE &&
	    p->icmp_type >= ICMP6_ROUTER_SOLICIT && p->icmp_type <= ICMP6_REDIRECT) {
		count_node(c, NODE_ND);
		r = nd_check(ctx, p);
		if (r < 0)
			return r;
		r = node_nd(ctx, p, e, r);
		if (r)
			return r;
		goto reply;
	}
	count_node(c, NODE_ROUTE);
	r = decide(p, e, d);
	if (r > 0 && r != DECIDED_GATEWAY) {
		int denied = policy_early(p, d, e->ep);

		if (denied)
			r = denied;
	}
	if (r == DECIDED_OUTSIDE) {
		bpf_tail_call(ctx, &stages, NODE_NAT);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_SERVICE) {
		bpf_tail_call(ctx, &stages, NODE_SERVICE);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_PEER) {
		bpf_tail_call(ctx, &stages, NODE_PEER);
		return -REASON_INTERNAL;
	}
	if (r == DECIDED_GATEWAY) {
		count_node(c, NODE_ECHO);
		r = node_echo(ctx, p, e);
		if (!r && p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (r)
			return r;
		goto reply;
	}
	if (!r) {
		count_node(c, NODE_COMMIT);
		if (p->frag == FRAG_FIRST)
			r = fragment_remember(p);
		if (!r)
			r = commit(d, p->tcp_flags);
	}
	if (r < 0) {
		if (!d->quiet && error_for(p, -r, d->mtu) && icmp_error_due(p)) {
			node_drop(ctx, c, p, -r, HOOK);
			bpf_tail_call(ctx, &stages, NODE_ICMP_ERROR);
			return CTX_DROP;
		}
		return r;
	}
	if (d->fwd.action == FLOW_ENCAP) {
		__u32 index = d->fwd.out_id;
		struct nh_val *n = bpf_map_lookup_elem(&nh, &index);

		return n ? act_encap(ctx, c, p, &d->fwd, n) : -REASON_INTERNAL;
	}
	return act_deliver(ctx, c, p, &d->fwd);
reply:
	c->node[NODE_REPLY]++;
	c->sent++;
	count_ep_tx(e->ep, p->l3_len + ETH_LEN);
	return ctx_reply(ctx);
}

SEC(CTX_SEC)
int PROGRAM(agent_walk)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	__u32 ifindex, vpc_vni, index, *generation;
	struct vpc_val *v;
	struct ep_val *e;
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_WALK]++;
	p->node = NODE_WALK;
	ifindex = p->ifindex;
	e = bpf_map_lookup_elem(&ep, &ifindex);
	if (!e)
		return node_drop(ctx, c, p, REASON_UNKNOWN_ENDPOINT, HOOK);
	/*
	 * Tables are written before the generation is raised, so it is read before the tables:
	 * a change in between makes the record old at once. Hence the second look-up.
	 */
	index = e->vpc;
	generation = bpf_map_lookup_elem(&vpc_gen, &index);
	if (!generation)
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	p->generation = *(volatile __u32 *)generation;
	e = bpf_map_lookup_elem(&ep, &ifindex);
	if (!e || e->vpc != index)
		return node_drop(ctx, c, p, REASON_GENERATION_RACE, HOOK);
	p->ep = e->ep;
	p->vni = e->vni;
	vpc_vni = e->vni;
	v = bpf_map_lookup_elem(&vpc, &vpc_vni);
	if (!v)
		return node_drop(ctx, c, p, REASON_UNKNOWN_VPC, HOOK);
	icmp_error_source(p, e, v);

	if (p->reason == REASON_FRAG_UNKNOWN && mac_equal(&p->smac, &e->mac))
		bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
	if (p->reason)
		return node_drop(ctx, c, p, p->reason, HOOK);
	if (!mac_equal(&p->smac, &e->mac))
		return node_drop(ctx, c, p, REASON_SPOOFED_MAC, HOOK);
	if (p->ethertype == ETHERTYPE_ARP) {
		p->node = NODE_ARP;
		c->node[NODE_ARP]++;
		r = node_arp(ctx, p, e);
		if (!r) {
			c->node[NODE_REPLY]++;
			c->sent++;
			count_ep_tx(e->ep, ETH_LEN + sizeof(struct arp_hdr));
			return ctx_reply(ctx);
		}
	} else if (!p->key.family) {
		r = -REASON_ETHERTYPE;
	} else {
		r = walk_ip(ctx, c, p, e);
	}
	if (r < 0)
		return node_drop(ctx, c, p, -r, HOOK);
	return r;
}

SEC(CTX_SEC)
int PROGRAM(agent_icmp)(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();

	if (!c || !p)
		return CTX_DROP;
	if (!icmp_allowed(p->vpc, p->icmp_rate, p->icmp_burst))
		return CTX_DROP;
	if (icmp_error_build(ctx, p))
		return CTX_DROP;
	c->node[NODE_ICMP_ERROR]++;
	c->generated++;
	return ctx_reply(ctx);
}

#include "agent_stages.h"
