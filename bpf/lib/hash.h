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

static __always_inline __u32 hash_ends(const struct ip_addr *saddr, const struct ip_addr *daddr,
				       __be16 sport, __be16 dport, __u8 proto, __u32 vni)
{
	const __u32 *s = (const __u32 *)saddr, *d = (const __u32 *)daddr;
	__u32 h = vni;

	h = hash_mix(h, s[0]);
	h = hash_mix(h, s[1]);
	h = hash_mix(h, s[2]);
	h = hash_mix(h, s[3]);
	h = hash_mix(h, d[0]);
	h = hash_mix(h, d[1]);
	h = hash_mix(h, d[2]);
	h = hash_mix(h, d[3]);
	h = hash_mix(h, (__u32)sport << 16 | dport);
	h = hash_mix(h, proto);
	h ^= h >> 16;
	h *= 0x85ebca6b;
	h ^= h >> 13;
	h *= 0xc2b2ae35;
	return h ^ h >> 16;
}

static __always_inline __u32 hash_flow(const struct flow_key *key, __u32 vni)
{
	return hash_ends(&key->saddr, &key->daddr, key->sport, key->dport, key->proto, vni);
}

/* Of the packets that answer. */
static __always_inline __u32 hash_reply(const struct flow_key *key, __u32 vni)
{
	return hash_ends(&key->daddr, &key->saddr, key->dport, key->sport, key->proto, vni);
}

/*
 * The name under which a key is stored: multilinear hashing (sum of 32-bit words times secret
 * 64-bit multipliers), so nobody can choose keys that collide, and two given keys do with a
 * probability below 2^-33. Short names make look-ups cheap: the kernel hashes and compares 8
 * bytes instead of 44. A mapped address has one word that varies.
 */
static __always_inline __u64 flow_id(const struct flow_seed_val *seed, const struct flow_key *key)
{
	const __u32 *s = (const __u32 *)&key->saddr, *d = (const __u32 *)&key->daddr;
	const __u64 *m = seed->m;
	__u64 id = m[0];

	id += m[1] * key->scope;
	id += m[2] * s[3];
	id += m[3] * d[3];
	id += m[4] * *(const __u32 *)&key->sport;
	id += m[5] * ((__u32)key->family << 8 | key->proto);
	if (key->family == 6) {
		id += m[6] * s[0];
		id += m[7] * s[1];
		id += m[8] * s[2];
		id += m[9] * d[0];
		id += m[10] * d[1];
		id += m[11] * d[2];
	}
	return id;
}

/* A datagram's name: its key has the words of a flow's. */
static __always_inline __u64 frag_id(const struct flow_seed_val *seed, const struct frag_key *key)
{
	_Static_assert(sizeof(struct frag_key) == sizeof(struct flow_key), "same words");
	return flow_id(seed, (const struct flow_key *)key);
}

/* All zero until ageing was first started: every name would be the same. */
static __always_inline const struct flow_seed_val *flow_seed_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&flow_seed, &zero);
}

/* NULL until ageing was first started: for who stores what has a name. */
static __always_inline const struct flow_seed_val *flow_seed_ready(void)
{
	const struct flow_seed_val *seed = flow_seed_get();

	return seed && seed->m[0] ? seed : NULL;
}

/*
 * Word by word, as they were written: a load that spans two stores waits for both to reach the
 * cache.
 */
static __always_inline int flow_key_equal(const struct flow_key *a, const struct flow_key *b)
{
	const __u32 *x = (const __u32 *)a, *y = (const __u32 *)b;
	__u32 diff = (x[0] ^ y[0]) | (x[4] ^ y[4]) | (x[8] ^ y[8]) | (x[9] ^ y[9]);

	_Static_assert(sizeof(struct flow_key) == 44, "all of the key is compared");
	if (a->proto != b->proto || a->family != b->family)
		return 0;
	if (a->family == 6)
		diff |= (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[5] ^ y[5]) |
			(x[6] ^ y[6]) | (x[7] ^ y[7]);
	return !diff;
}

/* The record of a key; NULL when there is none, or another flow's has the name. */
static __always_inline struct flow_val *flow_find(const struct flow_key *key)
{
	const struct flow_seed_val *seed = flow_seed_get();
	struct flow_val *f;
	__u64 id;

	if (!seed)
		return NULL;
	id = flow_id(seed, key);
	f = bpf_map_lookup_elem(&flow, &id);
	return f && flow_key_equal(&f->key, key) ? f : NULL;
}

static __always_inline int frag_key_equal(const struct frag_key *a, const struct frag_key *b)
{
	return flow_key_equal((const struct flow_key *)a, (const struct flow_key *)b);
}

/* RFC 7348 s5: the dynamic range, 49152..65535. */
static __always_inline __be16 hash_udp_port(__u32 hash)
{
	return bpf_htons(0xc000 | (hash & 0x3fff));
}

#endif
