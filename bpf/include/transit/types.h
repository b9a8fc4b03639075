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
	TRANSIT_ABI = 6, /* raise when a pinned layout changes */
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

#include "types/place.h"
#include "types/flow.h"
#include "types/nat.h"
#include "types/slow_path.h"
#include "types/service.h"
#include "types/policy.h"
#include "types/counters.h"

#endif
