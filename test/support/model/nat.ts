// SPDX-License-Identifier: Apache-2.0
/** What translation in both directions has in common: ways in, and delivery to an inside address. */
import { onesSum, put16 } from './bytes.js';
import type { Destination, Vpc } from './destination.js';
import type { FlowRecord, Scope } from './flows.js';
import { choice, flowHash, sourcePort, type FlowIdentity } from './hash.js';
import type { Host } from './host.js';
import { translate, type Place } from './nat-rewrite.js';
import { ETHERNET, ICMP4, ICMP6, PROTOCOL } from './numbers.js';
import type { Emitted } from './outcome.js';
import type { Inside } from './outside.js';
import type { IpPacket } from './parse.js';
import type { Quote } from './quote.js';
import { readQuote } from './quote.js';
import { Dropped } from './reasons.js';
import { isGood, type Basis, type Translation } from './translation.js';
import { encapsulate } from './tunnel.js';
import { deliver, reachable, Refused } from './walk.js';

export function isEcho(ip: IpPacket): boolean {
  const echoes: readonly number[] =
    ip.family === 4 ? [ICMP4.echo, ICMP4.echoReply] : [ICMP6.echo, ICMP6.echoReply];
  // a later fragment knows its ports only
  if (ip.fragment && !ip.fragment.first) return isIcmp(ip) && ip.sport === ip.dport;
  return isIcmp(ip) && echoes.includes(ip.icmpType);
}

export function isIcmp(ip: IpPacket): boolean {
  return ip.protocol === (ip.family === 4 ? PROTOCOL.icmp : PROTOCOL.icmp6);
}

/** Whether its ports, or identifier, tell its connections apart and can be replaced. */
export function isPorted(ip: IpPacket): boolean {
  return ip.protocol === PROTOCOL.tcp || ip.protocol === PROTOCOL.udp || isEcho(ip);
}

export function flowOf({ src, dst, sport, dport, protocol }: FlowIdentity): FlowIdentity {
  return { src, dst, sport, dport, protocol };
}

function placeOf(ip: IpPacket): Place {
  const isLater = ip.fragment && !ip.fragment.first;
  return {
    family: ip.family,
    at: ETHERNET,
    transportAt: isLater ? undefined : ip.transportAt,
    protocol: ip.protocol,
    isEcho: isEcho(ip),
    end: ETHERNET + ip.length,
  };
}

/** Translates a packet in its frame. */
export function translateFrame(bytes: Uint8Array, ip: IpPacket, t: Translation): void {
  translate(bytes, placeOf(ip), t.before, t.after);
}

/**
 * What has a public address and port. PortForward, PublicIp, then mapping.
 * @param remote who sends, as the outside sees it; undefined: not known yet
 */
export function entry(host: Host, ip: IpPacket, remote: string | undefined): Basis {
  const { outside } = host.world;
  const { dst: address, dport: port, protocol } = ip;
  const forward = outside.forward(address, protocol, port);
  if (forward)
    return {
      kind: 'forward',
      address,
      protocol,
      port,
      inside: forward.inside,
      insidePort: forward.port,
    };
  const inside = outside.insideOf(address);
  if (inside) return { kind: 'one-to-one', address, inside };
  const mapping = host.mappings.ofOutside(
    address,
    isPorted(ip) ? port : 0,
    protocol,
    remote ?? '',
    outside,
  );
  if (!mapping) throw new Dropped('NO_MAPPING');
  const { filtering } = outside.pool(mapping.owner)!;
  // without ports it is the mapping of who it was made to reach
  const known =
    mapping.remote !== undefined || (remote !== undefined && mapping.sentTo.has(remote));
  if (filtering === 'address-port' || (filtering === 'address' && !known))
    throw new Dropped('FILTERED');
  return { kind: 'mapping', mapping };
}

/** Address and port of the inside for a packet to the outside's. */
export function inwards(
  basis: Basis,
  address: string,
  port: number,
): { readonly address: string; readonly port: number } {
  switch (basis.kind) {
    case 'mapping': {
      const { inside, insidePort, remote } = basis.mapping;
      return { address: inside.address, port: remote === undefined ? insidePort : port };
    }
    case 'one-to-one':
      return { address: basis.inside.address, port };
    case 'forward':
      return { address: basis.inside.address, port: basis.insidePort };
    case 'exempt':
      return { address, port };
  }
}

export interface Located {
  readonly vpc: Vpc;
  readonly to: Destination & { readonly kind: 'local' | 'remote' };
}

/** Where an inside address is. */
export function locate(host: Host, inside: Inside): Located {
  const vpc = host.world.vpcs.get(inside.vni);
  if (!vpc) throw new Refused('NO_ROUTE');
  const to = reachable(host.world.resolve(vpc, inside.address));
  if (to.kind === 'outside') throw new Refused('NO_ROUTE');
  return { vpc, to };
}

/** The MAC that the frame is addressed to inside. */
export function macInside({ to }: Located): string {
  return to.kind === 'local' ? to.endpoint.mac : to.mac;
}

function vtepOf(after: FlowIdentity, { vpc, to }: Located): string {
  if (to.kind === 'local') return '';
  return to.vteps[choice(flowHash(after, vpc.vni), to.vteps.length)] ?? '';
}

/** Whether the packet fits the rest of its way. */
export function checkFits(host: Host, ip: IpPacket, after: FlowIdentity, where: Located): void {
  const { to } = where;
  const way = to.kind === 'remote' ? host.world.nexthop(vtepOf(after, where)) : undefined;
  if (to.kind === 'remote' && !way) throw new Dropped('NO_NEXTHOP');
  const mtu = to.kind === 'local' ? to.endpoint.mtu : (way?.mtu ?? 0);
  if (ip.length > mtu) throw new Refused('TOO_BIG', mtu);
}

/** The frame on its way to an inside address. */
export function carry(
  host: Host,
  bytes: Uint8Array,
  tos: number,
  after: FlowIdentity,
  where: Located,
): Emitted {
  const { to, vpc } = where;
  if (to.kind === 'local') return deliver(bytes, to.endpoint);
  const vtep = vtepOf(after, where);
  const way = host.world.nexthop(vtep);
  if (!way) throw new Dropped('NO_NEXTHOP');
  const port = sourcePort(flowHash(after, vpc.vni));
  const header = { vni: vpc.vni, vtep, sourcePort: port, innerTos: tos };
  return { bytes: encapsulate(bytes, header, way), ifindex: way.ifindex, peer: false };
}

/** The record for what an inside address sends in a connection. */
export function insideRecord(
  host: Host,
  after: FlowIdentity,
  where: Located,
  translation: Translation,
): { readonly scope: Scope; readonly record: FlowRecord } {
  const { vpc, to } = where;
  const { vni } = vpc;
  const record = {
    vni,
    generation: host.generation(vni),
    dst: vpc.mac,
    src: macInside(where),
    routed: true,
    translation,
  };
  if (to.kind === 'local') return { scope: `device ${to.endpoint.ifindex}`, record };
  return { scope: `tunnel ${vni}`, record: { ...record, from: vtepOf(after, where) } };
}

export interface Related {
  readonly quote: Quote;
  /** Of the packets that come from where the error does. */
  readonly translation: Translation;
}

/**
 * The connection that an ICMP error tells about (RFC 5508 REQ-3 to 5).
 * @param scope where the error entered
 */
export function related(host: Host, bytes: Uint8Array, ip: IpPacket, scope: Scope): Related {
  const { transportAt: at, family } = ip;
  const end = ETHERNET + ip.length;
  // its checksum and its quote may go on in other fragments
  if (ip.fragment) throw new Dropped('NAT_UNRELATED');
  const quote = readQuote(bytes, at + 8, end, family);
  const { src, dst, sport, dport, protocol } = quote?.flow ?? {
    src: '',
    dst: '',
    sport: 0,
    dport: 0,
    protocol: 0,
  };
  const other = { src: dst, dst: src, sport: dport, dport: sport, protocol };
  const translation = quote && host.flows.translation(scope, other);
  const { outside } = host.world;
  if (!translation || !isGood(translation, outside, host.mappings) || src !== ip.dst)
    throw new Dropped('NAT_UNRELATED');
  if (sumOf(bytes, ip) !== 0xffff) throw new Dropped('BAD_CHECKSUM'); // RFC 5508 REQ-3a
  return { quote, translation };
}

function sumOf(bytes: Uint8Array, ip: IpPacket): number {
  const end = ETHERNET + ip.length;
  const message = bytes.subarray(ip.transportAt, end);
  if (ip.family === 4) return onesSum(message);
  const pseudo = onesSum(Buffer.from(ip.src + ip.dst, 'hex'), message.length + PROTOCOL.icmp6);
  return onesSum(message, pseudo);
}

/** Translates an error and what it quotes; its checksum is right afterwards. */
export function translateError(
  bytes: Uint8Array,
  ip: IpPacket,
  { quote, translation }: Related,
  ends: { readonly src: string; readonly dst: string },
): void {
  const { after } = translation;
  const before = flowOf(ip);
  translate(bytes, { ...placeOf(ip), transportAt: undefined }, before, { ...before, ...ends });
  const { src, dst, sport, dport } = after;
  const quoted = { ...quote.flow, src: dst, dst: src, sport: dport, dport: sport };
  translate(bytes, quote, quote.flow, quoted);
  put16(bytes, ip.transportAt + 2, 0);
  const sum = sumOf(bytes, { ...ip, ...ends });
  put16(bytes, ip.transportAt + 2, ~sum & 0xffff);
}
