/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fragments behind the first carry no ports: they take those of the first, so that all of
 * a datagram goes the same way. One that is early waits for it in the daemon, nodes/held.h.
 * Edges: next: NODE_FLOW; drop: REASON_FRAG_UNKNOWN, REASON_FRAG_TABLE_FULL.
 */
#ifndef TRANSIT_NODE_FRAGMENT_H
#define TRANSIT_NODE_FRAGMENT_H

#include "commit.h"

static __always_inline void fragment_key(const struct pkt *p, struct frag_key *key)
{
	key->scope = p->key.scope;
	key->saddr = p->key.saddr;
	key->daddr = p->key.daddr;
	key->id = p->frag_id;
	key->proto = p->frag_proto;
	key->family = p->key.family;
	key->pad = 0;
}

/* For a later fragment: 0, or a negative reason. */
static __always_inline int node_fragment(struct pkt *p)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct frag_key key;
	struct frag_val *f;
	__u64 id;

	if (!seed)
		return -REASON_FRAG_UNKNOWN;
	fragment_key(p, &key);
	id = frag_id(seed, &key);
	f = bpf_map_lookup_elem(&frag, &id);
	if (!f || !frag_key_equal(&f->key, &key))
		return -REASON_FRAG_UNKNOWN;
	p->key.sport = f->sport;
	p->key.dport = f->dport;
	p->key.proto = p->l4_proto = f->proto;
	return 0;
}

/* Remembers a first fragment that was accepted: 0, or a negative reason. */
static __noinline __maybe_unused int fragment_remember(struct pkt *p)
{
	const struct flow_seed_val *seed = flow_seed_ready();
	__u64 id;
	struct frag_val val = {
		.sport = p->key.sport,
		.dport = p->key.dport,
		.last_seen = now_s(),
		.proto = p->key.proto,
	};
	int err; /* before 6.4 the upper half of what maps answer is not a sign */

	if (!seed)
		return -REASON_INTERNAL;
	fragment_key(p, &val.key);
	id = frag_id(seed, &val.key);
	err = bpf_map_update_elem(&frag, &id, &val, BPF_NOEXIST);
	/* the datagram's id came round again; or, once in 2^33, another's record is in the way:
	 * records of fragments are short-lived and go without harm */
	if (err == -17 /* EEXIST */)
		return bpf_map_update_elem(&frag, &id, &val, BPF_EXIST) ? -REASON_INTERNAL : 0;
	if (err)
		return -REASON_FRAG_TABLE_FULL;
	if (commit_age(id, AGE_FRAG, cfg_timeout_fragment_s)) {
		bpf_map_delete_elem(&frag, &id);
		return -REASON_FRAG_TABLE_FULL;
	}
	return 0;
}

#endif
