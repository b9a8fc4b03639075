/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Judges a connection by the policies of one of its ends (docs/design/policy.md). A program is a
 * list of blocks of rules; of a block, each thing that its rules ask for (protocol, classes of the
 * addresses, ports) has a row of bits, one a rule, and the first bit that all rows have is the
 * rule. Asked where a walk makes or renews records, and at no other time. Edges: next: the stage
 * that asked; drop: REASON_POLICY.
 */
#ifndef TRANSIT_NODE_POLICY_H
#define TRANSIT_NODE_POLICY_H

#include <lib/hash.h>
#include <lib/stage.h>
#include <lib/translate.h>
#include "icmp_error.h"

enum {
	POL_PORT_BITS = 48, /* of a key of map pol_port before its port's */
	POL_NET_BITS = 32, /* of a key of map pol_net before its address' */
};

/* What is judged, and what is known of it. Too large for the stack. */
struct pol_work {
	struct flow_key key; /* as the judged end sees the connection's first packet */
	__u32 vni;
	__u32 epoch;
	__u32 proto[3]; /* values of POL_PROTO, the most telling first; 0 none */
	__u32 known; /* 1 << enum pol_dim: in class[] */
	__u32 class[POL_DIMS];
	__u32 quiet; /* only asked: nothing is counted */
	__u32 hit; /* index into pol_hit of the rule that decided; 0 none */
	struct pol_bits bits; /* of the block at hand */
	/* keys of look-ups: the deepest ways here have little stack left */
	struct pol_row_key row;
	struct pol_port_key port;
	struct addr_key host;
	struct pol_net_key net;
	struct pol_named_key named;
	struct pol_rule_key rule;
};

/* The place of a word's lowest bit: by the bits that multiplying brings to the top. */
#define POL_DE_BRUIJN 0x03f79d71b4cb0a89ULL
static const __u8 pol_places[64] = {
	0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,	62, 55, 59, 36, 53, 51,
	43, 22, 45, 39, 33, 30, 24, 18, 12, 5,	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pol_work);
} scratch_pol SEC(".maps");

static __always_inline struct pol_work *pol_work_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch_pol, &zero);
}

static __always_inline int pol_has_ports(__u8 proto)
{
	return translate_has_ports(proto) || proto == PROTO_SCTP;
}

static __always_inline __u32 pol_class_in_force(const struct pol_class_val *v, __u32 epoch)
{
	return v ? v->class[epoch & 1] : 0;
}

/* Of an address: the sets that it is in. */
static __noinline __u32 pol_class(struct pol_work *w, int destination)
{
	struct pol_class_val *v;

	w->host.vni = w->vni;
	w->host.addr = destination ? w->key.daddr : w->key.saddr;
	v = bpf_map_lookup_elem(&pol_host, &w->host);
	if (v)
		return pol_class_in_force(v, w->epoch);
	w->net.prefixlen = POL_NET_BITS + 128;
	w->net.vni[0] = w->vni >> 16;
	w->net.vni[1] = w->vni >> 8;
	w->net.vni[2] = w->vni;
	w->net.family = w->key.family;
	w->net.addr = w->host.addr;
	return pol_class_in_force(bpf_map_lookup_elem(&pol_net, &w->net), w->epoch);
}

/* Of a named port. */
static __noinline __u32 pol_named_class(struct pol_work *w, int destination)
{
	w->named.vni = w->vni;
	w->named.proto = w->key.proto;
	w->named.addr = destination ? w->key.daddr : w->key.saddr;
	w->named.port = destination ? w->key.dport : w->key.sport;
	return pol_class_in_force(bpf_map_lookup_elem(&pol_named, &w->named), w->epoch);
}

/* Looked for once a connection and end. */
static __always_inline __u32 pol_class_of(struct pol_work *w, __u32 dim)
{
	if (w->known & 1 << dim)
		return w->class[dim];
	w->known |= 1 << dim;
	if (dim == POL_SRC || dim == POL_DST)
		w->class[dim] = pol_class(w, dim == POL_DST);
	else
		w->class[dim] =
			pol_has_ports(w->key.proto) ? pol_named_class(w, dim == POL_NDST) : 0;
	return w->class[dim];
}

static __always_inline struct pol_bits *pol_row_of(struct pol_work *w, __u32 block, __u32 dim,
						   __u32 value)
{
	w->row.block = block;
	w->row.dim = dim;
	w->row.family = dim == POL_PROTO ? w->key.family : 0;
	w->row.value = value;
	return bpf_map_lookup_elem(&pol_row, &w->row);
}

/* A port's row, or that of a range it is in. */
static __noinline struct pol_bits *pol_port_row(struct pol_work *w, __u32 block, __u32 dim,
						__u32 ranges)
{
	__be16 port = dim == POL_DPORT ? w->key.dport : w->key.sport;
	struct pol_port_val *v;
	struct pol_bits *row;

	if (!pol_has_ports(w->key.proto))
		return NULL;
	row = pol_row_of(w, block, dim, bpf_ntohs(port));
	if (row || !ranges)
		return row;
	w->port.prefixlen = POL_PORT_BITS + 16;
	w->port.block = block;
	w->port.dim = dim;
	w->port.port = port;
	v = bpf_map_lookup_elem(&pol_port, &w->port);
	return v ? pol_row_of(w, block, dim, POL_RANGE | v->class) : NULL;
}

/* The protocol's row: of ICMP with type and code first, then less and less. */
static __noinline struct pol_bits *pol_proto_row(struct pol_work *w, __u32 block)
{
	struct pol_bits *row = NULL;

	if (w->proto[0]) {
		row = pol_row_of(w, block, POL_PROTO, w->proto[0]);
		if (!row)
			row = pol_row_of(w, block, POL_PROTO, w->proto[1]);
	}
	return row ? row : pol_row_of(w, block, POL_PROTO, w->proto[2]);
}

static __always_inline struct pol_bits *pol_class_row(struct pol_work *w, __u32 block, __u32 dim)
{
	__u32 class = pol_class_of(w, dim);

	return class ? pol_row_of(w, block, dim, class) : NULL;
}

/* Leaves the rules that are in a row. Whether there are any. */
static __noinline int pol_and(struct pol_work *w, const __u64 *row)
{
	__u64 left = 0;
	int i;

#pragma clang loop unroll(full)
	for (i = 0; i < POL_WORDS; i++) {
		w->bits.w[i] &= row[i];
		left |= w->bits.w[i];
	}
	return !!left;
}

/* The first of the rules that are left, taken out. POL_RULES: none. */
static __always_inline __u32 pol_first(struct pol_work *w)
{
	__u32 i;

	for (i = 0; i < POL_WORDS; i++) {
		__u64 word = w->bits.w[i];

		if (!word)
			continue;
		w->bits.w[i] = word & (word - 1);
		return i * 64 + pol_places[(word & -word) * POL_DE_BRUIJN >> 58];
	}
	return POL_RULES;
}

/*
 * What the next rule of a block whose rows have been met does: enum pol_action; POL_NONE: there is
 * none. A global function: verified once, not once for each rule that may log.
 */
__noinline int pol_rule_next(__u32 block)
{
	struct pol_work *w = pol_work_get();
	struct pol_rule_val *rule;
	__u64 *hit;

	if (!w)
		return POL_DENY;
	w->rule.block = block;
	w->rule.place = pol_first(w);
	if (w->rule.place >= POL_RULES)
		return POL_NONE;
	rule = bpf_map_lookup_elem(&pol_rule, &w->rule);
	if (!rule)
		return POL_DENY; /* the block is not whole */
	hit = w->quiet ? NULL : bpf_map_lookup_elem(&pol_hit, &rule->hit);
	if (hit)
		(*hit)++;
	w->hit = rule->hit;
	return rule->action;
}

/* Of a block whose rows have been met: enum pol_action; POL_NONE: no rule. */
static __always_inline int pol_act(__u32 block)
{
	int i, action;

	for (i = 0; i <= POL_RULES; i++) {
		action = pol_rule_next(block);
		if (action != POL_LOG)
			return action;
	}
	return POL_DENY;
}

/* Leaves the rules that its destination port meets. Whether there are any. */
static __always_inline int pol_dport(struct pol_work *w, __u32 block, const struct pol_block_val *b)
{
	__u32 ranges = b->dims & 1 << (POL_RANGES + POL_DPORT);
	struct pol_bits *row = pol_port_row(w, block, POL_DPORT, ranges);

	return pol_and(w, row ? row->w : b->other + POL_DPORT * POL_WORDS);
}

/*
 * One block on the connection in scratch_pol: enum pol_action. A global function: verified once,
 * not once for each block that a program may have.
 */
__noinline int pol_judge_block(__u32 block)
{
	struct pol_work *w = pol_work_get();
	struct pol_block_val *b = bpf_map_lookup_elem(&pol_block, &block);
	struct pol_bits *row;
	__u32 dims;
	int i;

	if (!w || !b)
		return POL_DENY;
	dims = b->dims; /* never none: rows have only places that there are */
#pragma clang loop unroll(full)
	for (i = 0; i < POL_WORDS; i++)
		w->bits.w[i] = ~0ULL;
	/* what tells most first: most blocks of a long program have nothing for this packet */
	if (dims & POL_PORTS_FIRST && !pol_dport(w, block, b))
		return POL_NONE;
	if (dims & 1 << POL_SRC) {
		row = pol_class_row(w, block, POL_SRC);
		if (!pol_and(w, row ? row->w : b->other + POL_SRC * POL_WORDS))
			return POL_NONE;
	}
	if (dims & 1 << POL_DST) {
		row = pol_class_row(w, block, POL_DST);
		if (!pol_and(w, row ? row->w : b->other + POL_DST * POL_WORDS))
			return POL_NONE;
	}
	if (dims & 1 << POL_PROTO) {
		row = pol_proto_row(w, block);
		if (!pol_and(w, row		     ? row->w
				: w->key.family == 6 ? b->other + POL_PROTO6 * POL_WORDS
						     : b->other + POL_PROTO * POL_WORDS))
			return POL_NONE;
	}
	if (dims & 1 << POL_DPORT && !(dims & POL_PORTS_FIRST) && !pol_dport(w, block, b))
		return POL_NONE;
	if (dims & 1 << POL_SPORT) {
		row = pol_port_row(w, block, POL_SPORT, dims & 1 << (POL_RANGES + POL_SPORT));
		if (!pol_and(w, row ? row->w : b->other + POL_SPORT * POL_WORDS))
			return POL_NONE;
	}
	if (dims & 1 << POL_NDST) {
		row = pol_class_row(w, block, POL_NDST);
		if (!pol_and(w, row ? row->w : b->other + POL_NDST * POL_WORDS))
			return POL_NONE;
	}
	if (dims & 1 << POL_NSRC) {
		row = pol_class_row(w, block, POL_NSRC);
		if (!pol_and(w, row ? row->w : b->other + POL_NSRC * POL_WORDS))
			return POL_NONE;
	}
	return pol_act(block);
}

/* Values of POL_PROTO. An echo's key does not say which: the first packet of one is the request. */
static __always_inline void pol_proto(struct pol_work *w)
{
	__u32 proto = w->key.proto, type, code = 0;

	w->proto[0] = 0;
	w->proto[2] = proto;
	if (!translate_is_icmp(w->key.proto))
		return;
	if (translate_is_echo(&w->key)) {
		type = w->key.family == 6 ? ICMP6_ECHO : ICMP4_ECHO;
	} else {
		type = bpf_ntohs(w->key.dport) >> 8;
		code = bpf_ntohs(w->key.dport) & 0xff;
	}
	w->proto[1] = proto | POL_ICMP_TYPE | type << 16;
	w->proto[0] = w->proto[1] | POL_ICMP_CODE | code << 24;
}

/* A program on the connection in scratch_pol: POL_ALLOW or not. Global, as above. */
__noinline int pol_judge(__u32 program)
{
	struct pol_prog_val *prog = bpf_map_lookup_elem(&pol_prog, &program);
	int action, skip = 0;
	__u32 i;

	if (!prog)
		return POL_DENY;
	for (i = 0; i < POL_BLOCKS && i < prog->count; i++) {
		__u32 block = prog->block[i];

		if (skip && !(block & POL_TIER))
			continue;
		skip = 0;
		action = pol_judge_block(block & ~POL_TIER);
		if (action == POL_PASS)
			skip = 1;
		else if (action != POL_NONE)
			return action;
	}
	return POL_DENY;
}

/*
 * A connection, by the policies of an endpoint. key: a packet as the endpoint sees it; reply: it
 * goes against the direction in which the connection was opened. sends: the endpoint sends it.
 * 0 or -REASON_POLICY.
 */
static __noinline int policy_judge(__u32 ep, const struct flow_key *key, int reply, int sends)
{
	struct pol_ep_val *e = bpf_map_lookup_elem(&pol_ep, &ep);
	__u32 zero = 0, program, *epoch;
	struct pol_prog_val *prog;
	struct pol_work *w;

	epoch = bpf_map_lookup_elem(&pol_epoch, &zero);
	w = pol_work_get();
	if (!e || !epoch || !w)
		return -REASON_POLICY;
	w->epoch = *(volatile __u32 *)epoch;
	/* opened by the endpoint: egress */
	program = sends != reply ? e->of[w->epoch & 1] >> 32 : e->of[w->epoch & 1];
	if (likely(!program))
		return 0;
	prog = bpf_map_lookup_elem(&pol_prog, &program);
	if (!prog)
		return -REASON_POLICY;
	w->key = *key;
	if (reply) {
		w->key.saddr = key->daddr;
		w->key.daddr = key->saddr;
		w->key.sport = key->dport;
		w->key.dport = key->sport;
	}
	w->vni = prog->vni;
	w->known = 0;
	pol_proto(w);
	return pol_judge(program) == POL_ALLOW ? 0 : -REASON_POLICY;
}

/*
 * By the policies of the endpoint that sends the packet, before anything is made for it that others
 * would lack. Its own record tells whether it answers; policy_ends() may know better. 0 or
 * -REASON_POLICY.
 */
static __always_inline int policy_early(struct pkt *p, struct decision *d, __u32 ep)
{
	struct pol_ep_val *e = bpf_map_lookup_elem(&pol_ep, &ep);
	struct flow_val *f;

	d->judged = 1;
	if (likely(e && !(e->of[0] | e->of[1])) || icmp_is_error(p))
		return 0;
	f = flow_find(&p->key);
	return policy_judge(ep, &p->key, f && f->flags & FLOW_REPLY, 1);
}

/*
 * By the policies of both ends that are here, each as it sees the packet. d->fwd.flags says which
 * direction this is; own: its own record did. 0 or -REASON_POLICY.
 */
static __always_inline int policy_ends(struct decision *d, int own)
{
	struct pkt *p = pkt_get();
	int err, reply = !!(d->fwd.flags & FLOW_REPLY);

	if (!p || icmp_is_error(p))
		return 0;
	if (!(d->fwd.key.scope & (SCOPE_TUNNEL | SCOPE_OUTSIDE)) &&
	    (!d->judged || (reply && !own))) {
		err = policy_judge(d->fwd.in_id, &d->fwd.key, reply, 1);
		if (err)
			return err;
	}
	if (d->fwd.action != FLOW_DELIVER)
		return 0;
	/* what it answers, when that is known, says how it sees the packet */
	if (d->has_reverse)
		return policy_judge(d->fwd.out_id, &d->rev.key, !reply, 1);
	return policy_judge(d->fwd.out_id, &d->fwd.key, reply, 0);
}

#endif
