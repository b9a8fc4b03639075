// SPDX-License-Identifier: Apache-2.0
/** What the agent forwards: to endpoints of this host, and through the tunnel. */
import { isolate } from '../support/rig.js';
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { runCases, type Case } from './cases.js';
import {
  DROPLET_MAC,
  fromA4,
  fromA6,
  GW,
  MAC,
  routed,
  UDP,
  viaV1,
  VTEP_MAC,
  WORLD,
} from './world.js';

isolate();

const bridged = (to: keyof typeof MAC): p.Layer => p.ether({ dst: MAC[to], src: MAC.a });
const data = p.raw(40);
const udpOut = { layer: 'udp', sport: 40001, dport: 40002, checksum: 'good' };
const tcpSyn = p.tcp({ sport: 40001, dport: 40002, flags: 'S' });
const tcpOut = { layer: 'tcp', sport: 40001, dport: 40002, checksum: 'good' };

const viaSix = (inner: readonly ExpectedLayer[], ip: object = {}): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: VTEP_MAC.six, src: DROPLET_MAC },
  { layer: 'ipv6', src: '2001:db8::1', dst: '2001:db8::16', ttl: 64, dscp: 10, ecn: 0, ...ip },
  { layer: 'udp', dport: 4789, checksum: 'none' },
  { layer: 'vxlan', vni: 100, flags: 0x0800, reserved: 0 },
  ...inner,
];
const toR = { layer: 'eth', dst: MAC.r, src: GW };
const sent = (
  name: string,
  frame: Uint8Array,
  out: readonly ExpectedLayer[],
  more: Partial<Case> = {},
): Case => ({ name, frame, verdict: 'sent', out, ...more });

const local: readonly Case[] = [
  sent(
    'IPv4 bridged within the subnet keeps TTL and MACs',
    p.packet(bridged('b'), fromA4('10.1.0.11', { ttl: 1 }), UDP, data),
    [{ layer: 'eth', dst: MAC.b, src: MAC.a }, { layer: 'ip', ttl: 1, checksum: 'good' }, udpOut],
    { to: 'b', nodes: ['DELIVER', 'COMMIT'], untouched: true },
  ),
  sent(
    'IPv6 bridged within the subnet',
    p.packet(bridged('b'), fromA6('fd01::11'), UDP, data),
    [{ layer: 'eth', dst: MAC.b, src: MAC.a }, { layer: 'ipv6', ttl: 64 }, udpOut],
    { to: 'b', untouched: true },
  ),
  sent(
    'IPv4 routed to another subnet',
    p.packet(routed, fromA4('10.2.0.12', { ttl: 2 }), UDP, data),
    [{ layer: 'eth', dst: MAC.c, src: GW }, { layer: 'ip', ttl: 1, checksum: 'good' }, udpOut],
    { to: 'c' },
  ),
  sent(
    'IPv6 routed to another subnet',
    p.packet(routed, fromA6('fd02::12', { hopLimit: 2 }), tcpSyn, data),
    [{ layer: 'eth', dst: MAC.c, src: GW }, { layer: 'ipv6', ttl: 1 }, tcpOut],
    { to: 'c' },
  ),
  sent(
    'routed within the subnet when the gateway’s MAC is asked',
    p.packet(routed, fromA4('10.1.0.11'), UDP, data),
    [{ layer: 'eth', dst: MAC.b, src: GW }, { layer: 'ip', ttl: 63 }, udpOut],
    { to: 'b' },
  ),
  sent(
    'bridged between subnets by MAC',
    p.packet(bridged('c'), fromA4('10.2.0.12'), UDP, data),
    [{ layer: 'eth', dst: MAC.c, src: MAC.a }, { layer: 'ip', ttl: 64 }, udpOut],
    { to: 'c' },
  ),
  sent(
    'a prefix routed to an endpoint',
    p.packet(routed, fromA4('172.16.9.9'), UDP, data),
    [{ layer: 'eth', dst: MAC.b, src: GW }, { layer: 'ip', ttl: 63, dst: '172.16.9.9' }, udpOut],
    { to: 'b' },
  ),
  sent(
    'an IPv6 prefix routed to an endpoint',
    p.packet(routed, fromA6('fd16::9'), UDP, data),
    [{ layer: 'eth', dst: MAC.b, src: GW }, { layer: 'ipv6', ttl: 63 }, udpOut],
    { to: 'b' },
  ),
  sent(
    'the longer prefix wins',
    p.packet(routed, fromA4('172.17.5.9'), UDP, data),
    [{ layer: 'eth', dst: MAC.c, src: GW }, { layer: 'ip', ttl: 63 }, udpOut],
    { to: 'c' },
  ),
  sent(
    'the longer IPv6 prefix wins',
    p.packet(routed, fromA6('fd17::5:9'), UDP, data),
    [{ layer: 'eth', dst: MAC.c, src: GW }, { layer: 'ipv6', ttl: 63 }, udpOut],
    { to: 'c' },
  ),
  sent(
    'from a prefix routed to the sender',
    p.packet(
      p.ether({ dst: GW, src: MAC.b }),
      p.ip4({ src: '172.16.3.3', dst: '10.1.0.10' }),
      UDP,
      data,
    ),
    [{ layer: 'eth', dst: MAC.a, src: GW }, { layer: 'ip', src: '172.16.3.3', ttl: 63 }, udpOut],
    { from: 'b', to: 'a' },
  ),
  sent(
    'blue’s equal addresses stay in blue',
    p.packet(
      p.ether({ dst: MAC.y, src: MAC.x }),
      p.ip4({ src: '10.1.0.10', dst: '10.1.0.11' }),
      UDP,
      data,
    ),
    [{ layer: 'eth', dst: MAC.y, src: MAC.x }, { layer: 'ip' }, udpOut],
    { from: 'x', to: 'y' },
  ),
  sent(
    'a priority tag is taken off',
    p.packet(bridged('b'), p.vlan({ vid: 0, pcp: 7 }), fromA4('10.1.0.11'), UDP, data),
    [{ layer: 'eth', dst: MAC.b, type: 0x0800 }, { layer: 'ip', ttl: 64 }, udpOut],
    { to: 'b' },
  ),
  sent(
    'a short frame keeps its padding',
    p.packet(p.ether({ dst: MAC.b, src: MAC.a, pad: 60 }), fromA4('10.1.0.11'), UDP),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ip', length: 28 }, udpOut],
    { to: 'b', untouched: true },
  ),
  sent(
    'IPv4 options are carried',
    p.packet(routed, fromA4('10.1.0.11', { options: p.u8(7, 7, 4, 0, 0, 0, 0) }), UDP, data),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ip', header: 28, ttl: 63, checksum: 'good' }, udpOut],
    { to: 'b' },
  ),
  sent(
    'six extension headers are followed',
    p.packet(
      routed,
      fromA6('fd01::11'),
      p.hopByHop(),
      p.destinationOptions({ units: 1 }),
      p.routing(),
      p.authentication(),
      p.destinationOptions(),
      p.destinationOptions({ units: 3 }),
      UDP,
      data,
    ),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ipv6', ttl: 63, next: 0 }, udpOut],
    { to: 'b' },
  ),
  sent(
    'an atomic fragment is an ordinary packet (RFC 6946)',
    p.packet(routed, fromA6('fd01::11'), p.fragment({ offset: 0, more: false, id: 9 }), UDP, data),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ipv6', ttl: 63, next: 44 }, udpOut],
    { to: 'b' },
  ),
  sent(
    'a wrong inner checksum is the endpoints’ business',
    p.packet(bridged('b'), fromA4('10.1.0.11', { checksum: 'bad' }), UDP, data),
    [{ layer: 'eth', dst: MAC.b }, { layer: 'ip', checksum: 'bad' }, udpOut],
    { to: 'b', untouched: true },
  ),
  sent(
    'SCTP',
    p.packet(bridged('b'), fromA6('fd01::11'), p.sctp({ sport: 40001, dport: 40002 })),
    [{ layer: 'eth' }, { layer: 'ipv6' }, { layer: 'sctp', checksum: 'good' }],
    { to: 'b' },
  ),
  sent(
    'a protocol without ports',
    p.packet(bridged('b'), fromA4('10.1.0.11', { protocol: 253 }), data),
    [{ layer: 'eth' }, { layer: 'ip', protocol: 253 }],
    { to: 'b' },
  ),
  sent(
    'echo between endpoints',
    p.packet(bridged('b'), fromA4('10.1.0.11'), p.echo4(9), data),
    [{ layer: 'eth' }, { layer: 'ip' }, { layer: 'icmp', type: 8, id: 9, checksum: 'good' }],
    { to: 'b' },
  ),
  sent(
    'a packet as large as the receiver’s MTU',
    p.packet(routed, fromA4('10.2.0.12', { df: true }), UDP, p.raw(1300 - 28)),
    [{ layer: 'eth', dst: MAC.c }, { layer: 'ip', length: 1300 }, udpOut],
    { to: 'c' },
  ),
];

const tunnel: readonly Case[] = [
  sent(
    'IPv4 in IPv4, routed',
    p.packet(routed, fromA4('10.1.0.20'), UDP, data),
    viaV1([toR, { layer: 'ip', ttl: 63, length: 68, checksum: 'good' }, udpOut], { length: 118 }),
    { nodes: ['ENCAP', 'COMMIT'] },
  ),
  sent(
    'IPv4 in IPv4, bridged',
    p.packet(bridged('r'), fromA4('10.1.0.20'), tcpSyn),
    viaV1([{ layer: 'eth', dst: MAC.r, src: MAC.a }, { layer: 'ip', ttl: 64 }, tcpOut]),
  ),
  sent(
    'IPv6 in IPv4',
    p.packet(routed, fromA6('fd01::20'), UDP, data),
    viaV1([toR, { layer: 'ipv6', ttl: 63 }, udpOut]),
  ),
  sent(
    'IPv4 in IPv6',
    p.packet(routed, fromA4('10.2.0.21'), UDP, data),
    viaSix([{ layer: 'eth', dst: MAC.s, src: GW }, { layer: 'ip', ttl: 63 }, udpOut], {
      length: 98,
    }),
  ),
  sent(
    'IPv6 in IPv6',
    p.packet(routed, fromA6('fd02::21'), tcpSyn, data),
    viaSix([{ layer: 'eth', dst: MAC.s, src: GW }, { layer: 'ipv6', ttl: 63 }, tcpOut]),
  ),
  ...[1, 2, 3].map((ecn) =>
    sent(
      `ECN ${ecn} is copied, DSCP is the VTEP’s (IPv4)`,
      p.packet(routed, fromA4('10.1.0.20', { tos: 0xb8 | ecn }), UDP, data),
      viaV1([toR, { layer: 'ip', dscp: 46, ecn }, udpOut], { ecn, dscp: 10 }),
    ),
  ),
  ...[1, 2, 3].map((ecn) =>
    sent(
      `ECN ${ecn} is copied, DSCP is the VTEP’s (IPv6)`,
      p.packet(routed, fromA6('fd02::21', { trafficClass: 0xb8 | ecn }), UDP, data),
      viaSix([{ layer: 'eth', dst: MAC.s }, { layer: 'ipv6', dscp: 46, ecn }, udpOut], { ecn }),
    ),
  ),
  ...['10.1.0.23', 'fd01::23'].map((dst) =>
    sent(
      `DSCP is copied when the VTEP says so (${dst})`,
      dst.includes(':')
        ? p.packet(routed, fromA6(dst, { trafficClass: 0xb9 }), UDP, data)
        : p.packet(routed, fromA4(dst, { tos: 0xb9 }), UDP, data),
      [
        { layer: 'eth', dst: VTEP_MAC.copy },
        { layer: 'ip', dst: '192.0.2.17', dscp: 46, ecn: 1, ttl: 64, checksum: 'good' },
        { layer: 'udp' },
        { layer: 'vxlan', vni: 100 },
        { layer: 'eth', dst: MAC.d },
        { layer: dst.includes(':') ? 'ipv6' : 'ip', dscp: 46, ecn: 1 },
        udpOut,
      ],
    ),
  ),
  sent(
    'a prefix behind a VTEP',
    p.packet(routed, fromA4('172.17.0.9'), UDP, data),
    viaV1([{ layer: 'eth', dst: MAC.m, src: GW }, { layer: 'ip', ttl: 63 }, udpOut]),
  ),
  sent(
    'an IPv6 prefix behind a VTEP',
    p.packet(routed, fromA6('fd17::9'), UDP, data),
    viaV1([{ layer: 'eth', dst: MAC.m, src: GW }, { layer: 'ipv6', ttl: 63 }, udpOut]),
  ),
  sent(
    'a packet as large as the tunnel allows',
    p.packet(routed, fromA4('10.1.0.20', { df: true }), UDP, p.raw(1400 - 28)),
    viaV1([toR, { layer: 'ip', length: 1400 }, udpOut], { length: 1450 }),
  ),
  sent(
    'an IPv6 packet as large as the tunnel allows',
    p.packet(routed, fromA6('fd02::21'), UDP, p.raw(1380 - 48)),
    viaSix([{ layer: 'eth', dst: MAC.s }, { layer: 'ipv6', length: 1340 }, udpOut]),
  ),
  sent(
    'padding of a short frame goes along',
    p.packet(p.ether({ dst: GW, src: MAC.a, pad: 60 }), fromA4('10.1.0.20'), UDP),
    viaV1([toR, { layer: 'ip', length: 28 }, udpOut], { length: 96 }),
  ),
  sent(
    'a priority tag is taken off before the tunnel',
    p.packet(routed, p.vlan({ vid: 0 }), fromA4('10.1.0.20'), UDP, data),
    viaV1([toR, { layer: 'ip', ttl: 63 }, udpOut]),
  ),
  sent(
    'blue uses its own VNI',
    p.packet(
      p.ether({ dst: MAC.q, src: MAC.x }),
      p.ip4({ src: '10.1.0.10', dst: '10.1.0.20' }),
      UDP,
      data,
    ),
    [
      { layer: 'eth', dst: VTEP_MAC.v1 },
      { layer: 'ip', dst: '192.0.2.11' },
      { layer: 'udp', dport: 4789 },
      { layer: 'vxlan', vni: 200 },
      { layer: 'eth', dst: MAC.q, src: MAC.x },
      { layer: 'ip', ttl: 64 },
      udpOut,
    ],
    { from: 'x' },
  ),
];

runCases(WORLD, 'agent', [...local, ...tunnel]);
