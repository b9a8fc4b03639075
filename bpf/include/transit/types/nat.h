/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Translation: gateways, pools, blocks, mappings, prefixes. Included by transit/types.h, which has
 * what all use. */
#ifndef TRANSIT_TYPES_NAT_H
#define TRANSIT_TYPES_NAT_H

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

#endif
