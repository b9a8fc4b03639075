// SPDX-License-Identifier: Apache-2.0
/**
 * What comes from outside, on a droplet that leads there: packets to public addresses of this host,
 * replies to what left untranslated, and who asks for a public address' MAC. Everything else is the
 * host's.
 */
import { isGroupMac } from './address.js';
import { hexAt, u8At, u16At, type Address } from './bytes.js';
import type { Vpc } from './destination.js';
import { early } from './early.js';
import { reversed } from './flows.js';
import type { Host } from './host.js';
import { isError } from './icmp-error.js';
import {
  carry,
  checkFits,
  entry,
  flowOf,
  insideRecord,
  inwards,
  isEcho,
  locate,
  macInside,
  related,
  translateError,
  translateFrame,
  type Located,
} from './nat.js';
import { ETHERNET, ETHERTYPE, ICMP6 } from './numbers.js';
import type { Node, Outcome } from './outcome.js';
import type { OutsideDroplet } from './outside.js';
import { readFrame, type Frame, type IpPacket } from './parse.js';
import { judgeReceiver } from './judge.js';
import { Dropped } from './reasons.js';
import {
  advertise,
  announce,
  checkSolicitation,
  isArp,
  isNeighbourDiscovery,
} from './responders.js';
import { tell } from './tell.js';
import { insideOf, isGood, reverse, type Translation } from './translation.js';
import { checkAddresses, counted, Refused, rewritten } from './walk.js';

const BROADCAST = 'ffffffffffff';

export class Arrival {
  constructor(
    private readonly host: Host,
    private readonly droplet: OutsideDroplet,
  ) {}

  /** @returns undefined when the frame is the host's. */
  process(bytes: Uint8Array, before: readonly Node[]): Outcome | undefined {
    if (bytes.length < ETHERNET || u16At(bytes, 12) === ETHERTYPE.vlan) return undefined;
    const frame = readFrame(bytes);
    const nodes = [...before];
    // what cannot be read is not seen to be ours
    if (typeof frame === 'string') return undefined;
    if (isArp(frame)) return this.arp(frame, nodes);
    const { ip } = frame;
    if (!ip) return undefined;
    if (isNeighbourDiscovery(ip)) return this.neighbour(frame, ip, nodes);
    if (frame.dst !== this.droplet.mac) return undefined;
    const later = ip.fragment !== undefined && !ip.fragment.first;
    const complete = !later || this.host.fragments.complete('outside', ip);
    const isPublic = this.host.world.outside.isPublic(ip.dst);
    if (!isPublic && !(complete && this.isKnown(frame, ip))) return undefined;
    nodes.push('PARSE', 'WALK');
    try {
      if (!complete) return early(this.host, bytes, nodes, []);
      checkAddresses(frame, ip);
      return isError(ip) ? this.error(frame, ip, nodes) : this.ordinary(frame, ip, nodes);
    } catch (error) {
      if (!(error instanceof Dropped)) throw error;
      return this.refused(error, frame, ip, nodes);
    }
  }

  /** Packets to addresses that are not public: of connections that left untranslated. */
  private isKnown(frame: Frame, ip: IpPacket): boolean {
    if (!isError(ip)) return this.known(ip) !== undefined;
    try {
      related(this.host, frame.bytes, ip, 'outside');
      return true;
    } catch (error) {
      if (error instanceof Dropped) return error.reason !== 'NAT_UNRELATED';
      throw error;
    }
  }

  private known(ip: IpPacket): Translation | undefined {
    const t = this.host.flows.translation('outside', ip);
    return t && isGood(t, this.host.world.outside, this.host.mappings) ? t : undefined;
  }

  private ordinary(frame: Frame, ip: IpPacket, nodes: Node[]): Outcome {
    const t = this.known(ip) ?? this.opened(ip);
    const { after } = t;
    const where = locate(this.host, insideOf(t.destination!));
    if (ip.ttl <= 1) throw new Refused('TTL_EXCEEDED');
    checkFits(this.host, ip, after, where);
    this.commit(frame, ip, t, where);
    const bytes = this.routed(frame, ip, where);
    translateFrame(bytes, ip, t);
    return this.sent(bytes, ip, after, where, nodes);
  }

  private opened(ip: IpPacket): Translation {
    const destination = entry(this.host, ip, ip.src);
    const before = flowOf(ip);
    const { address, port } = inwards(destination, ip.dst, ip.dport);
    const sport = isEcho(ip) ? port : ip.sport;
    const after = { ...before, dst: address, dport: port, sport };
    return { before, after, source: undefined, destination };
  }

  private error(frame: Frame, ip: IpPacket, nodes: Node[]): Outcome {
    const about = related(this.host, frame.bytes, ip, 'outside');
    const { translation: t } = about;
    const where = locate(this.host, insideOf(t.destination!));
    if (ip.ttl <= 1) throw new Refused('TTL_EXCEEDED');
    const ends = { src: ip.src, dst: t.after.dst };
    const after = { ...flowOf(ip), ...ends };
    checkFits(this.host, ip, after, where);
    const bytes = this.routed(frame, ip, where);
    translateError(bytes, ip, about, ends);
    return this.sent(bytes, ip, after, where, nodes);
  }

  private commit(frame: Frame, ip: IpPacket, t: Translation, where: Located): void {
    const { flows, fragments } = this.host;
    if (ip.fragment?.first && !fragments.remember('outside', ip))
      throw new Dropped('FRAG_TABLE_FULL');
    const inside = insideRecord(this.host, t.after, where, reverse(t));
    const { vni } = where.vpc;
    const generation = this.host.generation(vni);
    const { dst, src } = frame;
    const record = { vni, generation, dst, src, routed: true, translation: t };
    const reply = { ...inside, flow: reversed(t.after) };
    const forward = { scope: 'outside' as const, flow: ip, record };
    if (where.to.kind === 'local')
      judgeReceiver(this.host, where.to.endpoint, { ip, seen: t.after }, forward, reply);
    if (!flows.commit(forward, reply)) throw new Refused('FLOW_TABLE_FULL');
  }

  private routed(frame: Frame, ip: IpPacket, where: Located): Uint8Array {
    return rewritten(frame, ip, { routed: true, dst: macInside(where), src: where.vpc.mac });
  }

  private sent(
    bytes: Uint8Array,
    ip: IpPacket,
    after: Parameters<typeof carry>[3],
    where: Located,
    nodes: Node[],
  ): Outcome {
    const { to } = where;
    const emitted = carry(this.host, bytes, ip.tos, after, where);
    const counts = to.kind === 'local' ? [counted(to.endpoint, 'rx', ip)] : [];
    nodes.push('NAT', 'COMMIT', to.kind === 'local' ? 'DELIVER' : 'ENCAP');
    return { verdict: 'sent', emitted, reason: undefined, nodes, counts, error: 'no' };
  }

  /** Who asks for a public address gets the droplet's MAC: RFC 826, RFC 1027. */
  private arp(frame: Frame, nodes: Node[]): Outcome | undefined {
    const { bytes } = frame;
    const at = ETHERNET;
    if (bytes.length < at + 28 || hexAt(bytes, at, 8) !== '0001080006040001') return undefined;
    if (frame.dst !== BROADCAST && frame.dst !== this.droplet.mac) return undefined;
    const target = hexAt(bytes, at + 24, 4);
    if (!this.host.world.outside.isPublic(target)) return undefined;
    const sender = hexAt(bytes, at + 8, 6);
    // a group has no address, and nobody sends from one
    if (isGroupMac(sender) || isGroupMac(frame.src)) return undefined;
    nodes.push('WALK', 'ARP', 'REPLY');
    return this.replied(announce(bytes, frame.src, this.droplet.mac), nodes);
  }

  private neighbour(frame: Frame, ip: IpPacket, nodes: Node[]): Outcome | undefined {
    const { bytes } = frame;
    if (ip.icmpType !== ICMP6.neighbourSolicitation || ip.length < 64) return undefined;
    const target: Address = hexAt(bytes, ip.transportAt + 8, 16);
    if (!this.host.world.outside.isPublic(target)) return undefined;
    if (frame.dst !== this.droplet.mac && !frame.dst.startsWith('3333ff')) return undefined;
    nodes.push('WALK', 'ND');
    try {
      checkSolicitation(frame, ip);
    } catch (error) {
      if (error instanceof Dropped) return this.silent(error, nodes);
      throw error;
    }
    nodes.push('REPLY');
    // RFC 4861 s7.2.4: who forwards packets is a router
    return this.replied(advertise(ip.src, target, frame.src, this.droplet.mac, true), nodes);
  }

  private replied(bytes: Uint8Array, nodes: Node[]): Outcome {
    const emitted = { bytes, ifindex: this.droplet.ifindex, peer: false };
    return { verdict: 'sent', emitted, reason: undefined, nodes, counts: [], error: 'no' };
  }

  private silent({ reason }: Dropped, nodes: readonly Node[]): Outcome {
    return {
      verdict: 'dropped',
      emitted: undefined,
      reason,
      nodes: [...nodes, 'DROP'],
      counts: [],
      error: 'no',
    };
  }

  /** Who sent it from outside is told by the droplet. */
  private refused(why: Dropped, frame: Frame, ip: IpPacket, nodes: Node[]): Outcome {
    const silent = this.silent(why, nodes);
    if (u8At(Buffer.from(frame.src, 'hex'), 0) & 1) return silent;
    const { mac, addresses, ifindex } = this.droplet;
    const { rate, burst } = this.host.world.outside;
    const vpc: Vpc = {
      vni: 0,
      mac,
      rate,
      burst,
      gateways: addresses,
      addresses: new Map(),
      prefixes: [],
    };
    const told = tell(this.host, vpc, undefined, why, frame, ip);
    if (!told) return silent;
    return {
      ...silent,
      verdict: 'sent',
      emitted: { bytes: told.bytes, ifindex, peer: false },
      nodes: [...silent.nodes, 'ICMP_ERROR'],
      error: told.allowed,
    };
  }
}
