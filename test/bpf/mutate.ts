// SPDX-License-Identifier: Apache-2.0
/** Random packets: valid ones of every kind, and what is left of them after some damage. */
import * as p from '../support/packet/index.js';
import { DROPLET_MAC, GW, MAC, VTEP_MAC } from './world.js';

/** mulberry32: small, and the same everywhere for one seed. */
export class Random {
  constructor(private state: number) {}

  /** 0 <= n < limit */
  below(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** Who sends from where, in one VPC: everything a generator may say truthfully. */
export interface Sender {
  readonly vni: number;
  readonly mac: string;
  readonly gateway: string;
  readonly v4: string;
  readonly v6: string;
  readonly peers: readonly Peer[];
}

/** An endpoint that the sender may write to. */
export interface Peer {
  readonly mac: string;
  readonly v4: string;
  readonly v6: string;
}

const V4_ODD = [
  '10.1.0.1',
  '10.2.0.1',
  '10.1.0.99',
  '203.0.113.7',
  '172.16.0.9',
  '172.17.0.9',
  '172.17.5.1',
  '172.18.3.3',
  '172.19.0.1',
  '224.0.0.1',
  '127.0.0.1',
  '169.254.0.1',
  '255.255.255.255',
  '0.0.0.0',
];
const V6_ODD = [
  'fd01::1',
  'fd02::1',
  'fd01::99',
  '2001:db8::7',
  'fd16::9',
  'fd17::9',
  'fd18::3',
  'fd19::1',
  'ff02::1',
  '::1',
  'fe80::1',
  '::',
];
const MACS = [...Object.values(MAC), GW, 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01'];

function transport(r: Random, six: boolean): p.Layer[] {
  const sport = 1000 + r.below(64);
  const dport = r.pick([53, 80, 443, 4789, 65535]);
  const payload = p.raw(r.pick([0, 1, 7, 18, 64, 300, 1200, 1338, 1372, 1400, 1422, 1452, 1600]));
  const list: (() => p.Layer[])[] = [
    () => [p.udp({ sport, dport }), payload],
    () => [p.tcp({ sport, dport, flags: r.pick(['S', 'SA', 'A', 'PA', 'FA', 'R']) }), payload],
    () => [six ? p.echo6(sport) : p.echo4(sport), payload],
    () => [
      six ? p.icmp6({ type: r.below(256), code: r.below(16) }) : p.icmp4({ type: r.below(20) }),
      payload,
    ],
    () => [p.sctp({ sport, dport })],
    () => [payload],
    () => [
      p.udp({ sport, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: 200 }),
      p.ether({ dst: MAC.x, src: MAC.y }),
      p.ip4({ src: '10.1.0.11', dst: '10.1.0.10' }),
      payload,
    ],
  ];
  return r.pick(list)();
}

function extensions(r: Random): p.Layer[] {
  const kinds: (() => p.Layer)[] = [
    () => p.hopByHop({ units: r.below(3) }),
    () => p.destinationOptions({ units: r.below(30) }),
    () => p.routing(),
    () => p.authentication(),
    () => p.mobility(),
    () => p.fragment({ offset: r.pick([0, 0, 8, 240, 1480]), more: r.chance(50), id: r.below(40) }),
  ];
  return Array.from({ length: r.chance(30) ? r.below(9) : 0 }, () => r.pick(kinds)());
}

/** An Ethernet frame as a workload, or its host, may send it. */
function workload(r: Random, from: Sender): p.Layer[] {
  const peer = r.pick(from.peers);
  const eth = p.ether({
    dst: r.chance(95) ? r.pick([from.gateway, peer.mac]) : r.pick(MACS),
    src: r.chance(97) ? from.mac : r.pick(MACS),
    ...(r.chance(20) ? { pad: 60 } : {}),
  });
  const tags = r.chance(4) ? [p.vlan({ vid: r.pick([0, 0, 7]) })] : [];
  const kind = r.below(10);
  if (kind === 0) {
    const tpa = r.chance(60) ? peer.v4 : r.pick(V4_ODD);
    return [eth, ...tags, p.arp({ op: r.pick([1, 1, 2]), sha: from.mac, spa: from.v4, tpa })];
  }
  if (kind === 1) {
    const target = r.chance(60) ? peer.v6 : r.pick(V6_ODD);
    const src = r.pick([from.v6, '::', 'fe80::1']);
    const options = r.chance(50) ? [p.linkLayerOption(1, from.mac)] : [];
    const ip = p.ip6({ src, dst: target, hopLimit: 255 });
    return [eth, ...tags, ip, p.neighbourSolicitation({ target, options })];
  }
  if (kind < 6) {
    const ip = p.ip4({
      src: r.chance(97) ? from.v4 : r.pick(V4_ODD),
      dst: r.chance(85) ? peer.v4 : r.pick(V4_ODD),
      ttl: r.pick([0, 1, 2, 64, 64, 64, 255]),
      tos: r.below(256),
      id: r.below(40),
      df: r.chance(50),
      ...(r.chance(10) ? { options: r.bytes(r.below(40)) } : {}),
      ...(r.chance(8) ? { mf: r.chance(60), offset: r.pick([0, 0, 8, 240, 1480]) } : {}),
    });
    return [eth, ...tags, ip, ...transport(r, false)];
  }
  const ip = p.ip6({
    src: r.chance(97) ? from.v6 : r.pick(V6_ODD),
    dst: r.chance(85) ? peer.v6 : r.pick(V6_ODD),
    hopLimit: r.pick([0, 1, 2, 64, 64, 64, 255]),
    trafficClass: r.below(256),
    flowLabel: r.below(1 << 20),
  });
  return [eth, ...tags, ip, ...extensions(r), ...transport(r, true)];
}

/** The same in a tunnel to us. */
function tunnelled(r: Random, from: Sender): Uint8Array {
  const inner = workload(r, {
    ...from,
    mac: r.pick([from.gateway, MAC.r, MAC.s]),
    v4: r.pick(['10.1.0.20', '10.2.0.21']),
    v6: r.pick(['fd01::20', 'fd02::21']),
  });
  const head = [
    p.udp({ sport: 49152 + r.below(999), dport: r.chance(97) ? 4789 : 53, checksum: 0 }),
    p.vxlan({ vni: from.vni, flags: r.chance(97) ? 8 : 0 }),
  ];
  if (r.chance(50)) {
    const ip = p.ip4({
      src: r.chance(97) ? r.pick(['192.0.2.11', '192.0.2.12']) : '192.0.2.66',
      dst: r.chance(97) ? '192.0.2.1' : '192.0.2.9',
      tos: r.below(256),
      df: true,
    });
    return p.packet(p.ether({ dst: DROPLET_MAC, src: VTEP_MAC.v1 }), ip, ...head, ...inner);
  }
  const ip = p.ip6({
    src: r.chance(97) ? '2001:db8::16' : '2001:db8::66',
    dst: '2001:db8::1',
    trafficClass: r.below(256),
  });
  return p.packet(p.ether({ dst: DROPLET_MAC, src: VTEP_MAC.six }), ip, ...head, ...inner);
}

/** Headers are where damage matters; header offsets of tunnelled frames reach further. */
function damage(r: Random, frame: Uint8Array, keep: number): Uint8Array {
  let out: Uint8Array = Uint8Array.from(frame);
  const at = (): number => keep + r.below(Math.max(1, Math.min(out.length - keep, 140)));
  for (let n = r.below(3); n >= 0; n--) {
    const kind = r.below(7);
    const i = at();
    if (i >= out.length) continue;
    if (kind < 3) out[i] = (out[i] ?? 0) ^ (1 << r.below(8));
    else if (kind === 3) out[i] = r.pick([0, 1, 0x7f, 0x80, 0xff, r.below(256)]);
    else if (kind === 4) out = p.truncate(out, Math.max(34, r.below(out.length)));
    else if (kind === 5) out = p.trailing(out, 1 + r.below(40));
    else if (i + 2 <= out.length)
      out.set(p.u16(r.pick([0, 7, 8, 20, 28, 40, 0xffff, out.length])), i);
  }
  return out;
}

/**
 * One packet of a VPC, whole or damaged. A tunnelled one keeps its headers up to the VNI: a
 * flipped bit there would make it another VPC's packet, rightly delivered in that one.
 */
export function randomPacket(
  r: Random,
  program: 'agent' | 'transit',
  from: Sender,
): { readonly frame: Uint8Array; readonly whole: boolean } {
  const frame = program === 'agent' ? p.packet(...workload(r, from)) : tunnelled(r, from);
  if (r.chance(50)) return { frame, whole: true };
  const keep = program === 'agent' ? 0 : frame[12] === 0x86 ? 70 : 50;
  return { frame: damage(r, frame, keep), whole: false };
}

/** The outer headers damaged too: nothing but accounting can be expected. */
export function brokenTunnel(r: Random, from: Sender): Uint8Array {
  return damage(r, tunnelled(r, from), 12);
}
