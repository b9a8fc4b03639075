/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Counters and events. Included by transit/types.h, which has what all use. */
#ifndef TRANSIT_TYPES_COUNTERS_H
#define TRANSIT_TYPES_COUNTERS_H

enum hook {
	HOOK_TRANSIT_XDP = 0,
	HOOK_TRANSIT_TC = 1,
	HOOK_AGENT_XDP = 2,
	HOOK_AGENT_TC = 3,
	HOOK_ALG = 4, /* packets that come back from the daemon */
	HOOK_COUNT = 5,
};

/*
 * received = sent + passed + punted + sum of drop[], always. An ICMP error is made from
 * the packet it reports: that packet counts as dropped, the error as generated.
 */
struct counters_val {
	__u64 received;
	__u64 received_bytes;
	__u64 sent;
	__u64 passed;
	__u64 punted;
	__u64 generated;
	__u64 drop[REASON_SLOTS];
	__u64 node[NODE_SLOTS];
};

/* Per endpoint, seen from the workload: tx is what it sent. Map `ep_stats`. */
struct ep_stats_val {
	__u64 tx_packets;
	__u64 tx_bytes;
	__u64 rx_packets;
	__u64 rx_bytes;
	__u64 tx_drops; /* sent by it and dropped */
	__u64 rx_drops; /* meant for it and dropped */
};

enum nat_event_kind {
	NAT_EVENT_TAKEN = 1, /* an endpoint has a block from now on */
	NAT_EVENT_GIVEN_BACK = 2, /* its last mapping went; only time_ns, block and sub are set */
};

/*
 * A port block changed hands. Ring `nat_event`. Blocks that are an endpoint's by arithmetic make
 * none. Two events of a block may come in the wrong order: time_ns tells.
 */
struct nat_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 block; /* index into nat_block */
	__u32 sub; /* index into nat_sub */
	__u32 vni; /* of the endpoint */
	__u32 owner; /* the gateway's number */
	__u16 first; /* ports */
	__u16 last;
	__u8 kind; /* enum nat_event_kind */
	__u8 family; /* 4 or 6 */
	__u16 pad;
	struct ip_addr addr; /* public */
	struct ip_addr inside; /* source of the packet for which it was taken */
};

/* Events that found no room in the ring. Map `nat_lost`. */
struct nat_lost_val {
	__u64 events;
};

enum event_kind {
	EVENT_DROP = 1,
	EVENT_PUNT = 2,
};

struct event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 ifindex; /* where it entered */
	__u32 vni;
	__u32 length; /* of the frame, bytes */
	__u16 captured; /* bytes of data that are valid */
	__u8 kind; /* enum event_kind */
	__u8 reason; /* enum reason */
	__u8 node; /* enum node: the last one visited */
	__u8 hook; /* enum hook */
	__u8 pad[6];
	struct ip_addr resolve; /* PUNT: a neighbour outside that should be resolved */
	__u8 data[EVENT_DATA]; /* the frame from its Ethernet header as it was at the drop */
};

#endif
