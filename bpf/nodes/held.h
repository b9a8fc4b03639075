/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A fragment that comes before the first one of its datagram: programs cannot hold it, so it goes
 * to the daemon as it came, with a tag in front that says where, and comes back when the first one
 * has passed (RFC 4787 REQ-14, RFC 6146 s3.4). Not more than tokens allow: of each endpoint, VPC
 * (out of the tunnel) and address outside, and of all that come in the same way. Without a daemon
 * it is dropped, and its sender repeats it.
 * Edges: next: NODE_PUNT (to the daemon's device); drop: REASON_FRAG_UNHELD, REASON_FRAG_RATE.
 */
#ifndef TRANSIT_NODE_HELD_H
#define TRANSIT_NODE_HELD_H

#include <lib/token.h>
#include "fragment.h"

_Static_assert(sizeof(struct held_tag) == 32, "read by the daemon");
_Static_assert(__builtin_offsetof(struct held_tag, type) == 12, "where Ethernet has it");

/* Whom a fragment is counted to, by a number that nobody can choose; who: named to the daemon. */
static __always_inline __u32 held_source(const struct pkt *p, const struct flow_seed_val *seed,
					 __u32 *who)
{
	struct frag_key key = {.scope = p->key.scope, .family = 4};
	__u64 id;

	*who = p->key.scope;
	if (p->key.scope == SCOPE_OUTSIDE) {
		key.saddr = p->key.saddr;
		key.family = p->key.family;
		if (key.family == 6) { /* of a link outside anybody has all addresses */
			((__u64 *)&key.saddr)[1] = 0;
		}
	}
	id = frag_id(seed, &key);
	if (p->key.scope == SCOPE_OUTSIDE)
		*who |= (__u32)(id >> 32) & (SCOPE_OUTSIDE - 1);
	return (__u32)(id >> 40) & (HELD_SOURCES - 1);
}

static __always_inline int held_allowed(__u32 index, __u32 rate, __u32 burst)
{
	struct icmp_limit_val *l = bpf_map_lookup_elem(&held_limit, &index);

	return l && token_take(l, rate, burst);
}

/* A verdict or a negative reason. */
static __always_inline int node_held(CTX *ctx, struct counters_val *c, struct pkt *p,
				     enum held_side side)
{
	const struct flow_seed_val *seed = flow_seed_ready();
	__u32 zero = 0, bucket, ifindex;
	struct alg_dev_val *dev = bpf_map_lookup_elem(&alg_dev, &zero);
	struct held_tag tag = {}, *to;
	struct eth_hdr *eth = ctx_data(ctx);
	struct frag_key key;

	c->node[NODE_FRAGMENT]++;
	p->node = NODE_FRAGMENT;
	if (!seed || !dev)
		return -REASON_INTERNAL;
	ifindex = dev->ifindex;
	/* frames of several buffers: not every kernel sends them to the daemon's device */
	if (!ifindex || (__s32)(now_s() - dev->alive_s) > ALG_ALIVE_S || !ctx_whole(ctx))
		return -REASON_FRAG_UNHELD;
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	bucket = held_source(p, seed, &tag.source);
	/* the source first: what it may not send must not use up what others may */
	if (!held_allowed(HELD_SIDES + bucket, HELD_SOURCE_RATE, HELD_SOURCE_BURST) ||
	    !held_allowed(side, HELD_SIDE_RATE, HELD_SIDE_BURST))
		return -REASON_FRAG_RATE;
	fragment_key(p, &key);
	tag.magic = bpf_htonl(HELD_MAGIC);
	tag.ifindex = bpf_htonl(p->ifindex);
	tag.source = bpf_htonl(tag.source);
	tag.type = eth->type;
	tag.side = side;
	tag.ep = bpf_htonl(p->ep);
	tag.id = frag_id(seed, &key);
	if (ctx_prepend(ctx, sizeof(tag)))
		return -REASON_REWRITE;
	to = ctx_data(ctx);
	if ((void *)(to + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	*to = tag;
	c->node[NODE_PUNT]++;
	c->punted++;
	return ctx_redirect(ctx, ifindex);
}

#endif
