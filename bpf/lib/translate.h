/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Translation within a family: addresses and ports are overwritten, sums follow by differences
 * that were computed once for the connection (RFC 3022 s4.2, RFC 1624).
 */
#ifndef TRANSIT_TRANSLATE_H
#define TRANSIT_TRANSLATE_H

#include "csum.h"
#include "parse.h"

/* A difference of nothing is 0, not the other zero of ones' complement. */
static __always_inline __u16 diff_fold(__u64 sum)
{
	__u16 diff = csum_fold(sum);

	return diff == 0xffff ? 0 : diff;
}

/* New less old, over whole addresses; to be folded. */
static __always_inline __u64 diff_addr(const struct ip_addr *from, const struct ip_addr *to,
				       int ipv6)
{
	const __u32 *f = (const __u32 *)from, *t = (const __u32 *)to;

	if (ipv6)
		return (__u64)~f[0] + ~f[1] + ~f[2] + ~f[3] + t[0] + t[1] + t[2] + t[3];
	return (__u64)~f[3] + t[3];
}

static __always_inline __u64 diff_port(__be16 from, __be16 to)
{
	return (__u64)(__u16)~from + to;
}

static __always_inline int translate_has_ports(__u8 proto)
{
	return proto == PROTO_TCP || proto == PROTO_UDP;
}

static __always_inline int translate_is_icmp(__u8 proto)
{
	return proto == PROTO_ICMP || proto == PROTO_ICMPV6;
}

/* An echo's key has its identifier twice, that of other messages type and code on one side. */
static __always_inline int translate_is_echo(const struct flow_key *key)
{
	return translate_is_icmp(key->proto) && key->sport == key->dport;
}

/* Whether ports, or an identifier, tell connections apart and can be replaced. */
static __always_inline int translate_has_number(const struct flow_key *key)
{
	return translate_has_ports(key->proto) || translate_is_echo(key);
}

/* ICMP and ICMPv6 are each other's in the other family (RFC 7915 s4.1, s5.1). */
static __always_inline __u8 proto_in_family(__u8 proto, __u8 family)
{
	if (translate_is_icmp(proto))
		return family == 6 ? PROTO_ICMPV6 : PROTO_ICMP;
	return proto;
}

/* Addresses as the transport's checksum covers them: ICMP's covers none. */
static __always_inline __u64 diff_pseudo(const struct ip_addr *a, const struct ip_addr *b,
					 __u8 family, __u8 proto)
{
	if (family == 6)
		return csum_addr(a, 1) + csum_addr(b, 1);
	return translate_is_icmp(proto) ? 0 : csum_addr(a, 0) + csum_addr(b, 0);
}

/*
 * Differences between what packets of a key carry and what they shall carry. When the family
 * changes there is no header to keep right: only the transport's pseudo-header counts.
 */
static __always_inline void translate_diffs(struct nat_rewrite *r, const struct flow_key *key)
{
	int ipv6 = key->family == 6;

	if (r->family != key->family)
		r->addr_diff =
			diff_fold((__u64)(__u16)~csum_fold(diff_pseudo(&key->saddr, &key->daddr,
								       key->family, key->proto)) +
				  diff_pseudo(&r->saddr, &r->daddr, r->family, key->proto));
	else
		r->addr_diff = diff_fold(diff_addr(&key->saddr, &r->saddr, ipv6) +
					 diff_addr(&key->daddr, &r->daddr, ipv6));
	if (translate_has_ports(key->proto))
		r->port_diff = diff_fold(diff_port(key->sport, r->sport) +
					 diff_port(key->dport, r->dport));
	else /* one identifier */
		r->port_diff = diff_fold(diff_port(key->sport, r->sport));
}

static __always_inline int translate_l3(CTX *ctx, const struct nat_rewrite *r, int ipv6)
{
	void *end = ctx_data_end(ctx);

	if (ipv6) {
		struct ip6_hdr *ip = ctx_data(ctx) + ETH_LEN;

		if ((void *)(ip + 1) > end)
			return -1;
		ip->saddr = r->saddr;
		ip->daddr = r->daddr;
	} else {
		struct ip4_hdr *ip = ctx_data(ctx) + ETH_LEN;

		if ((void *)(ip + 1) > end)
			return -1;
		ip->saddr = addr_to_v4(&r->saddr);
		ip->daddr = addr_to_v4(&r->daddr);
		ip->csum = (__u16)~csum_fold((__u64)(__u16)~ip->csum + r->addr_diff);
	}
	return 0;
}

/* The frame starts with its Ethernet header; l4_off counts from there. 0 or a negative reason. */
static __always_inline int translate(CTX *ctx, const struct pkt *p, const struct nat_rewrite *r,
				     __u32 l4_off)
{
	int ipv6 = p->key.family == 6;
	__u8 proto = p->key.proto;
	__u16 addr_diff = r->addr_diff, port_diff = r->port_diff;
	__u64 off;
	void *l4;

	if (translate_l3(ctx, r, ipv6))
		return -REASON_TRUNCATED;
	if (l4_off > L4_OFF_MAX)
		return -REASON_EXT_HEADERS;
	off = offset_bounded(l4_off);
	if (p->frag == FRAG_LATER || !(translate_has_ports(proto) || translate_is_icmp(proto))) {
		if (ipv6)
			ctx_csum_update(ctx, addr_diff);
		return 0;
	}
	l4 = ctx_data(ctx) + off;
	if (l4 + sizeof(struct udp_hdr) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	if (proto == PROTO_TCP) {
		*(__u32 *)l4 = *(const __u32 *)&r->sport;
		off += __builtin_offsetof(struct tcp_hdr, csum);
	} else if (proto == PROTO_UDP) {
		*(__u32 *)l4 = *(const __u32 *)&r->sport;
		off += __builtin_offsetof(struct udp_hdr, csum);
	} else {
		if (port_diff)
			((struct icmp_hdr *)l4)->id = r->sport;
		off += __builtin_offsetof(struct icmp_hdr, csum);
		if (!ipv6) /* no pseudo-header */
			addr_diff = 0;
	}
	return ctx_l4_csum(ctx, off, addr_diff, port_diff, proto == PROTO_UDP, ipv6)
		       ? -REASON_TRUNCATED
		       : 0;
}

#endif
