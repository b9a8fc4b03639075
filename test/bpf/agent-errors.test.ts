// SPDX-License-Identifier: Apache-2.0
/** What the agent refuses, and the ICMP errors that tell the sender about it. */
import { isolate } from '../support/rig.js';
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { runCases, type Case } from './cases.js';
import { fromA4, fromA6, GW, MAC, routed, UDP, WORLD } from './world.js';

isolate();

const data = p.raw(40);
const bridgedB = p.ether({ dst: MAC.b, src: MAC.a });
const good4 = p.packet(routed, fromA4('10.1.0.11'), UDP, data);
const good6 = p.packet(routed, fromA6('fd01::11'), UDP, data);
const drop = (name: string, reason: string, frame: Uint8Array, more: Partial<Case> = {}): Case => ({
  name,
  frame,
  verdict: 'dropped',
  reason,
  ...more,
});
const drop4 = (name: string, reason: string, fields: object, eth = routed): Case =>
  drop(
    name,
    reason,
    p.packet(eth, p.ip4({ src: '10.1.0.10', dst: '10.1.0.11', ...fields }), UDP, data),
  );
const drop6 = (name: string, reason: string, fields: object, eth = routed): Case =>
  drop(
    name,
    reason,
    p.packet(eth, p.ip6({ src: 'fd01::10', dst: 'fd01::11', ...fields }), UDP, data),
  );
const mapped = (a: number, b: number, c: number, d: number): Uint8Array =>
  p.concat(new Uint8Array(10), p.u8(0xff, 0xff, a, b, c, d));

const addresses: readonly Case[] = [
  drop(
    'a foreign source MAC',
    'SPOOFED_MAC',
    p.packet(p.ether({ dst: GW, src: MAC.b }), fromA4('10.1.0.11'), UDP),
  ),
  drop4('a foreign source address', 'SPOOFED_IP', { src: '10.1.0.11' }),
  drop6('a foreign IPv6 source address', 'SPOOFED_IP', { src: 'fd01::11' }),
  drop4('the gateway’s address as source', 'SPOOFED_IP', { src: '10.1.0.1' }),
  drop4('a remote endpoint’s address as source', 'SPOOFED_IP', { src: '10.1.0.20' }),
  drop4('an unknown source of the subnet', 'SPOOFED_IP', { src: '10.1.0.99' }),
  drop4('a source routed to another endpoint', 'SPOOFED_IP', { src: '172.16.0.1' }),
  drop4('a source under a remote route', 'SPOOFED_IP', { src: '172.17.0.1' }),
  drop6('an IPv6 source in no route', 'SPOOFED_IP', { src: '2001:db8:ffff::1' }),
  drop4('loopback as source', 'MARTIAN', { src: '127.0.0.1' }),
  drop4('the unspecified address as source', 'MARTIAN', { src: '0.0.0.0' }),
  drop4('multicast as source', 'MARTIAN', { src: '224.0.0.5' }),
  drop4('a reserved address as source', 'MARTIAN', { src: '240.0.0.1' }),
  drop4('loopback as destination', 'MARTIAN', { dst: '127.0.0.1' }),
  drop6('IPv6 loopback as source', 'MARTIAN', { src: '::1' }),
  drop6('the unspecified IPv6 address as source', 'MARTIAN', { src: '::' }),
  drop6('IPv6 multicast as source', 'MARTIAN', { src: 'ff02::1' }),
  drop6('a mapped address as IPv6 source is not the IPv4 one', 'MARTIAN', {
    src: mapped(10, 1, 0, 10),
  }),
  drop6('a mapped address as IPv6 destination', 'MARTIAN', { dst: mapped(10, 1, 0, 11) }),
  drop4('link-local source', 'LINK_LOCAL', { src: '169.254.1.1' }),
  drop6('link-local IPv6 destination', 'LINK_LOCAL', { dst: 'fe80::1' }),
  drop4('multicast destination', 'MULTICAST', { dst: '224.0.0.251' }),
  drop4('broadcast destination', 'MULTICAST', { dst: '255.255.255.255' }),
  drop6('IPv6 multicast destination', 'MULTICAST', { dst: 'ff02::fb' }),
  drop4(
    'unicast address to a multicast MAC',
    'MULTICAST',
    {},
    p.ether({ dst: '01:00:5e:00:00:01', src: MAC.a }),
  ),
  drop4(
    'unicast address to the broadcast MAC',
    'MULTICAST',
    {},
    p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: MAC.a }),
  ),
  drop4(
    'a MAC that is neither gateway nor destination',
    'UNKNOWN_MAC',
    {},
    p.ether({ dst: MAC.c, src: MAC.a }),
  ),
  drop4(
    'bridging to what only a route knows',
    'UNKNOWN_MAC',
    { dst: '172.17.0.9' },
    p.ether({ dst: MAC.m, src: MAC.a }),
  ),
  drop('an endpoint that is not bound', 'UNKNOWN_ENDPOINT', good4, { from: 'droplet' }),
];

const headers: readonly Case[] = [
  drop('a VLAN tag', 'VLAN', p.packet(routed, p.vlan({ vid: 7 }), fromA4('10.1.0.11'), UDP, data)),
  drop(
    'a provider tag',
    'ETHERTYPE',
    p.packet(routed, p.vlan({ vid: 7, tpid: 0x88a8 }), fromA4('10.1.0.11'), UDP),
  ),
  drop(
    'two priority tags',
    'ETHERTYPE',
    p.packet(routed, p.vlan({ vid: 0 }), p.vlan({ vid: 0 }), fromA4('10.1.0.11'), UDP),
  ),
  drop(
    'a VLAN tag behind a priority tag',
    'ETHERTYPE',
    p.packet(routed, p.vlan({ vid: 0 }), p.vlan({ vid: 7 }), fromA4('10.1.0.11'), UDP),
  ),
  drop(
    'the same from a MAC that is not its own: told before the MAC is looked at',
    'ETHERTYPE',
    p.packet(
      p.ether({ dst: GW, src: MAC.b }),
      p.vlan({ vid: 0 }),
      p.vlan({ vid: 0 }),
      fromA4('10.1.0.11'),
      UDP,
    ),
  ),
  drop(
    'another EtherType',
    'ETHERTYPE',
    p.packet(p.ether({ dst: GW, src: MAC.a, type: 0x88cc }), data),
  ),
  drop(
    'LLC instead of a type',
    'ETHERTYPE',
    p.packet(p.ether({ dst: GW, src: MAC.a, type: 46 }), p.raw(46)),
  ),
  drop('an Ethernet header alone', 'TRUNCATED', p.truncate(good4, 14), { xdpOnly: true }),
  drop('IPv4 cut in its header', 'TRUNCATED', p.truncate(good4, 33), { xdpOnly: true }),
  drop('IPv6 cut in its header', 'TRUNCATED', p.truncate(good6, 53), { xdpOnly: true }),
  drop('IPv4 cut in its payload', 'BAD_LENGTH', p.truncate(good4, good4.length - 1)),
  drop('IPv6 cut in its payload', 'BAD_LENGTH', p.truncate(good6, good6.length - 1)),
  drop(
    'UDP header cut, lengths agree',
    'TRUNCATED',
    p.packet(routed, fromA4('10.1.0.11', { protocol: 17 }), p.raw(7)),
  ),
  drop(
    'TCP header cut, lengths agree',
    'TRUNCATED',
    p.packet(routed, fromA6('fd01::11', { next: 6 }), p.raw(19)),
  ),
  drop(
    'ICMP header cut, lengths agree',
    'TRUNCATED',
    p.packet(routed, fromA4('10.1.0.11', { protocol: 1 }), p.raw(7)),
  ),
  drop(
    'SCTP header cut, lengths agree',
    'TRUNCATED',
    p.packet(routed, fromA4('10.1.0.11', { protocol: 132 }), p.raw(11)),
  ),
  drop4('version 6 in an IPv4 header', 'BAD_HEADER', { version: 6 }),
  drop4('a header of four words', 'BAD_HEADER', { ihl: 4 }),
  drop4('a header longer than the packet', 'BAD_LENGTH', { ihl: 15, length: 40 }),
  drop4('a total length beyond the frame', 'BAD_LENGTH', { length: 69 }),
  drop4('a total length shorter than the header', 'BAD_LENGTH', { length: 19 }),
  drop4('a total length of zero', 'BAD_LENGTH', { length: 0 }),
  drop6('version 4 in an IPv6 header', 'BAD_HEADER', { version: 4 }),
  drop6('an IPv6 payload length beyond the frame', 'BAD_LENGTH', { length: 49 }),
  drop('bytes behind the IPv4 packet', 'BAD_LENGTH', p.trailing(good4, 1)),
  drop('bytes behind the IPv6 packet', 'BAD_LENGTH', p.trailing(good6, 4)),
  drop(
    'a UDP length beyond the packet',
    'BAD_LENGTH',
    p.packet(routed, fromA4('10.1.0.11'), p.udp({ sport: 1, dport: 2, length: 49 }), data),
  ),
  drop(
    'a UDP length shorter than its header',
    'BAD_LENGTH',
    p.packet(routed, fromA4('10.1.0.11'), p.udp({ sport: 1, dport: 2, length: 7 }), data),
  ),
  drop(
    'a TCP data offset of four words',
    'BAD_HEADER',
    p.packet(routed, fromA4('10.1.0.11'), p.tcp({ sport: 1, dport: 2, dataOffset: 4 }), data),
  ),
  drop(
    'a TCP header beyond the packet',
    'BAD_HEADER',
    p.packet(routed, fromA4('10.1.0.11'), p.tcp({ sport: 1, dport: 2, dataOffset: 15 }), p.raw(8)),
  ),
  drop(
    'seven extension headers',
    'EXT_HEADERS',
    p.packet(
      routed,
      fromA6('fd01::11'),
      p.hopByHop(),
      ...Array.from({ length: 6 }, () => p.destinationOptions()),
      UDP,
      data,
    ),
  ),
  drop(
    'an extension header beyond the packet',
    'BAD_LENGTH',
    p.packet(routed, fromA6('fd01::11'), p.destinationOptions({ length: 9 }), UDP, data),
  ),
  drop(
    'a chain that ends in nothing',
    'TRUNCATED',
    p.packet(routed, fromA6('fd01::11', { next: 60 })),
  ),
];

/** An ICMP error to a, quoting its packet. */
const error4 = (
  type: number,
  code: number,
  gw: string,
  more: object = {},
  quoted: readonly ExpectedLayer[] = [],
): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: MAC.a, src: GW, type: 0x0800 },
  { layer: 'ip', src: gw, dst: '10.1.0.10', ttl: 64, checksum: 'good' },
  { layer: 'icmp', type, code, checksum: 'good', ...more },
  ...quoted,
];
const error6 = (
  type: number,
  code: number,
  gw: string,
  more: object = {},
  quoted: readonly ExpectedLayer[] = [],
): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: MAC.a, src: GW, type: 0x86dd },
  { layer: 'ipv6', src: gw, dst: 'fd01::10', ttl: 64 },
  { layer: 'icmpv6', type, code, checksum: 'good', ...more },
  ...quoted,
];
const quote4 = (dst: string, ttl: number): readonly ExpectedLayer[] => [
  { layer: 'ip', quoted: true, src: '10.1.0.10', dst, ttl, checksum: 'good' },
  { layer: 'udp', quoted: true, sport: 40001, dport: 40002 },
];
const quote6 = (dst: string, ttl: number): readonly ExpectedLayer[] => [
  { layer: 'ipv6', quoted: true, src: 'fd01::10', dst, ttl },
  { layer: 'udp', quoted: true, sport: 40001, dport: 40002 },
];
const told = (
  name: string,
  reason: string,
  frame: Uint8Array,
  out: readonly ExpectedLayer[],
): Case => drop(name, reason, frame, { generated: true, nodes: ['ICMP_ERROR', 'DROP'], out });

const errors: readonly Case[] = [
  told(
    'no route',
    'NO_ROUTE',
    p.packet(routed, fromA4('203.0.113.5'), UDP, data),
    error4(3, 0, '10.1.0.1', {}, quote4('203.0.113.5', 64)),
  ),
  told(
    'no IPv6 route',
    'NO_ROUTE',
    p.packet(routed, fromA6('2001:db8:5::5'), UDP, data),
    error6(1, 0, 'fd01::1', {}, quote6('2001:db8:5::5', 64)),
  ),
  told(
    'nobody has the address',
    'HOST_UNREACHABLE',
    p.packet(routed, fromA4('10.1.0.99'), UDP, data),
    error4(3, 1, '10.1.0.1', {}, quote4('10.1.0.99', 64)),
  ),
  told(
    'nobody has the IPv6 address',
    'HOST_UNREACHABLE',
    p.packet(routed, fromA6('fd02::99'), UDP, data),
    error6(1, 3, 'fd01::1', {}, quote6('fd02::99', 64)),
  ),
  ...[1, 0].map((ttl) =>
    told(
      `TTL ${ttl} is used up`,
      'TTL_EXCEEDED',
      p.packet(routed, fromA4('10.1.0.20', { ttl }), UDP, data),
      error4(11, 0, '10.1.0.1', {}, quote4('10.1.0.20', ttl)),
    ),
  ),
  ...[1, 0].map((hopLimit) =>
    told(
      `hop limit ${hopLimit} is used up`,
      'TTL_EXCEEDED',
      p.packet(routed, fromA6('fd02::12', { hopLimit }), UDP, data),
      error6(3, 0, 'fd01::1', {}, quote6('fd02::12', hopLimit)),
    ),
  ),
  told(
    'too big for the tunnel',
    'TOO_BIG',
    p.packet(routed, fromA4('10.1.0.20', { df: true }), UDP, p.raw(1401 - 28)),
    error4(3, 4, '10.1.0.1', { mtu: 1400 }, quote4('10.1.0.20', 64)),
  ),
  told(
    'too big for the IPv6 tunnel',
    'TOO_BIG',
    p.packet(routed, fromA6('fd02::21'), UDP, p.raw(1381 - 48)),
    error6(2, 0, 'fd01::1', { mtu: 1380 }, quote6('fd02::21', 64)),
  ),
  told(
    'too big for the receiver',
    'TOO_BIG',
    p.packet(routed, fromA4('10.2.0.12', { df: true }), UDP, p.raw(1301 - 28)),
    error4(3, 4, '10.1.0.1', { mtu: 1300 }, quote4('10.2.0.12', 64)),
  ),
  told(
    'IPv6 too big for the receiver, odd length',
    'TOO_BIG',
    p.packet(routed, fromA6('fd02::12'), UDP, p.raw(1400 - 48 + 1)),
    error6(2, 0, 'fd01::1', { mtu: 1300 }, quote6('fd02::12', 64)),
  ),
  told(
    'bridged and too big',
    'TOO_BIG',
    p.packet(
      p.ether({ dst: MAC.r, src: MAC.a }),
      fromA4('10.1.0.20', { df: true }),
      UDP,
      p.raw(1401 - 28),
    ),
    error4(3, 4, '10.1.0.1', { mtu: 1400 }, quote4('10.1.0.20', 64)),
  ),
  told(
    'about an echo request',
    'NO_ROUTE',
    p.packet(routed, fromA4('203.0.113.5'), p.echo4(5), p.raw(9)),
    error4(3, 0, '10.1.0.1', {}, [
      { layer: 'ip', quoted: true },
      { layer: 'icmp', quoted: true, type: 8, id: 5 },
    ]),
  ),
  told(
    'about TCP with options, odd length',
    'NO_ROUTE',
    p.packet(
      routed,
      fromA4('203.0.113.5', { options: p.u8(1, 1, 1, 1) }),
      p.tcp({ sport: 1, dport: 2, flags: 'S' }),
      p.raw(7),
    ),
    error4(3, 0, '10.1.0.1', {}, [
      { layer: 'ip', quoted: true, header: 24 },
      { layer: 'tcp', quoted: true, checksum: 'good' },
    ]),
  ),
  told(
    'about a padded frame',
    'NO_ROUTE',
    p.packet(p.ether({ dst: GW, src: MAC.a, pad: 60 }), fromA4('203.0.113.5'), UDP),
    [
      ...error4(3, 0, '10.1.0.1'),
      { layer: 'ip', quoted: true, length: 28 },
      { layer: 'udp', quoted: true, sport: 40001 },
    ],
  ),
  told(
    'about a first fragment',
    'NO_ROUTE',
    p.packet(
      routed,
      fromA4('203.0.113.5', { mf: true, id: 5 }),
      p.udp({ sport: 40001, dport: 40002, length: 600 }),
      p.raw(96),
    ),
    error4(3, 0, '10.1.0.1', {}, quote4('203.0.113.5', 64)),
  ),
  drop(
    'from a gateway of the VPC when the own subnet has none of the family',
    'NO_ROUTE',
    p.packet(p.ether({ dst: GW, src: MAC.n }), p.ip4({ src: '172.20.0.1', dst: '203.0.113.5' })),
    {
      from: 'n',
      generated: true,
      nodes: ['ICMP_ERROR', 'DROP'],
      out: [
        { layer: 'eth', dst: MAC.n, src: GW, type: 0x0800 },
        { layer: 'ip', src: '10.1.0.1', dst: '172.20.0.1', ttl: 64, checksum: 'good' },
        { layer: 'icmp', type: 3, code: 0, checksum: 'good' },
        { layer: 'ip', quoted: true, src: '172.20.0.1', dst: '203.0.113.5' },
      ],
    },
  ),
  drop('a blackhole is silent', 'BLACKHOLE', p.packet(routed, fromA4('172.19.0.1'), UDP, data)),
  drop('an IPv6 blackhole is silent', 'BLACKHOLE', p.packet(routed, fromA6('fd19::1'), UDP, data)),
  drop('an unresolved VTEP', 'NO_NEXTHOP', p.packet(routed, fromA4('10.1.0.22'), UDP, data)),
  drop(
    'an unresolved VTEP for IPv6',
    'NO_NEXTHOP',
    p.packet(bridgedB, fromA6('fd01::22'), UDP, data),
    { reason: 'UNKNOWN_MAC' },
  ),
  drop(
    'no error about an ICMP error',
    'NO_ROUTE',
    p.packet(routed, fromA4('203.0.113.5'), p.icmp4({ type: 3, code: 3 }), p.raw(28)),
  ),
  drop(
    'no error about an ICMP redirect',
    'NO_ROUTE',
    p.packet(routed, fromA4('203.0.113.5'), p.icmp4({ type: 5 }), p.raw(28)),
  ),
  drop(
    'no error about an ICMPv6 error',
    'NO_ROUTE',
    p.packet(routed, fromA6('2001:db8:5::5'), p.icmp6({ type: 1, code: 4 }), p.raw(48)),
  ),
];

runCases(WORLD, 'agent', [...addresses, ...headers, ...errors]);
