/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Stages: programs reached by a tail call, and the state that crosses the call. Both maps
 * belong to one load of an object, so that a replaced program never meets old stages.
 */
#ifndef TRANSIT_STAGE_H
#define TRANSIT_STAGE_H

#include "pkt.h"

/* The packet at hand. Softirq runs one program at a time per CPU, so one slot is enough. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pkt);
} scratch SEC(".maps");

static __always_inline struct pkt *pkt_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch, &zero);
}

/* What a walk concludes, on its way to the flow map. Too large for the stack. */
struct decision {
	struct flow_val fwd;
	struct flow_val rev;
	__u32 mtu; /* of the path, for errors */
	__u32 has_reverse;
	/* on the way to stage NAT */
	__u32 sub; /* index into nat_sub of the sender */
	__u32 exempt; /* leaves untranslated */
	/* quotas, nodes/limit.h */
	__u32 account; /* whom a new connection is charged to, and LIMIT_ACCEPTED; 0 nobody */
	__u32 charge; /* taken, and no connection has it yet */
	__u32 quiet; /* refused, and the sender was told often enough */
	__u32 peer; /* stage PEER: VNI it goes to */
	__u32 stateful; /* stage PEER: connections are kept on this host */
	__u32 judged; /* by the sender's policies, as far as its own record tells */
	/* between commit_begin() and commit_end() */
	__u64 id; /* names of both records; reply: 0 none */
	__u64 reply;
	__u32 fresh; /* the connection's node is nobody's yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct decision);
} scratch_walk SEC(".maps");

/* As the stage before left it. */
static __always_inline struct decision *decision_peek(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch_walk, &zero);
}

/* All zero. */
static __always_inline struct decision *decision_get(void)
{
	__u32 zero = 0;
	struct decision *d = bpf_map_lookup_elem(&scratch_walk, &zero);

	if (d)
		__builtin_memset(d, 0, sizeof(*d));
	return d;
}

/* The slot holds the last packet's state: reset what the parser does not always set. */
static __always_inline void pkt_init(CTX *ctx, struct pkt *p)
{
	__u64 *zero = (__u64 *)&p->vni;

	*(__u32 *)&p->key.proto = 0;
	p->l3_len = 0;
	p->ifindex = ctx_ifindex(ctx);
	zero[0] = 0;
	zero[1] = 0;
	p->node = NODE_PARSE;
}

#endif
