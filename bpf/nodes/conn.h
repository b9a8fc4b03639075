/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The state of a TCP connection, by flags alone (RFC 6146 s3.5.2, RFC 7857 s2). It decides when
 * ageing ends the connection and nothing else. Only packets with SYN, FIN or RST come here, and
 * all of a connection whose records carry FLOW_CLOSING: opened in the middle, or reset.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_CONN_H
#define TRANSIT_NODE_CONN_H

#include <lib/parse.h>
#include "limit.h"

enum { TCP_EVENTS = TCP_FIN | TCP_SYN | TCP_RST };

static __always_inline void conn_watch(__u64 id, int on)
{
	struct flow_val *f = bpf_map_lookup_elem(&flow, &id);

	if (!f)
		return;
	if (on)
		f->flags |= FLOW_CLOSING;
	else
		f->flags &= ~FLOW_CLOSING;
}

static __always_inline int conn_is_opening(__u8 state)
{
	return state == CONN_OPENING || state == CONN_OPENING_REPLY;
}

/*
 * The state after a packet. flags: of its record. What was opened by one side alone stays so: no
 * FIN or RST makes a connection of it, nor ends it before the other side's SYN.
 */
static __always_inline __u8 conn_next(__u8 state, __u8 tcp_flags, __u16 flags)
{
	int reply = flags & FLOW_REPLY; /* in the direction that did not open the connection */

	if (tcp_flags & TCP_RST) {
		if (state == CONN_CLOSED || conn_is_opening(state))
			return flags & FLOW_NAT ? state : CONN_RESET;
		return CONN_RESET;
	}
	if (state == CONN_RESET) { /* not believed; translated, a SYN shows that, too (RFC 6146) */
		if (!(tcp_flags & TCP_SYN) || flags & FLOW_NAT)
			return CONN_ESTABLISHED;
		return reply ? CONN_OPENING_REPLY : CONN_OPENING;
	}
	if (tcp_flags & TCP_SYN) {
		if (state == (reply ? CONN_OPENING : CONN_OPENING_REPLY))
			return CONN_ESTABLISHED;
		if (state == CONN_CLOSED) /* its ports are used again */
			return reply ? CONN_OPENING_REPLY : CONN_OPENING;
		return state;
	}
	if (tcp_flags & TCP_FIN) {
		if (conn_is_opening(state) && (flags & (FLOW_NAT | FLOW_CLOSING)) == FLOW_NAT)
			return state;
		if (state == CONN_CLOSED || state == (reply ? CONN_FIN : CONN_FIN_REPLY))
			return CONN_CLOSED;
		return reply ? CONN_FIN_REPLY : CONN_FIN;
	}
	return state == CONN_OPENING ? CONN_ESTABLISHED : state;
}

/* f: a record of the connection, of the packet's direction. */
static __noinline int conn_tcp(const struct flow_val *f, __u8 tcp_flags)
{
	__u32 index = f->node;
	struct age_node_val *n = bpf_map_lookup_elem(&age_node, &index);
	int watch;
	__u8 next;

	if (!n || n->kind != AGE_FLOW)
		return 0;
	next = conn_next(n->state, tcp_flags, f->flags);
	/* refused, it waits for nothing any more */
	if (unlikely(n->charge & LIMIT_HALF_OPEN) && (next != CONN_OPENING || tcp_flags & TCP_RST))
		limit_opened(n);
	if (next == n->state)
		return 0;
	n->state = next;
	watch = next == CONN_RESET;
	if (watch || f->flags & FLOW_CLOSING) {
		conn_watch(n->id, watch);
		if (n->reply)
			conn_watch(n->reply, watch);
	}
	return 0;
}

#endif
