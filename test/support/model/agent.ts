// SPDX-License-Identifier: Apache-2.0
/** What a workload sends, at the host's side of its device. */
import { hexAt, u16At } from './bytes.js';
import { withoutTag } from './classify.js';
import { recordsOf, type Records } from './agent-records.js';
import { Departure } from './departure.js';
import { early } from './early.js';
import { reversed, type Scope } from './flows.js';
import { choice, flowHash, sourcePort } from './hash.js';
import { tell } from './tell.js';
import { ETHERNET, ETHERTYPE } from './numbers.js';
import type { Count, Emitted, Node, Outcome } from './outcome.js';
import { readFrame, type Frame, type IpPacket } from './parse.js';
import { judgeReceiver, judgeSender } from './judge.js';
import { Dropped } from './reasons.js';
import {
  answerArp,
  answerEcho,
  answerNeighbour,
  isArp,
  isNeighbourDiscovery,
  macOfDestination,
  owns,
} from './responders.js';
import type { Host } from './host.js';
import { encapsulate } from './tunnel.js';
import { checkAddresses, counted, deliver, reachable, Refused, rewritten } from './walk.js';
import type { Destination, Endpoint, Vpc } from './destination.js';

const ARP_BYTES = ETHERNET + 28;
/** Nothing is left to do to a packet from a workload. */
const as = (): void => undefined;

/** IEEE 802.1Q: a priority tag (VID 0) is taken off, any other has no meaning here. */
function untagged(bytes: Uint8Array): Uint8Array {
  if (u16At(bytes, 12) !== ETHERTYPE.vlan) return bytes;
  if (bytes.length < 18) throw new Dropped('TRUNCATED');
  if ((u16At(bytes, 14) & 0xfff) !== 0) throw new Dropped('VLAN');
  const out = withoutTag(bytes);
  if (u16At(out, 12) === ETHERTYPE.vlan) throw new Dropped('ETHERTYPE');
  return out;
}

/** A conclusion about an IP packet: what leaves, and the records of both directions. */
interface Decision extends Records {
  readonly emitted: Emitted;
  readonly to: Destination & { readonly kind: 'local' | 'remote' };
}

/** It has sent a packet in vain. */
function tried({ identity }: Endpoint): Count {
  return { identity, what: 'tx_drop', bytes: 0 };
}

export class Agent {
  constructor(
    private readonly host: Host,
    private readonly ifindex: number,
  ) {}

  process(input: Uint8Array): Outcome {
    const { world } = this.host;
    const endpoint = world.endpoints.get(this.ifindex);
    const vpc = endpoint && world.vpcs.get(endpoint.vni);
    const nodes: Node[] = ['PARSE'];
    let frame: Frame | undefined;
    try {
      frame = this.read(input);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      nodes.push('WALK');
      if (vpc && error.reason === 'FRAG_UNKNOWN' && hexAt(input, 6, 6) === endpoint.mac)
        return early(this.host, untagged(input), nodes, [tried(endpoint)]);
      return this.dropped(vpc ? error : new Dropped('UNKNOWN_ENDPOINT'), nodes, endpoint);
    }
    if (!endpoint || !vpc) {
      nodes.push('WALK');
      return this.dropped(new Dropped('UNKNOWN_ENDPOINT'), nodes, undefined);
    }
    return this.walk(frame, endpoint, vpc, nodes);
  }

  private get scope(): Scope {
    return `device ${this.ifindex}`;
  }

  private read(input: Uint8Array): Frame {
    const frame = readFrame(untagged(input));
    if (typeof frame === 'string') throw new Dropped(frame);
    const { ip } = frame;
    if (ip?.fragment && !ip.fragment.first && !this.host.fragments.complete(this.scope, ip))
      throw new Dropped('FRAG_UNKNOWN');
    return frame;
  }

  private walk(frame: Frame, endpoint: Endpoint, vpc: Vpc, nodes: Node[]): Outcome {
    const { ip } = frame;
    if (ip) {
      const hit = this.hit(frame, ip, endpoint, vpc);
      if (hit) return this.sent(ip, endpoint, hit, [...nodes, 'FLOW']);
    }
    nodes.push('WALK');
    try {
      if (frame.src !== endpoint.mac) throw new Dropped('SPOOFED_MAC');
      if (isArp(frame)) {
        nodes.push('ARP');
        const bytes = answerArp(this.host.world, vpc, endpoint, frame.bytes);
        return this.replied(bytes, ARP_BYTES, endpoint, nodes);
      }
      if (!ip) throw new Dropped('ETHERTYPE');
      if (isNeighbourDiscovery(ip)) {
        nodes.push('ND');
        const bytes = answerNeighbour(this.host.world, vpc, endpoint, frame, ip);
        return this.replied(bytes, ip.length + ETHERNET, endpoint, nodes);
      }
      nodes.push('ROUTE');
      return this.route(frame, ip, endpoint, vpc, nodes);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      return this.refused(error, frame, endpoint, vpc, nodes);
    }
  }

  /** What the packet's record says, which is what a walk would; undefined: it has to walk. */
  private hit(frame: Frame, ip: IpPacket, endpoint: Endpoint, vpc: Vpc): Decision | undefined {
    const record = this.host.flows.find(this.scope, frame, ip, this.host.generation(vpc.vni));
    // translation is more than a conclusion: who is known is looked up on each packet
    if (!record || record.translation) return undefined;
    try {
      if (frame.src !== endpoint.mac) throw new Dropped('SPOOFED_MAC');
      this.checkSource(frame, ip, endpoint, vpc);
      return this.decide(frame, ip, endpoint, vpc);
    } catch (error) {
      // too big, or the way is not resolved any more: found out by walking
      if (error instanceof Dropped) return undefined;
      throw error;
    }
  }

  private route(frame: Frame, ip: IpPacket, endpoint: Endpoint, vpc: Vpc, nodes: Node[]): Outcome {
    const { world, flows, fragments } = this.host;
    this.checkSource(frame, ip, endpoint, vpc);
    if (world.resolve(vpc, ip.dst).kind === 'gateway') {
      if (frame.dst !== vpc.mac) throw new Dropped('UNKNOWN_MAC');
      nodes.push('ECHO');
      const bytes = answerEcho(vpc, endpoint, frame, ip);
      this.remember(ip, fragments);
      return this.replied(bytes, ip.length + ETHERNET, endpoint, nodes);
    }
    const found = world.resolve(vpc, ip.dst);
    if (found.kind === 'outside') return this.depart(frame, ip, endpoint, vpc, found.exempt, nodes);
    const decision = this.decide(frame, ip, endpoint, vpc);
    nodes.push('COMMIT');
    this.remember(ip, fragments);
    const { reply, to } = decision;
    const forward = { scope: this.scope, flow: ip, record: decision.forward };
    const back = reply && { ...reply, flow: reversed(ip) };
    judgeSender(this.host, endpoint, ip, forward, back);
    if (to.kind === 'local') judgeReceiver(this.host, to.endpoint, { ip, seen: ip }, forward, back);
    if (!flows.commit(forward, back)) throw new Refused('FLOW_TABLE_FULL');
    return this.sent(ip, endpoint, decision, nodes);
  }

  private depart(
    frame: Frame,
    ip: IpPacket,
    endpoint: Endpoint,
    vpc: Vpc,
    exempt: boolean,
    nodes: Node[],
  ): Outcome {
    if (frame.dst !== vpc.mac) throw new Dropped('UNKNOWN_MAC');
    if (ip.ttl <= 1) throw new Refused('TTL_EXCEEDED');
    judgeSender(this.host, endpoint, ip, { scope: this.scope, flow: ip }, undefined);
    const packet = { frame, ip, vpc, scope: this.scope, exempt, from: undefined, finish: as };
    const departed = new Departure(this.host, packet).process();
    nodes.push('NAT', 'COMMIT', ...departed.nodes);
    return {
      verdict: 'sent',
      emitted: departed.emitted,
      reason: undefined,
      nodes,
      counts: [counted(endpoint, 'tx', ip), ...departed.counts],
      error: 'no',
    };
  }

  private remember(ip: IpPacket, fragments: Host['fragments']): void {
    if (ip.fragment?.first && !fragments.remember(this.scope, ip))
      throw new Dropped('FRAG_TABLE_FULL');
  }

  /** An endpoint sends its own addresses, and prefixes that are routed to it. */
  private checkSource(frame: Frame, ip: IpPacket, endpoint: Endpoint, vpc: Vpc): void {
    checkAddresses(frame, ip);
    if (!owns(this.host.world, vpc, endpoint, ip.src)) throw new Dropped('SPOOFED_IP');
  }

  private decide(frame: Frame, ip: IpPacket, endpoint: Endpoint, vpc: Vpc): Decision {
    const { world } = this.host;
    const found = world.resolve(vpc, ip.dst);
    const routed = frame.dst === vpc.mac;
    if (found.kind === 'broadcast') throw new Dropped('MULTICAST');
    // bridged: to the very endpoint that has the address, by its own MAC
    if (!routed && !(found.exact && macOfDestination(found) === frame.dst))
      throw new Dropped('UNKNOWN_MAC');
    const to = reachable(found);
    if (to.kind === 'outside') throw new Error('what leaves the VPC departs');
    if (routed && ip.ttl <= 1) throw new Refused('TTL_EXCEEDED');
    const mac = to.kind === 'local' ? to.endpoint.mac : to.mac;
    const bytes = rewritten(frame, ip, {
      routed,
      dst: routed ? mac : frame.dst,
      src: routed ? vpc.mac : frame.src,
    });
    const from = to.kind === 'remote' ? this.vtepOf(ip, to, vpc) : undefined;
    const emitted =
      to.kind === 'local' ? this.local(bytes, ip, to) : this.tunnel(bytes, ip, to, vpc);
    return { emitted, to, ...recordsOf(this.host, frame, ip, endpoint, vpc, to, from) };
  }

  private local(bytes: Uint8Array, ip: IpPacket, to: Destination & { kind: 'local' }): Emitted {
    if (ip.length > to.endpoint.mtu) throw new Refused('TOO_BIG', to.endpoint.mtu);
    return deliver(bytes, to.endpoint);
  }

  private tunnel(
    bytes: Uint8Array,
    ip: IpPacket,
    to: Destination & { kind: 'remote' },
    vpc: Vpc,
  ): Emitted {
    const vtep = this.vtepOf(ip, to, vpc);
    const way = this.host.world.nexthop(vtep);
    if (!way) throw new Dropped('NO_NEXTHOP');
    if (ip.length > way.mtu) throw new Refused('TOO_BIG', way.mtu);
    const hash = flowHash(ip, vpc.vni);
    const header = { vni: vpc.vni, vtep, sourcePort: sourcePort(hash), innerTos: ip.tos };
    return { bytes: encapsulate(bytes, header, way), ifindex: way.ifindex, peer: false };
  }

  private vtepOf(ip: IpPacket, to: Destination & { kind: 'remote' }, vpc: Vpc): string {
    return to.vteps[choice(flowHash(ip, vpc.vni), to.vteps.length)] ?? '';
  }

  private sent(ip: IpPacket, endpoint: Endpoint, decision: Decision, nodes: Node[]): Outcome {
    const { emitted, to } = decision;
    const counts = [counted(endpoint, 'tx', ip)];
    if (to.kind === 'local') counts.push(counted(to.endpoint, 'rx', ip));
    nodes.push(to.kind === 'local' ? 'DELIVER' : 'ENCAP');
    return { verdict: 'sent', emitted, reason: undefined, nodes, counts, error: 'no' };
  }

  private replied(bytes: Uint8Array, size: number, endpoint: Endpoint, nodes: Node[]): Outcome {
    nodes.push('REPLY');
    const emitted = { bytes, ifindex: this.ifindex, peer: false };
    const counts = [{ identity: endpoint.identity, what: 'tx', bytes: size }] as const;
    return { verdict: 'sent', emitted, reason: undefined, nodes, counts, error: 'no' };
  }

  private dropped(why: Dropped, nodes: Node[], endpoint: Endpoint | undefined): Outcome {
    nodes.push('DROP');
    const counts = endpoint ? [tried(endpoint)] : [];
    const { reason } = why;
    return { verdict: 'dropped', emitted: undefined, reason, nodes, counts, error: 'no' };
  }

  private refused(
    why: Dropped,
    frame: Frame,
    endpoint: Endpoint,
    vpc: Vpc,
    nodes: Node[],
  ): Outcome {
    const silent = this.dropped(why, nodes, endpoint);
    const { ip } = frame;
    const told = ip && tell(this.host, vpc, endpoint, why, frame, ip);
    if (!told) return silent;
    return {
      ...silent,
      verdict: 'sent',
      emitted: { bytes: told.bytes, ifindex: this.ifindex, peer: false },
      nodes: [...nodes, 'ICMP_ERROR'],
      error: told.allowed,
    };
  }
}
