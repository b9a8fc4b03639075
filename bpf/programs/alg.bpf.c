/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Takes back what nodes/alg.h and nodes/held.h handed to the daemon, and makes the way for the
 * connections that ALGs in the daemon have seen announced.
 *
 * `alg` runs on the daemon's own device. The journey of an ALG's packet: its tag names the record
 * it was handed over by; if that still holds it is translated and sent on, else dropped, and its
 * sender repeats it. A fragment's: the tag goes, and the record that its first one has left is used
 * as on the device where it entered; without that it ends here. `alg_expect` is run by the daemon
 * through BPF_PROG_TEST_RUN.
 */
#include <ctx/ctx.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include <nodes/act_nat.h>
#include <nodes/classify.h>
#include <nodes/drop.h>
#include <nodes/flow.h>
#include <nodes/fragment.h>
#include <nodes/nat_expect.h>
#include <nodes/xlat.h>

char _license[] SEC("license") = "Dual BSD/GPL";

enum { HOOK = HOOK_ALG };

int alg_held(CTX *ctx);
int alg_xlat(CTX *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, NODE_SLOTS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(CTX *));
} stages SEC(".maps") = {
	.values =
		{
			[NODE_XLAT] = (void *)&alg_xlat,
			[NODE_FRAGMENT] = (void *)&alg_held,
		},
};

SEC("tc")
int alg(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	struct alg_tag tag;
	struct flow_val *f;
	int r = 0, i;
	__u32 len;

	if (!c || !p)
		return CTX_DROP;
	len = ctx_len(ctx);
	c->received++;
	c->received_bytes += len;
	pkt_init(ctx, p);
	if (!ctx_load_bytes(ctx, 0, &tag, sizeof(tag)) && tag.magic == bpf_htonl(HELD_MAGIC)) {
		bpf_tail_call(ctx, &stages, NODE_FRAGMENT);
		return node_drop(ctx, c, p, REASON_INTERNAL, HOOK);
	}
	c->node[NODE_ALG]++;
	p->frame_len = len;
	for (i = 0; i < 2; i++) {
		r = parse_frame(ctx, p, 0, len);
		if (likely(r == 0) || r != -REASON_TRUNCATED || !ctx_pull(ctx))
			break;
	}
	p->node = NODE_ALG; /* not to be handed over again */
	if (r)
		return node_drop(ctx, c, p, -r, HOOK);
	if (ctx_load_bytes(ctx, 0, &tag, sizeof(tag)) || alg_restore(p, &tag))
		return node_drop(ctx, c, p, REASON_ALG, HOOK);
	f = node_flow(p);
	if (!f || !(f->flags & FLOW_ALG))
		return node_drop(ctx, c, p, REASON_ALG, HOOK);
	c->node[NODE_FLOW]++;
	if (p->seg_len > act_mtu(f))
		return node_drop(ctx, c, p, REASON_TOO_BIG, HOOK);
	r = act_nat(ctx, c, p, f, p->tunnel);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* The frame that the tag is in front of, as it entered: its headers. 0 or a negative reason. */
static __always_inline int held_open(CTX *ctx, struct pkt *p)
{
	struct held_tag tag;
	struct eth_hdr eth, *to;
	__u32 len;
	int r;

	if (ctx_load_bytes(ctx, 0, &tag, sizeof(tag)) ||
	    ctx_load_bytes(ctx, sizeof(tag), &eth, sizeof(eth)))
		return -REASON_TRUNCATED;
	if (ctx_shrink(ctx, sizeof(tag), eth.type == bpf_htons(ETHERTYPE_IPV6)))
		return -REASON_REWRITE;
	ctx_pull(ctx);
	to = ctx_data(ctx);
	if ((void *)(to + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	*to = eth;
	len = ctx_len(ctx);
	p->ifindex = bpf_ntohl(tag.ifindex);
	p->ep = bpf_ntohl(tag.ep);
	p->frame_len = len;
	if (tag.side == HELD_TUNNEL) {
		p->tunnel = 1;
		r = node_classify(ctx, p, len);
		if (r)
			return r == CLASSIFY_PASS ? -REASON_BAD_TUNNEL : r;
		p->key.scope = SCOPE_TUNNEL | p->vni;
		if (p->outer_len == TUNNEL6_LEN)
			r = parse_frame(ctx, p, TUNNEL6_LEN, len - TUNNEL6_LEN);
		else
			r = parse_frame(ctx, p, TUNNEL4_LEN, len - TUNNEL4_LEN);
	} else {
		p->key.scope = tag.side == HELD_OUTSIDE ? SCOPE_OUTSIDE : p->ifindex;
		r = parse_frame(ctx, p, 0, len);
		if (tag.side == HELD_OUTSIDE)
			p->smac = (struct mac_addr){}; /* any router may bring it */
	}
	return r;
}

/* What its first one's record says. A verdict or a negative reason. */
static __always_inline int held_act(CTX *ctx, struct counters_val *c, struct pkt *p)
{
	struct flow_val *f;
	struct nh_val *n;
	__u32 index;

	if (p->frag != FRAG_LATER || node_fragment(p))
		return -REASON_FRAG_UNKNOWN;
	f = node_flow(p);
	if (!f)
		return -REASON_FRAG_UNKNOWN;
	if (p->tunnel) {
		index = f->in_id;
		n = f->flags & FLOW_TUNNEL_IN ? bpf_map_lookup_elem(&nh, &index) : NULL;
		if (!n || !classify_is_from(ctx, p, n))
			return -REASON_FRAG_UNKNOWN;
	}
	p->vni = f->vni;
	c->node[NODE_FLOW]++;
	if (f->flags & FLOW_XLAT) {
		xlat_take(f);
		bpf_tail_call(ctx, &stages, NODE_XLAT);
		return -REASON_INTERNAL;
	}
	if (p->seg_len > act_mtu(f))
		return -REASON_TOO_BIG;
	if (f->flags & FLOW_NAT || f->action == FLOW_FORWARD ||
	    (p->tunnel && f->action != FLOW_DELIVER))
		return act_nat(ctx, c, p, f, p->tunnel);
	if (f->action == FLOW_DELIVER)
		return p->tunnel ? act_decap(ctx, c, p, f) : act_deliver(ctx, c, p, f);
	index = f->out_id;
	n = bpf_map_lookup_elem(&nh, &index);
	return n ? act_encap(ctx, c, p, f, n) : -REASON_INTERNAL;
}

/* A fragment that was early, when its first one has passed, or nobody waits any more. */
SEC("tc")
int alg_held(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	c->node[NODE_FRAGMENT]++;
	p->node = NODE_FRAGMENT;
	r = held_open(ctx, p);
	if (!r)
		r = held_act(ctx, c, p);
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* The same into the other family. */
SEC("tc")
int alg_xlat(CTX *ctx)
{
	struct counters_val *c = counters_get(HOOK);
	struct pkt *p = pkt_get();
	int r;

	if (!c || !p)
		return CTX_DROP;
	r = node_xlat(ctx, c, p);
	if (r == XLAT_WALK)
		r = -REASON_FRAG_UNKNOWN;
	return r < 0 ? node_drop(ctx, c, p, -r, HOOK) : r;
}

/* Too large for the stack on top of all that is called. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alg_expect);
} scratch_expect SEC(".maps");

/* The frame is a struct alg_expect. 0 or an enum reason. */
SEC("tc")
int alg_expect(CTX *ctx)
{
	__u32 zero = 0;
	struct alg_expect *copy = bpf_map_lookup_elem(&scratch_expect, &zero);
	struct alg_expect *e = ctx_data(ctx);
	int r;

	if (!copy || (void *)(e + 1) > ctx_data_end(ctx))
		return REASON_TRUNCATED;
	*copy = *e;
	r = nat_expect(copy);
	e = ctx_data(ctx);
	if ((void *)(e + 1) > ctx_data_end(ctx))
		return REASON_TRUNCATED;
	e->pub_port = copy->pub_port;
	return -r;
}
