/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What an ICMP or ICMPv6 error says in the other family (RFC 7915 s4.2, s5.2): type, code, and the
 * word behind the checksum (MTU or pointer).
 */
#ifndef TRANSIT_XLAT_ICMP_H
#define TRANSIT_XLAT_ICMP_H

#include "xlat.h"

enum { NO_POINTER = -1 };

/* An error's first words; to be translated in place. */
struct xlat_error {
	__u8 type;
	__u8 code;
	__u8 pad[2];
	__be32 rest;
	__u32 extended; /* RFC 4884: bytes of the quote before extensions; 0: there are none */
};

/* Where IPv4 has a header field, in IPv6 (RFC 7915 s4.2, figure 3). */
static __always_inline int pointer_to6(__u32 at)
{
	switch (at) {
	case 0: /* version, header length */
	case 1: /* type of service */
		return at;
	case 2: /* total length */
	case 3:
		return 4;
	case 8: /* time to live */
		return 7;
	case 9: /* protocol */
		return 6;
	case 12: /* source */
	case 13:
	case 14:
	case 15:
		return 8;
	case 16: /* destination */
	case 17:
	case 18:
	case 19:
		return 24;
	}
	return NO_POINTER;
}

/* The other way (RFC 7915 s5.2, figure 6). */
static __always_inline int pointer_to4(__u32 at)
{
	if (at <= 1)
		return at;
	if (at == 4 || at == 5)
		return 2;
	if (at == 6)
		return 9;
	if (at == 7)
		return 8;
	if (at >= 8 && at < 24)
		return 12;
	if (at >= 24 && at < 40)
		return 16;
	return NO_POINTER;
}

/* RFC 1191 s7: the next likely MTU below a packet's length. */
static __always_inline __u32 mtu_plateau(__u32 len)
{
	return len > 32000   ? 32000
	       : len > 17914 ? 17914
	       : len > 8166  ? 8166
	       : len > 4352  ? 4352
	       : len > 2002  ? 2002
	       : len > 1492  ? 1492
	       : len > 1006  ? 1006
	       : len > 508   ? 508
	       : len > 296   ? 296
			     : 68;
}

static __always_inline int unreachable_to6(struct xlat_error *e, __u32 quoted, __u32 way)
{
	__u32 mtu = bpf_ntohl(e->rest) & 0xffff;
	__u8 code = e->code;

	e->type = ICMP6_UNREACHABLE;
	e->rest = 0;
	switch (code) {
	case 0: /* net, host unreachable; source route failed; unknown; isolated; for this TOS */
	case 1:
	case 5:
	case 6:
	case 7:
	case 8:
	case 11:
	case 12:
		e->code = ICMP6_NO_ROUTE;
		return 0;
	case 2: /* protocol */
		e->type = ICMP6_PARAM_PROBLEM;
		e->code = 1;
		e->rest = bpf_htonl(6);
		return 0;
	case 3: /* port */
		e->code = ICMP6_PORT_UNREACHABLE;
		return 0;
	case ICMP4_FRAG_NEEDED:
		if (!mtu)
			mtu = mtu_plateau(quoted);
		mtu += XLAT_GAP;
		if (mtu > way)
			mtu = way;
		e->type = ICMP6_PACKET_TOO_BIG;
		e->code = 0;
		e->rest = bpf_htonl(mtu < IP6_MTU_MIN ? IP6_MTU_MIN : mtu);
		return 0;
	case 9: /* administratively prohibited, in all forms */
	case 10:
	case 13:
	case 15:
		e->code = ICMP6_ADMIN_PROHIBITED;
		return 0;
	}
	return -REASON_NAT_PROTOCOL;
}

/* quoted: length of the packet that was sent; way: MTU of the error's own. 0 or a negative reason.
 */
static __noinline int xlat_error_to6(struct xlat_error *e, __u32 quoted, __u32 way)
{
	int at;

	/* RFC 4884 s4: in words of 32 bits */
	if (e->type == ICMP4_UNREACHABLE || e->type == ICMP4_TIME_EXCEEDED ||
	    e->type == ICMP4_PARAM_PROBLEM)
		e->extended = ((bpf_ntohl(e->rest) >> 16) & 0xff) * 4;
	switch (e->type) {
	case ICMP4_UNREACHABLE:
		return unreachable_to6(e, quoted, way);
	case ICMP4_TIME_EXCEEDED:
		e->type = ICMP6_TIME_EXCEEDED;
		e->rest = 0;
		return 0;
	case ICMP4_PARAM_PROBLEM:
		at = e->code == 0 || e->code == 2 ? pointer_to6(bpf_ntohl(e->rest) >> 24)
						  : NO_POINTER;
		if (at < 0)
			return -REASON_NAT_PROTOCOL;
		e->type = ICMP6_PARAM_PROBLEM;
		e->code = 0;
		e->rest = bpf_htonl(at);
		return 0;
	}
	return -REASON_NAT_PROTOCOL;
}

static __noinline int xlat_error_to4(struct xlat_error *e, __u32 way)
{
	__u32 rest = bpf_ntohl(e->rest);
	int at;

	/* RFC 4884 s4: in words of 64 bits */
	if (e->type == ICMP6_UNREACHABLE || e->type == ICMP6_TIME_EXCEEDED)
		e->extended = (rest >> 24) * 8;
	e->rest = 0;
	switch (e->type) {
	case ICMP6_UNREACHABLE:
		if (e->code > ICMP6_PORT_UNREACHABLE)
			return -REASON_NAT_PROTOCOL;
		e->code = e->code == ICMP6_ADMIN_PROHIBITED   ? 10
			  : e->code == ICMP6_PORT_UNREACHABLE ? 3
							      : ICMP4_HOST_UNREACHABLE;
		e->type = ICMP4_UNREACHABLE;
		return 0;
	case ICMP6_PACKET_TOO_BIG:
		rest = rest > XLAT_GAP ? rest - XLAT_GAP : 0;
		if (rest > way)
			rest = way;
		e->type = ICMP4_UNREACHABLE;
		e->code = ICMP4_FRAG_NEEDED;
		e->rest = bpf_htonl(rest);
		return 0;
	case ICMP6_TIME_EXCEEDED:
		e->type = ICMP4_TIME_EXCEEDED;
		return 0;
	case ICMP6_PARAM_PROBLEM:
		if (e->code == 1) { /* unrecognised next header */
			e->type = ICMP4_UNREACHABLE;
			e->code = 2;
			return 0;
		}
		at = e->code == 0 && rest < 40 ? pointer_to4(rest) : NO_POINTER;
		if (at < 0)
			return -REASON_NAT_PROTOCOL;
		e->type = ICMP4_PARAM_PROBLEM;
		e->rest = bpf_htonl((__u32)at << 24);
		return 0;
	}
	return -REASON_NAT_PROTOCOL;
}

#endif
