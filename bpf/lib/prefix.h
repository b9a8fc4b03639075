/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * An address of one prefix as the other prefix has it: the bits behind the prefix stay. For
 * prefixes that lead outside a word of the rest takes up what the change does to sums, so that
 * nothing behind the IP header changes (RFC 6296 s3).
 */
#ifndef TRANSIT_PREFIX_H
#define TRANSIT_PREFIX_H

#include "translate.h"

enum {
	PREFIX_SUBNET_WORD = 3, /* bits 48..63, RFC 6296 s3.4 */
	PREFIX_IID_WORD = 4, /* the first of the interface identifier's, s3.5 */
	PREFIX_WORDS = 8,
};

/* Bits of a word of 32 that belong to a prefix with so many bits from the word on. */
static __always_inline __be32 prefix_mask(int bits)
{
	if (bits <= 0)
		return 0;
	return bits >= 32 ? 0xffffffff : bpf_htonl(~0u << (32 - bits));
}

/* The word that is adjusted, by what it was before; PREFIX_WORDS when none may be. */
static __always_inline int prefix_word(const struct ip_addr *from, __u8 length)
{
	const __u16 *w = (const __u16 *)from;
	const __u32 *iid = (const __u32 *)from + 2;

	/* 0xffff and 0 are one number in ones' complement: the first has no counterpart */
	if (length <= 48)
		return w[PREFIX_SUBNET_WORD] == 0xffff ? PREFIX_WORDS : PREFIX_SUBNET_WORD;
	if (!iid[0] && !iid[1]) /* s3.7: the subnet-router anycast address */
		return PREFIX_WORDS;
	if (w[4] != 0xffff)
		return 4;
	if (w[5] != 0xffff)
		return 5;
	if (w[6] != 0xffff)
		return 6;
	return w[7] != 0xffff ? 7 : PREFIX_WORDS;
}

/* 0, or -1 when the address has no counterpart. */
static __always_inline int prefix_translate(const struct nat_prefix_val *v,
					    const struct ip_addr *from, struct ip_addr *to)
{
	const __u32 *p = (const __u32 *)&v->addr, *f = (const __u32 *)from;
	int length = v->length, word;
	__u32 *t = (__u32 *)to;

	t[0] = (p[0] & prefix_mask(length)) | (f[0] & ~prefix_mask(length));
	t[1] = (p[1] & prefix_mask(length - 32)) | (f[1] & ~prefix_mask(length - 32));
	t[2] = (p[2] & prefix_mask(length - 64)) | (f[2] & ~prefix_mask(length - 64));
	t[3] = (p[3] & prefix_mask(length - 96)) | (f[3] & ~prefix_mask(length - 96));
	if (!v->neutral)
		return 0;
	word = prefix_word(from, v->length);
	if (word >= PREFIX_WORDS)
		return -1;
	((__u16 *)to)[word] = diff_fold((__u64)((const __u16 *)from)[word] + v->adjust);
	return 0;
}

#endif
