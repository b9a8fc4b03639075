// SPDX-License-Identifier: Apache-2.0
/**
 * Reading the data path: what the API and the metrics show of maps and programs. Nothing here
 * changes it but reload(). Each call reads the kernel anew; answers that take long may be
 * promises. The real one is daemon/datapath.
 */
import type {
  CountersResponse,
  DropsResponse,
  EndpointPoliciesResponse,
  FlowsResponse,
  LimitsResponse,
  MapsResponse,
  NatEventsResponse,
  NatResponse,
  NatWhoResponse,
  NodesResponse,
  PolicyCheckResponse,
  ReloadResponse,
  StatusResponse,
} from '../../api/index.js';
import type { PolicyProtocol } from '../../model/index.js';

/** The data path's part of the daemon's status. */
export type DataPathStatus = Pick<StatusResponse, 'appliedRevision' | 'programs' | 'maps'>;

export interface FlowsQuery {
  /** Only flows of the Vpc of this name. */
  readonly vpc?: string | undefined;
  /** Most records to return. */
  readonly limit: number;
}

export interface NatWhoQuery {
  /** Canonical. */
  readonly address: string;
  readonly port: number;
  /** Only this protocol. */
  readonly protocol?: 'tcp' | 'udp' | 'icmp' | undefined;
  /** Milliseconds since the epoch; now when undefined. */
  readonly at?: number | undefined;
}

export interface NatEventsQuery {
  /** Milliseconds since the epoch. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Most events to return. */
  readonly limit: number;
}

/** A connection. */
export interface PolicyCheckQuery {
  /** Name of an Endpoint, or an address. */
  readonly from: string;
  readonly to: string;
  readonly protocol: PolicyProtocol;
  readonly port?: number | undefined;
  readonly sourcePort?: number | undefined;
  readonly icmpType?: number | undefined;
  readonly icmpCode?: number | undefined;
  /** Name of the Vpc; needed when both ends are addresses. */
  readonly vpc?: string | undefined;
}

/** Packets of one local endpoint, as it sees them: tx is what it sends. */
export interface EndpointCounters {
  readonly endpoint: string;
  readonly vpc: string;
  readonly txPackets: number;
  readonly txBytes: number;
  readonly rxPackets: number;
  readonly rxBytes: number;
}

/** How much of the data path policies take. */
export interface PolicyCounts {
  readonly rules: number;
  readonly blocks: number;
  readonly programs: number;
  /** Entries by which addresses are found: alone, as prefixes, with a named port. */
  readonly hosts: number;
  readonly nets: number;
  readonly namedPorts: number;
}

/** What application layer gateways have done since the daemon's start. */
export interface AlgCounts {
  /** Connections whose packets go through the daemon, now. */
  readonly connections: number;
  /** Packets that came, and that were sent on, those made by the daemon included. */
  readonly packets: number;
  readonly sent: number;
  /** Lines that got another address or port. */
  readonly rewritten: number;
  /** Announced connections that were let in; that could not be; of another host or of a service. */
  readonly expected: number;
  readonly refused: number;
  readonly foreign: number;
  /** Packets dropped: not readable; of no such connection; too many connections, or packets. */
  readonly dropBroken: number;
  readonly dropUnknown: number;
  readonly dropFull: number;
  readonly dropRate: number;
}

/** Fragments that came before their first one, since the daemon's start. */
export interface FragmentCounts {
  /** Waiting now; with what is counted for each besides, bytes. */
  readonly held: number;
  readonly heldBytes: number;
  /** That came from the data path. */
  readonly taken: number;
  /** Given back as the first one had passed; after waiting in vain. */
  readonly released: number;
  readonly timedOut: number;
  /** Dropped: too many of their datagram, of their source, in all. */
  readonly refusedDatagram: number;
  readonly refusedSource: number;
  readonly refusedRoom: number;
}

type Awaitable<T> = T | Promise<T>;

export interface DataPathView {
  status(): Awaitable<DataPathStatus>;
  flows(query: FlowsQuery): Awaitable<FlowsResponse>;
  limits(): Awaitable<LimitsResponse>;
  /** @throws ApiError NOT_FOUND: it does not exist on this host; UNAVAILABLE: it is not computed */
  endpointPolicies(endpoint: string): Awaitable<EndpointPoliciesResponse>;
  /** @throws ApiError BAD_REQUEST, NOT_FOUND: what is asked makes no sense, or is not there */
  policyCheck(query: PolicyCheckQuery): Awaitable<PolicyCheckResponse>;
  policyCounts(): Awaitable<PolicyCounts>;
  nat(): Awaitable<NatResponse>;
  natWho(query: NatWhoQuery): Awaitable<NatWhoResponse>;
  natEvents(query: NatEventsQuery): Awaitable<NatEventsResponse>;
  drops(): Awaitable<DropsResponse>;
  nodes(): Awaitable<NodesResponse>;
  maps(): Awaitable<MapsResponse>;
  counters(): Awaitable<CountersResponse>;
  algs(): Awaitable<AlgCounts>;
  fragments(): Awaitable<FragmentCounts>;
  /** Local endpoints. */
  endpoints(): Awaitable<readonly EndpointCounters[]>;
  /** Flow records that went because they were idle, since the maps were made. */
  expiredFlows(): Awaitable<number>;
  /** Port blocks that changed hands without an event: the ring was full. Since the maps were made. */
  lostBlockEvents(): Awaitable<number>;
  /** Replaces the attached programs by the files on disk. */
  reload(): Promise<ReloadResponse>;
}
