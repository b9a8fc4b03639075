/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * ARP (RFC 826) and neighbour discovery (RFC 4861): reading a question and turning it into the
 * answer, in place. Whether to answer is for the caller.
 * Edges: none.
 */
#ifndef TRANSIT_NODE_L2_ANSWER_H
#define TRANSIT_NODE_L2_ANSWER_H

#include <lib/csum.h>
#include <lib/parse.h>
#include "icmp_error.h"

static __always_inline void addr_from_bytes4(struct ip_addr *to, const __u8 *a)
{
	addr_from_v4(to,
		     bpf_htonl((__u32)a[0] << 24 | (__u32)a[1] << 16 | (__u32)a[2] << 8 | a[3]));
}

/* Turns a request into the answer: `own` is where its target is. 0 or a negative reason. */
static __always_inline int arp_answer(CTX *ctx, const struct mac_addr *to,
				      const struct mac_addr *own)
{
	struct eth_hdr *eth = ctx_data(ctx);
	struct arp_hdr *arp = (void *)(eth + 1);
	__u8 target[4];

	if ((void *)(arp + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	eth->dst = *to;
	eth->src = *own;
	arp->op = bpf_htons(2);
	arp->tha = *to;
	arp->sha = *own;
	target[0] = arp->tpa[0];
	target[1] = arp->tpa[1];
	target[2] = arp->tpa[2];
	target[3] = arp->tpa[3];
	arp->tpa[0] = arp->spa[0];
	arp->tpa[1] = arp->spa[1];
	arp->tpa[2] = arp->spa[2];
	arp->tpa[3] = arp->spa[3];
	arp->spa[0] = target[0];
	arp->spa[1] = target[1];
	arp->spa[2] = target[2];
	arp->spa[3] = target[3];
	return 0;
}

struct nd_msg { /* neighbour solicitation and advertisement, RFC 4861 s4.3, s4.4 */
	__u8 type;
	__u8 code;
	__u16 csum;
	__u8 flags; /* advertisement: R 0x80, S 0x40, O 0x20 */
	__u8 reserved[3];
	struct ip_addr target;
} __attribute__((packed));

struct nd_opt { /* link-layer address option, RFC 4861 s4.6.1 */
	__u8 type;
	__u8 len; /* units of 8 bytes */
	struct mac_addr mac;
};

struct nd_frame {
	struct eth_hdr eth;
	struct ip6_hdr ip;
	struct nd_msg nd;
	struct nd_opt opt;
} __attribute__((packed));

enum {
	ND_LEN = sizeof(struct nd_msg) + sizeof(struct nd_opt),
	ND_MAX = 256, /* bytes of a solicitation: nobody's is longer, and its sum takes a loop */
	ND_OPTIONS_MAX = 8,
};

/*
 * What RFC 4861 s7.1.1 asks of a solicitation. Returns 1 when it is from nobody (a probe for a
 * duplicate address), 0 when not, or a negative reason.
 */
static __noinline int nd_check(CTX *ctx, struct pkt *p)
{
	__u32 len = p->l3_len - sizeof(struct ip6_hdr), off = sizeof(struct nd_msg);
	const struct ip_addr *src = &p->key.saddr, *dst = &p->key.daddr;
	const __u32 *s = (const __u32 *)src, *d = (const __u32 *)dst;
	int probe = !(s[0] | s[1] | s[2] | s[3]), i;
	__u64 sum;

	if (p->l4_off != ETH_LEN + sizeof(struct ip6_hdr) || p->icmp_code != 0 ||
	    p->icmp_type != ICMP6_NEIGHBOUR_SOLICIT)
		return -REASON_ND_UNKNOWN;
	/* 255 proves that no router was between */
	if (p->ttl != 255 || p->l3_len < sizeof(struct ip6_hdr) + sizeof(struct nd_msg))
		return -REASON_BAD_HEADER;
	if (len > ND_MAX)
		return -REASON_BAD_LENGTH;
	/* to the solicited-node group ff02::1:ff00:0/104 */
	if (probe &&
	    (d[0] != bpf_htonl(0xff020000) || d[1] || d[2] != bpf_htonl(1) || dst->b[12] != 0xff))
		return -REASON_BAD_HEADER;
	for (i = 0; i < ND_OPTIONS_MAX && off < len; i++) {
		__u8 *option;

		if (off > ND_MAX)
			return -REASON_BAD_HEADER;
		option = ctx_data(ctx) + ETH_LEN + sizeof(struct ip6_hdr) + off;
		if ((void *)(option + 2) > ctx_data_end(ctx))
			return -REASON_TRUNCATED;
		if (!option[1] || (probe && option[0] == ND_OPT_SOURCE_LLADDR))
			return -REASON_BAD_HEADER;
		off += option[1] * 8;
	}
	if (off != len)
		return -REASON_BAD_HEADER;
	/* read again: each way out of the loop would else have the verifier know another length */
	len = *(volatile __u32 *)&p->l3_len - sizeof(struct ip6_hdr);
	sum = csum_addr(src, 1) + csum_addr(dst, 1) + bpf_htons(len) + bpf_htons(PROTO_ICMPV6);
	sum += quote_sum(ctx, ETH_LEN + sizeof(struct ip6_hdr), len, ND_MAX);
	return csum_fold(sum) == 0xffff ? probe : -REASON_BAD_CHECKSUM;
}

struct nd_answer {
	struct ip_addr address; /* that was asked for */
	struct ip_addr to;
	struct mac_addr own; /* where the address is; on a multiple of 4, as it is compared so */
	struct mac_addr to_mac;
	__u8 router;
	__u8 dad; /* nobody asked, RFC 4861 s7.2.4 */
};

/* Turns a solicitation into the advertisement. 0 or a negative reason. */
static __always_inline int nd_advertise(CTX *ctx, struct nd_answer *a)
{
	struct nd_frame *f;
	__u64 sum;
	int i;

	/* the answer has exactly one option, whatever the question carried */
	if (ctx_len(ctx) != sizeof(*f) && ctx_trim(ctx, sizeof(*f)))
		return -REASON_REWRITE;
	f = ctx_data(ctx);
	if ((void *)(f + 1) > ctx_data_end(ctx))
		return -REASON_TRUNCATED;
	if (a->dad) { /* to all nodes, not solicited */
		a->to = (struct ip_addr){{0xff, 0x02, [15] = 1}};
		a->to_mac = (struct mac_addr){{0x33, 0x33, 0, 0, 0, 1}};
	}
	f->eth.dst = a->to_mac;
	f->eth.src = a->own;
	f->ip.ver_tc_flow = bpf_htonl(6u << 28);
	f->ip.len = bpf_htons(ND_LEN);
	f->ip.nexthdr = PROTO_ICMPV6;
	f->ip.hop_limit = 255;
	f->ip.saddr = a->address;
	f->ip.daddr = a->to;
	f->nd.type = ICMP6_NEIGHBOUR_ADVERT;
	f->nd.code = 0;
	f->nd.csum = 0;
	f->nd.flags = (a->router ? 0x80 : 0) | (a->dad ? 0 : 0x40) | 0x20;
	f->nd.reserved[0] = 0;
	f->nd.reserved[1] = 0;
	f->nd.reserved[2] = 0;
	f->nd.target = a->address;
	f->opt.type = ND_OPT_TARGET_LLADDR;
	f->opt.len = 1;
	f->opt.mac = a->own;
	sum = csum_addr(&a->address, 1) + csum_addr(&a->to, 1);
	sum += bpf_htons(ND_LEN) + bpf_htons(PROTO_ICMPV6);
	for (i = 0; i < ND_LEN / 2; i++)
		sum += ((__u16 *)&f->nd)[i];
	f->nd.csum = (__u16)~csum_fold(sum);
	return 0;
}

#endif
