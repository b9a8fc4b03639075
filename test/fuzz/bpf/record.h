/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shows where a program sends a packet: BPF_PROG_TEST_RUN tells that it redirects, not to
 * which device. The programs are compiled from their own sources with the helper's calls
 * noted in a map that the test has in its memory; nothing else differs.
 */
#ifndef FUZZ_RECORD_H
#define FUZZ_RECORD_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct redirect_val {
	__u32 calls; /* since the test cleared it */
	__u32 ifindex; /* of the last call */
	__u32 peer; /* 1: into the other end of the veth pair */
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct redirect_val);
	__uint(map_flags, BPF_F_MMAPABLE);
} fuzz_redirect SEC(".maps");

static __attribute__((always_inline)) inline void record(__u32 ifindex, __u32 peer)
{
	__u32 zero = 0;
	struct redirect_val *v = bpf_map_lookup_elem(&fuzz_redirect, &zero);

	if (!v)
		return;
	v->calls++;
	v->ifindex = ifindex;
	v->peer = peer;
}

static __attribute__((always_inline)) inline long record_redirect(__u32 ifindex, __u64 flags)
{
	record(ifindex, 0);
	return bpf_redirect(ifindex, flags);
}

static __attribute__((always_inline)) inline long record_redirect_peer(__u32 ifindex, __u64 flags)
{
	record(ifindex, 1);
	return bpf_redirect_peer(ifindex, flags);
}

#define bpf_redirect record_redirect
#define bpf_redirect_peer record_redirect_peer

#endif
