// SPDX-License-Identifier: Apache-2.0
/**
 * Packets that answer others. Which port a connection has outside is not known when a history is made
 * up, so what comes back to it is made of the frame that left, when it has.
 */
import * as p from '../support/packet/index.js';
import { classify } from '../support/model/classify.js';
import { readFrame, type IpPacket } from '../support/model/parse.js';
import type { Choose } from './choose.js';
import type { Packet } from './packets.js';

export interface Twist {
  readonly kind:
    | 'reply'
    | 'again'
    | 'other port'
    | 'other host'
    | 'ttl 1'
    | 'large'
    | 'error'
    | 'error of a router'
    | 'error about another'
    | 'error to another'
    | 'first fragment'
    | 'later fragment'
    | 'other destination port'
    | 'hairpin';
  readonly flags: string;
  readonly type: number;
  /** Bytes quoted; of payload. */
  readonly size: number;
  readonly corrupt: boolean;
  /** Who writes to the public address that was seen. */
  readonly from: number;
}

const KINDS: readonly Twist['kind'][] = [
  'reply',
  'reply',
  'reply',
  'reply',
  'again',
  'other port',
  'other host',
  'ttl 1',
  'large',
  'error',
  'error',
  'error of a router',
  'error about another',
  'error to another',
  'first fragment',
  'later fragment',
  'other destination port',
  'hairpin',
  'hairpin',
];

export function anyTwist(c: Choose): Twist {
  return {
    kind: c.pick(KINDS),
    flags: c.pick(['A', 'A', 'SA', 'S', 'R', 'FA']),
    type: c.below(3),
    size: c.pick([0, 8, 8, 20, 64, 600]),
    corrupt: c.chance(5),
    from: c.below(7),
  };
}

const address = (hex: string): Uint8Array => Buffer.from(hex, 'hex');

/** The transport header of a packet the other way. */
function transportBack(ip: IpPacket, twist: Twist): p.Layer {
  const sport = twist.kind === 'other port' ? ip.dport ^ 1 : ip.dport;
  const dport = twist.kind === 'other destination port' ? ip.sport ^ 2 : ip.sport;
  const isIcmp = ip.protocol === 1 || ip.protocol === 58;
  if (ip.protocol === 6) return p.tcp({ sport, dport, flags: twist.flags });
  if (ip.protocol === 17) {
    const zero = twist.corrupt && ip.family === 4 ? { checksum: 0 } : {};
    return p.udp({ sport, dport, ...zero });
  }
  if (ip.protocol === 132) return p.sctp({ sport, dport });
  if (!isIcmp) return p.raw(8);
  const id = dport;
  if (ip.family === 4) return ip.icmpType === 8 ? p.echoReply4(id) : p.echo4(id);
  return ip.icmpType === 128 ? p.echoReply6(id) : p.echo6(id);
}

function network(ip: IpPacket, src: Uint8Array, dst: Uint8Array, twist: Twist): p.Layer[] {
  const ttl = twist.kind === 'ttl 1' ? 1 : 61;
  const fragment = twist.kind.endsWith('fragment');
  const offset = twist.kind === 'later fragment' ? 1480 : 0;
  const more = twist.kind === 'first fragment';
  const { protocol } = ip;
  if (ip.family === 4) {
    const fields = fragment ? { id: 5, mf: more, offset } : { id: 6 };
    return [p.ip4({ src, dst, ttl, protocol, ...fields })];
  }
  const next = fragment ? 44 : protocol;
  const head = p.ip6({ src, dst, hopLimit: ttl, next });
  return fragment ? [head, p.fragment({ offset, more, id: 5, next: protocol })] : [head];
}

const ROUTER = { 4: '192.88.99.1', 6: '2001:db8:77::1' } as const;
const OTHER = { 4: '192.88.99.77', 6: '2001:db8:77::77' } as const;

function errorAbout(ip: IpPacket, frame: Uint8Array, twist: Twist): p.Layer[] {
  const end = Math.min(14 + ip.length, ip.transportAt + 8 + twist.size);
  const quote = Uint8Array.from(frame.subarray(14, end));
  const at = ip.transportAt - 14;
  if (twist.kind === 'error about another') quote[at + 1]! ^= 4;
  const router = twist.kind === 'error of a router';
  const src = router ? ROUTER[ip.family] : address(ip.dst);
  const dst = twist.kind === 'error to another' ? OTHER[ip.family] : address(ip.src);
  const bad = twist.corrupt ? { checksum: 1 } : {};
  const fields = { code: twist.type === 0 ? 3 : 0, rest: 0, ...bad };
  if (ip.family === 4) {
    const type = [3, 11, 12][twist.type] ?? 3;
    return [p.ip4({ src, dst, ttl: 61 }), p.icmp4({ type, ...fields }), p.raw(quote)];
  }
  const type = [1, 3, 2][twist.type] ?? 1;
  return [p.ip6({ src, dst, hopLimit: 61 }), p.icmp6({ type, ...fields }), p.raw(quote)];
}

/** Where the frame that is answered went, and who may write to what it shows. */
export interface Sent {
  readonly frame: Uint8Array;
  /** Where an answer enters. */
  readonly from: Packet['from'];
}

/** An endpoint here and the MAC it sends from and to. */
export interface Neighbour {
  readonly slot: number;
  readonly src: string;
  readonly dst: string;
  readonly addresses: readonly string[];
}

/** A workload writes to the public address and port that it learnt from elsewhere. */
function hairpin(ip: IpPacket, twist: Twist, neighbours: readonly Neighbour[]): Packet | undefined {
  const from = neighbours[twist.from % Math.max(1, neighbours.length)];
  const src = from?.addresses.find((a) => a.includes(':') === (ip.family === 6));
  if (!from || src === undefined) return undefined;
  const answer = { ...ip, dport: 2000 + twist.from, dst: '' };
  const eth = p.ether({ dst: from.dst, src: from.src });
  const dst = address(ip.src);
  const head = ip.family === 4 ? p.ip4({ src, dst }) : p.ip6({ src, dst });
  const frame = p.packet(eth, head, transportBack(answer, twist), p.raw(12));
  return { from: from.slot, frame, note: 'hairpin' };
}

/** The answer to a frame; undefined when it is none that can be answered. */
export function answered(
  sent: Sent,
  twist: Twist,
  neighbours: readonly Neighbour[],
): Packet | undefined {
  const { bytes, ...classified } = classify(sent.frame, () => false);
  // others may use our port outside
  const tunnelled = sent.from === 'wire' ? classified.tunnelled : undefined;
  const inner = tunnelled?.inner ?? bytes;
  const read = readFrame(inner);
  if (typeof read === 'string' || !read.ip) return undefined;
  const { ip } = read;
  if (twist.kind === 'hairpin') return hairpin(ip, twist, neighbours);
  if (twist.kind === 'again')
    return { from: sent.from, frame: backAgain(sent.frame), note: 'again' };
  // an endpoint behind a tunnel answers through it
  const eth = p.ether({ dst: address(read.src), src: address(read.dst) });
  const other = twist.kind === 'other host' ? OTHER[ip.family] : address(ip.dst);
  const size = twist.kind === 'large' ? 1420 : twist.size;
  const layers = twist.kind.startsWith('error')
    ? errorAbout(ip, inner, twist)
    : [
        ...network(ip, other as Uint8Array, address(ip.src), twist),
        ...(twist.kind === 'later fragment' ? [] : [transportBack(ip, twist)]),
        p.raw(size),
      ];
  const frame = p.packet(eth, ...layers);
  if (!tunnelled) return { from: sent.from, frame, note: `answer: ${twist.kind}` };
  const back =
    tunnelled.family === 4
      ? p.ip4({ src: address(tunnelled.dst), dst: address(tunnelled.src) })
      : p.ip6({ src: address(tunnelled.dst), dst: address(tunnelled.src) });
  const outer = p.packet(
    p.ether({ dst: bytes.subarray(6, 12), src: bytes.subarray(0, 6) }),
    back,
    p.udp({ sport: 50000, dport: 4789, checksum: 0 }),
    p.vxlan({ vni: tunnelled.vni }),
    p.raw(frame),
  );
  return { from: sent.from, frame: outer, note: `answer: ${twist.kind}` };
}

/** What left comes back as it is, addressed to who sent it: nobody's. */
function backAgain(frame: Uint8Array): Uint8Array {
  const out = Uint8Array.from(frame);
  out.set(frame.subarray(6, 12), 0);
  out.set(frame.subarray(0, 6), 6);
  return out;
}
