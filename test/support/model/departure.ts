// SPDX-License-Identifier: Apache-2.0
/**
 * Packets that leave a VPC for the outside: translated and sent to the next hop there, or, when they
 * are for a public address of this host, translated on both ends and sent back inside (hairpin,
 * RFC 4787 REQ-9: the receiver sees the sender's public address).
 */
import type { Endpoint, Vpc } from './destination.js';
import { reversed, type Scope } from './flows.js';
import type { FlowIdentity } from './hash.js';
import type { Host } from './host.js';
import { isError } from './icmp-error.js';
import type { Choice, Mapping, Wanted } from './mappings.js';
import {
  carry,
  checkFits,
  entry,
  flowOf,
  insideRecord,
  inwards,
  isEcho,
  isIcmp,
  isPorted,
  locate,
  macInside,
  related,
  translateError,
  translateFrame,
  type Located,
} from './nat.js';
import type { Count, Emitted, Node } from './outcome.js';
import type { OutsideWay } from './outside.js';
import type { Frame, IpPacket } from './parse.js';
import { judgeReceiver, judgeSender } from './judge.js';
import { Dropped } from './reasons.js';
import { setMacs } from './rewrite.js';
import { holds, insideOf, isGood, reverse, type Basis, type Translation } from './translation.js';
import { counted, Refused, rewritten } from './walk.js';

export interface Departing {
  readonly frame: Frame;
  readonly ip: IpPacket;
  readonly vpc: Vpc;
  /** Where it entered. */
  readonly scope: Scope;
  /** The route says that it is not translated. */
  readonly exempt: boolean;
  /** The VTEP it came from. */
  readonly from: string | undefined;
  /** Last changes to the frame inside, before it is sent on. */
  readonly finish: (bytes: Uint8Array) => void;
}

export interface Departed {
  readonly emitted: Emitted;
  readonly nodes: readonly Node[];
  readonly counts: readonly Count[];
}

/** Where it goes: to a next hop outside, or back inside. */
type Towards = { readonly way: OutsideWay } | { readonly where: Located };

export class Departure {
  /** For this packet. */
  private created: Mapping | undefined;

  constructor(
    private readonly host: Host,
    private readonly packet: Departing,
  ) {}

  process(): Departed {
    const { ip } = this.packet;
    return isError(ip) ? this.error() : this.ordinary();
  }

  private ordinary(): Departed {
    const { ip } = this.packet;
    const known = this.known();
    const destination = known ? known.destination : this.destination();
    const towards = this.towards(destination, ip.dst);
    const source = known ? known.source : (this.kept() ?? this.entitled());
    // what is too big leaves no mapping behind
    if ('way' in towards && ip.length > towards.way.mtu)
      throw new Refused('TOO_BIG', towards.way.mtu);
    if ('where' in towards) {
      const { address, port } = inwards(destination!, ip.dst, ip.dport);
      checkFits(this.host, ip, { ...flowOf(ip), dst: address, dport: port }, towards.where);
    }
    const translation = known ?? this.translation(source, destination);
    this.permit(translation);
    this.judge(translation, towards);
    this.commit(translation, towards);
    const bytes = this.routed(towards);
    translateFrame(bytes, ip, translation);
    return this.send(bytes, translation.after, towards);
  }

  /** What the connection's packets are translated to already, while that still holds. */
  private known(): Translation | undefined {
    const { ip, scope, vpc, exempt } = this.packet;
    const { outside } = this.host.world;
    const t = this.host.flows.translation(scope, ip);
    if (!t || !isGood(t, outside, this.host.mappings)) return undefined;
    if (!t.source || insideOf(t.source).vni !== vpc.vni) return undefined;
    // what is translated stays so, whatever a new connection would get
    if (t.source.kind === 'exempt' && !exempt) return undefined;
    const hairpin = !exempt && outside.isPublic(ip.dst);
    return hairpin === (t.destination !== undefined) ? t : undefined;
  }

  /** Whoever the receiver is now, the sender looks as before while it may. */
  private kept(): Basis | undefined {
    const { ip, scope, vpc } = this.packet;
    const { world, mappings, flows } = this.host;
    const source = flows.translation(scope, ip)?.source;
    if (!source || source.kind === 'exempt' || insideOf(source).vni !== vpc.vni) return undefined;
    // who answered a hairpinned echo did so with the sender's identifier, not that of its mapping
    const borrowed =
      source.kind === 'mapping' && isEcho(ip) && source.mapping.insidePort !== ip.sport;
    if (borrowed && !world.outside.isPublic(ip.dst)) return undefined;
    return holds(source, world.outside, mappings) ? source : undefined;
  }

  /** Of a public address of this host, who has it. */
  private destination(): Basis | undefined {
    const { ip, exempt } = this.packet;
    const { outside } = this.host.world;
    if (exempt || !outside.isPublic(ip.dst)) return undefined;
    return entry(this.host, ip, this.publicAddress());
  }

  private towards(destination: Basis | undefined, address: string): Towards {
    if (destination) return { where: locate(this.host, insideOf(destination)) };
    const way = this.host.world.outside.way(address);
    if (way === 'none') throw new Refused('NO_ROUTE');
    if (way === 'broadcast') throw new Dropped('MULTICAST');
    if (way === 'unresolved') throw new Dropped('NO_NEXTHOP');
    return { way };
  }

  /** What entitles the sender; undefined: its pool. */
  private entitled(): Basis | undefined {
    const { ip, vpc, exempt } = this.packet;
    const inside = { vni: vpc.vni, address: ip.src };
    if (exempt) return { kind: 'exempt', inside };
    const address = this.host.world.outside.addressOf(inside);
    if (address !== undefined) return { kind: 'one-to-one', address, inside };
    if (!this.wanted()) throw new Refused('NO_NAT');
    if (isIcmp(ip) && !isEcho(ip)) throw new Dropped('NAT_PROTOCOL');
    return undefined;
  }

  /** The address that the outside will see, as far as that is known before a port is. */
  private publicAddress(): string | undefined {
    const { ip, vpc } = this.packet;
    const { outside } = this.host.world;
    const oneToOne = outside.addressOf({ vni: vpc.vni, address: ip.src });
    if (oneToOne !== undefined) return oneToOne;
    const wanted = this.wanted();
    return wanted && this.host.mappings.addressOf(wanted);
  }

  private wanted(): Wanted | undefined {
    const { ip, vpc } = this.packet;
    const from = this.host.world.resolve(vpc, ip.src);
    if (from.kind !== 'local' && from.kind !== 'remote') return undefined;
    const { outside } = this.host.world;
    const pool = from.owner === undefined ? undefined : outside.pool(from.owner);
    if (from.owner === undefined || !pool) return undefined;
    const ported = isPorted(ip);
    return {
      owner: from.owner,
      pool,
      protocol: ip.protocol,
      inside: { vni: vpc.vni, address: ip.src },
      insidePort: ported ? ip.sport : 0,
      remote: ip.dst,
      ported,
    };
  }

  private translation(source: Basis | undefined, destination: Basis | undefined): Translation {
    const { ip } = this.packet;
    const before = flowOf(ip);
    const basis = source ?? this.mapped();
    const src = outwards(basis, ip.src, ip.sport);
    const dst = destination
      ? inwards(destination, ip.dst, ip.dport)
      : { address: ip.dst, port: ip.dport };
    // the identifier of an echo is both: what the receiver sees is the sender's (RFC 7857 s12)
    const dport = isEcho(ip) ? src.port : dst.port;
    const after = { ...before, src: src.address, sport: src.port, dst: dst.address, dport };
    return { before, after, source: basis, destination };
  }

  private mapped(): Basis {
    const { mappings, world } = this.host;
    const wanted = this.wanted();
    if (!wanted) throw new Refused('NO_NAT');
    const old = mappings.existing(wanted, world.outside);
    if (old) return { kind: 'mapping', mapping: old };
    const found = mappings.create(wanted, this.host.observed(), world.outside);
    if (typeof found !== 'string') {
      this.created = found;
      return { kind: 'mapping', mapping: found };
    }
    const account = this.sender()?.identity ?? `behind ${wanted.owner}`;
    if (this.host.refusals.isTold(account)) throw new Refused(found);
    throw new Dropped(found);
  }

  /** An endpoint here: the one it comes from, whatever source it names. */
  private sender(): Endpoint | undefined {
    const [kind, ifindex] = this.packet.scope.split(' ');
    return kind === 'device' ? this.host.world.endpoints.get(Number(ifindex)) : undefined;
  }

  /** Filtering by address: who is written to may write. */
  private permit({ source, destination }: Translation): void {
    // a hairpinned connection permits nothing but itself
    if (source?.kind === 'mapping' && !destination) source.mapping.sentTo.add(this.packet.ip.dst);
  }

  /** What the answer says of who opened the connection, and who receives a hairpinned packet. */
  private judge(t: Translation, towards: Towards): void {
    const { ip, scope } = this.packet;
    const forward = { scope, flow: ip };
    const from =
      'where' in towards
        ? insideRecord(this.host, t.after, towards.where, reverse(t)).scope
        : ('outside' as const);
    const back = { scope: from, flow: reversed(t.after) };
    const sender = this.sender();
    try {
      if (sender && this.host.flows.isReply(forward, back))
        judgeSender(this.host, sender, ip, forward, back);
      if ('where' in towards && towards.where.to.kind === 'local')
        judgeReceiver(this.host, towards.where.to.endpoint, { ip, seen: t.after }, forward, back);
    } catch (error) {
      if (this.created) this.host.mappings.discard(this.created, this.wanted()!.pool.blockSize);
      throw error;
    }
  }

  private commit(t: Translation, towards: Towards): void {
    const { flows, fragments } = this.host;
    const { ip, frame, vpc, scope, from } = this.packet;
    if (ip.fragment?.first && !fragments.remember(scope, ip)) throw new Dropped('FRAG_TABLE_FULL');
    const generation = this.host.generation(vpc.vni);
    const common = { vni: vpc.vni, generation, routed: true };
    const back = reverse(t);
    const reply =
      'where' in towards
        ? insideRecord(this.host, t.after, towards.where, back)
        : {
            scope: 'outside' as const,
            record: {
              ...common,
              dst: towards.way.smac,
              src: towards.way.dmac,
              translation: back,
            },
          };
    const record = {
      ...common,
      dst: frame.dst,
      src: frame.src,
      translation: t,
      ...(from === undefined ? {} : { from }),
    };
    const forward = { scope, flow: ip, record };
    const answer = { ...reply, flow: reversed(t.after) };
    const before = flows.translation(scope, ip);
    if (!flows.commit(forward, answer)) throw new Refused('FLOW_TABLE_FULL');
    // who was written to outside and is a receiver inside now has no permit any more
    if (before?.source?.kind === 'mapping' && !before.destination && t.destination) {
      const { mapping } = before.source;
      if (!flows.writesTo(mapping, ip.dst)) mapping.sentTo.delete(ip.dst);
    }
  }

  private routed(towards: Towards): Uint8Array {
    const { frame, ip, finish } = this.packet;
    const macs =
      'way' in towards
        ? { dst: towards.way.dmac, src: towards.way.smac }
        : { dst: macInside(towards.where), src: towards.where.vpc.mac };
    const bytes = rewritten(frame, ip, { routed: true, ...macs });
    finish(bytes);
    setMacs(bytes, macs.dst, macs.src);
    return bytes;
  }

  private send(bytes: Uint8Array, after: FlowIdentity, towards: Towards): Departed {
    const { ip } = this.packet;
    if ('way' in towards) {
      const emitted = { bytes, ifindex: towards.way.ifindex, peer: false };
      return { emitted, nodes: ['FORWARD'], counts: [] };
    }
    const { where } = towards;
    const tos = tosOf(bytes, ip);
    const emitted = carry(this.host, bytes, tos, after, where);
    const { to } = where;
    if (to.kind === 'remote') return { emitted, nodes: ['ENCAP'], counts: [] };
    return { emitted, nodes: ['DELIVER'], counts: [counted(to.endpoint, 'rx', ip)] };
  }

  /** RFC 5508 REQ-5, REQ-7: back to who sent the packet it tells about. */
  private error(): Departed {
    const { ip, frame, scope, vpc } = this.packet;
    const about = related(this.host, frame.bytes, ip, scope);
    const { translation: t } = about;
    if (!t.source || insideOf(t.source).vni !== vpc.vni) throw new Dropped('NAT_UNRELATED');
    // an address that has become public since: nobody of ours has sent what it tells about
    if (!t.destination && this.host.world.outside.isPublic(t.after.dst))
      throw new Dropped('NO_ROUTE');
    const towards = this.towards(t.destination, t.after.dst);
    const mtu = 'way' in towards ? towards.way.mtu : undefined;
    if (mtu !== undefined && ip.length > mtu) throw new Refused('TOO_BIG', mtu);
    const src = t.source.kind === 'exempt' ? ip.src : t.after.src;
    const ends = { src, dst: t.after.dst };
    const after = { ...flowOf(ip), ...ends };
    if ('where' in towards) checkFits(this.host, ip, after, towards.where);
    const bytes = this.routed(towards);
    translateError(bytes, ip, about, ends);
    return this.send(bytes, after, towards);
  }
}

/** Address and port of the outside for a packet from the inside's. */
function outwards(basis: Basis, address: string, port: number): Choice {
  switch (basis.kind) {
    case 'mapping': {
      const { mapping } = basis;
      return { address: mapping.address, port: mapping.remote === undefined ? mapping.port : port };
    }
    case 'one-to-one':
      return { address: basis.address, port };
    case 'forward':
      return { address: basis.address, port: basis.port };
    case 'exempt':
      return { address, port };
  }
}

function tosOf(bytes: Uint8Array, ip: IpPacket): number {
  const word = ((bytes[14] ?? 0) << 8) | (bytes[15] ?? 0);
  return ip.family === 6 ? (word >> 4) & 0xff : word & 0xff;
}
