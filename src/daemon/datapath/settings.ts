// SPDX-License-Identifier: Apache-2.0
/** What the data path's settings mean for the programs: constants and sizes of maps. */
import { ABI } from '../../maps/index.js';
import type { ConnectionLimits } from '../../model/index.js';
import type { IndexLimits } from '../calc/index.js';

/** The part of the daemon's settings that the programs are loaded with. */
export interface DataPathSettings {
  readonly bpfDir: string;
  readonly pinDir: string;
  readonly vxlanPort: number;
  readonly maxFlows: number;
  readonly maxVpcs: number;
  readonly maxEndpoints: number;
  readonly maxAddresses: number;
  readonly maxRoutes: number;
  readonly maxVteps: number;
  readonly maxGroups: number;
  readonly timeouts: {
    readonly tcp: number;
    readonly udp: number;
    readonly other: number;
    readonly opening: number;
    readonly closing: number;
    readonly fragment: number;
  };
  readonly nat: {
    readonly maxGateways: number;
    readonly maxAddresses: number;
    readonly maxEndpoints: number;
    readonly maxMappings: number;
    readonly maxPublicIps: number;
    readonly maxPortForwards: number;
    readonly maxServices: number;
    readonly maxServicePorts: number;
    readonly maxPrefixes: number;
    readonly timeouts: {
      readonly tcpEstablished: number;
      readonly tcpTransitory: number;
      readonly udp: number;
      readonly icmp: number;
      readonly other: number;
    };
  };
  readonly policy: {
    readonly maxPrograms: number;
    readonly maxBlocks: number;
    readonly maxRows: number;
    readonly maxRules: number;
    readonly maxAddresses: number;
    readonly maxNets: number;
    readonly maxNamedPorts: number;
  };
  readonly limits: Required<ConnectionLimits>;
  readonly dropEvents: { readonly enabled: boolean; readonly perSecond: number };
}

/** Ageing nodes beyond those of flows: two for each of map frag's 8192 entries. */
const FRAGMENT_NODES = 16_384;

/** While a pool changes its old row of addresses is there beside the new one. */
const ROW_ROOM = 4;

/** Of no array: more than there can be addresses. */
const MAX_CLASSES = 2 ** 24;

/**
 * Ageing nodes for as many flow records and entries of mappings. A connection has one node and,
 * unless its replies take another way, two records: an eighth of the table more than half of it
 * is for the others.
 */
export function ageNodesFor(flows: number, mappings = 0): number {
  return Math.ceil((flows * 5) / 8) + FRAGMENT_NODES + mappings;
}

function ageNodes({ maxFlows, nat }: DataPathSettings): number {
  return ageNodesFor(maxFlows, nat.maxMappings);
}

/** Two for each index of an endpoint, see calc/limit.ts. */
function accounts({ maxEndpoints, nat }: DataPathSettings): number {
  return 2 * (Math.max(maxEndpoints, nat.maxEndpoints) + 1);
}

/** The highest index of each space: its array map has one slot more, as 0 is never given. */
export function indexLimits(settings: DataPathSettings): IndexLimits {
  const { nat, policy } = settings;
  return {
    vpc: settings.maxVpcs,
    endpoint: settings.maxEndpoints,
    nexthop: settings.maxVteps,
    group: settings.maxGroups,
    natGateway: nat.maxGateways,
    ext: nat.maxAddresses,
    extRow: ROW_ROOM * nat.maxAddresses,
    sub: nat.maxEndpoints,
    service: nat.maxServices,
    polBlock: policy.maxBlocks,
    // the last one is closedProgram()
    polProgram: policy.maxPrograms - 1,
    polClass: MAX_CLASSES,
    rule: policy.maxRules,
  };
}

/** A program that never has an entry: it ends before its first block, and so denies all. */
export function closedProgram({ policy }: DataPathSettings): number {
  return policy.maxPrograms;
}

/** max_entries by map. Arrays have a slot more, as index 0 is never given. */
export function mapSizes(settings: DataPathSettings): Record<string, number> {
  const { nat, policy } = settings;
  return {
    vpc: settings.maxVpcs,
    vpc_gen: settings.maxVpcs + 1,
    icmp_limit: settings.maxVpcs + 1,
    ep: settings.maxEndpoints,
    ep_stats: settings.maxEndpoints + 1,
    addr: settings.maxAddresses,
    route: settings.maxRoutes,
    nh: settings.maxVteps + 1,
    nh_group: settings.maxGroups + 1,
    vtep: settings.maxVteps,
    flow: settings.maxFlows,
    age_node: ageNodes(settings),
    timeout: settings.maxVpcs + 1,
    limit: accounts(settings),
    limit_use: accounts(settings),
    nat: ageNodes(settings),
    nat_map: nat.maxMappings,
    nat_gw: nat.maxGateways + 1,
    nat_ext: nat.maxAddresses + 1,
    nat_ext_of: ROW_ROOM * nat.maxAddresses + 1,
    nat_block: nat.maxAddresses * ABI.NAT_EXT_BLOCKS + 1,
    nat_sub: nat.maxEndpoints + 1,
    nat_lease: nat.maxEndpoints + 1,
    // both directions
    nat_static: 2 * nat.maxPublicIps,
    nat64: settings.maxVpcs,
    // both directions
    nat_prefix: 2 * nat.maxPrefixes,
    port_fwd: nat.maxPortForwards,
    service: nat.maxServicePorts,
    service_timeout: nat.maxServices + 1,
    service_use: nat.maxServices + 1,
    pol_ep: settings.maxEndpoints + 1,
    pol_prog: policy.maxPrograms + 1,
    pol_block: policy.maxBlocks,
    pol_row: policy.maxRows,
    pol_port: policy.maxRows,
    pol_rule: policy.maxRules,
    pol_hit: policy.maxRules + 1,
    pol_host: policy.maxAddresses,
    pol_net: policy.maxNets,
    pol_named: policy.maxNamedPorts,
  };
}

/** Which setting a map's size comes from, for messages. */
export const SETTING_OF_MAP: Readonly<Record<string, string>> = {
  vpc: 'datapath.maxVpcs',
  vpc_gen: 'datapath.maxVpcs',
  icmp_limit: 'datapath.maxVpcs',
  ep: 'datapath.maxEndpoints',
  ep_stats: 'datapath.maxEndpoints',
  addr: 'datapath.maxAddresses',
  route: 'datapath.maxRoutes',
  nh: 'datapath.maxVteps',
  nh_group: 'datapath.maxGroups',
  vtep: 'datapath.maxVteps',
  flow: 'datapath.maxFlows',
  age_node: 'datapath.maxFlows or datapath.nat.maxMappings',
  timeout: 'datapath.maxVpcs',
  limit: 'datapath.maxEndpoints or datapath.nat.maxEndpoints',
  limit_use: 'datapath.maxEndpoints or datapath.nat.maxEndpoints',
  nat: 'datapath.maxFlows or datapath.nat.maxMappings',
  nat_map: 'datapath.nat.maxMappings',
  nat_gw: 'datapath.nat.maxGateways',
  nat_ext: 'datapath.nat.maxAddresses',
  nat_ext_of: 'datapath.nat.maxAddresses',
  nat_block: 'datapath.nat.maxAddresses',
  nat_sub: 'datapath.nat.maxEndpoints',
  nat_lease: 'datapath.nat.maxEndpoints',
  nat_static: 'datapath.nat.maxPublicIps',
  nat64: 'datapath.maxVpcs',
  nat_prefix: 'datapath.nat.maxPrefixes',
  port_fwd: 'datapath.nat.maxPortForwards',
  service: 'datapath.nat.maxServicePorts',
  service_timeout: 'datapath.nat.maxServices',
  service_use: 'datapath.nat.maxServices',
  pol_ep: 'datapath.maxEndpoints',
  pol_prog: 'datapath.policy.maxPrograms',
  pol_block: 'datapath.policy.maxBlocks',
  pol_row: 'datapath.policy.maxRows',
  pol_port: 'datapath.policy.maxRows',
  pol_rule: 'datapath.policy.maxRules',
  pol_hit: 'datapath.policy.maxRules',
  pol_host: 'datapath.policy.maxAddresses',
  pol_net: 'datapath.policy.maxNets',
  pol_named: 'datapath.policy.maxNamedPorts',
};

/** .rodata by variable, see bpf/include/transit/config.h. */
export function programConstants(settings: DataPathSettings): Record<string, number> {
  const { timeouts, dropEvents, nat } = settings;
  return {
    cfg_vxlan_port: settings.vxlanPort,
    cfg_drop_events: dropEvents.enabled ? 1 : 0,
    cfg_drop_events_per_second: dropEvents.perSecond,
    cfg_timeout_tcp_s: timeouts.tcp,
    cfg_timeout_udp_s: timeouts.udp,
    cfg_timeout_other_s: timeouts.other,
    cfg_timeout_opening_s: timeouts.opening,
    cfg_timeout_closing_s: timeouts.closing,
    cfg_timeout_fragment_s: timeouts.fragment,
    cfg_nat_tcp_established_s: nat.timeouts.tcpEstablished,
    cfg_nat_tcp_transitory_s: nat.timeouts.tcpTransitory,
    cfg_nat_udp_s: nat.timeouts.udp,
    cfg_nat_icmp_s: nat.timeouts.icmp,
    cfg_nat_other_s: nat.timeouts.other,
    cfg_age_nodes: ageNodes(settings),
  };
}
