/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The layouts shared with user space. This is the one source: codecs are made from the
 * compiled objects' BTF. Fields are host byte order unless their type is __be* or the
 * field is a byte array, which is network order. IPv4 addresses are carried v4-mapped
 * (::ffff:a.b.c.d, RFC 4291 s2.5.5.2). Keys have no implicit padding.
 */
#ifndef TRANSIT_TYPES_H
#define TRANSIT_TYPES_H

#include <linux/types.h>
#include "iana.h"
#include "nodes.h"
#include "reasons.h"

enum {
	TRANSIT_ABI = 2, /* raise when a pinned layout changes */
	MAC_LEN = 6,
	ECMP_MAX = 16, /* next hops of one group */
	AGE_SLOTS = 512, /* one-second slots of the ageing wheel; a power of two */
	EVENT_DATA = 128, /* bytes of a packet kept in an event */
};

struct ip_addr {
	__u8 b[16]; /* IPv6, or IPv4 mapped */
} __attribute__((aligned(4))); /* else it is copied byte by byte */

struct mac_addr {
	__u8 b[MAC_LEN];
} __attribute__((aligned(2)));

/* ---- who is where ---------------------------------------------------------------- */

/* A local endpoint, by the device its packets enter through. Map `ep`. */
struct ep_val {
	__u32 vni;
	__u32 vpc; /* index into vpc_gen and icmp_limit */
	__u32 ep; /* index into ep_stats */
	__u32 mtu; /* of the device: largest L3 packet, bytes */
	struct mac_addr mac; /* the workload's */
	struct mac_addr gw_mac; /* the VPC's router MAC */
	struct ip_addr gw4; /* the gateway of its IPv4 subnet; zero when it has none */
	struct ip_addr gw6;
};

/* A VPC, by VNI. Map `vpc`. */
struct vpc_val {
	__u32 vpc; /* index into vpc_gen and icmp_limit */
	__u32 icmp_rate; /* ICMP errors per second */
	__u32 icmp_burst;
	struct mac_addr gw_mac;
	__u16 pad;
	struct ip_addr gw4; /* source of ICMP errors when no endpoint tells a better one */
	struct ip_addr gw6;
};

enum addr_kind {
	ADDR_NONE = 0,
	ADDR_LOCAL = 1, /* an endpoint of this host */
	ADDR_REMOTE = 2, /* an endpoint behind a VTEP */
	ADDR_GATEWAY = 3, /* the gateway of a subnet */
	ADDR_BROADCAST = 4, /* the broadcast address of an IPv4 subnet */
};

enum target_flags {
	TARGET_PEER = 1, /* the device is one end of a veth pair: enter the other end directly */
	TARGET_GROUP = 2, /* `nh` is an index into nh_group, not into nh */
};

struct addr_key {
	__u32 vni;
	struct ip_addr addr;
};

/* Every known address of a VPC. Map `addr`. */
struct addr_val {
	__u8 kind; /* enum addr_kind */
	__u8 flags; /* enum target_flags */
	struct mac_addr mac;
	__u32 ep; /* LOCAL: index into ep_stats */
	__u32 ifindex; /* LOCAL: the host-side device */
	__u32 mtu; /* LOCAL: of that device */
	__u32 nh; /* REMOTE: index into nh or nh_group */
};

enum route_kind {
	ROUTE_NONE = 0,
	ROUTE_SUBNET = 1, /* a subnet of the VPC: the address itself is missing */
	ROUTE_LOCAL = 2, /* via an endpoint of this host */
	ROUTE_REMOTE = 3, /* via a VTEP or a group of them */
	ROUTE_BLACKHOLE = 4,
};

/* prefixlen counts vni and family: 32 + bits of the address, + 96 when it is v4-mapped. */
struct route_key {
	__u32 prefixlen; /* bits */
	__u8 vni[3]; /* network order */
	__u8 family; /* 4 or 6 */
	struct ip_addr addr;
};

/* Longest prefix match when no address matched. Map `route`. */
struct route_val {
	__u8 kind; /* enum route_kind */
	__u8 flags; /* enum target_flags */
	struct mac_addr mac; /* destination MAC of the inner frame */
	__u32 ep; /* as addr_val */
	__u32 ifindex;
	__u32 mtu;
	__u32 nh;
};

/* ---- underlay -------------------------------------------------------------------- */

enum nh_flags {
	NH_RESOLVED = 1, /* MACs and device are known */
	NH_IPV6 = 2,
	NH_DSCP_COPY = 4, /* RFC 2983 uniform model: outer DSCP from the inner packet */
};

/* A VTEP and how to reach it: everything an outer header needs. Map `nh`; 0 is unused. */
struct nh_val {
	struct mac_addr dmac;
	struct mac_addr smac;
	__u32 ifindex; /* the droplet's device */
	struct ip_addr src; /* ours */
	struct ip_addr dst; /* the VTEP's */
	__u16 mtu; /* largest inner L3 packet: device MTU - outer headers - inner Ethernet */
	__u8 flags; /* enum nh_flags */
	__u8 ttl;
	__u8 tos; /* DSCP << 2 when not copied */
	__u8 pad[3];
	__be16 port; /* UDP destination */
	__u16 pad2;
};

/* An ECMP set. Map `nh_group`. */
struct nh_group_val {
	__u32 count; /* 1..ECMP_MAX */
	__u32 nh[ECMP_MAX]; /* indexes into nh */
};

/* Known VTEPs: only these may send us tunnel packets. Map `vtep`: struct ip_addr -> this. */
struct vtep_val {
	__u32 nh; /* index into nh */
};

/* Our own underlay addresses. Map `local`: struct ip_addr -> this. */
struct local_val {
	__u32 ifindex; /* the droplet's device */
};

/* ---- flows ----------------------------------------------------------------------- */

enum {
	SCOPE_TUNNEL = 1u << 31, /* scope = SCOPE_TUNNEL | VNI, else an ifindex */
};

/*
 * Secret multipliers that turn a key into its name. Made once per instance, when the maps
 * are; all records are stored under them. Map `flow_seed`.
 */
struct flow_seed_val {
	__u64 m[12];
};

/*
 * A packet's identity where it enters. ICMP echo: both ports hold the identifier; other
 * ICMP: sport 0, dport type << 8 | code; protocols without ports: both 0.
 */
struct flow_key {
	__u32 scope; /* device of the endpoint, or tunnel and VNI: where it may enter */
	struct ip_addr saddr;
	struct ip_addr daddr;
	__be16 sport;
	__be16 dport;
	__u8 proto;
	__u8 family; /* 4 or 6: an IPv6 packet with mapped addresses is not IPv4 */
	__u16 pad;
};

enum flow_action {
	FLOW_NONE = 0,
	FLOW_DELIVER = 1, /* to the local endpoint out_ifindex */
	FLOW_ENCAP = 2, /* to the VTEP nh[out_id] */
};

enum flow_flags {
	FLOW_ROUTED = 1, /* the TTL is decremented and MACs replaced */
	FLOW_PEER = 2, /* TARGET_PEER of the device */
	FLOW_CLOSING = 4, /* TCP FIN or RST seen in this direction */
	FLOW_TUNNEL_IN = 8, /* in_id is an index into nh, else into ep_stats */
};

/*
 * What the walk concluded for one direction. Map `flow`: flow_id(key) -> this. The whole key
 * is compared at every use: two flows may share a name, and the kernel may give an element to
 * another flow while it is being read.
 */
struct flow_val {
	struct flow_key key;
	struct mac_addr in_dmac; /* the frame must carry these, else it walks again */
	struct mac_addr in_smac;
	__u32 generation; /* of the VPC at the walk */
	struct mac_addr out_dmac; /* MACs of the frame as it leaves (the inner one on encap) */
	struct mac_addr out_smac;
	__u32 vni;
	__u32 vpc; /* index into vpc_gen */
	__u32 in_id; /* endpoint it came from, or nh of the VTEP that sent it */
	__u32 out_id; /* DELIVER: index into ep_stats; ENCAP: index into nh */
	__u32 out_ifindex; /* DELIVER: the device */
	__u32 last_seen; /* seconds of the clock map */
	__u16 mtu; /* DELIVER: largest L3 packet */
	__be16 udp_sport; /* ENCAP: outer source port, from the flow's hash */
	__u8 action; /* enum flow_action */
	__u8 flags; /* enum flow_flags */
	__u16 pad;
};

/* A datagram being sent in fragments. Same shape as a flow's key. */
struct frag_key {
	__u32 scope;
	struct ip_addr saddr;
	struct ip_addr daddr;
	__u32 id; /* as on the wire */
	__u8 proto;
	__u8 family;
	__u16 pad;
};

/* Map `frag`: frag_id(key) -> this. */
struct frag_val {
	struct frag_key key;
	__be16 sport; /* of the first fragment */
	__be16 dport;
	__u32 last_seen; /* seconds of the clock map */
	__u8 proto; /* behind all extension headers */
	__u8 pad[3];
};

/* ---- ageing ---------------------------------------------------------------------- */

enum age_kind {
	AGE_FLOW = 0,
	AGE_FRAG = 1,
};

/* Links one record into the wheel slot in which it is looked at next. Map `age_node`. */
struct age_node_val {
	__u32 next; /* index of the next node, 0 ends the list */
	__u16 kind; /* enum age_kind */
	__u16 interval; /* seconds between looks; doubles while the record lives */
	__u64 id; /* the record's name: key of map flow or frag */
};

/* ---- counters and events --------------------------------------------------------- */

enum hook {
	HOOK_TRANSIT_XDP = 0,
	HOOK_TRANSIT_TC = 1,
	HOOK_AGENT_XDP = 2,
	HOOK_AGENT_TC = 3,
	HOOK_COUNT = 4,
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
	__u8 data[EVENT_DATA]; /* the frame from its Ethernet header as it was at the drop */
};

#endif
