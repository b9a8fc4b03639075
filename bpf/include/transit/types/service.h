/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Services in the underlay. Included by transit/types.h, which has what all use. */
#ifndef TRANSIT_TYPES_SERVICE_H
#define TRANSIT_TYPES_SERVICE_H

/* Address and port of a service as a VPC sees it. Map `service`. */
struct service_key {
	__u32 vni;
	struct ip_addr addr;
	__be16 port;
	__u8 proto;
	__u8 pad;
};

/* The server behind it, and how this host's packets to it look. */
struct service_val {
	__u32 service; /* index into service_use and service_timeout */
	__u32 nh; /* the way to the server */
	struct ip_addr server;
	struct ip_addr source; /* ours, of the server's family; zero while there is no way */
	__be16 port; /* the server's */
	__u16 first; /* source ports: the first, and how many; host order */
	__u16 count;
	__u8 family; /* of server and source: 4 or 6 */
	__u8 pad;
	__u32 limit; /* connections of one endpoint, of each protocol */
};

/* How far a service's ports are used. Map `service_use`. K writes. */
struct service_use_val {
	__u32 used[2]; /* connections of TCP, UDP */
	__u32 refused_quota; /* packets refused as the endpoint had its share */
	__u32 refused_pool; /* packets refused as no port was free */
};

#endif
