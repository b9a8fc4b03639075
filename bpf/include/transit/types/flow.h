/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Flow records, fragments, connections and their ageing. Included by transit/types.h, which has
 * what all use. */
#ifndef TRANSIT_TYPES_FLOW_H
#define TRANSIT_TYPES_FLOW_H

enum {
	SCOPE_TUNNEL = 1u << 31, /* scope = SCOPE_TUNNEL | VNI, else an ifindex */
	SCOPE_OUTSIDE = 1u << 30, /* entered a droplet without a tunnel */
	SCOPE_SERVICE = 1u << 29, /* map nat_map: a service's user, by index of the service */
	NAT_OTHER_FAMILY = 1u << 28, /* beside a VNI: an IPv6 address' own IPv4 one is meant */
	NAT_OUTER_SHIFT = 4, /* map nat_map: VNI beside SCOPE_OUTSIDE, as flags are below */
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
 * ICMP: sport 0 (0xffff for type 0 code 0, which is no echo in ICMPv6), dport type << 8 | code;
 * protocols without ports: both 0.
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
	FLOW_FORWARD = 3, /* to the outside, via nh[out_id] */
};

enum flow_flags {
	FLOW_ROUTED = 1, /* the TTL is decremented and MACs replaced */
	FLOW_SERVICE = 2, /* of a connection to a service */
	FLOW_CLOSING = 4, /* TCP FIN or RST seen: the connection's state may change on any packet */
	FLOW_TUNNEL_IN = 8, /* in_id is an index into nh, else into ep_stats */
	FLOW_NAT = 16, /* nat[node] says what to rewrite */
	FLOW_REPLY = 32, /* of the direction that did not open the connection */
	FLOW_XLAT = 64, /* with FLOW_NAT: it leaves as a packet of the other family */
	FLOW_ALG = 128, /* its packets go through the daemon: FTP, TFTP */
};

enum {
	OUT_PEER = 1u << 31, /* enter the other end of the veth pair directly (TARGET_PEER) */
};

/*
 * What the walk concluded for one direction. Map `flow`: flow_id(key) -> this. The whole key
 * is compared at every use: two flows may share a name, and the kernel may give an element to
 * another flow while it is being read. Every 8 bytes here are 16 a connection: see
 * docs/performance.md before there are more.
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
	__u32 out_ifindex; /* DELIVER: the device, and OUT_PEER */
	__u32 last_seen; /* seconds of the clock map */
	__u16 out_arg; /* DELIVER: largest L3 packet; ENCAP: outer source port (network order) */
	__u8 action; /* enum flow_action */
	__u8 flags; /* enum flow_flags */
	__u32 node; /* index into age_node and nat: the connection */
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

enum age_kind {
	AGE_FLOW = 0, /* a connection: one or two flow records */
	AGE_FRAG = 1,
	AGE_MAP = 2, /* a mapping of map nat_map, by its outside entry's name */
	AGE_EXPECT = 3, /* holds a mapping, and a permit, until it is looked at */
};

/*
 * What a connection has seen. TCP by its flags alone (RFC 6146 s3.5.2): both SYNs make it
 * established, a FIN each way or a reset make it transitory.
 */
enum conn_state {
	CONN_OTHER = 0, /* not TCP */
	CONN_OPENING = 1, /* TCP, seen in one direction only so far */
	CONN_ESTABLISHED = 2,
	CONN_FIN = 3, /* from the opener */
	CONN_FIN_REPLY = 4, /* from the other side */
	CONN_CLOSED = 5, /* from both */
	CONN_RESET = 6, /* open again when a packet without RST follows (RFC 7857 s2.2) */
	CONN_OPENING_REPLY = 7, /* once more, after both had closed it: now from the other side */
};

/*
 * Links a connection, fragment or mapping into the wheel slot in which it is looked at next. Map
 * `age_node`; a connection's translation is in map `nat` under the same index.
 */
struct age_node_val {
	__u32 next; /* index of the next node, 0 ends the list */
	__u8 kind; /* enum age_kind */
	__u8 state; /* enum conn_state */
	__u16 interval; /* seconds between looks; doubles while the record lives */
	__u64 id; /* the record's name: key of map flow, frag or nat_map */
	__u64 reply; /* FLOW: name of the other direction's record; EXPECT: permit; 0 none */
	__u32 charge; /* FLOW: account and enum limit_flags, 0 nobody's */
	__u32 pad;
};

/*
 * Whom a connection is charged to. An account is an index into ep_stats << 1 of a local endpoint,
 * or an index into nat_sub << 1 | 1 of another host's.
 */
enum limit_flags {
	LIMIT_HALF_OPEN = 1u << 31, /* TCP, not answered yet */
	LIMIT_ACCEPTED = 1u << 30, /* others opened it to the endpoint */
	LIMIT_ACCOUNT = LIMIT_ACCEPTED - 1,
};

/* An endpoint's quotas; 0: no limit. Map `limit`, by account. */
struct limit_val {
	__u32 connections; /* opened by it, and as many to it */
	__u32 half_open; /* of these */
	__u32 rate; /* opened by it, per second */
	__u32 burst; /* as many at once */
};

struct limit_count {
	__u32 connections;
	__u32 half_open;
};

/* What counts against the quotas. Map `limit_use`, by account. K writes. */
struct limit_use_val {
	struct limit_count opened;
	struct limit_count accepted;
	__u64 bucket; /* seconds of the clock map << 32 | tokens left then; 0: never used */
	__u64 refused_connections; /* packets */
	__u64 refused_half_open;
	__u64 refused_rate;
	__u32 refused_s; /* second of the clock map of the last refusal, and how many in it */
	__u32 refused_now;
	__u32 refused_reason; /* enum reason of the last */
	__u32 pad;
};

/* Idle seconds until a connection goes; 0: the default. Map `timeout`, by VPC index. */
struct timeout_val {
	__u32 tcp_established;
	__u32 tcp_transitory; /* opening, closing or reset */
	__u32 udp;
	__u32 icmp;
	__u32 other;
};

#endif
