/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Fragments behind the first carry no ports: they take those of the first, so that all of
 * a datagram goes the same way. The first must have been seen; nothing is held back.
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
	struct frag_key key;
	struct frag_val *f;

	fragment_key(p, &key);
	f = bpf_map_lookup_elem(&frag, &key);
	if (!f)
		return -REASON_FRAG_UNKNOWN;
	p->key.sport = f->sport;
	p->key.dport = f->dport;
	p->key.proto = p->l4_proto = f->proto;
	return 0;
}

/* Remembers a first fragment that was accepted: 0, or a negative reason. */
static __noinline int fragment_remember(struct pkt *p)
{
	union age_key akey = {};
	struct frag_key key;
	struct frag_val val = {
		.sport = p->key.sport,
		.dport = p->key.dport,
		.last_seen = now_s(),
		.proto = p->key.proto,
	};
	int err; /* before 6.4 the upper half of what maps answer is not a sign */

	fragment_key(p, &key);
	err = bpf_map_update_elem(&frag, &key, &val, BPF_NOEXIST);
	if (err == -17 /* EEXIST: the id came round again */)
		return bpf_map_update_elem(&frag, &key, &val, BPF_EXIST) ? -REASON_INTERNAL : 0;
	if (err)
		return -REASON_FRAG_TABLE_FULL;
	akey.frag = key;
	if (commit_age(&akey, AGE_FRAG, cfg_timeout_fragment_s)) {
		bpf_map_delete_elem(&frag, &key);
		return -REASON_FRAG_TABLE_FULL;
	}
	return 0;
}

#endif
