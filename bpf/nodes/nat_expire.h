/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The end of connections and mappings, as ageing sees it. A mapping counts the connections that
 * use it. Without any it is idle: nobody outside can use it, its own inside address and port may
 * take it up again, and after the quarantine (RFC 6888 REQ-8) its port is free.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_NAT_EXPIRE_H
#define TRANSIT_NODE_NAT_EXPIRE_H

#include <lib/age.h>
#include "nat_block.h"

enum {
	NAT_MAP_GOING = 1u << 31, /* in refs: being removed, take another */
	NAT_MAP_USED = ~0u, /* nat_map_idle(): it has connections */
	NAT_QUARANTINE_S = 120,
};

/* Counter of a service's connections of a protocol. */
static __always_inline __u32 *service_used(__u32 service, __u8 proto)
{
	struct service_use_val *u = bpf_map_lookup_elem(&service_use, &service);

	return u ? &u->used[proto == PROTO_UDP] : NULL;
}

/* id: the entry's. A permit goes with its last hold. */
static __always_inline void nat_map_drop(__u64 id, struct nat_map_val *m, __u32 now)
{
	m->idle_since = now;
	if (__sync_fetch_and_add(&m->refs, -1) == 1 && m->flags & NAT_MAP_PERMIT &&
	    __sync_val_compare_and_swap(&m->refs, 0, NAT_MAP_GOING) == 0)
		bpf_map_delete_elem(&nat_map, &id);
}

/* One connection less for a mapping or permit. */
static __always_inline void nat_map_unref(__u64 id, __u32 now)
{
	struct nat_map_val *m = id ? bpf_map_lookup_elem(&nat_map, &id) : NULL;
	__u32 *used;

	if (!m)
		return;
	if (m->flags & NAT_MAP_SERVICE) {
		used = service_used(m->sub, m->key.proto);
		if (used)
			__sync_fetch_and_add(used, -1);
	}
	nat_map_drop(id, m, now);
}

/*
 * Removes an inside entry, unless its inside has another mapping by now than `outside`, as when the
 * address left the pool: one CPU does, and not to what another has put in its place since.
 */
static __always_inline void nat_map_forget(__u64 inside, __u64 outside)
{
	struct nat_map_val *m = bpf_map_lookup_elem(&nat_map, &inside);

	if (!m || !outside || __sync_val_compare_and_swap(&m->peer, outside, 0) != outside)
		return;
	/* the kernel uses an element that was deleted at once for another entry */
	if (bpf_map_lookup_elem(&nat_map, &inside) == m)
		bpf_map_delete_elem(&nat_map, &inside);
	else
		__sync_val_compare_and_swap(&m->peer, 0, outside);
}

/* A connection ends: what it held is given back. */
static __always_inline void nat_release(__u32 index, __u32 now)
{
	struct nat_val *v = bpf_map_lookup_elem(&nat, &index);
	__u64 id;

	if (!v)
		return;
	id = __sync_lock_test_and_set(&v->map, 0);
	nat_map_unref(id, now);
	id = __sync_lock_test_and_set(&v->permit, 0);
	nat_map_unref(id, now);
}

/*
 * id: of an outside entry. Seconds until its quarantine ends, NAT_MAP_USED, or 0: it was removed
 * now or earlier.
 */
static __always_inline __u32 nat_map_idle(__u64 id, __u32 now)
{
	struct nat_map_val *m = bpf_map_lookup_elem(&nat_map, &id);
	__u32 sub, idle, wait = NAT_QUARANTINE_S;
	struct nat_sub_val *s;
	struct nat_gw_val *g;

	if (!m)
		return 0;
	if (m->refs)
		return NAT_MAP_USED;
	sub = m->sub;
	s = bpf_map_lookup_elem(&nat_sub, &sub);
	if (s) {
		__u32 gw = s->gw;

		g = gw ? bpf_map_lookup_elem(&nat_gw, &gw) : NULL;
		if (g)
			wait = g->quarantine;
	}
	idle = now - m->idle_since;
	if ((__s32)idle < 0)
		idle = 0;
	if (idle < wait)
		return wait - idle;
	if (__sync_val_compare_and_swap(&m->refs, 0, NAT_MAP_GOING) != 0)
		return NAT_MAP_USED;
	nat_block_put(m);
	nat_map_forget(m->peer, id);
	bpf_map_delete_elem(&nat_map, &id);
	return 0;
}

#endif
