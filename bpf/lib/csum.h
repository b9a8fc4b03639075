/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Internet checksum arithmetic (RFC 1071) and incremental update (RFC 1624). Sums are
 * over 16-bit words as they lie in memory, so no byte swapping is needed anywhere.
 */
#ifndef TRANSIT_CSUM_H
#define TRANSIT_CSUM_H

#include "headers.h"

static __always_inline __u16 csum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* RFC 1624 s3 eqn. 3: HC' = ~(~HC + ~m + m') for one 16-bit word. */
static __always_inline __u16 csum_replace(__u16 csum, __u16 from, __u16 to)
{
	return (__u16)~csum_fold((__u64)(__u16)~csum + (__u16)~from + to);
}

/* Sum of a header without options; the stored checksum takes part: 0xffff when it is right. */
static __always_inline __u16 csum_ip4_sum(const struct ip4_hdr *ip)
{
	const __u32 *w = (const __u32 *)ip;

	return csum_fold((__u64)w[0] + w[1] + w[2] + w[3] + w[4]);
}

/* Complete checksum of a header without options whose csum field is zero. */
static __always_inline __u16 csum_ip4(const struct ip4_hdr *ip)
{
	return (__u16)~csum_ip4_sum(ip);
}

/* Sum of an address as carried in keys: only the last word of a mapped one counts. */
static __always_inline __u64 csum_addr(const struct ip_addr *addr, int ipv6)
{
	const __u32 *w = (const __u32 *)addr;

	return ipv6 ? (__u64)w[0] + w[1] + w[2] + w[3] : w[3];
}

#endif
