// SPDX-License-Identifier: Apache-2.0
/**
 * What the host answers itself: ARP (RFC 826, 5227) and neighbour solicitations (RFC 4861) for every
 * address the VPC knows, as nothing is flooded (RFC 9161 s3); echo requests to a gateway (RFC 792,
 * RFC 4443 s4.2). Each gives the frame to send back.
 */
import { isLinkLocal, isMartian } from './address.js';
import {
  checksum,
  hexAt,
  onesSum,
  put16,
  put32,
  putHex,
  u8At,
  u16At,
  updatedChecksum,
  type Address,
  type Mac,
} from './bytes.js';
import { ETHERNET, ETHERTYPE, ICMP4, ICMP6, PROTOCOL } from './numbers.js';
import type { Frame, IpPacket } from './parse.js';
import { Dropped } from './reasons.js';
import { setMacs, setTtl } from './rewrite.js';
import type { Destination, Endpoint, Vpc } from './destination.js';
import type { World } from './world.js';

/** ff02::1:ff00:0/104, RFC 4291 s2.7.1. */
const SOLICITED_NODE = `ff02${'0'.repeat(19)}1ff`;
const SOURCE_LINK_LAYER = 1;
/** Nobody sends more: bytes of a solicitation, options in it. */
const MAX_SOLICITATION = 256;
const MAX_OPTIONS = 8;
const NOBODY4 = '00000000';
const NOBODY6 = '0'.repeat(32);
const ALL_NODES = { address: `ff02${'0'.repeat(27)}1`, mac: '333300000001' };
/** RFC 4861 s4.4. */
const NA_FLAGS = { router: 0x80, solicited: 0x40, override: 0x20 };
const ANSWER_TTL = 64;

/** Whether the endpoint may use the address as its own. */
export function owns(world: World, vpc: Vpc, endpoint: Endpoint, address: Address): boolean {
  const where = world.resolve(vpc, address);
  return where.kind === 'local' && where.endpoint.ifindex === endpoint.ifindex;
}

export function macOfDestination(to: Destination): Mac | undefined {
  if (to.kind === 'local') return to.endpoint.mac;
  return to.kind === 'remote' || to.kind === 'gateway' ? to.mac : undefined;
}

/** Who has this very address; silence for what is unknown, or the asker's own (RFC 5227 s2.1.1). */
function ownerOf(
  world: World,
  vpc: Vpc,
  asker: Endpoint,
  address: Address,
  unknown: 'ARP_UNKNOWN' | 'ND_UNKNOWN',
): { readonly mac: Mac; readonly router: boolean } {
  const target = world.resolve(vpc, address);
  const mac = macOfDestination(target);
  if (!target.exact || mac === undefined) throw new Dropped(unknown);
  if (target.kind === 'local' && target.endpoint.ifindex === asker.ifindex)
    throw new Dropped('OWN_ADDRESS');
  return { mac, router: target.kind === 'gateway' };
}

export function answerArp(world: World, vpc: Vpc, asker: Endpoint, bytes: Uint8Array): Uint8Array {
  const at = ETHERNET;
  if (bytes.length < at + 28) throw new Dropped('TRUNCATED');
  if (hexAt(bytes, at, 6) !== '000108000604') throw new Dropped('BAD_HEADER');
  const [senderMac, sender, target] = [
    hexAt(bytes, at + 8, 6),
    hexAt(bytes, at + 14, 4),
    hexAt(bytes, at + 24, 4),
  ];
  if (senderMac !== asker.mac) throw new Dropped('SPOOFED_MAC');
  if (u16At(bytes, at + 6) !== 1) throw new Dropped('ARP_UNKNOWN');
  // RFC 5227 s1.1: a probe has no sender address
  if (sender !== NOBODY4 && !owns(world, vpc, asker, sender)) throw new Dropped('SPOOFED_IP');
  const { mac } = ownerOf(world, vpc, asker, target, 'ARP_UNKNOWN');
  return announce(bytes, asker.mac, mac);
}

/** The reply to an ARP request: sender and target change places. */
export function announce(request: Uint8Array, to: Mac, mac: Mac): Uint8Array {
  const at = ETHERNET;
  const asked = { mac: hexAt(request, at + 8, 6), address: hexAt(request, at + 14, 4) };
  const out = Uint8Array.from(request);
  setMacs(out, to, mac);
  put16(out, at + 6, 2);
  putHex(out, at + 8, mac + hexAt(request, at + 24, 4) + asked.mac + asked.address);
  return out;
}

/** RFC 4861 s7.1.1: which solicitations are valid. */
export function checkSolicitation(frame: Frame, ip: IpPacket): void {
  const plain = ip.transportAt === ETHERNET + 40;
  if (!plain || ip.icmpCode !== 0 || ip.icmpType !== ICMP6.neighbourSolicitation)
    throw new Dropped('ND_UNKNOWN');
  const length = ip.length - 40;
  // 255 proves that no router was between
  if (ip.ttl !== 255 || length < 24) throw new Dropped('BAD_HEADER');
  if (length > MAX_SOLICITATION) throw new Dropped('BAD_LENGTH');
  const probe = ip.src === NOBODY6;
  if (probe && !ip.dst.startsWith(SOLICITED_NODE)) throw new Dropped('BAD_HEADER');
  const { bytes } = frame;
  const end = ip.transportAt + length;
  let at = ip.transportAt + 24;
  for (let n = 0; at < end; n++) {
    if (n === MAX_OPTIONS) throw new Dropped('BAD_HEADER');
    if (at + 2 > bytes.length) throw new Dropped('TRUNCATED');
    const units = u8At(bytes, at + 1);
    if (units === 0 || (probe && u8At(bytes, at) === SOURCE_LINK_LAYER))
      throw new Dropped('BAD_HEADER');
    at += 8 * units;
  }
  if (at !== end) throw new Dropped('BAD_HEADER');
  const covered = bytes.subarray(22, end); // the addresses lie in front
  if (onesSum(covered, length + PROTOCOL.icmp6) !== 0xffff) throw new Dropped('BAD_CHECKSUM');
}

/** RFC 4861 s7.2.4: the answer. */
export function answerNeighbour(
  world: World,
  vpc: Vpc,
  asker: Endpoint,
  frame: Frame,
  ip: IpPacket,
): Uint8Array {
  checkSolicitation(frame, ip);
  const target = hexAt(frame.bytes, ETHERNET + 48, 16);
  if (isMartian(target)) throw new Dropped('ND_UNKNOWN');
  const probe = ip.src === NOBODY6;
  if (!probe && isMartian(ip.src)) throw new Dropped('SPOOFED_IP');
  if (!probe && !isLinkLocal(ip.src) && !owns(world, vpc, asker, ip.src))
    throw new Dropped('SPOOFED_IP');
  const { mac, router } = ownerOf(world, vpc, asker, target, 'ND_UNKNOWN');
  return advertise(ip.src, target, asker.mac, mac, router);
}

/**
 * A neighbour advertisement.
 * @param asker source address of the solicitation, unspecified of a probe
 */
export function advertise(
  asker: Address,
  target: Address,
  askerMac: Mac,
  mac: Mac,
  router: boolean,
): Uint8Array {
  const probe = asker === NOBODY6;
  const to = probe ? ALL_NODES.address : asker;
  const out = new Uint8Array(ETHERNET + 40 + 32);
  setMacs(out, probe ? ALL_NODES.mac : askerMac, mac);
  put16(out, 12, ETHERTYPE.ipv6);
  put32(out, 14, 0x60000000);
  put16(out, 18, 32);
  out.set([PROTOCOL.icmp6, 255], 20);
  putHex(out, 22, target + to);
  const flags =
    (router ? NA_FLAGS.router : 0) | (probe ? 0 : NA_FLAGS.solicited) | NA_FLAGS.override;
  out.set([ICMP6.neighbourAdvertisement, 0, 0, 0, flags], 54);
  putHex(out, 62, target);
  out.set([2, 1], 78); // target link-layer address
  putHex(out, 80, mac);
  // pseudo-header: addresses lie in front, then length and protocol (RFC 8200 s8.1)
  put16(out, 56, checksum(out.subarray(22), 32 + PROTOCOL.icmp6));
  return out;
}

/**
 * Fragment by fragment: the type is in the first one, and the sum changes by a constant. Nothing but
 * echo requests is answered.
 */
export function answerEcho(vpc: Vpc, asker: Endpoint, frame: Frame, ip: IpPacket): Uint8Array {
  const six = ip.family === 6;
  const [request, reply] = six ? [ICMP6.echo, ICMP6.echoReply] : [ICMP4.echo, ICMP4.echoReply];
  if (ip.protocol !== (six ? PROTOCOL.icmp6 : PROTOCOL.icmp)) throw new Dropped('GATEWAY_SERVICE');
  const out = Uint8Array.from(frame.bytes);
  if (!ip.fragment || ip.fragment.first) {
    if (ip.icmpType !== request || ip.icmpCode !== 0) throw new Dropped('GATEWAY_SERVICE');
    const at = ip.transportAt;
    out[at] = reply;
    const sum = updatedChecksum(u16At(out, at + 2), request << 8, reply << 8);
    // RFC 1624 s3: an update cannot tell the two zeros apart; over nothing but zeros one is right
    put16(out, at + 2, sum || 0xffff);
  }
  putHex(out, ETHERNET + (six ? 8 : 12), ip.dst + ip.src);
  setTtl(out, ip.family, ANSWER_TTL);
  setMacs(out, asker.mac, vpc.mac);
  return out;
}

/** Whether the packet is neighbour discovery, which is answered or dropped, never forwarded. */
export function isNeighbourDiscovery(ip: IpPacket): boolean {
  return (
    ip.family === 6 &&
    ip.protocol === PROTOCOL.icmp6 &&
    !ip.fragment &&
    ip.icmpType >= ICMP6.routerSolicitation &&
    ip.icmpType <= ICMP6.redirect
  );
}

export function isArp(frame: Frame): boolean {
  return frame.etherType === ETHERTYPE.arp;
}
