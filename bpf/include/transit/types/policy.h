/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Policies: programs, blocks of rules and the classes of addresses (docs/design/policy.md).
 * Included by transit/types.h, which has what all use.
 */
#ifndef TRANSIT_TYPES_POLICY_H
#define TRANSIT_TYPES_POLICY_H

enum {
	POL_RULES = 512, /* of a block */
	POL_WORDS = POL_RULES / 64,
	POL_BLOCKS = 64, /* of a program */
	POL_TIER = 1u << 31, /* beside a block of a program: the first of its tier */
	POL_OTHERS = 8, /* rows `other` of a block: POL_DIMS, and POL_PROTO's of IPv6 */
	POL_PORTS_FIRST = 1u << 31, /* beside a block's dimensions: destination ports tell most */
	POL_RANGES = 16, /* beside a block's dimensions: bit of a port's, map pol_port has ranges */
};

/* What a row is about. Map `pol_row` has a row for each value that matters to a block. */
enum pol_dim {
	POL_PROTO = 0, /* by family: protocol, ICMP type and code; see pol_proto() */
	POL_SPORT = 1, /* host byte order, or POL_RANGE and the class of a range */
	POL_DPORT = 2,
	POL_SRC = 3, /* class of the address */
	POL_DST = 4,
	POL_NSRC = 5, /* class of address, protocol and port: named ports */
	POL_NDST = 6,
	POL_DIMS = 7,
};

enum {
	POL_PROTO6 = POL_DIMS, /* row `other` of POL_PROTO for IPv6 */
	POL_RANGE = 1u << 16, /* a row's value is the class of a range of ports */
	/* a row's value of POL_PROTO: the protocol and what else is meant */
	POL_ICMP_TYPE = 1u << 8, /* the type, << 16 */
	POL_ICMP_CODE = 1u << 9, /* and the code, << 24 */
};

enum pol_action {
	POL_NONE = 0,
	POL_ALLOW = 1,
	POL_DENY = 2,
	POL_PASS = 3, /* on with the next tier */
	POL_LOG = 4, /* on with the next rule */
};

/* Map `pol_ep`, by index of the endpoint. */
struct pol_ep_val {
	__u64 of[2]; /* by pol_epoch; programs: ingress | egress << 32; 0: open */
};

/* Map `pol_prog`, by index. */
struct pol_prog_val {
	__u32 vni; /* in which its rules' addresses are meant */
	__u32 count;
	__u32 block[POL_BLOCKS]; /* in order; beside POL_TIER */
};

/* A set of a block's rules, by their place. */
struct pol_bits {
	__u64 w[POL_WORDS];
};

/* Map `pol_block`, by index. */
struct pol_block_val {
	__u32 dims; /* 1 << enum pol_dim: some rule asks for it; and 1 << POL_RANGES + dim */
	__u32 pad;
	__u64 other[POL_OTHERS * POL_WORDS]; /* rows of values that have none, by dimension */
};

/* Map `pol_row`: this -> struct pol_bits. */
struct pol_row_key {
	__u32 block;
	__u32 value;
	__u8 dim; /* enum pol_dim */
	__u8 family; /* of POL_PROTO: 4 or 6; else 0 */
	__u16 pad;
};

/* Longest prefix match of a port. Map `pol_port`. */
struct pol_port_key {
	__u32 prefixlen; /* bits: 48 before the port's */
	__u32 block;
	__u8 dim; /* POL_SPORT or POL_DPORT */
	__u8 pad;
	__be16 port;
};

struct pol_port_val {
	__u32 class; /* never 0 */
};

/* Map `pol_rule`. */
struct pol_rule_key {
	__u32 block;
	__u32 place;
};

struct pol_rule_val {
	__u32 action; /* enum pol_action */
	__u32 hit; /* index into pol_hit */
};

/* Map `pol_net`: longest prefix match of what map pol_host has not. As struct route_key. */
struct pol_net_key {
	__u32 prefixlen; /* bits */
	__u8 vni[3]; /* network order */
	__u8 family; /* 4 or 6 */
	struct ip_addr addr;
};

/* Map `pol_named`: a named port of an endpoint. */
struct pol_named_key {
	__u32 vni;
	struct ip_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

/* Maps `pol_host`, `pol_net`, `pol_named`. */
struct pol_class_val {
	__u32 class[2]; /* by pol_epoch; 0: in no set */
};

/*
 * What program judge is run with, and gives back: the first packet of a connection as an endpoint
 * sees it, or one of its replies.
 */
struct pol_judge {
	__u8 pad[16]; /* a frame has an Ethernet header */
	__u32 ep; /* index of the endpoint */
	__u32 sends; /* the endpoint sends the packet */
	__u32 reply; /* it goes against the direction in which the connection was opened */
	__u32 hit; /* answer: index into pol_hit of the rule that decided; 0 none */
	struct flow_key key;
};

#endif
