/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What goes to the daemon and comes back: ALGs and fragments that are early. Included by
 * transit/types.h, which has what all use. */
#ifndef TRANSIT_TYPES_SLOW_PATH_H
#define TRANSIT_TYPES_SLOW_PATH_H

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

#endif
