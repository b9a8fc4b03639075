/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * IPv4 addresses under an IPv6 prefix (RFC 6052 s2.2): behind 32, 40, 48, 56, 64 or 96 bits, around
 * the octet at bit 64, which is zero, as is all that follows.
 */
#ifndef TRANSIT_RFC6052_H
#define TRANSIT_RFC6052_H

#include "parse.h"

/* Where the address' bytes are, by the prefix' length in bytes: the octet at 8 is left out. */
static __always_inline __u32 rfc6052_at(__u32 bytes, __u32 i)
{
	__u32 at = bytes + i;

	return bytes <= 8 && at >= 8 ? at + 1 : at;
}

static __always_inline int rfc6052_is_length(__u32 bits)
{
	return bits == 32 || bits == 40 || bits == 48 || bits == 56 || bits == 64 || bits == 96;
}

/* 1 when the address is under the prefix. */
static __always_inline int rfc6052_within(const struct nat64_val *n, const struct ip_addr *a)
{
	const __u32 *x = (const __u32 *)&n->prefix, *y = (const __u32 *)a;

	if (x[0] != y[0])
		return 0;
	switch (n->length) {
	case 32:
		return 1;
	case 40:
		return n->prefix.b[4] == a->b[4];
	case 48:
		return n->prefix.b[4] == a->b[4] && n->prefix.b[5] == a->b[5];
	case 56:
		return !((x[1] ^ y[1]) & bpf_htonl(0xffffff00));
	case 64:
		return x[1] == y[1];
	case 96:
		return x[1] == y[1] && x[2] == y[2];
	}
	return 0;
}

static __noinline int rfc6052_extract(const struct nat64_val *n, const struct ip_addr *from,
				      struct ip_addr *to)
{
	__u8 v4[4] __attribute__((aligned(4)));
	__u32 bits = n->length, i;

#define TAKE(length)                                                                               \
	case length:                                                                               \
		for (i = 0; i < 4; i++)                                                            \
			v4[i] = from->b[rfc6052_at(length / 8, i)];                                \
		break
	switch (bits) {
		TAKE(32);
		TAKE(40);
		TAKE(48);
		TAKE(56);
		TAKE(64);
		TAKE(96);
	default:
		return -1;
	}
#undef TAKE
	addr_from_v4(to, *(__be32 *)v4);
	return 0;
}

/* from: mapped. */
static __noinline int rfc6052_embed(const struct nat64_val *n, const struct ip_addr *from,
				    struct ip_addr *to)
{
	__u8 v4[4] __attribute__((aligned(4)));
	__u32 bits = n->length, i;

	*(__be32 *)v4 = addr_to_v4(from);
	*to = n->prefix;
#define PUT(length)                                                                                \
	case length:                                                                               \
		for (i = 0; i < 4; i++)                                                            \
			to->b[rfc6052_at(length / 8, i)] = v4[i];                                  \
		break
	switch (bits) {
		PUT(32);
		PUT(40);
		PUT(48);
		PUT(56);
		PUT(64);
		PUT(96);
	default:
		return -1;
	}
#undef PUT
	return 0;
}

/* Of no use as an address of a host: RFC 6890, RFC 6146 s3.5. */
static __always_inline int ip4_is_martian(__be32 v4)
{
	__u32 a = bpf_ntohl(v4) >> 24;

	return a == 0 || a == 127 || a >= 224;
}

static __always_inline int ip4_within(__u32 a, __u32 network, __u32 bits)
{
	return !((a ^ network) >> (32 - bits));
}

/*
 * Not globally reachable, by IANA's registry of special purposes (RFC 6890): must not appear under
 * the well-known prefix (RFC 6052 s3.1).
 */
static __noinline int ip4_is_special(__be32 v4)
{
	__u32 a = bpf_ntohl(v4);

	return ip4_is_martian(v4) || ip4_within(a, 0x0a000000, 8) ||
	       ip4_within(a, 0x64400000, 10) || ip4_within(a, 0xa9fe0000, 16) ||
	       ip4_within(a, 0xac100000, 12) || ip4_within(a, 0xc0000000, 24) ||
	       ip4_within(a, 0xc0000200, 24) || ip4_within(a, 0xc0a80000, 16) ||
	       ip4_within(a, 0xc6120000, 15) || ip4_within(a, 0xc6336400, 24) ||
	       ip4_within(a, 0xcb007100, 24);
}

/* 64:ff9b::/96 */
static __always_inline int rfc6052_is_well_known(const struct nat64_val *n)
{
	const __u32 *w = (const __u32 *)&n->prefix;

	return n->length == 96 && w[0] == bpf_htonl(0x0064ff9b) && !w[1] && !w[2];
}

/* Whether an IPv4 address may be shown under a prefix. 0 or a negative reason. */
static __always_inline int rfc6052_may_show(const struct nat64_val *n, const struct ip_addr *v4)
{
	__be32 a = addr_to_v4(v4);

	if (rfc6052_is_well_known(n) ? ip4_is_special(a) : ip4_is_martian(a))
		return -REASON_MARTIAN;
	return 0;
}

#endif
