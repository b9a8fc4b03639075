/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Load-time settings: `const volatile` values in .rodata that the daemon sets before
 * the verifier sees the program, so what is off costs nothing. The comment behind each
 * is its description in docs/reference.
 */
#ifndef TRANSIT_CONFIG_H
#define TRANSIT_CONFIG_H

#include "types.h"

const volatile __u16 cfg_vxlan_port = VXLAN_PORT; /* UDP port of VXLAN, host byte order */
const volatile __u8 cfg_drop_events = 1; /* report samples of dropped packets */
const volatile __u32 cfg_drop_events_per_second = 20; /* samples per reason and CPU */
const volatile __u32 cfg_timeout_tcp_s = 300; /* idle seconds until a TCP flow record goes */
const volatile __u32 cfg_timeout_udp_s = 120; /* the same for UDP */
const volatile __u32 cfg_timeout_other_s = 60; /* ICMP, SCTP and the rest */
const volatile __u32 cfg_timeout_opening_s = 60; /* TCP before it is answered */
const volatile __u32 cfg_timeout_closing_s = 2; /* TCP after FIN or RST */
const volatile __u32 cfg_timeout_fragment_s = 30; /* first fragments, RFC 791 s3.2 */

/* Of translated connections: floors are RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2. */
const volatile __u32 cfg_nat_tcp_established_s = 7440; /* idle seconds of translated TCP */
const volatile __u32 cfg_nat_tcp_transitory_s = 240; /* the same while it opens or closes */
const volatile __u32 cfg_nat_udp_s = 300; /* the same for UDP */
const volatile __u32 cfg_nat_icmp_s = 60; /* the same for echo */
const volatile __u32 cfg_nat_other_s = 60; /* the same for other protocols */

const volatile __u32 cfg_age_nodes = 278528; /* max_entries of age_node, set by the loader */

#endif
