/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Who is where, and the ways there. Included by transit/types.h, which has what all use. */
#ifndef TRANSIT_TYPES_PLACE_H
#define TRANSIT_TYPES_PLACE_H

/* A local endpoint, by the device its packets enter through. Map `ep`. */
struct ep_val {
	__u32 vni;
	__u32 vpc; /* index into vpc_gen and icmp_limit */
	__u32 ep; /* index into ep_stats */
	__u32 mtu; /* of the device: largest L3 packet, bytes */
	struct mac_addr mac; /* the workload's */
	struct mac_addr gw_mac; /* the VPC's router MAC */
	struct ip_addr gw4; /* the gateway of its IPv4 subnet; zero when it has none */
	struct ip_addr gw6;
};

/* A VPC, by VNI. Map `vpc`. */
struct vpc_val {
	__u32 vpc; /* index into vpc_gen and icmp_limit */
	__u32 icmp_rate; /* ICMP errors per second */
	__u32 icmp_burst;
	struct mac_addr gw_mac;
	__u16 pad;
	struct ip_addr gw4; /* source of ICMP errors when no endpoint tells a better one */
	struct ip_addr gw6;
};

enum addr_kind {
	ADDR_NONE = 0,
	ADDR_LOCAL = 1, /* an endpoint of this host */
	ADDR_REMOTE = 2, /* an endpoint behind a VTEP */
	ADDR_GATEWAY = 3, /* the gateway of a subnet */
	ADDR_BROADCAST = 4, /* the broadcast address of an IPv4 subnet */
	ADDR_PUBLIC = 5, /* VPC 0: a public address that this host translates */
	ADDR_OUTSIDE = 6, /* VPC 0: a host on the droplet's link, through nh */
	ADDR_SERVICE = 7, /* has services, map `service`; VPC 0: our address towards servers */
};

enum target_flags {
	TARGET_PEER = 1, /* the device is one end of a veth pair: enter the other end directly */
	TARGET_GROUP = 2, /* `nh` is an index into nh_group, not into nh */
	TARGET_EXEMPT = 4, /* OUTSIDE: without translation */
	TARGET_STATEFUL = 8, /* PEER: connections are kept here, those of other hosts, too */
};

struct addr_key {
	__u32 vni;
	struct ip_addr addr;
};

/* Every known address of a VPC. Map `addr`. */
struct addr_val {
	__u8 kind; /* enum addr_kind */
	__u8 flags; /* enum target_flags */
	struct mac_addr mac;
	__u32 ep; /* LOCAL: index into ep_stats */
	__u32 ifindex; /* LOCAL: the host-side device; SERVICE of VPC 0: the droplet's */
	__u32 mtu; /* LOCAL: of that device */
	__u32 nh; /* REMOTE: index into nh or nh_group; OUTSIDE: into nh */
	__u32 sub; /* LOCAL, REMOTE: index into nat_sub, 0 when it may not reach the outside */
};

enum route_kind {
	ROUTE_NONE = 0,
	ROUTE_SUBNET = 1, /* a subnet of the VPC: the address itself is missing */
	ROUTE_LOCAL = 2, /* via an endpoint of this host */
	ROUTE_REMOTE = 3, /* via a VTEP or a group of them */
	ROUTE_BLACKHOLE = 4,
	ROUTE_OUTSIDE = 5, /* of a tenant: leaves for VPC 0 on this host */
	ROUTE_NEXTHOP = 6, /* VPC 0: via nh */
	ROUTE_ONLINK = 7, /* VPC 0: on the droplet's link, but the address itself is missing */
	ROUTE_PUBLIC = 8, /* VPC 0: addresses that stand for those of an inside prefix */
	ROUTE_PEER = 9, /* into the VPC of VNI `nh`, by what a Peering exposes */
};

/* prefixlen counts vni and family: 32 + bits of the address, + 96 when it is v4-mapped. */
struct route_key {
	__u32 prefixlen; /* bits */
	__u8 vni[3]; /* network order */
	__u8 family; /* 4 or 6 */
	struct ip_addr addr;
};

/* Longest prefix match when no address matched. Map `route`. */
struct route_val {
	__u8 kind; /* enum route_kind */
	__u8 flags; /* enum target_flags */
	struct mac_addr mac; /* destination MAC of the inner frame */
	__u32 ep; /* as addr_val */
	__u32 ifindex;
	__u32 mtu;
	__u32 nh;
	__u32 sub;
};

enum nh_flags {
	NH_RESOLVED = 1, /* MACs and device are known */
	NH_IPV6 = 2,
	NH_DSCP_COPY = 4, /* RFC 2983 uniform model: outer DSCP from the inner packet */
	NH_PLAIN = 8, /* no tunnel: a router or host outside; mtu is the device's */
	NH_SERVER = 16, /* with PLAIN: the way to a service's server, which dst is */
};

/* A VTEP and how to reach it: everything an outer header needs. Map `nh`; 0 is unused. */
struct nh_val {
	struct mac_addr dmac;
	struct mac_addr smac;
	__u32 ifindex; /* the droplet's device */
	struct ip_addr src; /* ours */
	struct ip_addr dst; /* the VTEP's */
	__u16 mtu; /* largest inner L3 packet: device MTU - outer headers - inner Ethernet */
	__u8 flags; /* enum nh_flags */
	__u8 ttl;
	__u8 tos; /* DSCP << 2 when not copied */
	__u8 pad[3];
	__be16 port; /* UDP destination */
	__u16 pad2;
};

/* An ECMP set. Map `nh_group`. */
struct nh_group_val {
	__u32 count; /* 1..ECMP_MAX */
	__u32 nh[ECMP_MAX]; /* indexes into nh */
};

/* Known VTEPs: only these may send us tunnel packets. Map `vtep`: struct ip_addr -> this. */
struct vtep_val {
	__u32 nh; /* index into nh */
};

/* Our own underlay addresses. Map `local`: struct ip_addr -> this. */
struct local_val {
	__u32 ifindex; /* the droplet's device */
};

/* A droplet's device that leads to the outside. Map `outside`: ifindex -> this. */
struct outside_val {
	struct mac_addr mac; /* of the device: frames to it are for us */
	__u16 mtu; /* largest L3 packet */
	struct ip_addr gw4; /* source of ICMP errors to the outside; zero when it has none */
	struct ip_addr gw6;
};

#endif
