// SPDX-License-Identifier: Apache-2.0
/** What the API and the metrics show of the data path. Every call reads the kernel anew. */
import type {
  CountersResponse,
  DropsResponse,
  EndpointPoliciesResponse,
  FlowsResponse,
  MapsResponse,
  LimitsResponse,
  NatEventsResponse,
  NatResponse,
  NatWhoResponse,
  NodesResponse,
  PolicyCheckResponse,
  ReloadResponse,
  StatusResponse,
} from '../../api/index.js';
import { addressFromBytes, formatAddress } from '../../base/net.js';
import {
  ABI,
  CounterMap,
  FLOW_ACTION,
  FLOW_FLAGS,
  MAP_LAYOUTS,
  MAPS,
  nodeName,
  nodeText,
  reasonName,
  reasonText,
  TypedMap,
  type CountersVal,
  type FlowVal,
  type NatVal,
  type NhVal,
} from '../../maps/index.js';
import type {
  AlgCounts,
  FragmentCounts,
  DataPathStatus,
  DataPathView,
  EndpointCounters,
  FlowsQuery,
  NatEventsQuery,
  NatWhoQuery,
  PolicyCheckQuery,
  PolicyCounts,
} from '../ports/datapath-view.js';
import type { Attachments } from './attachments.js';
import type { Driver } from './driver.js';
import type { DropSamples } from './drop-samples.js';
import { hookLabel, mapTypeLabel } from './labels.js';
import { limitUse } from './limit-use.js';
import { natPrefixes } from './nat-prefixes.js';
import { natTables, type NatTables } from './nat-tables.js';
import { natUse } from './nat-use.js';
import { natWho } from './nat-who.js';
import type { Names } from './names.js';
import { protocolName } from './packet-summary.js';
import type { PolicyCheck } from './policy-check.js';
import type { PolicyView } from './policy-view.js';
import type { Programs } from './programs.js';
import { serviceUse } from './service-use.js';

type Flow = FlowsResponse['flows'][number];
type ProgramStatus = StatusResponse['programs'][number];

export interface KernelViewDeps {
  readonly programs: Programs;
  readonly attachments: Attachments;
  readonly driver: Driver;
  readonly names: Names;
  readonly samples: DropSamples;
  readonly policies: Pick<PolicyView, 'endpoint' | 'counts'>;
  readonly policyCheck: Pick<PolicyCheck, 'check'>;
  readonly natLog: {
    whoAt(tables: NatTables, query: NatWhoQuery, at: number): NatWhoResponse;
    events(query: NatEventsQuery): NatEventsResponse;
  };
  readonly appliedRevision: () => number;
  readonly algs: () => AlgCounts;
  readonly fragments: () => FragmentCounts;
  /** Loads what is on disk and replaces what runs. */
  readonly reload: () => Promise<void>;
}

export class KernelView implements DataPathView {
  constructor(private readonly deps: KernelViewDeps) {}

  status(): DataPathStatus {
    return {
      appliedRevision: this.deps.appliedRevision(),
      programs: this.#attached(),
      maps: this.maps().maps,
    };
  }

  flows({ vpc, limit }: FlowsQuery): FlowsResponse {
    const { programs } = this.deps;
    const vpcs = this.deps.names.vpcs();
    const nh = new TypedMap(programs.map('nh'), MAPS.nh);
    const nat = new TypedMap(programs.map('nat'), MAPS.nat);
    const now = new TypedMap(programs.map('clock'), MAPS.clock).get(0)?.now_s ?? 0;
    const flows: Flow[] = [];
    for (const [, value] of new TypedMap(programs.map('flow'), MAPS.flow).entries()) {
      const name = vpcs.get(value.vni) ?? '';
      if (vpc !== undefined && vpc !== name) continue;
      if (flows.length === limit) return { flows, truncated: true };
      flows.push(this.#flow(value, { vpc: name, now, nh, nat }));
    }
    return { flows, truncated: false };
  }

  limits(): LimitsResponse {
    const { programs, names } = this.deps;
    return limitUse((name) => programs.map(name), names.objects());
  }

  endpointPolicies(endpoint: string): EndpointPoliciesResponse {
    return this.deps.policies.endpoint(endpoint);
  }

  policyCheck(query: PolicyCheckQuery): Promise<PolicyCheckResponse> {
    return this.deps.policyCheck.check(query);
  }

  policyCounts(): PolicyCounts {
    return this.deps.policies.counts();
  }

  nat(): NatResponse {
    const { programs, names } = this.deps;
    const services = serviceUse((name) => programs.map(name), names.objects());
    const prefixes = natPrefixes((name) => programs.map(name), names.objects());
    return { ...natUse(this.#natTables()), services, prefixes };
  }

  natWho(query: NatWhoQuery): NatWhoResponse {
    const tables = this.#natTables();
    return query.at === undefined
      ? natWho(tables, query)
      : this.deps.natLog.whoAt(tables, query, query.at);
  }

  natEvents(query: NatEventsQuery): NatEventsResponse {
    return this.deps.natLog.events(query);
  }

  algs(): AlgCounts {
    return this.deps.algs();
  }

  fragments(): FragmentCounts {
    return this.deps.fragments();
  }

  drops(): DropsResponse {
    const counts = this.#counters().flatMap(([hook, counters]) =>
      counters.drop.flatMap((packets, reason) =>
        packets === 0n
          ? []
          : [
              {
                hook: hookLabel(hook),
                reason: reasonName(reason),
                description: reasonText(reason),
                packets: Number(packets),
              },
            ],
      ),
    );
    return { counts, samples: this.deps.samples.list() };
  }

  nodes(): NodesResponse {
    const nodes = this.#counters().flatMap(([hook, counters]) =>
      counters.node.flatMap((visits, node) =>
        visits === 0n
          ? []
          : [
              {
                hook: hookLabel(hook),
                node: nodeName(node),
                description: nodeText(node),
                visits: Number(visits),
              },
            ],
      ),
    );
    return { nodes };
  }

  maps(): MapsResponse {
    const { programs, driver } = this.deps;
    const maps = Object.keys(MAP_LAYOUTS).map((name) => {
      const map = programs.map(name);
      const type = mapTypeLabel(map.type);
      const countable = type === 'hash' || type === 'lpm_trie';
      return {
        name,
        type,
        // Counting means reading the whole map: only for what the data path fills itself.
        entries: countable ? (driver.entries(name) ?? map.count()) : null,
        maxEntries: map.maxEntries,
      };
    });
    return { maps };
  }

  counters(): CountersResponse {
    const hooks = this.#counters().map(([hook, counters]) => ({
      hook: hookLabel(hook),
      received: Number(counters.received),
      receivedBytes: Number(counters.received_bytes),
      sent: Number(counters.sent),
      passed: Number(counters.passed),
      punted: Number(counters.punted),
      dropped: Number(counters.drop.reduce((sum, packets) => sum + packets, 0n)),
      generated: Number(counters.generated),
    }));
    return { hooks };
  }

  endpoints(): readonly EndpointCounters[] {
    const { programs, names } = this.deps;
    const stats = new CounterMap(programs.map('ep_stats'), MAPS.ep_stats);
    const out: EndpointCounters[] = [];
    for (const [ifindex, { ep }] of new TypedMap(programs.map('ep'), MAPS.ep).entries()) {
      const endpoint = names.endpoint(ifindex);
      const sum = stats.sum(ep);
      if (endpoint === undefined || sum === undefined) continue;
      out.push({
        endpoint: endpoint.name,
        vpc: endpoint.vpc,
        txPackets: Number(sum.tx_packets),
        txBytes: Number(sum.tx_bytes),
        rxPackets: Number(sum.rx_packets),
        rxBytes: Number(sum.rx_bytes),
      });
    }
    return out;
  }

  expiredFlows(): number {
    const age = new TypedMap(this.deps.programs.map('age'), MAPS.age).get(0);
    return Number(age?.expired_flows ?? 0n);
  }

  lostBlockEvents(): number {
    const lost = new TypedMap(this.deps.programs.map('nat_lost'), MAPS.nat_lost).get(0);
    return Number(lost?.events ?? 0n);
  }

  async reload(): Promise<ReloadResponse> {
    await this.deps.reload();
    return { replaced: this.#attached() };
  }

  #attached(): ProgramStatus[] {
    return this.deps.attachments.all().flatMap(({ wanted, attachment }) =>
      attachment === undefined
        ? []
        : [
            {
              hook: `${wanted.role}-${wanted.hook}`,
              device: wanted.device,
              ifindex: wanted.ifindex,
              kind: attachment.kind,
              programId: attachment.programId,
              programTag: this.deps.programs.build.program(wanted.role, wanted.hook).tag,
              linkId: attachment.linkId ?? null,
            },
          ],
    );
  }

  #natTables() {
    const { programs, names } = this.deps;
    return natTables((name) => programs.map(name), names.objects());
  }

  #counters(): [number, CountersVal][] {
    return new CounterMap(this.deps.programs.map('counters'), MAPS.counters).entries();
  }

  #flow(
    value: FlowVal,
    about: {
      readonly vpc: string;
      readonly now: number;
      readonly nh: TypedMap<number, NhVal>;
      readonly nat: TypedMap<number, NatVal>;
    },
  ): Flow {
    const { names, driver } = this.deps;
    const { key } = value;
    const tunnel = (key.scope & ABI.SCOPE_TUNNEL) !== 0;
    const family = key.family === 6 ? 6 : 4;
    const address = (bytes: Uint8Array): string => formatAddress({ family, bytes });
    const other = (bytes: Uint8Array): string => formatAddress(addressFromBytes(bytes));
    const place = (ifindex: number): string =>
      names.endpoint(ifindex)?.name ?? names.device(ifindex) ?? `device ${ifindex}`;
    const action = actionOf(value.action);
    const hop = action === 'deliver' ? undefined : about.nh.get(value.out_id);
    const isNat = (value.flags & FLOW_FLAGS.NAT) !== 0;
    const nat = isNat ? about.nat.get(value.node) : undefined;
    const reply = (value.flags & FLOW_FLAGS.REPLY) !== 0;
    const rewrite = reply ? nat?.reply : nat?.fwd;
    return {
      vpc: about.vpc,
      vni: value.vni,
      scope: tunnel ? 'tunnel' : key.scope === ABI.SCOPE_OUTSIDE ? 'outside' : place(key.scope),
      family,
      proto: protocolName(key.proto),
      source: address(key.saddr),
      sourcePort: key.sport,
      destination: address(key.daddr),
      destinationPort: key.dport,
      ...(rewrite === undefined
        ? {}
        : {
            translated: {
              source: other(rewrite.saddr),
              sourcePort: rewrite.sport,
              destination: other(rewrite.daddr),
              destinationPort: rewrite.dport,
            },
          }),
      ...((value.flags & FLOW_FLAGS.ALG) === 0
        ? {}
        : { alg: protocolName(key.proto) === 'tcp' ? ('ftp' as const) : ('tftp' as const) }),
      action,
      target: hop
        ? formatAddress(addressFromBytes(hop.dst))
        : place(value.out_ifindex & ~ABI.OUT_PEER),
      reply,
      generation: value.generation,
      current: value.generation === driver.generation(value.vpc),
      idleSeconds: Math.max(0, about.now - value.last_seen),
      routed: (value.flags & FLOW_FLAGS.ROUTED) !== 0,
      ...(action === 'deliver' ? { mtu: value.out_arg } : hop ? { mtu: hop.mtu } : {}),
    };
  }
}

function actionOf(action: number): Flow['action'] {
  if (action === FLOW_ACTION.ENCAP) return 'encap';
  return action === FLOW_ACTION.FORWARD ? 'forward' : 'deliver';
}
