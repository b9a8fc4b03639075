// SPDX-License-Identifier: Apache-2.0
/** What the transit program does with packets of the underlay. */
import { isolate } from '../support/rig.js';
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { runCases, type Case } from './cases.js';
import { DROPLET_MAC, GW, MAC, tunnel4, tunnel6, UDP, VTEP_MAC, WORLD } from './world.js';

isolate();

const data = p.raw(40);
const udpOut = { layer: 'udp', sport: 40001, dport: 40002, checksum: 'good' };
/** r's host has routed it: from the gateway's MAC to a's. */
const byHost = p.ether({ dst: MAC.a, src: GW });
const toA4 = (fields: object = {}): p.Layer =>
  p.ip4({ src: '10.1.0.20', dst: '10.1.0.10', ...fields });
const toA6 = (fields: object = {}): p.Layer =>
  p.ip6({ src: 'fd01::20', dst: 'fd01::10', ...fields });
const inner4 = [byHost, toA4(), UDP, data];
const inner6 = [byHost, toA6(), UDP, data];
const atA = { layer: 'eth', dst: MAC.a, src: GW };

const delivered = (
  name: string,
  frame: Uint8Array,
  out: readonly ExpectedLayer[],
  to = 'a',
  more: Partial<Case> = {},
): Case => ({ name, frame, verdict: 'sent', out, to, ...more });
const drop = (name: string, reason: string, frame: Uint8Array, more: Partial<Case> = {}): Case => ({
  name,
  frame,
  verdict: 'dropped',
  reason,
  ...more,
});
const passed = (name: string, frame: Uint8Array): Case => ({
  name,
  frame,
  verdict: 'passed',
  untouched: true,
});

const hostEth = p.ether({ dst: DROPLET_MAC, src: VTEP_MAC.v1 });
/** The tunnel packet without its Ethernet header. */
const outer4 = tunnel4(inner4).slice(14);
const host: readonly Case[] = [
  passed(
    'ARP of the underlay',
    p.packet(hostEth, p.arp({ op: 1, sha: VTEP_MAC.v1, spa: '192.0.2.11', tpa: '192.0.2.1' })),
  ),
  passed(
    'TCP to the host',
    p.packet(
      hostEth,
      p.ip4({ src: '192.0.2.11', dst: '192.0.2.1' }),
      p.tcp({ sport: 1, dport: 22 }),
    ),
  ),
  passed('UDP to another port', tunnel4(inner4, { udp: { dport: 4790 } })),
  passed('IPv6 UDP to another port', tunnel6(inner6, { udp: { dport: 4790 } })),
  passed('VXLAN to an address that is not ours', tunnel4(inner4, { ip: { dst: '192.0.2.99' } })),
  passed(
    'IPv6 VXLAN to an address that is not ours',
    tunnel6(inner6, { ip: { dst: '2001:db8::99' } }),
  ),
  passed('VXLAN to a multicast group', tunnel4(inner4, { ip: { dst: '239.1.1.1' } })),
  passed(
    'broken VXLAN to an address that is not ours',
    tunnel4(inner4, { ip: { dst: '192.0.2.99' }, vxlan: { flags: 0 } }),
  ),
  passed('a later fragment has no port', tunnel4(inner4, { ip: { offset: 1480 } })),
  passed(
    'IPv6 with an extension header',
    p.packet(hostEth, p.ip6({ src: '2001:db8::16', dst: '2001:db8::1' }), p.hopByHop(), UDP, data),
  ),
  passed('a VLAN of the host', p.packet(hostEth, p.vlan({ vid: 9, type: 0x0800 }), p.raw(outer4))),
  passed(
    'another EtherType',
    p.packet(p.ether({ dst: DROPLET_MAC, src: VTEP_MAC.v1, type: 0x88cc }), data),
  ),
  passed(
    'IPv6 neighbour discovery of the underlay',
    p.packet(
      hostEth,
      p.ip6({ src: '2001:db8::16', dst: '2001:db8::1', hopLimit: 255 }),
      p.neighbourSolicitation({ target: '2001:db8::1' }),
    ),
  ),
];

const local: readonly Case[] = [
  delivered(
    'IPv4 in IPv4',
    tunnel4(inner4),
    [atA, { layer: 'ip', ttl: 64, length: 68, checksum: 'good' }, udpOut],
    'a',
    {
      nodes: ['DECAP', 'DELIVER', 'COMMIT'],
    },
  ),
  delivered('IPv6 in IPv4', tunnel4(inner6), [atA, { layer: 'ipv6', ttl: 64 }, udpOut]),
  delivered('IPv4 in IPv6', tunnel6(inner4), [
    atA,
    { layer: 'ip', ttl: 64, checksum: 'good' },
    udpOut,
  ]),
  delivered('IPv4 without payload in IPv6', tunnel6([byHost, toA4(), UDP]), [
    atA,
    { layer: 'ip', ttl: 64, length: 28 },
    udpOut,
  ]),
  delivered('IPv6 in IPv6', tunnel6(inner6), [atA, { layer: 'ipv6', ttl: 64 }, udpOut]),
  delivered(
    'to the gateway’s MAC: routed here',
    tunnel4([p.ether({ dst: GW, src: MAC.r }), toA4({ ttl: 2 }), UDP, data]),
    [atA, { layer: 'ip', ttl: 1, checksum: 'good' }, udpOut],
  ),
  delivered(
    'IPv6 to the gateway’s MAC',
    tunnel6([p.ether({ dst: GW, src: MAC.r }), toA6({ hopLimit: 2 }), UDP, data]),
    [atA, { layer: 'ipv6', ttl: 1 }, udpOut],
  ),
  delivered(
    'bridged by the sender keeps its MAC',
    tunnel4([p.ether({ dst: MAC.a, src: MAC.r }), toA4({ ttl: 1 }), UDP, data]),
    [{ layer: 'eth', dst: MAC.a, src: MAC.r }, { layer: 'ip', ttl: 1 }, udpOut],
  ),
  delivered(
    'a prefix routed to an endpoint',
    tunnel4([
      p.ether({ dst: MAC.b, src: GW }),
      p.ip4({ src: '10.1.0.20', dst: '172.16.1.1' }),
      UDP,
    ]),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ip', dst: '172.16.1.1' }, udpOut],
    'b',
  ),
  delivered(
    'blue’s VNI reaches blue',
    tunnel4([p.ether({ dst: MAC.x, src: MAC.q }), toA4(), UDP], { vxlan: { vni: 200 } }),
    [{ layer: 'eth', dst: MAC.x }, { layer: 'ip' }, udpOut],
    'x',
  ),
  delivered(
    'from a VTEP that is not the sender’s home',
    tunnel4(inner4, { ip: { src: '192.0.2.12' } }),
    [atA, { layer: 'ip' }, udpOut],
  ),
  delivered(
    'a UDP checksum in the tunnel is not looked at',
    tunnel4(inner4, { udp: { checksum: 'bad' } }),
    [atA, { layer: 'ip' }, udpOut],
  ),
  delivered(
    'reserved VXLAN bits are ignored (RFC 7348 s5)',
    tunnel4(inner4, { vxlan: { flags: 0xff, reserved: 0xffffff, reserved2: 0xff } }),
    [atA, { layer: 'ip' }, udpOut],
  ),
  delivered(
    'a priority tag around the tunnel',
    p.packet(hostEth, p.vlan({ vid: 0, pcp: 6, type: 0x0800 }), p.raw(outer4)),
    [atA, { layer: 'ip', ttl: 64 }, udpOut],
  ),
  delivered(
    'padding behind a short inner packet',
    tunnel4([p.ether({ dst: MAC.a, src: GW, pad: 60 }), toA4(), UDP]),
    [atA, { layer: 'ip', length: 28 }, udpOut],
  ),
  delivered('an echo reply', tunnel4([byHost, toA4(), p.echoReply4(9), data]), [
    atA,
    { layer: 'ip' },
    { layer: 'icmp', type: 0, checksum: 'good' },
  ]),
  delivered('as large as the receiver’s MTU', tunnel4([byHost, toA4(), UDP, p.raw(1450 - 28)]), [
    atA,
    { layer: 'ip', length: 1450 },
    udpOut,
  ]),
];
/** RFC 6040 s4.2: outer field, inner field, what leaves (undefined: dropped). */
const ECN: readonly (readonly [number, number, number | undefined])[] = [
  [0, 0, 0],
  [0, 1, 1],
  [0, 2, 2],
  [0, 3, 3],
  [1, 0, 0],
  [1, 1, 1],
  [1, 2, 1],
  [1, 3, 3],
  [2, 0, 0],
  [2, 1, 1],
  [2, 2, 2],
  [2, 3, 3],
  [3, 0, undefined],
  [3, 1, 3],
  [3, 2, 3],
  [3, 3, 3],
];
const ecn = ECN.flatMap(([outer, inner, leaves]): Case[] => {
  const four = tunnel4([byHost, toA4({ tos: 0xb8 | inner }), UDP], { ip: { tos: outer } });
  const six = tunnel6([byHost, toA6({ trafficClass: 0xb8 | inner }), UDP], {
    ip: { trafficClass: outer },
  });
  const name = `ECN ${outer} outside, ${inner} inside`;
  if (leaves === undefined) return [drop(name, 'ECN', four), drop(`${name} (IPv6)`, 'ECN', six)];
  return [
    delivered(name, four, [atA, { layer: 'ip', dscp: 46, ecn: leaves, checksum: 'good' }, udpOut]),
    delivered(`${name} (IPv6)`, six, [atA, { layer: 'ipv6', dscp: 46, ecn: leaves }, udpOut]),
  ];
});

const error4 = (type: number, code: number, more: object = {}): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: VTEP_MAC.v1, src: DROPLET_MAC },
  { layer: 'ip', src: '192.0.2.1', dst: '192.0.2.11', ttl: 33, df: true, checksum: 'good' },
  { layer: 'udp', dport: 4789, checksum: 'none' },
  { layer: 'vxlan', vni: 100, flags: 0x0800 },
  { layer: 'eth', src: GW },
  { layer: 'ip', src: '10.1.0.1', dst: '10.1.0.20', ttl: 64, checksum: 'good' },
  { layer: 'icmp', type, code, checksum: 'good', ...more },
  { layer: 'ip', quoted: true, src: '10.1.0.20' },
  { layer: 'udp', quoted: true, sport: 40001 },
];

const refused: readonly Case[] = [
  drop('an unknown VTEP', 'UNKNOWN_VTEP', tunnel4(inner4, { ip: { src: '192.0.2.66' } })),
  drop('an unknown IPv6 VTEP', 'UNKNOWN_VTEP', tunnel6(inner6, { ip: { src: '2001:db8::66' } })),
  drop('the I flag is not set', 'BAD_TUNNEL', tunnel4(inner4, { vxlan: { flags: 0 } })),
  drop('the I flag is not set (IPv6)', 'BAD_TUNNEL', tunnel6(inner4, { vxlan: { flags: 0xf7 } })),
  drop('the outer packet is a first fragment', 'BAD_TUNNEL', tunnel4(inner4, { ip: { mf: true } })),
  drop(
    'the outer packet has options',
    'BAD_TUNNEL',
    tunnel4(inner4, { ip: { options: p.u8(1, 1, 1, 1) } }),
  ),
  drop('the outer checksum is wrong', 'BAD_CHECKSUM', tunnel4(inner4, { ip: { checksum: 'bad' } })),
  drop('the UDP length is too long', 'BAD_LENGTH', tunnel4(inner4, { udp: { length: 999 } })),
  drop('the UDP length is too short', 'BAD_LENGTH', tunnel4(inner4, { udp: { length: 40 } })),
  drop(
    'the UDP length has no room for VXLAN',
    'BAD_LENGTH',
    p.packet(
      hostEth,
      p.ip4({ src: '192.0.2.11', dst: '192.0.2.1' }),
      p.udp({ sport: 1, dport: 4789, checksum: 0 }),
      p.raw(7),
    ),
  ),
  drop('VXLAN around nothing', 'TRUNCATED', tunnel4([])),
  drop('an inner Ethernet header cut short', 'TRUNCATED', tunnel4([p.raw(13)])),
  drop(
    'an inner IPv4 header cut short',
    'TRUNCATED',
    tunnel4([p.raw(p.truncate(p.packet(byHost, toA4(), UDP), 33))]),
  ),
  drop('an unknown VNI', 'UNKNOWN_VPC', tunnel4(inner4, { vxlan: { vni: 101 } })),
  drop('an inner VLAN tag', 'VLAN', tunnel4([byHost, p.vlan({ vid: 5 }), toA4(), UDP])),
  drop(
    'inner multicast',
    'MULTICAST',
    tunnel4([p.ether({ dst: '01:00:5e:00:00:05', src: MAC.r }), toA4({ dst: '224.0.0.5' }), UDP]),
  ),
  drop(
    'inner broadcast ARP',
    'MULTICAST',
    tunnel4([
      p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: MAC.r }),
      p.arp({ op: 1, sha: MAC.r, spa: '10.1.0.20', tpa: '10.1.0.10' }),
    ]),
  ),
  drop(
    'inner unicast ARP',
    'ARP_UNKNOWN',
    tunnel4([byHost, p.arp({ op: 1, sha: MAC.r, spa: '10.1.0.20', tpa: '10.1.0.10' })]),
  ),
  drop(
    'another inner EtherType',
    'ETHERTYPE',
    tunnel4([p.ether({ dst: MAC.a, src: GW, type: 0x88cc }), data]),
  ),
  drop(
    'an endpoint of another host',
    'NOT_HERE',
    tunnel4([p.ether({ dst: MAC.s, src: GW }), toA4({ dst: '10.2.0.21' }), UDP]),
  ),
  drop(
    'a prefix of another host',
    'NOT_HERE',
    tunnel4([p.ether({ dst: MAC.m, src: GW }), toA4({ dst: '172.17.0.1' }), UDP]),
  ),
  drop(
    'the gateway',
    'GATEWAY_SERVICE',
    tunnel4([p.ether({ dst: GW, src: MAC.r }), toA4({ dst: '10.1.0.1' }), p.echo4(5)]),
  ),
  drop(
    'a blackhole',
    'BLACKHOLE',
    tunnel4([p.ether({ dst: GW, src: MAC.r }), toA4({ dst: '172.19.0.1' }), UDP]),
  ),
  drop(
    'another endpoint’s MAC',
    'UNKNOWN_MAC',
    tunnel4([p.ether({ dst: MAC.b, src: GW }), toA4(), UDP]),
  ),
  drop(
    'bytes behind the inner packet',
    'BAD_LENGTH',
    tunnel4(
      [...inner4, p.raw(new Uint8Array(8))].map((l, i) => (i === 1 ? toA4({ length: 68 }) : l)),
    ),
  ),
  drop('a foreign VPC’s address', 'UNKNOWN_MAC', tunnel4(inner4, { vxlan: { vni: 200 } })),
  drop('inner loopback source', 'MARTIAN', tunnel4([byHost, toA4({ src: '127.0.0.1' }), UDP])),
  drop(
    'inner seven extension headers',
    'EXT_HEADERS',
    tunnel6([byHost, toA6(), ...Array.from({ length: 7 }, () => p.destinationOptions()), UDP]),
  ),
  drop(
    'an unknown inner fragment',
    'FRAG_UNHELD',
    tunnel4([byHost, toA4({ offset: 80, id: 4444, protocol: 17 }), data]),
  ),
  drop(
    'TTL used up here',
    'TTL_EXCEEDED',
    tunnel4([p.ether({ dst: GW, src: MAC.r }), toA4({ ttl: 1 }), UDP, data]),
    { generated: true, out: error4(11, 0) },
  ),
  drop(
    'too big for the receiver',
    'TOO_BIG',
    tunnel4([byHost, toA4({ df: true }), UDP, p.raw(1451 - 28)]),
    { generated: true, out: error4(3, 4, { mtu: 1450 }) },
  ),
  drop(
    'nobody has the address',
    'HOST_UNREACHABLE',
    tunnel4([p.ether({ dst: GW, src: MAC.r }), toA4({ dst: '10.1.0.99' }), UDP, data]),
    { generated: true, out: error4(3, 1) },
  ),
  drop(
    'no route',
    'NO_ROUTE',
    tunnel4([p.ether({ dst: GW, src: MAC.r }), toA4({ dst: '203.0.113.9' }), UDP, data]),
    { generated: true, out: error4(3, 0) },
  ),
];

const first = tunnel4([
  byHost,
  toA4({ mf: true, id: 4445 }),
  p.udp({ sport: 40001, dport: 40002, length: 600 }),
  p.raw(232),
]);
const fragments: readonly Case[] = [
  delivered(
    'a first inner fragment',
    first,
    [atA, { layer: 'ip', mf: true }, { layer: 'udp' }],
    'a',
    { noRecord: true },
  ),
  delivered(
    'a later inner fragment',
    tunnel4([byHost, toA4({ offset: 240, id: 4445, protocol: 17 }), data]),
    [atA, { layer: 'ip', offset: 240 }],
    'a',
    { before: [first] },
  ),
];

runCases(WORLD, 'transit', [...host, ...local, ...ecn, ...refused, ...fragments]);
