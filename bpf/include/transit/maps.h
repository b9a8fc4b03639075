/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Every map, once. Pinned under /sys/fs/bpf/transit/<instance>/ by their names, which is
 * where all objects of an instance find them. max_entries marked "sized" are set by the
 * daemon before load. Writers: D the daemon, K the programs. Nothing evicts (no LRU).
 */
#ifndef TRANSIT_MAPS_H
#define TRANSIT_MAPS_H

#include "types.h"
#include "events.h"

/* VNI -> VPC. D writes. Sized: VPCs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct vpc_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} vpc SEC(".maps");

/* VPC index -> generation. D raises it after a change; K compares. Sized: VPCs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u32);
} vpc_gen SEC(".maps");

/* Device -> local endpoint. D writes. Sized: local endpoints. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct ep_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} ep SEC(".maps");

/* VNI and address -> endpoint or gateway. D writes. Sized: addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, struct addr_key);
	__type(value, struct addr_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} addr SEC(".maps");

/* VNI and prefix -> where to. D writes. Sized: routes. LPM tries never preallocate. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 131072);
	__type(key, struct route_key);
	__type(value, struct route_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} route SEC(".maps");

/* Index -> next hop of a VTEP. D writes. Sized: VTEPs. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct nh_val);
} nh SEC(".maps");

/* Index -> ECMP set. D writes. Sized: groups. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct nh_group_val);
} nh_group SEC(".maps");

/* VTEP address -> its next hop: who may send us tunnel packets. D writes. Sized: VTEPs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct ip_addr);
	__type(value, struct vtep_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} vtep SEC(".maps");

/* Our own underlay addresses. D writes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct ip_addr);
	__type(value, struct local_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} local SEC(".maps");

/* The secret behind the names of flows. K writes, once. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flow_seed_val);
} flow_seed SEC(".maps");

/*
 * Name of a flow -> conclusion. K writes; D reads. Sized: flows. Preallocated: "full" is
 * exact.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, __u64);
	__type(value, struct flow_val);
} flow SEC(".maps");

/* Name of a datagram -> its first fragment. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct frag_val);
} frag SEC(".maps");

/* Droplets that lead to the outside. D writes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct outside_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} outside SEC(".maps");

/* VPC index -> timeouts. D writes. Sized: VPCs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct timeout_val);
} timeout SEC(".maps");

/* Index -> NatGateway of this host. D writes. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct nat_gw_val);
} nat_gw SEC(".maps");

/* Position -> address of a pool. D writes. Sized: public addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct nat_ext_of_val);
} nat_ext_of SEC(".maps");

/* Index -> public address. D writes. Sized: public addresses. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65);
	__type(key, __u32);
	__type(value, struct nat_ext_val);
} nat_ext SEC(".maps");

/* Index -> port block. K writes. Sized: port blocks. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65537);
	__type(key, __u32);
	__type(value, struct nat_block_val);
} nat_block SEC(".maps");

/* Index -> gateway of an endpoint. D writes. Sized: endpoints with NAT. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct nat_sub_val);
} nat_sub SEC(".maps");

/* Port blocks that changed hands. K writes, D reads. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} nat_event SEC(".maps");

/* Events of port blocks that were lost. K writes, D reads. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nat_lost_val);
} nat_lost SEC(".maps");

/* Index of nat_sub -> ports it holds. K writes. Sized: endpoints with NAT. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct nat_lease_val);
} nat_lease SEC(".maps");

/* Name -> mapping, from either side. K writes; D reads. Sized: mappings. Preallocated. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, __u64);
	__type(value, struct nat_map_val);
} nat_map SEC(".maps");

/* Index of age_node -> translation of a connection. K writes. Sized: as age_node. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 180224);
	__type(key, __u32);
	__type(value, struct nat_val);
} nat SEC(".maps");

/* PublicIps, from both sides. D writes. Sized: public addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct addr_key);
	__type(value, struct nat_static_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} nat_static SEC(".maps");

/* VNI -> prefix of its IPv4. D writes. Sized: VPCs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct nat64_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} nat64 SEC(".maps");

/* Translated prefixes: of NatGateways, and of Peerings. D writes. Sized: prefixes. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16384);
	__type(key, struct nat_prefix_key);
	__type(value, struct nat_prefix_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} nat_prefix SEC(".maps");

/* PortForwards. D writes. Sized: port forwards. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 65536);
	__type(key, struct port_fwd_key);
	__type(value, struct port_fwd_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} port_fwd SEC(".maps");

/* Index of age_node -> what the daemon has added to a connection's streams. D writes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct alg_delta_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} alg_delta SEC(".maps");

/* The daemon's device for packets of ALGs and early fragments. D writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct alg_dev_val);
} alg_dev SEC(".maps");

/* Side, or HELD_SIDES + some sources -> token bucket of fragments for the daemon. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HELD_SIDES + HELD_SOURCES);
	__type(key, __u32);
	__type(value, struct icmp_limit_val);
} held_limit SEC(".maps");

/* Services of the VPCs that have endpoints here. D writes. Sized: services. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct service_key);
	__type(value, struct service_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} service SEC(".maps");

/* Index of a service -> timeouts; 0: the VPC's. D writes. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1025);
	__type(key, __u32);
	__type(value, struct timeout_val);
} service_timeout SEC(".maps");

/* Index of a service -> ports in use. K writes. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1025);
	__type(key, __u32);
	__type(value, struct service_use_val);
} service_use SEC(".maps");

/* 0 -> 0 or 1: which of two values of pol_ep, pol_host, pol_net, pol_named is in force. D writes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} pol_epoch SEC(".maps");

/* Endpoint index -> programs. D writes. Sized: local endpoints. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct pol_ep_val);
} pol_ep SEC(".maps");

/* Index -> blocks of a program. D writes. Sized: programs. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4097);
	__type(key, __u32);
	__type(value, struct pol_prog_val);
} pol_prog SEC(".maps");

/* Index -> a block. D writes. Sized: blocks. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct pol_block_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_block SEC(".maps");

/* Value of a dimension -> a block's rules that it meets. D writes. Sized: rows. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 262144);
	__type(key, struct pol_row_key);
	__type(value, struct pol_bits);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_row SEC(".maps");

/* Ports of a block -> class. D writes. Sized: rows. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 262144);
	__type(key, struct pol_port_key);
	__type(value, struct pol_port_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_port SEC(".maps");

/* Place in a block -> what to do. D writes. Sized: rules. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, struct pol_rule_key);
	__type(value, struct pol_rule_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_rule SEC(".maps");

/* VNI and address -> class. D writes. Sized: policy addresses. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1048576);
	__type(key, struct addr_key);
	__type(value, struct pol_class_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_host SEC(".maps");

/* VNI and prefix -> class. D writes. Sized: policy nets. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 131072);
	__type(key, struct pol_net_key);
	__type(value, struct pol_class_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_net SEC(".maps");

/* VNI, address, protocol and port -> class. D writes. Sized: named ports. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 131072);
	__type(key, struct pol_named_key);
	__type(value, struct pol_class_val);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pol_named SEC(".maps");

/* Rule -> packets that it decided. K writes. Sized: rules. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 131073);
	__type(key, __u32);
	__type(value, __u64);
} pol_hit SEC(".maps");

/*
 * Ageing nodes; the index is the node's name, 0 is none. K writes. Sized: 5/8 of flows
 * + fragments + mappings. A connection has two records and one node; when more than a quarter of
 * the records are of connections whose replies go elsewhere, nodes end before records do.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 180224);
	__type(key, __u32);
	__type(value, struct age_node_val);
} age_node SEC(".maps");

/* Account -> quotas. D writes. Sized: endpoints, local and with NAT. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct limit_val);
} limit SEC(".maps");

/* Account -> connections there are. K writes. Sized: as limit. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct limit_use_val);
} limit_use SEC(".maps");

/* Second modulo AGE_SLOTS -> first node of the list due then. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, AGE_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} age_slot SEC(".maps");

/* The wheel's own state and its timer. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct age_val);
} age SEC(".maps");

/* Seconds of CLOCK_MONOTONIC, written by the wheel each second: time without a clock call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct clock_val);
} clock SEC(".maps");

/* enum hook -> counters. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOK_COUNT);
	__type(key, __u32);
	__type(value, struct counters_val);
} counters SEC(".maps");

/* Endpoint index -> counters. K writes. Sized: local endpoints. Index 0 stays empty. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct ep_stats_val);
} ep_stats SEC(".maps");

/* VPC index -> token bucket of generated ICMP errors. K writes. Sized: VPCs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct icmp_limit_val);
} icmp_limit SEC(".maps");

/* Drop samples and punts, for the daemon. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} event SEC(".maps");

/* Reason -> how many samples were sent this second. K writes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_SLOTS);
	__type(key, __u32);
	__type(value, struct event_limit_val);
} event_limit SEC(".maps");

#endif
