// SPDX-License-Identifier: Apache-2.0
/** What arrives at the host, on a droplet: tunnel packets go to local endpoints, nothing else is ours. */
import { isGroupMac, isNoMac } from './address.js';
import { Arrival } from './arrival.js';
import { classify, type Tunnelled } from './classify.js';
import { Departure } from './departure.js';
import { early } from './early.js';
import { reversed, type FlowRecord, type Scope } from './flows.js';
import { flowHash, sourcePort } from './hash.js';
import type { Host } from './host.js';
import { tell } from './tell.js';
import { ETHERTYPE, TUNNEL } from './numbers.js';
import type { Emitted, Node, Outcome } from './outcome.js';
import { readFrame, type Frame, type IpPacket } from './parse.js';
import { judgeReceiver } from './judge.js';
import { Dropped, type Reason } from './reasons.js';
import { isArp } from './responders.js';
import { setTos } from './rewrite.js';
import { ecnDecapsulated, encapsulate } from './tunnel.js';
import { checkAddresses, counted, deliver, reachable, Refused, rewritten } from './walk.js';
import type { Endpoint, Vpc } from './destination.js';

interface Decision {
  readonly to: Endpoint;
  readonly routed: boolean;
}

/** The host's own: passed on untouched. */
function passed(bytes: Uint8Array, nodes: readonly Node[]): Outcome {
  return {
    verdict: 'passed',
    emitted: { bytes, ifindex: 0, peer: false },
    reason: undefined,
    nodes: [...nodes, 'PASS'],
    counts: [],
    error: 'no',
  };
}

function dropped(reason: Reason, nodes: readonly Node[]): Outcome {
  return {
    verdict: 'dropped',
    emitted: undefined,
    reason,
    nodes: [...nodes, 'DROP'],
    counts: [],
    error: 'no',
  };
}

export class Transit {
  constructor(
    private readonly host: Host,
    private readonly ifindex: number,
  ) {}

  process(input: Uint8Array): Outcome {
    const { world } = this.host;
    const nodes: Node[] = ['CLASSIFY'];
    const { bytes, tunnelled: outer } = classify(input, (address) => world.own.has(address));
    if (!outer) return this.arrived(bytes, nodes);
    if (!outer.bad) nodes.push('PARSE');
    const frame = outer.bad ?? this.read(outer);
    if (typeof frame !== 'string') {
      const hit = this.hit(frame, outer);
      if (hit) return this.deliver(frame, outer, hit, [...nodes, 'FLOW']);
    }
    nodes.push('WALK');
    // our port on somebody else's address is a port like any other
    if (!world.own.has(outer.dst)) return this.arrived(bytes, nodes);
    // a broken outer header says nothing true about the rest, not even who sent it
    if (outer.bad === 'BAD_TUNNEL' || outer.bad === 'BAD_CHECKSUM')
      return dropped(outer.bad, nodes);
    if (!world.vteps.has(outer.src)) return dropped('UNKNOWN_VTEP', nodes);
    const vpc = world.vpcs.get(outer.vni);
    if (frame === 'FRAG_UNKNOWN' && vpc) return early(this.host, bytes, nodes, []);
    if (typeof frame === 'string' && frame !== 'FRAG_UNKNOWN') return dropped(frame, nodes);
    if (!vpc || typeof frame === 'string') return dropped('UNKNOWN_VPC', nodes);
    return this.walk(frame, outer, vpc, nodes);
  }

  /** What is in no tunnel of ours. */
  private arrived(bytes: Uint8Array, nodes: readonly Node[]): Outcome {
    const droplet = this.host.world.outside.droplets.get(this.ifindex);
    const outcome = droplet && new Arrival(this.host, droplet).process(bytes, nodes);
    return outcome ?? passed(bytes, nodes);
  }

  private read(outer: Tunnelled): Frame | Reason {
    const frame = readFrame(outer.inner, TUNNEL[outer.family]);
    if (typeof frame === 'string') return frame;
    const { ip } = frame;
    if (ip?.fragment && !ip.fragment.first && !this.host.fragments.complete(scopeOf(outer), ip))
      return 'FRAG_UNKNOWN';
    return frame;
  }

  private hit(frame: Frame, outer: Tunnelled): Decision | undefined {
    const { world, flows } = this.host;
    const { ip } = frame;
    const vpc = world.vpcs.get(outer.vni);
    if (!ip || !vpc) return undefined;
    const record = flows.find(scopeOf(outer), frame, ip, this.host.generation(vpc.vni));
    // used only for packets from the VTEP it is for, to an address of ours
    if (record?.from !== outer.src || !world.own.has(outer.dst)) return undefined;
    // who is known is looked up on each packet
    if (record.translation) return undefined;
    try {
      checkAddresses(frame, ip);
      return this.decide(frame, ip, vpc);
    } catch (error) {
      if (error instanceof Dropped) return undefined;
      throw error;
    }
  }

  private walk(frame: Frame, outer: Tunnelled, vpc: Vpc, nodes: Node[]): Outcome {
    const { ip, etherType } = frame;
    // RFC 7348 s6.1: inner VLAN tags have no place here
    if (etherType === ETHERTYPE.vlan || etherType === ETHERTYPE.qinq) return dropped('VLAN', nodes);
    if (isGroupMac(frame.dst)) return dropped('MULTICAST', nodes);
    // no station sends from such an address, and no error could go there
    if (isGroupMac(frame.src) || isNoMac(frame.src)) return dropped('BAD_HEADER', nodes);
    if (!ip) return dropped(isArp(frame) ? 'ARP_UNKNOWN' : 'ETHERTYPE', nodes);
    nodes.push('ROUTE');
    try {
      checkAddresses(frame, ip);
      const found = this.host.world.resolve(vpc, ip.dst);
      if (found.kind === 'outside') return this.depart(frame, ip, outer, vpc, found.exempt, nodes);
      const decision = this.decide(frame, ip, vpc);
      nodes.push('COMMIT');
      this.commit(frame, ip, outer, vpc, decision);
      return this.deliver(frame, outer, decision, nodes);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      return this.refused(error, frame, ip, outer, vpc, nodes);
    }
  }

  /** Another host's endpoint writes to the outside, which begins here. */
  private depart(
    frame: Frame,
    ip: IpPacket,
    outer: Tunnelled,
    vpc: Vpc,
    exempt: boolean,
    nodes: Node[],
  ): Outcome {
    if (frame.dst !== vpc.mac) throw new Dropped('UNKNOWN_MAC');
    if (ip.ttl <= 1) throw new Refused('TTL_EXCEEDED');
    // nobody else's packets come to us for the outside
    if (this.host.world.resolve(vpc, ip.src).kind !== 'remote') throw new Dropped('SPOOFED_IP');
    const ecn = ecnDecapsulated(ip.tos & 3, outer.tos & 3);
    if (ecn === undefined) throw new Dropped('ECN');
    const finish = (bytes: Uint8Array): void => {
      if (ecn !== (ip.tos & 3)) setTos(bytes, ip.family, (ip.tos & 0xfc) | ecn);
    };
    const packet = { frame, ip, vpc, scope: scopeOf(outer), exempt, from: outer.src, finish };
    const { emitted, counts, nodes: last } = new Departure(this.host, packet).process();
    nodes.push('NAT', 'COMMIT', 'DECAP', ...last);
    return { verdict: 'sent', emitted, reason: undefined, nodes, counts, error: 'no' };
  }

  private decide(frame: Frame, ip: IpPacket, vpc: Vpc): Decision {
    const found = this.host.world.resolve(vpc, ip.dst);
    if (found.kind === 'broadcast') throw new Dropped('MULTICAST');
    if (found.kind === 'gateway') throw new Dropped('GATEWAY_SERVICE');
    const to = reachable(found);
    // nothing goes from VTEP to VTEP
    if (to.kind !== 'local') throw new Dropped('NOT_HERE');
    const routed = frame.dst === vpc.mac;
    const { endpoint } = to;
    if (!routed && frame.dst !== endpoint.mac) throw new Dropped('UNKNOWN_MAC');
    if (routed && ip.ttl <= 1) throw new Refused('TTL_EXCEEDED', 0, endpoint);
    if (ip.length > endpoint.mtu) throw new Refused('TOO_BIG', endpoint.mtu, endpoint);
    return { to: endpoint, routed };
  }

  private commit(
    frame: Frame,
    ip: IpPacket,
    outer: Tunnelled,
    vpc: Vpc,
    { to, routed }: Decision,
  ): void {
    const { flows, fragments } = this.host;
    const scope = scopeOf(outer);
    const generation = this.host.generation(vpc.vni);
    if (ip.fragment?.first && !fragments.remember(scope, ip)) throw new Dropped('FRAG_TABLE_FULL');
    const answer = this.reply(frame, ip, vpc, to);
    const reply = answer && {
      scope: `device ${to.ifindex}` as const,
      flow: reversed(ip),
      record: answer,
    };
    const { vni } = vpc;
    const record = { vni, generation, dst: frame.dst, src: frame.src, routed, from: outer.src };
    const forward = { scope, flow: ip, record };
    judgeReceiver(this.host, to, { ip, seen: ip }, forward, reply);
    if (!flows.commit(forward, reply)) throw new Refused('FLOW_TABLE_FULL', 0, to);
  }

  /** The local endpoint's reply, when we know where the sender is by the address it claims. */
  private reply(frame: Frame, ip: IpPacket, vpc: Vpc, to: Endpoint): FlowRecord | undefined {
    const { vni } = vpc;
    const sender = this.host.world.resolve(vpc, ip.src);
    if (sender.kind !== 'remote') return undefined;
    const routed = frame.src === vpc.mac; // the sender's host has routed it
    if (!routed && (!sender.exact || sender.mac !== frame.src)) return undefined;
    return { vni, generation: this.host.generation(vni), dst: frame.src, src: to.mac, routed };
  }

  private deliver(frame: Frame, outer: Tunnelled, decision: Decision, nodes: Node[]): Outcome {
    const { ip } = frame;
    if (!ip) throw new Error('only IP packets are delivered');
    const { to, routed } = decision;
    const ecn = ecnDecapsulated(ip.tos & 3, outer.tos & 3);
    if (ecn === undefined) return dropped('ECN', nodes);
    const vpc = this.host.world.vpcs.get(to.vni);
    const src = routed ? (vpc?.mac ?? '') : frame.src;
    const bytes = rewritten(frame, ip, { routed, dst: to.mac, src });
    if (ecn !== (ip.tos & 3)) setTos(bytes, ip.family, (ip.tos & 0xfc) | ecn);
    return {
      verdict: 'sent',
      emitted: deliver(bytes, to),
      reason: undefined,
      nodes: [...nodes, 'DECAP', 'DELIVER'],
      counts: [counted(to, 'rx', ip)],
      error: 'no',
    };
  }

  /** The error goes back through the tunnel it came from. */
  private refused(
    why: Dropped,
    frame: Frame,
    ip: IpPacket,
    outer: Tunnelled,
    vpc: Vpc,
    nodes: Node[],
  ): Outcome {
    const silent = dropped(why.reason, nodes);
    // RFC 1122 s3.2.2: nor to a broadcast address
    if (this.host.world.resolve(vpc, ip.src).kind === 'broadcast') return silent;
    const way = this.host.world.nexthop(outer.src);
    const endpoint = why instanceof Refused ? why.endpoint : undefined;
    const told = way && tell(this.host, vpc, endpoint, why, frame, ip);
    if (!told) return silent;
    const header = {
      vni: vpc.vni,
      vtep: outer.src,
      sourcePort: sourcePort(flowHash(ip, vpc.vni)),
      innerTos: ip.family === 4 ? 0xc0 : 0,
    };
    const emitted: Emitted = {
      bytes: encapsulate(told.bytes, header, way),
      ifindex: way.ifindex,
      peer: false,
    };
    return {
      ...silent,
      verdict: 'sent',
      emitted,
      nodes: [...silent.nodes, 'ICMP_ERROR'],
      error: told.allowed,
    };
  }
}

function scopeOf(outer: Tunnelled): Scope {
  return `tunnel ${outer.vni}`;
}
