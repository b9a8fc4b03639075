/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A loop for packets whose addresses and ports are changed: IP and UDP headers are written anew
 * for each, field by field as the programs read them (a word that was just written in other pieces
 * is slow to read). A flow's number may become its source address and port: of `targets`
 * addresses from `base` on, in turn. See loop.h for the rest.
 */
#ifndef BENCH_FRESH_H
#define BENCH_FRESH_H

#include "loop.h"

enum {
	FRESH_ETH = 14,
	FRESH_IP4 = 20,
	FRESH_IP6 = 40,
	FRESH_UDP = 8,
	FRESH_WORDS = (FRESH_IP6 + FRESH_UDP) / 4,
	FRESH_PORT = 0x4000, /* the first source port */
	IP4_SADDR = 12,
	IP4_CSUM = 5, /* as a 16-bit word */
	IP6_SADDR_LOW = 20, /* the last four bytes of the source address */
};

/* Source address and port of the next flow; ip: the inner header. */
static __always_inline void fresh_vary(void *ip, int ipv6)
{
	struct bench_val *b = vary_get();
	__u32 flow = vary_pick(), sum = 0, i;
	__u16 *word = ip;

	if (!b || !b->targets)
		return;
	if (ipv6) {
		*(__be32 *)(ip + IP6_SADDR_LOW) = bpf_htonl(b->base + flow % b->targets);
		*(__be16 *)(ip + FRESH_IP6) = bpf_htons((__u16)(FRESH_PORT + flow / b->targets));
		return;
	}
	*(__be32 *)(ip + IP4_SADDR) = bpf_htonl(b->base + flow % b->targets);
	*(__be16 *)(ip + FRESH_IP4) = bpf_htons((__u16)(FRESH_PORT + flow / b->targets));
	word[IP4_CSUM] = 0;
#pragma unroll
	for (i = 0; i < FRESH_IP4 / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	word[IP4_CSUM] = ~sum;
}

static __always_inline void fresh_copy(__u32 *to, const __u32 *from, int ipv6)
{
	__u32 i, n = ((ipv6 ? FRESH_IP6 : FRESH_IP4) + FRESH_UDP) / 4;

#pragma unroll
	for (i = 0; i < FRESH_WORDS; i++) {
		if (i < n)
			to[i] = from[i];
	}
}

/* `outer`: bytes of tunnel headers; `vary`: whether the flow is picked; the rest as LOOP(). */
#define FRESH_PROGRAM(name, outer, ipv6, vary, call, undo)                                         \
	SEC(LOOP_SEC)                                                                              \
	int LOOP_NAME(name)(LOOP_CTX * ctx)                                                        \
	{                                                                                          \
		__u64 eth[(LOOP_BACK(outer) + 7) / 8];                                             \
		__u32 head = (outer) + FRESH_ETH + ((ipv6) ? FRESH_IP6 : FRESH_IP4) + FRESH_UDP;   \
		__u32 saved[FRESH_WORDS];                                                          \
		void *data = LOOP_DATA(ctx);                                                       \
		int verdict;                                                                       \
                                                                                                   \
		if (data + head > LOOP_END(ctx))                                                   \
			return -1;                                                                 \
		if (vary)                                                                          \
			fresh_vary(data + (outer) + FRESH_ETH, ipv6);                              \
		loop_copy(eth, data + LOOP_BACK_FROM(outer), LOOP_BACK(outer));                    \
		fresh_copy(saved, data + (outer) + FRESH_ETH, ipv6);                               \
		asm volatile("" : : "r"(eth), "r"(saved) : "memory");                              \
		verdict = call;                                                                    \
		data = LOOP_DATA(ctx);                                                             \
		if (verdict != LOOP_SENT || data + FRESH_ETH > LOOP_END(ctx))                      \
			return -2;                                                                 \
		vary_wait(data);                                                                   \
		if (undo)                                                                          \
			return -2;                                                                 \
		data = LOOP_DATA(ctx);                                                             \
		if (data + head > LOOP_END(ctx))                                                   \
			return -3;                                                                 \
		loop_copy(data + LOOP_BACK_FROM(outer), eth, LOOP_BACK(outer));                    \
		fresh_copy(data + (outer) + FRESH_ETH, saved, ipv6);                               \
		return verdict;                                                                    \
	}

#endif
