/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Application layer gateways: takes back what nodes/alg.h handed to the daemon, and makes the way
 * for the connections that the daemon has seen announced.
 *
 * `alg` runs on the daemon's own device. A packet's journey: its tag names the record it was handed
 * over by; if that still holds it is translated and sent on, else dropped, and its sender repeats
 * it. `alg_expect` is run by the daemon through BPF_PROG_TEST_RUN.
 */
#include <ctx/ctx.h>
#include <lib/hash.h>
#include <lib/stage.h>
#include <nodes/act_nat.h>
#include <nodes/drop.h>
#include <nodes/flow.h>
#include <nodes/nat_expect.h>

char _license[] SEC("license") = "Dual BSD/GPL";

enum { HOOK = HOOK_ALG };

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
	c->node[NODE_ALG]++;
	pkt_init(ctx, p);
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
