// SPDX-License-Identifier: Apache-2.0
/** What the data path's settings mean for the programs: constants and sizes of maps. */

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
    readonly closing: number;
    readonly fragment: number;
  };
  readonly dropEvents: { readonly enabled: boolean; readonly perSecond: number };
}

/** Ageing nodes beyond those of flows: two for each of map frag's 8192 entries. */
const FRAGMENT_NODES = 16_384;

/** max_entries by map. Arrays have a slot more, as index 0 is never given. */
export function mapSizes(settings: DataPathSettings): Record<string, number> {
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
    age_node: settings.maxFlows + FRAGMENT_NODES,
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
  age_node: 'datapath.maxFlows',
};

/** .rodata by variable, see bpf/include/transit/config.h. */
export function programConstants(settings: DataPathSettings): Record<string, number> {
  const { timeouts, dropEvents } = settings;
  return {
    cfg_vxlan_port: settings.vxlanPort,
    cfg_drop_events: dropEvents.enabled ? 1 : 0,
    cfg_drop_events_per_second: dropEvents.perSecond,
    cfg_timeout_tcp_s: timeouts.tcp,
    cfg_timeout_udp_s: timeouts.udp,
    cfg_timeout_other_s: timeouts.other,
    cfg_timeout_closing_s: timeouts.closing,
    cfg_timeout_fragment_s: timeouts.fragment,
    cfg_age_nodes: settings.maxFlows + FRAGMENT_NODES,
  };
}
