/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Hash of a flow, for the outer source port and the choice among equal paths. The same on
 * every host and after every restart: it does not depend on devices.
 */
#ifndef TRANSIT_HASH_H
#define TRANSIT_HASH_H

#include "pkt.h"

static __always_inline __u32 hash_mix(__u32 h, __u32 v)
{
	h ^= v * 0xcc9e2d51;
	h = h << 13 | h >> 19;
	return h * 5 + 0xe6546b64;
}

static __always_inline __u32 hash_flow(const struct flow_key *key, __u32 vni)
{
	const __u32 *s = (const __u32 *)&key->saddr, *d = (const __u32 *)&key->daddr;
	__u32 h = vni;

	h = hash_mix(h, s[0]);
	h = hash_mix(h, s[1]);
	h = hash_mix(h, s[2]);
	h = hash_mix(h, s[3]);
	h = hash_mix(h, d[0]);
	h = hash_mix(h, d[1]);
	h = hash_mix(h, d[2]);
	h = hash_mix(h, d[3]);
	h = hash_mix(h, (__u32)key->sport << 16 | key->dport);
	h = hash_mix(h, key->proto);
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

/* RFC 7348 s5: the dynamic range, 49152..65535. */
static __always_inline __be16 hash_udp_port(__u32 hash)
{
	return bpf_htons(0xc000 | (hash & 0x3fff));
}

#endif
