/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Ageing: a timer in the kernel turns the wheel (lib/age.h) and writes the clock, whether
 * the daemon lives or not. `age_start` is run once after load, through BPF_PROG_TEST_RUN,
 * and again by a newer build to put its own callback into the running timer.
 */
#include <ctx/ctx.h>
#include <transit/config.h>
#include <lib/age.h>
#include <nodes/limit.h>
#include <nodes/nat_expire.h>

char _license[] SEC("license") = "Dual BSD/GPL";

enum {
	TICK_NS = 1000000000,
	MORE_NS = 2000000, /* pause between portions of a long list */
	PORTION = 4096, /* nodes per run of the timer: about a millisecond */
	SLOTS_PER_TICK = 8, /* catching up after a stall */
	LEAVE_S = 2, /* from the end of a connection to the next use of its node */
	CLOCK_MONOTONIC = 1, /* linux/time.h */
};

/* Seconds, of the VPC or the default. */
static __always_inline __u32 either(__u32 own, __u32 otherwise)
{
	return own ? own : otherwise;
}

static __always_inline __u32 nat_timeout(const struct flow_val *f, const struct timeout_val *t,
					 __u8 state)
{
	if (!t)
		return cfg_nat_tcp_established_s;
	/* until both sides have closed it (RFC 6146 s3.5.2.2) */
	if (f->key.proto == PROTO_TCP)
		return state >= CONN_ESTABLISHED && state <= CONN_FIN_REPLY
			       ? either(t->tcp_established, cfg_nat_tcp_established_s)
			       : either(t->tcp_transitory, cfg_nat_tcp_transitory_s);
	if (f->key.proto == PROTO_UDP)
		return either(t->udp, cfg_nat_udp_s);
	if (f->key.proto == PROTO_ICMP || f->key.proto == PROTO_ICMPV6)
		return either(t->icmp, cfg_nat_icmp_s);
	return either(t->other, cfg_nat_other_s);
}

/* Timeouts of the service that a connection counts on; NULL when it counts on none. */
static __always_inline struct timeout_val *service_timeouts(__u32 index)
{
	struct nat_val *v = bpf_map_lookup_elem(&nat, &index);
	struct nat_map_val *m;
	__u64 permit;
	__u32 service;

	if (!v)
		return NULL;
	permit = v->permit;
	m = permit ? bpf_map_lookup_elem(&nat_map, &permit) : NULL;
	if (!m || !(m->flags & NAT_MAP_SERVICE))
		return NULL;
	service = m->sub;
	return bpf_map_lookup_elem(&service_timeout, &service);
}

static __always_inline __u32 flow_timeout(const struct flow_val *f, __u8 state)
{
	struct timeout_val *t = NULL;
	__u32 vpc_index = f->vpc;

	if (f->flags & FLOW_SERVICE)
		t = service_timeouts(f->node);
	if (f->flags & FLOW_NAT)
		return nat_timeout(f, t ? t : bpf_map_lookup_elem(&timeout, &vpc_index), state);
	if (state == CONN_OPENING || state == CONN_OPENING_REPLY)
		return cfg_timeout_opening_s;
	if (state > CONN_ESTABLISHED)
		return cfg_timeout_closing_s;
	if (f->key.proto == PROTO_TCP)
		return cfg_timeout_tcp_s;
	if (f->key.proto == PROTO_UDP)
		return cfg_timeout_udp_s;
	return cfg_timeout_other_s;
}

static __always_inline __u32 look_fragment(struct age_val *a, struct age_node_val *n, __u32 now)
{
	struct frag_val *f = bpf_map_lookup_elem(&frag, &n->id);
	__u32 idle;

	if (!f)
		return 0;
	idle = now - f->last_seen;
	if (idle < cfg_timeout_fragment_s)
		return cfg_timeout_fragment_s - idle;
	bpf_map_delete_elem(&frag, &n->id);
	a->expired_frags++;
	return 0;
}

/* The connection's record of one direction; NULL when it went, or is another connection's now. */
static __always_inline struct flow_val *record(__u64 id, __u32 index)
{
	struct flow_val *f = id ? bpf_map_lookup_elem(&flow, &id) : NULL;

	return f && f->node == index ? f : NULL;
}

static __always_inline __u32 rarer(struct age_node_val *n)
{
	/* looks get rarer while it lives, so that a closing connection goes soon and a long
	 * one costs little */
	if (n->interval < AGE_HORIZON_S / 2)
		n->interval *= 2;
	return n->interval;
}

static __always_inline __u32 look_connection(struct age_val *a, struct age_node_val *n, __u32 index,
					     __u32 now)
{
	struct flow_val *fwd = record(n->id, index), *reply = record(n->reply, index), *any;
	__u32 idle, idle_reply, timeout, again;

	any = fwd ? fwd : reply;
	if (!any) {
		/* it ended before; or two CPUs had its first packets, and the records name the
		 * other's node */
		nat_release(index, now);
		return 0;
	}
	idle = now - any->last_seen;
	if (reply) {
		idle_reply = now - reply->last_seen;
		if ((__s32)idle_reply < (__s32)idle)
			idle = idle_reply;
	}
	/* a record may have been written while the second was changing */
	if ((__s32)idle < 0)
		idle = 0;
	timeout = flow_timeout(any, n->state);
	if (idle >= timeout) {
		if (any->flags & FLOW_NAT)
			nat_release(index, now);
		if (fwd) {
			bpf_map_delete_elem(&flow, &n->id);
			a->expired_flows++;
		}
		if (reply) {
			bpf_map_delete_elem(&flow, &n->reply);
			a->expired_flows++;
		}
		limit_release(n);
		/* the node is nobody's yet: a packet may be on its way by what the records said */
		return LEAVE_S;
	}
	again = rarer(n);
	return timeout - idle < again ? timeout - idle : again;
}

static __always_inline __u32 look_mapping(struct age_node_val *n, __u32 now)
{
	__u32 left = nat_map_idle(n->id, now);

	return left == NAT_MAP_USED ? rarer(n) : left;
}

/* Nobody is waited for any longer; whoever came has a hold of its own. */
static __always_inline __u32 look_expectation(struct age_node_val *n, __u32 now)
{
	nat_map_unref(n->id, now);
	nat_map_unref(n->reply, now);
	return 0;
}

/* Seconds until the node's record is looked at again; 0: the record is gone. */
static __always_inline __u32 look(struct age_val *a, struct age_node_val *n, __u32 index, __u32 now)
{
	if (n->kind == AGE_FRAG)
		return look_fragment(a, n, now);
	if (n->kind == AGE_MAP)
		return look_mapping(n, now);
	if (n->kind == AGE_EXPECT)
		return look_expectation(n, now);
	return look_connection(a, n, index, now);
}

struct portion {
	struct age_val *a;
};

static long age_one(__u32 i, struct portion *portion)
{
	struct age_val *a = portion->a;
	__u32 index = a->pending, again;
	struct age_node_val *n;

	if (!index)
		return 1;
	n = bpf_map_lookup_elem(&age_node, &index);
	if (!n) {
		a->pending = 0;
		return 1;
	}
	a->pending = n->next;
	again = look(a, n, index, now_s());
	if (again) {
		a->rescheduled++;
		age_push(index, n, again);
	} else {
		limit_release(n);
		age_free(a, index, n);
	}
	return 0;
}

static int age_tick(void *map, __u32 *key, struct age_val *a)
{
	__u32 zero = 0, now = bpf_ktime_get_ns() / 1000000000, i;
	struct clock_val *c = bpf_map_lookup_elem(&clock, &zero);
	__u64 ns;

	if (c)
		c->now_s = now;
	for (i = 0; i < SLOTS_PER_TICK; i++) {
		__u32 slot, *head;

		if (a->pending || (__s32)(now - a->cursor_s) <= 0)
			break;
		a->cursor_s++;
		slot = a->cursor_s & (AGE_SLOTS - 1);
		head = bpf_map_lookup_elem(&age_slot, &slot);
		if (head && *head)
			a->pending = __sync_lock_test_and_set(head, 0);
	}
	if (a->pending) {
		struct portion portion = {.a = a};

		bpf_loop(PORTION, age_one, &portion, 0);
	}
	if (a->pending || (__s32)(now - a->cursor_s) > 0)
		ns = MORE_NS;
	else
		ns = TICK_NS - bpf_ktime_get_ns() % TICK_NS + MORE_NS;
	bpf_timer_start(&a->timer, ns, 0);
	return 0;
}

/* Makes the multipliers once; the first is written last, as it says that all are there. */
static __always_inline void seed_flows(struct flow_seed_val *seed)
{
	int i;

	if (seed->m[0])
		return;
#pragma clang loop unroll(full)
	for (i = 11; i >= 0; i--) {
		__u64 high = bpf_get_prandom_u32();

		*(volatile __u64 *)&seed->m[i] = high << 32 | bpf_get_prandom_u32() | 1;
	}
}

/* Returns 0, or the error of bpf_timer_init or bpf_timer_start. */
SEC("tc")
int age_start(struct __sk_buff *skb)
{
	__u32 zero = 0, now = bpf_ktime_get_ns() / 1000000000;
	struct clock_val *c = bpf_map_lookup_elem(&clock, &zero);
	struct flow_seed_val *seed = bpf_map_lookup_elem(&flow_seed, &zero);
	struct age_val *a = age_get();
	int err; /* before 6.4 the upper half of what maps answer is not a sign */

	if (!a || !c || !seed)
		return -1;
	seed_flows(seed);
	err = bpf_timer_init(&a->timer, &age, CLOCK_MONOTONIC);
	if (err && err != -16 /* EBUSY: it runs already */)
		return err;
	if (!a->cursor_s)
		a->cursor_s = now;
	if (!c->now_s)
		c->now_s = now;
	err = bpf_timer_set_callback(&a->timer, age_tick);
	if (err)
		return err;
	return bpf_timer_start(&a->timer, MORE_NS, 0);
}
