/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Finds the record that an earlier walk wrote and decides whether it still holds.
 * Edges: next: NODE_ENCAP or NODE_DELIVER when it holds, NODE_WALK when not.
 */
#ifndef TRANSIT_NODE_FLOW_H
#define TRANSIT_NODE_FLOW_H

#include <lib/count.h>
#include <lib/clock.h>
#include <lib/parse.h>

/*
 * Tells a record that belongs to the key from one whose memory the kernel gave to another
 * key while we were reading it: hash elements are reused without a grace period.
 */
static __always_inline __u16 flow_check(const struct flow_key *key)
{
	const __u32 *s = (const __u32 *)&key->saddr, *d = (const __u32 *)&key->daddr;
	__u32 x = key->scope * 0x9e3779b1 + s[3];

	x ^= d[3] * 0x85ebca6b;
	x += (__u32)key->sport << 16 | key->dport;
	return (__u16)(x ^ x >> 16);
}

/* The record if the packet may use it as it is; every exception walks and is dealt with there. */
static __always_inline struct flow_val *node_flow(struct pkt *p)
{
	struct flow_val *f = bpf_map_lookup_elem(&flow, &p->key);
	__u32 *generation, vpc_index, now;

	if (!f)
		return NULL;
	vpc_index = f->vpc;
	generation = bpf_map_lookup_elem(&vpc_gen, &vpc_index);
	if (!generation || f->generation != *generation)
		return NULL;
	if (!mac_equal(&f->in_dmac, &p->dmac) || !mac_equal(&f->in_smac, &p->smac))
		return NULL;
	if (f->check != flow_check(&p->key))
		return NULL;
	if (p->frag == FRAG_FIRST) /* the walk remembers its ports */
		return NULL;
	if ((f->flags & FLOW_ROUTED) && p->ttl <= 1)
		return NULL;
	now = now_s();
	if (f->last_seen != now)
		f->last_seen = now;
	if (unlikely(p->tcp_flags & (TCP_FIN | TCP_RST | TCP_SYN))) {
		/* ends both directions at once, and the other's key is known to the walk */
		if (p->tcp_flags & TCP_RST)
			return NULL;
		if (p->tcp_flags & TCP_SYN)
			f->flags &= ~FLOW_CLOSING;
		else
			f->flags |= FLOW_CLOSING;
	}
	return f;
}

#endif
