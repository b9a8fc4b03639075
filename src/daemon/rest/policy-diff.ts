// SPDX-License-Identifier: Apache-2.0
/** Which connections of this host policies allow, and would not if a proposal was applied. */
import type { CutConnection, Flow, FlowsResponse, PolicyDiffResponse } from '../../api/index.js';
import { eventLoop, inPortions, STRIDE, type Work } from '../../base/portions.js';
import { protocolNumber, type PolicyProtocol } from '../../model/index.js';
import { SupposedPolicies, type Direction, type JudgedPacket } from '../calc/index.js';
import type { Proposal } from './backend.js';

/** A connection at one of its ends that is an endpoint. */
interface Seen {
  readonly endpoint: string;
  readonly direction: Direction;
  readonly flow: Flow;
  readonly packet: JudgedPacket;
}

export async function policyDiff(
  { revision, before, after }: Proposal,
  { flows, truncated }: Pick<FlowsResponse, 'flows' | 'truncated'>,
  host: string,
): Promise<PolicyDiffResponse> {
  const seen = flows.flatMap((flow) => (flow.reply ? [] : endsOf(flow)));
  const then = await inPortions(SupposedPolicies.of(after, host), eventLoop);
  const denied = await inPortions(deniedBy(then, seen), eventLoop);
  if (denied.length === 0) return { revision, connections: [], truncated };
  // What is denied already is cut without the proposal, with its next packet.
  const now = await inPortions(SupposedPolicies.of(before, host), eventLoop);
  const lost = new Set(await inPortions(deniedBy(now, seen), eventLoop).then(pairs));
  const connections = denied
    .filter(([one]) => !lost.has(one))
    .map(([one, rule]) => connectionOf(one, rule));
  return { revision, connections, truncated };
}

const pairs = (denied: readonly (readonly [Seen, string])[]): Seen[] => denied.map(([one]) => one);

function* deniedBy(policies: SupposedPolicies, seen: readonly Seen[]): Work<[Seen, string][]> {
  const out: [Seen, string][] = [];
  for (const [i, one] of seen.entries()) {
    const rule = policies.denial(one.endpoint, one.direction, one.packet);
    if (rule !== undefined) out.push([one, rule]);
    if (i % STRIDE === 0) yield;
  }
  return out;
}

/**
 * The sender sees the packet as it sends it, the receiver as it gets it. Who is no endpoint, as the
 * tunnel or a device, has no policies.
 */
function endsOf(flow: Flow): Seen[] {
  const { scope, target, action, translated } = flow;
  const ends: Seen[] = [];
  if (!ELSEWHERE.includes(scope))
    ends.push({ endpoint: scope, direction: 'egress', flow, packet: packetOf(flow, flow) });
  if (action === 'deliver') {
    const packet = packetOf(flow, translated ?? flow);
    ends.push({ endpoint: target, direction: 'ingress', flow, packet });
  }
  return ends;
}

/** Scopes of flows that no endpoint here has opened, also where one has such a name. */
const ELSEWHERE: readonly string[] = ['tunnel', 'outside'];

type Addresses = Pick<Flow, 'source' | 'sourcePort' | 'destination' | 'destinationPort'>;

const ECHO_REQUEST = { 4: 8, 6: 128 } as const;
const NAMED: readonly string[] = [
  'tcp',
  'udp',
  'sctp',
  'icmp',
  'icmpv6',
] satisfies PolicyProtocol[];
const WITH_PORTS: readonly number[] = ['tcp', 'udp', 'sctp'].map(numberOf);

function numberOf(proto: string): number {
  return NAMED.includes(proto) ? protocolNumber(proto as PolicyProtocol) : Number(proto);
}

/** `as`: the addresses at that end; translation may change the family, and ICMP with it. */
function packetOf(flow: Flow, as: Addresses): JudgedPacket {
  const { source, destination } = as;
  const family = source.includes(':') ? 6 : 4;
  const isIcmp = flow.proto === 'icmp' || flow.proto === 'icmpv6';
  const protocol = numberOf(isIcmp ? (family === 4 ? 'icmp' : 'icmpv6') : flow.proto);
  return {
    family,
    protocol,
    source,
    destination,
    ...(isIcmp ? { icmp: icmpOf(flow, family) } : {}),
    ...(WITH_PORTS.includes(protocol)
      ? { ports: { source: as.sourcePort, destination: as.destinationPort } }
      : {}),
  };
}

/** As bpf/lib/parse.h makes a flow's key: an echo has its identifier twice, others type and code. */
function icmpOf(flow: Flow, family: 4 | 6): NonNullable<JudgedPacket['icmp']> {
  const { sourcePort, destinationPort: what } = flow;
  if (sourcePort === what) return { type: ECHO_REQUEST[family], code: 0 };
  return { type: what >> 8, code: what & 0xff };
}

function connectionOf({ endpoint, direction, flow }: Seen, rule: string): CutConnection {
  const as: Addresses = direction === 'ingress' ? (flow.translated ?? flow) : flow;
  return {
    endpoint,
    direction,
    vpc: flow.vpc,
    proto: flow.proto,
    source: as.source,
    sourcePort: as.sourcePort,
    destination: as.destination,
    destinationPort: as.destinationPort,
    idleSeconds: flow.idleSeconds,
    rule,
  };
}
