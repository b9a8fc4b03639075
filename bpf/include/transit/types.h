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
	TRANSIT_ABI = 4, /* raise when a pinned layout changes */
	MAC_LEN = 6,
	ECMP_MAX = 16, /* next hops of one group */
	AGE_SLOTS = 512, /* one-second slots of the ageing wheel; a power of two */
	EVENT_DATA = 128, /* bytes of a packet kept in an event */
	VNI_OUTSIDE = 0, /* VPC 0, the outside world; never on the wire */
	NAT_BLOCKS_MAX = 8, /* port blocks one endpoint may hold of one address */
	NAT_EXT_BLOCKS = 1024, /* blocks of 64 ports a public address may have */
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
	ADDR_PUBLIC = 5, /* VPC 0: a public address that this host translates */
	ADDR_OUTSIDE = 6, /* VPC 0: a host on the droplet's link, through nh */
	ADDR_SERVICE = 7, /* has services, map `service`; VPC 0: our address towards servers */
};

enum target_flags {
	TARGET_PEER = 1, /* the device is one end of a veth pair: enter the other end directly */
	TARGET_GROUP = 2, /* `nh` is an index into nh_group, not into nh */
	TARGET_EXEMPT = 4, /* OUTSIDE: without translation */
	TARGET_STATEFUL = 8, /* PEER: connections are kept here, those of other hosts, too */
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
	__u32 ifindex; /* LOCAL: the host-side device; SERVICE of VPC 0: the droplet's */
	__u32 mtu; /* LOCAL: of that device */
	__u32 nh; /* REMOTE: index into nh or nh_group; OUTSIDE: into nh */
	__u32 sub; /* LOCAL, REMOTE: index into nat_sub, 0 when it may not reach the outside */
};

enum route_kind {
	ROUTE_NONE = 0,
	ROUTE_SUBNET = 1, /* a subnet of the VPC: the address itself is missing */
	ROUTE_LOCAL = 2, /* via an endpoint of this host */
	ROUTE_REMOTE = 3, /* via a VTEP or a group of them */
	ROUTE_BLACKHOLE = 4,
	ROUTE_OUTSIDE = 5, /* of a tenant: leaves for VPC 0 on this host */
	ROUTE_NEXTHOP = 6, /* VPC 0: via nh */
	ROUTE_ONLINK = 7, /* VPC 0: on the droplet's link, but the address itself is missing */
	ROUTE_PUBLIC = 8, /* VPC 0: addresses that stand for those of an inside prefix */
	ROUTE_PEER = 9, /* into the VPC of VNI `nh`, by what a Peering exposes */
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
	__u32 sub;
};

/* ---- underlay -------------------------------------------------------------------- */

enum nh_flags {
	NH_RESOLVED = 1, /* MACs and device are known */
	NH_IPV6 = 2,
	NH_DSCP_COPY = 4, /* RFC 2983 uniform model: outer DSCP from the inner packet */
	NH_PLAIN = 8, /* no tunnel: a router or host outside; mtu is the device's */
	NH_SERVER = 16, /* with PLAIN: the way to a service's server, which dst is */
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

/* A droplet's device that leads to the outside. Map `outside`: ifindex -> this. */
struct outside_val {
	struct mac_addr mac; /* of the device: frames to it are for us */
	__u16 mtu; /* largest L3 packet */
	struct ip_addr gw4; /* source of ICMP errors to the outside; zero when it has none */
	struct ip_addr gw6;
};

/* ---- flows ----------------------------------------------------------------------- */

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
	FLOW_FORWARD = 3, /* to the outside, via nh[out_id] */
};

enum flow_flags {
	FLOW_ROUTED = 1, /* the TTL is decremented and MACs replaced */
	FLOW_PEER = 2, /* TARGET_PEER of the device */
	FLOW_CLOSING = 4, /* TCP FIN or RST seen: the connection's state may change on any packet */
	FLOW_TUNNEL_IN = 8, /* in_id is an index into nh, else into ep_stats */
	FLOW_NAT = 16, /* nat[node] says what to rewrite */
	FLOW_REPLY = 32, /* of the direction that did not open the connection */
	FLOW_XLAT = 64, /* with FLOW_NAT: it leaves as a packet of the other family */
	FLOW_ALG = 128, /* its packets go through the daemon: FTP, TFTP */
	FLOW_SERVICE = 256, /* of a connection to a service */
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
	__u8 pad;
	__u16 flags; /* enum flow_flags */
	__u32 node; /* index into age_node and nat: the connection */
	__u32 pad2;
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

/* ---- connections and ageing ------------------------------------------------------ */

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

/* ---- translation ----------------------------------------------------------------- */

enum nat_filtering { /* who may send to a mapping, RFC 4787 s5 */
		     NAT_FILTER_ENDPOINT = 0, /* anybody */
		     NAT_FILTER_ADDRESS = 1, /* addresses that were sent to */
		     NAT_FILTER_ADDRESS_PORT = 2, /* addresses and ports that were sent to */
};

enum nat_algs { /* application layer gateways */
		NAT_ALG_FTP = 1, /* TCP port 21 */
		NAT_ALG_TFTP = 2, /* UDP port 69 */
};

/* A NatGateway on this host. Map `nat_gw`. */
struct nat_gw_val {
	__u8 filtering; /* enum nat_filtering */
	__u8 algs; /* enum nat_algs */
	__u16 block_size; /* ports; a power of two, 64..1024 */
	__u16 max_blocks; /* per endpoint and family, at most NAT_BLOCKS_MAX; 0: none but fixed ones
			   */
	__u16 fixed_blocks; /* of each address, from port 1024: endpoints' by arithmetic (RFC 7422)
			     */
	__u32 quarantine; /* seconds until a port goes to another endpoint */
	__u32 ext4; /* first of its IPv4 addresses in nat_ext_of, and how many */
	__u32 ext4_count;
	__u32 ext6;
	__u32 ext6_count;
	__u32 owner; /* number of this gateway among those that share a pool */
};

/* Members of a gateway's pool, in a row. Map `nat_ext_of`: position -> this. */
struct nat_ext_of_val {
	__u32 ext; /* index into nat_ext */
};

/* One public address of a pool. Map `nat_ext`. It keeps its index, and its blocks, for life. */
struct nat_ext_val {
	struct ip_addr addr;
	__u32 gw; /* index into nat_gw; 0: no longer in a pool */
};

/*
 * A block of ports. Map `nat_block`: 1 + (index of nat_ext - 1) * NAT_EXT_BLOCKS + number of the
 * block -> this; block n of an address has the ports from n * block_size. K writes, always all
 * of it at once.
 */
struct nat_block_val {
	__u64 lease; /* index into nat_sub << 32 | mappings; 0: free */
	__u32 used[6]; /* mappings of TCP, UDP, ICMP, each by even and odd port */
	__u32 owner; /* gateway that may give it out; 0: whichever takes it first */
	__u32 pad;
};

/* Who may use a pool: an endpoint. Map `nat_sub`. */
struct nat_sub_val {
	__u32 gw; /* index into nat_gw, 0 none */
	__u32 fixed; /* first of the blocks that are its own by arithmetic, 0 none */
	__u16 fixed_count;
	__u16 pad;
};

/* What an endpoint holds of one family's pool. */
struct nat_lease {
	__u32 ext; /* index into nat_ext: paired pooling (RFC 4787 REQ-2); 0 none yet */
	__u32 mappings; /* in use */
	__u32 refused_quota; /* packets refused as all its blocks were full */
	__u32 refused_pool; /* packets refused as the address had no free block */
	__u32 refused_table; /* packets refused as map nat_map was full */
	__u32 refused_s; /* second of the clock map of the last refusal */
	__u32 refused_reason; /* enum reason of the last */
	__u32 pairs; /* of these, mappings of protocols without ports */
	__u32 block[NAT_BLOCKS_MAX]; /* index into nat_block, 0 none; nat_block[0] stays unused */
	__u32 low[2]; /* the same for ports below 1024 */
};

/* Map `nat_lease`, by index of nat_sub. K writes. */
struct nat_lease_val {
	struct nat_lease v4;
	struct nat_lease v6;
};

enum nat_map_flags {
	NAT_MAP_OUTSIDE = 1, /* the entry that a public address and port lead to */
	NAT_MAP_PERMIT = 2, /* filtering by address: this address may send */
	NAT_MAP_EXPECTED =
		4, /* made by an ALG: who has no permit may not send; of a permit: so is it */
	NAT_MAP_SERVICE = 8, /* with PERMIT: an endpoint's connections to a service */
};

/*
 * A mapping (BIB, RFC 6146 s3.1), found from both sides. Map `nat_map`: flow_id(key) -> this.
 * Inside: scope VNI, and NAT_OTHER_FAMILY when the public address is of the other family, saddr and
 * sport; outside: SCOPE_OUTSIDE, daddr and dport. Protocols
 * without ports are mapped for each remote address, which then is part of the outside key.
 * Towards a peered VPC its VNI << NAT_OUTER_SHIFT is beside SCOPE_OUTSIDE, and in the inside key in
 * what is not used: the last word of daddr, or without ports sport and dport.
 */
struct nat_map_val {
	struct flow_key key;
	struct ip_addr addr; /* the other side's address and port */
	__be16 port;
	__u8 flags; /* enum nat_map_flags */
	__u8 family; /* of addr: 4 or 6 */
	__u32 vni; /* the inside's */
	__u32 sub; /* index into nat_sub: who is charged; SERVICE: index of the service */
	__u32 block; /* index into nat_block */
	__u32 refs; /* OUTSIDE: connections; 0: idle, kept for the same inside; inside: no holds */
	__u32 idle_since; /* OUTSIDE, refs 0: seconds of the clock map */
	__u32 pad;
	__u64 peer; /* name of the other side's entry */
};

/* What to write into packets of one direction, and what that does to sums. */
struct nat_rewrite {
	struct ip_addr saddr;
	struct ip_addr daddr;
	__be16 sport;
	__be16 dport;
	/* ones' complement difference of both addresses, new less old, as far as a checksum has
	 * them */
	__u16 addr_diff;
	__u16 port_diff; /* of both ports */
	__u8 family; /* of what leaves: 4 or 6 */
	__u8 pad[3];
};

/* The translation of a connection. Map `nat`, by index of age_node. */
struct nat_val {
	struct nat_rewrite fwd;
	struct nat_rewrite reply;
	__u64 map; /* name of the outside entry of map nat_map that it holds; 0 none */
	__u64 permit; /* name of the permit, or hairpinned of the other mapping, it holds */
};

/*
 * One-to-one translation. Map `nat_static`: VNI and address on one side -> the other side. An IPv6
 * address of an endpoint may have two public ones: of the IPv4 one the VNI has NAT_OTHER_FAMILY.
 */
struct nat_static_val {
	__u32 vni;
	struct ip_addr addr;
};

/* Where a VPC's IPv6 packets find IPv4 (RFC 6052). Map `nat64`, by VNI. */
struct nat64_val {
	struct ip_addr prefix;
	__u8 length; /* bits: 32, 40, 48, 56, 64 or 96 */
	__u8 pad[3];
};

enum nat_prefix_end { /* which address of a packet a translated prefix is for */
		      NAT_PREFIX_SOURCE = 1,
		      NAT_PREFIX_DESTINATION = 2,
};

/* prefixlen counts all before the address, 96 bits, + 96 when it is v4-mapped. */
struct nat_prefix_key {
	__u32 prefixlen; /* bits */
	__u32 vni; /* where packets have such addresses */
	__u32 peer; /* VNI of the other side; VNI_OUTSIDE */
	__u8 end; /* enum nat_prefix_end */
	__u8 family; /* 4 or 6 */
	__u16 pad;
	struct ip_addr addr;
};

/* A prefix that stands for another of the same length. Map `nat_prefix`. */
struct nat_prefix_val {
	struct ip_addr addr; /* of the other prefix */
	__u32 vni; /* DESTINATION: where that is; SOURCE of a Peering's pool: index into nat_sub */
	__u32 gw; /* index into nat_gw: endpoints that this gateway serves; of a Peering: its pool;
		   * 0: all, none */
	__u8 length; /* bits of the 128 */
	__u8 neutral; /* `adjust` keeps sums as they are (RFC 6296) */
	__be16 adjust; /* to be added to a word, in ones' complement */
};

/* prefixlen counts all before it: 16 bytes of address, protocol, pad, port. */
struct port_fwd_key {
	__u32 prefixlen; /* bits: 128 + 16 + of the port */
	struct ip_addr addr; /* public */
	__u8 proto;
	__u8 pad;
	__be16 port;
};

/* A range of a public address' ports, as prefixes. Map `port_fwd`. */
struct port_fwd_val {
	__u32 vni;
	struct ip_addr addr; /* inside */
	__u16 from; /* first port of the whole range outside, host order */
	__u16 to; /* first port inside */
};

/* ---- application layer gateways -------------------------------------------------- */

enum {
	ALG_MAGIC = 0x02414c47, /* first bytes of a frame's destination MAC: "\2ALG" */
	ALG_ALIVE_S = 5, /* without a sign of life for longer nothing is handed to the daemon */
	ALG_EXPECT_MAX_S = 300, /* what an expectation may last */
};

/* The daemon's device for packets of ALGs and fragments that are early. Map `alg_dev`, index 0. */
struct alg_dev_val {
	__u32 ifindex; /* 0: none */
	__u32 alive_s; /* seconds of the clock map: when the daemon last took care of it */
};

/*
 * By how many bytes the daemon has made each direction of a connection longer: what it must not
 * forget when it starts again. Map `alg_delta`, by index of age_node.
 */
struct alg_delta_val {
	__u64 id; /* of the connection's node */
	__s32 fwd;
	__s32 reply;
};

/*
 * In place of both MACs of a frame that goes to the daemon or comes back from it: which
 * connection it is of. All else is as before translation, without a tunnel.
 */
struct alg_tag {
	__be32 magic;
	__be32 node; /* index into age_node */
	__be32 reply; /* 1: of the direction that did not open the connection */
};

/* ---- fragments that come before their first one ------------------------------------ */

enum {
	HELD_MAGIC = 0x02465247, /* first bytes of a frame's destination MAC: "\2FRG" */
	/* packets a second, and at once, that go to the daemon: of one source, of one side */
	HELD_SOURCE_RATE = 1000,
	HELD_SOURCE_BURST = 256,
	HELD_SIDE_RATE = 8000,
	HELD_SIDE_BURST = 2048,
	HELD_SOURCES = 1024, /* buckets that sources share; a power of two */
};

enum held_side { /* where it came from */
		 HELD_AGENT = 0, /* an endpoint */
		 HELD_TUNNEL = 1,
		 HELD_OUTSIDE = 2,
		 HELD_SIDES = 3,
};

/*
 * In front of a frame that goes to the daemon or comes back from it: where it entered. Its first
 * bytes are an Ethernet header. The frame behind it is as it was, a tunnel's headers included.
 */
struct held_tag {
	__be32 magic;
	__be32 ifindex; /* where it entered */
	__be32 source; /* whom it is counted to: scope of an endpoint or VPC, or of an address
			  outside */
	__be16 type; /* of the frame's Ethernet header */
	__u8 side; /* enum held_side */
	__u8 pad;
	__be32 ep; /* endpoint index of the sender; 0 unknown */
	__u32 pad2;
	__u64 id; /* name of its datagram in map frag, host byte order */
};

/*
 * What program alg_expect is run with, and gives back: a data connection to an inside address and
 * port shall be let in. Its answer is 0 or an enum reason.
 */
struct alg_expect {
	__u8 pad[16]; /* a frame has an Ethernet header */
	__u32 vni;
	struct ip_addr addr; /* inside */
	struct ip_addr pub; /* public address it shall have */
	struct ip_addr remote; /* who will come */
	__be16 port; /* inside */
	__be16 pub_port; /* answer: the public one */
	__u8 proto;
	__u8 family; /* of addr */
	__u16 seconds; /* how long it waits, 1..ALG_EXPECT_MAX_S */
	__u8 pub_family; /* of pub and remote */
	__u8 pad2[3];
};

/* ---- services -------------------------------------------------------------------- */

/* Address and port of a service as a VPC sees it. Map `service`. */
struct service_key {
	__u32 vni;
	struct ip_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

/* The server behind it, and how this host's packets to it look. */
struct service_val {
	__u32 service; /* index into service_use and service_timeout */
	__u32 nh; /* the way to the server */
	struct ip_addr server;
	struct ip_addr source; /* ours, of the server's family; zero while there is no way */
	__be16 port; /* the server's */
	__u16 first; /* source ports: the first, and how many; host order */
	__u16 count;
	__u8 family; /* of server and source: 4 or 6 */
	__u8 pad;
	__u32 limit; /* connections of one endpoint, of each protocol */
};

/* How far a service's ports are used. Map `service_use`. K writes. */
struct service_use_val {
	__u32 used[2]; /* connections of TCP, UDP */
	__u32 refused_quota; /* packets refused as the endpoint had its share */
	__u32 refused_pool; /* packets refused as no port was free */
};

/* ---- counters and events --------------------------------------------------------- */

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
