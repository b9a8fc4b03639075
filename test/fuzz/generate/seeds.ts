// SPDX-License-Identifier: Apache-2.0
/** Valid packets of every kind that the programs handle, and of kinds that they must refuse. */
import * as p from '../../support/packet/index.js';
import type { ProgramName } from '../../support/rig.js';
import type { Random } from '../random.js';
import {
  DROPLET,
  DROPLET_MAC,
  endpointName,
  GATEWAY_MAC,
  LOCAL,
  MAC,
  NO_VNI,
  REMOTE,
  VNI,
  VPCS,
  VTEPS,
} from '../world.js';

export interface Seed {
  readonly program: ProgramName;
  readonly from: string;
  readonly frame: Uint8Array;
}

type Name = keyof typeof LOCAL;
const NAMES = Object.keys(LOCAL) as Name[];

export const ODD4 = [
  '10.1.0.1', '10.2.0.1', '10.1.0.99', '10.1.0.255', '10.1.0.0', '10.2.0.255', '203.0.113.7',
  '172.16.0.9', '172.17.0.9', '172.18.3.3', '172.19.0.1', '224.0.0.1', '239.1.2.3', '127.0.0.1',
  '169.254.0.1', '255.255.255.255', '0.0.0.0', '0.1.2.3', '240.0.0.1', '192.0.2.1', '192.0.2.11',
  '10.1.0.10', '10.1.0.11', '10.2.0.12', '10.1.0.20', '10.2.0.21',
]; // prettier-ignore
/** As bytes: the text form of an IPv4 address in IPv6 is refused. */
const mapped = (v4: string): Uint8Array =>
  p.concat(new Uint8Array(10), p.u8(0xff, 0xff), p.ipBytes(v4));

export const ODD6: readonly p.Address[] = [
  'fd01::1', 'fd02::1', 'fd01::99', 'fd01::', '2001:db8::7', 'fd16::9', 'fd17::9', 'fd18::3',
  'fd19::1', 'ff02::1', 'ff02::1:ff00:11', 'ff05::2', '::1', 'fe80::1', '::', '::2',
  mapped('10.1.0.11'), mapped('10.1.0.10'), '2001:db8::1', '2001:db8::16', 'fd01::10', 'fd01::11',
  'fd02::12', 'fd01::20', 'fd02::21',
]; // prettier-ignore
export const ODD_MAC = [
  ...Object.values(MAC),
  GATEWAY_MAC,
  DROPLET_MAC,
  'ff:ff:ff:ff:ff:ff',
  '33:33:00:00:00:01',
  '01:00:5e:00:00:01',
  '00:00:00:00:00:00',
];
const SIZES = [0, 0, 1, 7, 18, 64, 300, 1200, 1258, 1259, 1372, 1400, 1402, 1422, 1423, 1452, 1600];

/** Payload: a pattern, or zeros, whose checksums are where arithmetic goes wrong. */
function payload(r: Random): p.Layer {
  const size = r.pick(SIZES);
  return p.raw(r.chance(15) ? new Uint8Array(size) : size);
}

/** What an ICMP error may quote: a packet that somebody might have sent, or nonsense. */
function quote(r: Random, six: boolean): p.Layer {
  if (r.chance(30)) return p.raw(r.bytes(r.below(60)));
  const ip = six
    ? p.ip6({ src: r.pick(ODD6), dst: r.pick(ODD6) })
    : p.ip4({ src: r.pick(ODD4), dst: r.pick(ODD4) });
  return p.raw(p.packet(ip, p.udp({ sport: 1000 + r.below(64), dport: 53 }), p.raw(r.below(64))));
}

function transport(r: Random, six: boolean): p.Layer[] {
  const sport = r.chance(3) ? 0 : 1000 + r.below(64);
  const dport = r.pick([53, 80, 443, 4789, 65535, 0]);
  const checksum = r.pick([undefined, undefined, undefined, 0, 'bad'] as const);
  const kinds: (() => p.Layer[])[] = [
    () => [p.udp({ sport, dport, checksum }), payload(r)],
    () => [
      p.tcp({ sport, dport, flags: r.pick(['S', 'SA', 'A', 'PA', 'FA', 'R', 'RA', 'SF', '']) }),
      payload(r),
    ],
    () => [p.tcp({ sport, dport, options: r.bytes(4 * r.below(11)) }), payload(r)],
    () => {
      const fields = {
        type: six ? r.pick([128, 129]) : r.pick([8, 0]),
        id: r.pick([0, sport]),
        seq: r.below(3),
      };
      return [six ? p.icmp6(fields) : p.icmp4(fields), payload(r)];
    },
    () => {
      const type = six ? r.pick([1, 2, 3, 4, 100, 127, 137]) : r.pick([3, 4, 5, 11, 12]);
      const fields = { type, code: r.below(5), rest: r.pick([0, 1280, 576, 0xffffffff]) };
      return [six ? p.icmp6(fields) : p.icmp4(fields), quote(r, six)];
    },
    () => {
      const fields = { type: r.below(256), code: r.below(16) };
      return [six ? p.icmp6(fields) : p.icmp4(fields), payload(r)];
    },
    () => [p.sctp({ sport, dport })],
    () => [payload(r)],
    () => [
      p.udp({ sport, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: r.pick([VNI.blue, VNI.red]) }),
      ...workload(r, 'a', r.below(3) === 0 ? 'a' : 'b'),
    ],
  ];
  return r.pick(kinds)();
}

export function extensions(r: Random, count: number): p.Layer[] {
  const kinds: (() => p.Layer)[] = [
    () => p.hopByHop({ units: r.below(3) }),
    () => p.destinationOptions({ units: r.below(30) }),
    () => p.routing(),
    () => p.authentication(),
    () => p.mobility(),
    () => p.fragment({ offset: r.pick([0, 0, 8, 240, 1480]), more: r.chance(50), id: r.below(12) }),
  ];
  return Array.from({ length: count }, () => r.pick(kinds)());
}

const PEERS = { ...LOCAL, ...REMOTE };
type Peer = keyof typeof PEERS;

/** An Ethernet frame as a workload sends it; to names whom it writes to. */
function workload(r: Random, from: Name | 'remote', to: Peer): p.Layer[] {
  const me = from === 'remote' ? r.pick([REMOTE.r, REMOTE.s, REMOTE.t]) : LOCAL[from];
  const peer = PEERS[to];
  const [v4, v6] = me.addresses;
  const eth = p.ether({
    dst: r.chance(70) ? GATEWAY_MAC : peer.mac,
    src: from === 'remote' && r.chance(60) ? GATEWAY_MAC : me.mac,
    ...(r.chance(20) ? { pad: 60 } : {}),
  });
  const kind = r.below(20);
  if (kind === 0) {
    const tpa = r.chance(60) ? peer.addresses[0] : r.pick(ODD4);
    return [
      eth,
      p.arp({ op: r.pick([1, 1, 1, 2]), sha: me.mac, spa: r.pick([v4, v4, '0.0.0.0']), tpa }),
    ];
  }
  if (kind === 1) {
    const target = r.chance(70) ? peer.addresses[1] : r.pick(ODD6);
    const src = r.pick([v6, v6, '::', 'fe80::1', mapped('10.1.0.10')]);
    const options = [
      ...(r.chance(50) ? [p.linkLayerOption(1, me.mac)] : []),
      ...(r.chance(20) ? [p.nonceOption()] : []),
      ...(r.chance(10) ? [Uint8Array.of(r.below(20), r.below(3), 0, 0, 0, 0, 0, 0)] : []),
    ];
    const group = p.solicitedNode(target);
    const ip = p.ip6({
      src,
      dst: r.chance(70) ? group.ip : target,
      hopLimit: r.pick([255, 255, 255, 254]),
    });
    const to6 = p.ether({ dst: r.chance(70) ? group.mac : peer.mac, src: me.mac });
    const message = r.below(12);
    if (message === 0) return [to6, ip, p.neighbourAdvertisement({ target, options })];
    if (message === 1)
      return [to6, ip, r.chance(50) ? p.routerSolicitation() : p.routerAdvertisement()];
    return [to6, ip, p.neighbourSolicitation({ target, options })];
  }
  const ttl = r.pick([0, 1, 2, 64, 64, 64, 64, 255]);
  if (kind < 11) {
    const gateway = r.chance(8);
    const ip = p.ip4({
      src: r.chance(96) ? v4 : r.pick(ODD4),
      dst: gateway ? '10.1.0.1' : r.chance(85) ? peer.addresses[0] : r.pick(ODD4),
      ttl,
      tos: r.chance(50) ? 0 : r.below(256),
      id: r.below(12),
      df: r.chance(50),
      ...(r.chance(5) ? { options: r.bytes(r.below(40)) } : {}),
      ...(r.chance(10) ? { mf: r.chance(60), offset: r.pick([0, 0, 8, 16, 240, 1480]) } : {}),
    });
    if (gateway && r.chance(70)) {
      return [eth, ip, p.icmp4({ type: 8, id: r.below(3), seq: r.below(3) }), payload(r)];
    }
    return [eth, ip, ...transport(r, false)];
  }
  const gateway = r.chance(8);
  const ip = p.ip6({
    src: r.chance(96) ? v6 : r.pick(ODD6),
    dst: gateway ? 'fd01::1' : r.chance(85) ? peer.addresses[1] : r.pick(ODD6),
    hopLimit: ttl,
    trafficClass: r.chance(50) ? 0 : r.below(256),
    flowLabel: r.below(1 << 20),
  });
  const chain = extensions(r, r.chance(20) ? r.below(8) : 0);
  if (gateway && r.chance(70)) {
    return [eth, ip, ...chain, p.icmp6({ type: 128, id: r.below(3), seq: r.below(3) }), payload(r)];
  }
  return [eth, ip, ...chain, ...transport(r, true)];
}

/** A frame in a tunnel to us. */
function tunnelled(r: Random, vni: number, inner: readonly p.Layer[]): p.Layer[] {
  const six = r.chance(50);
  const vtep = six ? VTEPS.six : r.pick([VTEPS.v1, VTEPS.v1, VTEPS.v2, VTEPS.copy, VTEPS.lost]);
  const tos = r.chance(60) ? 0 : r.below(256);
  const src = r.chance(97) ? vtep.address : six ? '2001:db8::66' : '192.0.2.66';
  const ip = six
    ? p.ip6({ src, dst: DROPLET[1], trafficClass: tos, flowLabel: r.below(1 << 20) })
    : p.ip4({ src, dst: r.chance(97) ? DROPLET[0] : '192.0.2.9', tos, df: r.chance(80) });
  return [
    p.ether({ dst: DROPLET_MAC, src: vtep.mac }),
    ip,
    p.udp({
      sport: 49152 + r.below(999),
      dport: r.chance(97) ? 4789 : 53,
      checksum: r.chance(80) ? 0 : undefined,
    }),
    p.vxlan({
      vni,
      flags: r.chance(97) ? 8 : r.below(256),
      reserved: r.chance(95) ? 0 : r.below(1 << 24),
    }),
    ...inner,
  ];
}

/** What the host itself receives. */
function ofTheHost(r: Random): p.Layer[] {
  const eth = p.ether({ dst: r.chance(80) ? DROPLET_MAC : 'ff:ff:ff:ff:ff:ff', src: VTEPS.v1.mac });
  const tag = r.chance(20) ? [p.vlan({ vid: r.pick([0, 0, 1, 4095]), pcp: r.below(8) })] : [];
  const six = r.chance(50);
  if (r.chance(10))
    return [eth, ...tag, p.arp({ op: 1, sha: VTEPS.v1.mac, spa: '192.0.2.11', tpa: DROPLET[0] })];
  const ip = six
    ? p.ip6({ src: '2001:db8::16', dst: r.chance(70) ? DROPLET[1] : r.pick(ODD6) })
    : p.ip4({
        src: '192.0.2.11',
        dst: r.chance(70) ? DROPLET[0] : r.pick(ODD4),
        ...(r.chance(10) ? { mf: true, offset: r.pick([0, 8]) } : {}),
      });
  if (r.chance(15)) {
    // not to our address, or not UDP, but with our port's number where UDP has it
    const layer = r.chance(50)
      ? p.tcp({ sport: 179, dport: 4789 })
      : p.udp({ sport: 179, dport: 4789 });
    const other = six
      ? p.ip6({ src: '2001:db8::16', dst: '2001:db8::99' })
      : p.ip4({ src: '192.0.2.11', dst: '192.0.2.99' });
    return [eth, ...tag, r.chance(50) ? ip : other, layer, p.raw(r.below(100))];
  }
  return [eth, ...tag, ip, ...transport(r, six)];
}

/** One valid packet; the mutations come later. */
export function seed(r: Random): Seed {
  const vpc = r.pick(VPCS);
  const name = r.pick(NAMES);
  const peer = r.pick(Object.keys(PEERS) as Peer[]);
  if (r.chance(50)) {
    const from = r.chance(99) ? endpointName(vpc, name) : 'droplet';
    return { program: 'agent', from, frame: p.packet(...workload(r, name, peer)) };
  }
  const vni = r.chance(97) ? VNI[vpc] : NO_VNI;
  const to = r.chance(90) ? name : peer;
  const layers = r.chance(80) ? tunnelled(r, vni, workload(r, 'remote', to)) : ofTheHost(r);
  return { program: 'transit', from: 'droplet', frame: p.packet(...layers) };
}
