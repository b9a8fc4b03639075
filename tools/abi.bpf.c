/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Never loaded: compiled for its BTF alone, from which gen-abi.ts makes the codecs. The compiler
 * describes a type only where something of that type exists, so each enum has a variable here;
 * nameless enums have their values copied into a named one.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <transit/maps.h>

enum abi_constants {
	ABI_TRANSIT_ABI = TRANSIT_ABI,
	ABI_MAC_LEN = MAC_LEN,
	ABI_ECMP_MAX = ECMP_MAX,
	ABI_AGE_SLOTS = AGE_SLOTS,
	ABI_EVENT_DATA = EVENT_DATA,
	ABI_SCOPE_TUNNEL = SCOPE_TUNNEL,
	ABI_SCOPE_OUTSIDE = SCOPE_OUTSIDE,
	ABI_OUT_PEER = OUT_PEER,
	ABI_POL_RULES = POL_RULES,
	ABI_POL_WORDS = POL_WORDS,
	ABI_POL_BLOCKS = POL_BLOCKS,
	ABI_POL_TIER = POL_TIER,
	ABI_POL_OTHERS = POL_OTHERS,
	ABI_POL_RANGES = POL_RANGES,
	ABI_POL_PORTS_FIRST = POL_PORTS_FIRST,
	ABI_POL_RANGE = POL_RANGE,
	ABI_POL_ICMP_TYPE = POL_ICMP_TYPE,
	ABI_POL_ICMP_CODE = POL_ICMP_CODE,
	ABI_POL_PROTO6 = POL_PROTO6,
	ABI_NAT_OTHER_FAMILY = NAT_OTHER_FAMILY,
	ABI_NAT_OUTER_SHIFT = NAT_OUTER_SHIFT,
	ABI_NAT_BLOCKS_MAX = NAT_BLOCKS_MAX,
	ABI_NAT_EXT_BLOCKS = NAT_EXT_BLOCKS,
	ABI_VXLAN_PORT = VXLAN_PORT,
	ABI_ALG_MAGIC = ALG_MAGIC,
	ABI_ALG_ALIVE_S = ALG_ALIVE_S,
	ABI_ALG_EXPECT_MAX_S = ALG_EXPECT_MAX_S,
	ABI_HELD_MAGIC = HELD_MAGIC,
};

enum abi_constants abi_constants;
enum node abi_node;
enum reason abi_reason;
enum hook abi_hook;
enum addr_kind abi_addr_kind;
enum target_flags abi_target_flags;
enum route_kind abi_route_kind;
enum nh_flags abi_nh_flags;
enum flow_action abi_flow_action;
enum pol_dim abi_pol_dim;
enum pol_action abi_pol_action;
enum flow_flags abi_flow_flags;
enum age_kind abi_age_kind;
enum conn_state abi_conn_state;
enum nat_filtering abi_nat_filtering;
enum nat_prefix_end abi_nat_prefix_end;
enum nat_map_flags abi_nat_map_flags;
enum nat_algs abi_nat_algs;
enum nat_event_kind abi_nat_event_kind;
struct nat_event abi_nat_event;
enum event_kind abi_event_kind;
struct event abi_event;

struct alg_expect abi_alg_expect;
struct pol_judge abi_pol_judge;
struct held_tag abi_held_tag;
