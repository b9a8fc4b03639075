/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Services of the underlay: an address and port of a VPC that stand for a server's. Met on the
 * sender's own host, which sends to the server from an address of its own and a source port that
 * is the connection's alone: who inserts the reply's record owns the port, nothing else says that
 * it is free. docs/design/services.md.
 * Edges: next: act; drop: REASON_SERVICE_PORT, REASON_SERVICE_QUOTA, REASON_SERVICE_EXHAUSTED,
 * REASON_NO_NEXTHOP, REASON_TOO_BIG, REASON_TTL_EXCEEDED, REASON_NO_MAPPING,
 * REASON_HOST_UNREACHABLE, REASON_UNKNOWN_VPC, REASON_GENERATION_RACE, REASON_NAT_TABLE_FULL,
 * REASON_FLOW_TABLE_FULL.
 */
#ifndef TRANSIT_NODE_SERVICE_H
#define TRANSIT_NODE_SERVICE_H

#include <lib/xlat.h>
#include "icmp_error.h"
#include "nat.h"
#include "nat_icmp.h"

enum {
	SERVICE_TRIES = 4096, /* ports looked at before a pool counts as exhausted */
	SERVICE_STRANGER = 1 << 16, /* not of a connection to a service; no verdict */
};

/* A source port being looked for. Too large for the stack; one packet at a time on a CPU. */
struct service_work {
	struct flow_val reply; /* to be claimed with its key */
	struct nat_map_val user; /* the endpoint's count of connections to the service */
	__u64 id; /* of the claimed record; 0 none */
	__u32 full; /* the flow table is */
	__u32 first; /* ports to choose from, as of service_val */
	__u32 count;
	__u32 start;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct service_work);
} scratch_service SEC(".maps");

struct service_try {
	struct service_work *w;
	const struct flow_seed_val *seed;
};

static __always_inline int service_is_echo(const struct pkt *p)
{
	if (p->key.family == 6)
		return p->l4_proto == PROTO_ICMPV6 &&
		       (p->frag == FRAG_LATER || p->icmp_type == ICMP6_ECHO);
	return p->l4_proto == PROTO_ICMP && (p->frag == FRAG_LATER || p->icmp_type == ICMP4_ECHO);
}

/* Whether the packet is to an address set aside for services, which the host does not have. */
static __always_inline int service_address(const struct pkt *p)
{
	struct target t = {};

	resolve(VNI_OUTSIDE, &p->key.daddr, p->key.family, &t);
	return t.kind == TARGET_SERVICE;
}

/* Counts one connection more for an endpoint at a service. 0 or a negative reason. */
static __noinline int service_enter(struct service_work *w, struct nat_plan *plan,
				    const struct service_val *s, __u32 ep, __u32 known)
{
	const struct flow_seed_val *seed = flow_seed_get();
	__u32 service = s->service, *used;
	struct service_use_val *use = bpf_map_lookup_elem(&service_use, &service);
	struct nat_map_val *m;
	__u64 id;
	int err;

	if (!seed || !seed->m[0] || !use)
		return -REASON_INTERNAL;
	w->user.key.scope = SCOPE_SERVICE | service;
	*((__u32 *)&w->user.key.saddr + 3) = ep;
	w->user.key.proto = w->reply.key.proto;
	w->user.key.family = 4;
	w->user.flags = NAT_MAP_PERMIT | NAT_MAP_SERVICE;
	w->user.vni = plan->vni;
	w->user.sub = service;
	w->user.refs = 1;
	id = flow_id(seed, &w->user.key);
	err = bpf_map_update_elem(&nat_map, &id, &w->user, BPF_NOEXIST);
	if (err == -17 /* EEXIST */) {
		m = bpf_map_lookup_elem(&nat_map, &id);
		if (m && flow_key_equal(&m->key, &w->user.key)) {
			if (!known && *(volatile __u32 *)&m->refs >= s->limit) {
				__sync_fetch_and_add(&use->refused_quota, 1);
				return -REASON_SERVICE_QUOTA;
			}
			err = nat_map_ref(id, m);
		}
	}
	if (err)
		return -REASON_NAT_TABLE_FULL;
	used = &use->used[w->user.key.proto == PROTO_UDP];
	__sync_fetch_and_add(used, 1);
	plan->val.permit = id;
	return 0;
}

/* 1: claimed, or no use to go on. */
static long service_try_port(__u32 i, struct service_try *t)
{
	struct service_work *w = t->w;
	__u32 count = w->count ? w->count : 1;
	__u32 port = w->first + (w->start + i) % count;
	__u64 id;
	int err;

	/* what comes to this one is taken for a tunnel packet */
	if (port == cfg_vxlan_port && w->reply.key.proto == PROTO_UDP)
		return 0;
	w->reply.key.dport = bpf_htons((__u16)port);
	id = flow_id(t->seed, &w->reply.key);
	err = bpf_map_update_elem(&flow, &id, &w->reply, BPF_NOEXIST);
	if (err == -17 /* EEXIST */)
		return 0;
	if (err)
		w->full = 1;
	else
		w->id = id;
	return 1;
}

/*
 * Claims a source port by a record for replies, which lets nothing in until it is completed: no
 * VPC is in generation 0. 0 or a negative reason.
 */
static __noinline int service_claim(struct service_work *w, const struct service_val *s)
{
	struct service_try t = {.w = w, .seed = flow_seed_get()};
	__u32 service = s->service, tries;
	struct service_use_val *use = bpf_map_lookup_elem(&service_use, &service);

	if (!t.seed || !use)
		return -REASON_INTERNAL;
	w->first = s->first;
	w->count = s->count;
	w->start = bpf_get_prandom_u32() >> 8;
	tries = w->count < SERVICE_TRIES ? w->count : SERVICE_TRIES;
	/* this connection counts already */
	if (*(volatile __u32 *)&use->used[w->reply.key.proto == PROTO_UDP] <= w->count)
		bpf_loop(tries, service_try_port, &t, 0);
	if (w->full)
		return -REASON_FLOW_TABLE_FULL;
	if (w->id)
		return 0;
	__sync_fetch_and_add(&use->refused_pool, 1);
	return -REASON_SERVICE_EXHAUSTED;
}

/* Nothing came of a claim. */
static __always_inline void service_unclaim(const struct service_work *w)
{
	__u64 id = w->id;
	struct flow_val *f = id ? bpf_map_lookup_elem(&flow, &id) : NULL;

	if (f && !f->node)
		bpf_map_delete_elem(&flow, &id);
}

/* The source port of a connection that is known and still goes the same way; 0 none. */
static __always_inline __be16 service_kept(const struct pkt *p, const struct service_val *s)
{
	const struct flow_val *f = flow_find(&p->key);
	struct nat_val *v;
	__u32 index;

	if (!f || !(f->flags & FLOW_SERVICE))
		return 0;
	index = f->node;
	v = index ? bpf_map_lookup_elem(&nat, &index) : NULL;
	if (!v || !addr_equal(&v->fwd.saddr, &s->source) ||
	    !addr_equal(&v->fwd.daddr, &s->server) || v->fwd.dport != s->port)
		return 0;
	return v->fwd.sport;
}

static __always_inline struct service_work *service_work_get(void)
{
	__u32 zero = 0;
	struct service_work *w = bpf_map_lookup_elem(&scratch_service, &zero);

	if (w)
		__builtin_memset(w, 0, sizeof(*w));
	return w;
}

static __always_inline struct service_val *service_find(__u32 vni, const struct ip_addr *address,
							__be16 port, __u8 proto)
{
	struct service_key key = {.vni = vni, .addr = *address, .port = port, .proto = proto};

	return bpf_map_lookup_elem(&service, &key);
}

/* The way to the server; NULL while there is none. */
static __always_inline struct nh_val *service_nexthop(const struct service_val *s)
{
	__u32 index = s->nh;
	struct nh_val *n = index ? bpf_map_lookup_elem(&nh, &index) : NULL;

	return n && n->flags & NH_RESOLVED ? n : NULL;
}

/* Source port and count of a packet from an endpoint. 0 or a negative reason. */
static __noinline int service_port(struct pkt *p, struct nat_plan *plan, struct service_work *w,
				   const struct service_val *s)
{
	__be16 kept = service_kept(p, s);
	int r;

	w->reply.key.proto = p->key.proto;
	r = service_enter(w, plan, s, p->ep, kept != 0);
	if (r)
		return r;
	if (kept) {
		plan->val.fwd.sport = kept;
		return 0;
	}
	w->reply.key.scope = SCOPE_OUTSIDE;
	w->reply.key.saddr = s->server;
	w->reply.key.daddr = s->source;
	w->reply.key.sport = s->port;
	w->reply.key.family = s->family;
	w->reply.vni = plan->vni;
	w->reply.flags = FLOW_REPLY | FLOW_SERVICE;
	r = service_claim(w, s);
	plan->val.fwd.sport = w->reply.key.dport;
	return r;
}

/*
 * Whether the packet can be what leaves, in its family and with the way's MTU. Sets d->mtu, as the
 * sender counts it. 0 or a negative reason.
 */
static __noinline int service_fits(CTX *ctx, struct pkt *p, struct decision *d, __u32 mtu,
				   __u32 family)
{
	__u32 len = p->seg_len;
	struct xlat x = {};
	int r;

	if (family != p->key.family) {
		r = xlat_check(ctx, p, &x);
		if (r)
			return r;
		len = xlat_len(p, len);
	}
	d->mtu = mtu + p->seg_len - len;
	return len > mtu ? -REASON_TOO_BIG : 0;
}

/*
 * From an endpoint, with the sender's leg filled in. 0 or a negative reason: when it is to be told,
 * d->mtu is set.
 */
static __always_inline int service_from_inside(CTX *ctx, struct pkt *p, struct nat_plan *plan,
					       struct decision *d)
{
	struct service_work *w = service_work_get();
	struct target t = {};
	struct service_val *s;
	struct nh_val *n;
	int r;

	if (!w)
		return -REASON_INTERNAL;
	plan->vni = p->vni;
	s = service_find(p->vni, &p->key.daddr, p->key.dport, p->key.proto);
	if (!s)
		return -REASON_SERVICE_PORT;
	n = service_nexthop(s);
	if (!n)
		return -REASON_NO_NEXTHOP;
	r = service_fits(ctx, p, d, n->mtu, s->family);
	if (r)
		return r;
	plan->val.fwd.family = s->family;
	plan->val.fwd.saddr = s->source;
	plan->val.fwd.daddr = s->server;
	plan->val.fwd.dport = s->port;
	t.nh = s->nh;
	nat_leg_outside(&d->fwd, &d->rev, &t);
	d->rev.in_dmac = n->smac;
	d->fwd.flags |= FLOW_NAT | FLOW_SERVICE;
	d->rev.flags |= FLOW_NAT | FLOW_SERVICE;
	r = nat_charge(p, d);
	if (!r)
		r = service_port(p, plan, w, s);
	if (r)
		nat_abandon(plan, d);
	else
		r = nat_commit(p, plan, d);
	if (r)
		service_unclaim(w);
	return r;
}

/* The VPC of a connection, its generation before any table. 0 or a negative reason. */
static __always_inline int service_vpc(struct pkt *p, struct decision *d, __u32 vni,
				       struct mac_addr *gw_mac)
{
	struct vpc_val *v = bpf_map_lookup_elem(&vpc, &vni);
	__u32 index, *generation;

	if (!v)
		return -REASON_UNKNOWN_VPC;
	index = v->vpc;
	generation = bpf_map_lookup_elem(&vpc_gen, &index);
	if (!generation)
		return -REASON_INTERNAL;
	d->fwd.generation = *(volatile __u32 *)generation;
	v = bpf_map_lookup_elem(&vpc, &vni);
	if (!v || v->vpc != index)
		return -REASON_GENERATION_RACE;
	icmp_error_source(p, NULL, v);
	d->fwd.vpc = index;
	*gw_mac = v->gw_mac;
	return 0;
}

/*
 * From a server, of a connection whose record does not hold any more or not for this packet: it is
 * made anew from the tables. 0, SERVICE_STRANGER or a negative reason.
 */
static __always_inline int service_from_server(CTX *ctx, struct pkt *p, struct nat_plan *plan,
					       struct decision *d)
{
	struct service_work *w = service_work_get();
	struct flow_val *f = flow_find(&p->key);
	struct target t = {}, out = {};
	struct mac_addr gw_mac;
	struct service_val *s;
	struct nat_val *v;
	struct nh_val *n;
	__u32 index, vni;
	int r;

	if (!w || !f || !(f->flags & FLOW_SERVICE) || !mac_equal(&f->in_dmac, &p->dmac))
		return SERVICE_STRANGER;
	index = f->node;
	vni = f->vni;
	v = index ? bpf_map_lookup_elem(&nat, &index) : NULL;
	if (!v)
		return -REASON_NO_MAPPING;
	plan->val.fwd = v->reply;
	plan->vni = vni;
	r = service_vpc(p, d, vni, &gw_mac);
	if (r)
		return r;
	p->gw = p->key.daddr;
	p->gw_mac = p->dmac;
	s = service_find(vni, &plan->val.fwd.saddr, plan->val.fwd.sport, p->key.proto);
	if (!s || !addr_equal(&s->server, &p->key.saddr) || s->port != p->key.sport ||
	    !addr_equal(&s->source, &p->key.daddr))
		return -REASON_NO_MAPPING;
	n = service_nexthop(s);
	if (!n)
		return -REASON_NO_NEXTHOP;
	nat_resolve(vni, &plan->val.fwd.daddr, plan->val.fwd.family, &t);
	if (t.kind != TARGET_LOCAL)
		return -REASON_HOST_UNREACHABLE;
	if (p->ttl <= 1)
		return -REASON_TTL_EXCEEDED;
	r = service_fits(ctx, p, d, t.mtu, plan->val.fwd.family);
	if (r)
		return r;
	w->reply.key.proto = p->key.proto;
	r = service_enter(w, plan, s, t.ep, 1);
	if (r)
		return r;
	d->fwd.key = p->key;
	out.nh = s->nh;
	nat_leg_endpoint(&d->fwd, &d->rev, &t, &gw_mac, vni, 0);
	nat_leg_outside(&d->rev, &d->fwd, &out);
	d->fwd.in_dmac = n->smac;
	d->rev.vni = vni;
	d->fwd.flags |= FLOW_NAT | FLOW_SERVICE;
	d->rev.flags |= FLOW_NAT | FLOW_SERVICE;
	return nat_commit(p, plan, d);
}

/* Whether an ICMP error quotes a packet to a server: 0, else SERVICE_STRANGER. */
static __always_inline int service_quoted(CTX *ctx, struct pkt *p)
{
	struct nat_quote q = {.key = {.scope = SCOPE_OUTSIDE}};
	struct flow_val *f;

	if (nat_quote_read(ctx, p, &q))
		return SERVICE_STRANGER;
	f = flow_find(&q.key);
	return f && f->flags & FLOW_SERVICE ? 0 : SERVICE_STRANGER;
}

#endif
