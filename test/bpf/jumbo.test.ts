// SPDX-License-Identifier: Apache-2.0
/**
 * Frames of several buffers on XDP: MTU 9000 and more. tc has no buffers to tell apart, and no
 * test frames of that length: what it does with short ones is asked of split ones in every table
 * (cases.ts).
 */
import { test } from 'tap';
import { decode, differences } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import type { ExpectedLayer } from '../support/decode.js';
import { CannotSplit } from '../support/programs.js';
import { isolate, objectPath, Rig } from '../support/rig.js';
import type { World } from '../support/world.js';
import { runCases, type Case } from './cases.js';
import {
  DROPLET_MAC,
  fromA4,
  fromA6,
  GW,
  MAC,
  routed,
  tunnel4,
  tunnel6,
  UDP,
  VTEP_MAC,
  WORLD,
} from './world.js';

isolate();

const MTU = 8930;
const withMtu = <T extends { readonly mtu: number }>(of: Readonly<Record<string, T>>) =>
  Object.fromEntries(Object.entries(of).map(([name, it]) => [name, { ...it, mtu: MTU }]));
/** As in world.ts, but c, whose MTU stays 1300, and everybody else can take more. */
const JUMBO: World = {
  ...WORLD,
  endpoints: { ...withMtu(WORLD.endpoints), c: WORLD.endpoints.c! },
  vteps: withMtu(WORLD.vteps),
};
const big = p.raw(8850);
const row = (
  name: string,
  frame: Uint8Array,
  more: Partial<Case> & Pick<Case, 'verdict'>,
): Case => ({
  name,
  frame,
  xdpOnly: true,
  ...more,
});
const sent = (
  name: string,
  frame: Uint8Array,
  out: readonly ExpectedLayer[],
  more: Partial<Case> = {},
): Case => row(name, frame, { verdict: 'sent', out, ...more });
const drop = (name: string, reason: string, frame: Uint8Array, more: Partial<Case> = {}): Case =>
  row(name, frame, { verdict: 'dropped', reason, ...more });

const good4 = p.packet(routed, fromA4('10.1.0.11'), UDP, big);
const good6 = p.packet(routed, fromA6('fd01::11'), UDP, big);
const udpOut = { layer: 'udp', sport: 40001, dport: 40002, checksum: 'good' };
const atB = { layer: 'eth', dst: MAC.b, src: GW };
const outer = (to: string, length: number): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: VTEP_MAC.v1, src: DROPLET_MAC },
  { layer: 'ip', dst: '192.0.2.11', length, checksum: 'good' },
  { layer: 'udp', dport: 4789 },
  { layer: 'vxlan', vni: 100 },
  { layer: 'eth', dst: to, src: GW },
];
const fragment4 = (fields: object, ...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(routed, fromA4('10.1.0.11', { id: 7, protocol: 17, ...fields }), ...layers);
const first4 = fragment4({ mf: true }, p.udp({ sport: 1, dport: 2, length: 9000 }), p.raw(8800));

const agent: readonly Case[] = [
  sent('IPv4 on the host', good4, [atB, { layer: 'ip', ttl: 63, length: 8878 }, udpOut], {
    to: 'b',
  }),
  sent('IPv6 on the host', good6, [atB, { layer: 'ipv6', ttl: 63 }, udpOut], { to: 'b' }),
  sent('IPv4 to a VTEP', p.packet(routed, fromA4('10.1.0.20'), UDP, big), [
    ...outer(MAC.r, 8878 + 50),
    { layer: 'ip', ttl: 63, length: 8878, checksum: 'good' },
    udpOut,
  ]),
  sent('IPv6 to a VTEP', p.packet(routed, fromA6('fd01::20'), UDP, big), [
    ...outer(MAC.r, 8898 + 50),
    { layer: 'ipv6', ttl: 63 },
    udpOut,
  ]),
  sent('IPv4 to an IPv6 VTEP', p.packet(routed, fromA4('10.2.0.21'), UDP, big), [
    { layer: 'eth', dst: VTEP_MAC.six },
    { layer: 'ipv6', dst: '2001:db8::16', length: 8878 + 14 + 16 },
    { layer: 'udp' },
    { layer: 'vxlan' },
    { layer: 'eth' },
    { layer: 'ip', length: 8878, checksum: 'good' },
    udpOut,
  ]),
  sent('a priority tag', p.packet(routed, p.vlan({ vid: 0 }), fromA4('10.1.0.20'), UDP, big), [
    ...outer(MAC.r, 8878 + 50),
    { layer: 'ip', ttl: 63, length: 8878, checksum: 'good' },
    udpOut,
  ]),
  sent(
    'echo to the gateway',
    p.packet(routed, fromA4('10.1.0.1'), p.echo4(7), p.raw(8001)),
    [
      { layer: 'eth', dst: MAC.a },
      { layer: 'ip', src: '10.1.0.1', length: 8029, checksum: 'good' },
      { layer: 'icmp', type: 0, checksum: 'good' },
    ],
    { nodes: ['ECHO'] },
  ),
  sent('ICMPv6 echo to the gateway', p.packet(routed, fromA6('fd01::1'), p.echo6(7), p.raw(8001)), [
    { layer: 'eth', dst: MAC.a },
    { layer: 'ipv6', src: 'fd01::1' },
    { layer: 'icmpv6', type: 129, checksum: 'good' },
  ]),
  sent('a first fragment', first4, [atB, { layer: 'ip', mf: true, ttl: 63 }, { layer: 'udp' }], {
    to: 'b',
    noRecord: true,
  }),
  sent(
    'a later fragment',
    fragment4({ offset: 8808 }, p.raw(8192)),
    [atB, { layer: 'ip', offset: 8808, length: 8212, ttl: 63 }],
    { to: 'b', before: [first4], nodes: ['FLOW'] },
  ),
  drop('cut in a later buffer', 'BAD_LENGTH', p.truncate(good4, good4.length - 1)),
  drop('IPv6 cut in a later buffer', 'BAD_LENGTH', p.truncate(good6, 4000)),
  drop('a byte behind the IPv4 packet', 'BAD_LENGTH', p.trailing(good4, 1)),
  drop('a page behind the IPv6 packet', 'BAD_LENGTH', p.trailing(good6, 4096)),
  drop(
    'a packet that ends within the first buffer, and pages behind it',
    'BAD_LENGTH',
    p.trailing(p.packet(routed, fromA4('10.1.0.11'), UDP, p.raw(40)), 8000),
  ),
  drop(
    'too big for the receiver',
    'TOO_BIG',
    p.packet(routed, fromA4('10.2.0.12', { df: true }), UDP, big),
    {
      generated: true,
      out: [
        { layer: 'eth', dst: MAC.a },
        { layer: 'ip', src: '10.1.0.1', length: 576, checksum: 'good' },
        { layer: 'icmp', type: 3, code: 4, mtu: 1300, checksum: 'good' },
        { layer: 'ip', quoted: true, length: 8878 },
        { layer: 'udp', quoted: true },
      ],
    },
  ),
  drop(
    'IPv6 too big for the tunnel',
    'TOO_BIG',
    p.packet(routed, fromA6('fd02::21'), UDP, p.raw(MTU - 47)),
    {
      generated: true,
      out: [
        { layer: 'eth', dst: MAC.a },
        { layer: 'ipv6', src: 'fd01::1', length: 1240 },
        { layer: 'icmpv6', type: 2, mtu: MTU, checksum: 'good' },
        { layer: 'ipv6', quoted: true, length: MTU - 39 },
        { layer: 'udp', quoted: true },
      ],
    },
  ),
  sent('the longest there is', p.packet(routed, fromA4('10.1.0.1'), p.echo4(7), p.raw(65507)), [
    { layer: 'eth', dst: MAC.a },
    { layer: 'ip', src: '10.1.0.1', length: 65535, checksum: 'good' },
    { layer: 'icmp', type: 0, checksum: 'good' },
  ]),
];

const byHost = p.ether({ dst: MAC.a, src: GW });
const inner4 = [byHost, p.ip4({ src: '10.1.0.20', dst: '10.1.0.10' }), UDP, big];
const inner6 = [byHost, p.ip6({ src: 'fd01::20', dst: 'fd01::10' }), UDP, big];
const toC = [
  p.ether({ dst: MAC.c, src: GW }),
  p.ip4({ src: '10.1.0.20', dst: '10.2.0.12', df: true }),
  UDP,
  big,
];
const atA = { layer: 'eth', dst: MAC.a, src: GW };
const host = [
  p.ether({ dst: DROPLET_MAC, src: VTEP_MAC.v1 }),
  p.ip4({ src: '192.0.2.11', dst: '192.0.2.1' }),
];
const inside = tunnel4([byHost, p.ip4({ src: '10.1.0.20', dst: '10.1.0.10' }), UDP, p.raw(40)]);

const transit: readonly Case[] = [
  sent('IPv4 in IPv4', tunnel4(inner4), [atA, { layer: 'ip', length: 8878 }, udpOut], { to: 'a' }),
  sent('IPv6 in IPv4', tunnel4(inner6), [atA, { layer: 'ipv6' }, udpOut], { to: 'a' }),
  sent('IPv4 in IPv6', tunnel6(inner4), [atA, { layer: 'ip', length: 8878 }, udpOut], { to: 'a' }),
  sent('IPv6 in IPv6', tunnel6(inner6), [atA, { layer: 'ipv6' }, udpOut], { to: 'a' }),
  row('the host’s own', p.packet(...host, p.udp({ sport: 1, dport: 53 }), big), {
    verdict: 'passed',
    untouched: true,
  }),
  drop('a byte behind the outer packet', 'BAD_LENGTH', p.trailing(tunnel4(inner4), 1)),
  drop('pages behind a short outer packet', 'BAD_LENGTH', p.trailing(inside, 8000)),
  drop('cut in a later buffer', 'BAD_LENGTH', p.truncate(tunnel6(inner6), 8000)),
  drop(
    'pages behind the inner packet',
    'BAD_LENGTH',
    tunnel4([p.raw(p.trailing(inside.slice(50), 8000))]),
  ),
  drop('too big for the receiver', 'TOO_BIG', tunnel4(toC), {
    generated: true,
    out: [
      { layer: 'eth', dst: VTEP_MAC.v1, src: DROPLET_MAC },
      { layer: 'ip', length: 576 + 50, checksum: 'good' },
      { layer: 'udp', dport: 4789 },
      { layer: 'vxlan', vni: 100 },
      { layer: 'eth', src: GW },
      { layer: 'ip', dst: '10.1.0.20', length: 576, checksum: 'good' },
      { layer: 'icmp', type: 3, code: 4, mtu: 1300, checksum: 'good' },
      { layer: 'ip', quoted: true, length: 8878 },
      { layer: 'udp', quoted: true },
    ],
  }),
];

runCases(JUMBO, 'agent', agent);
runCases(JUMBO, 'transit', transit);

/**
 * Kernels before 6.18 cannot bring headers forward. The programs as they see themselves there:
 * what would be needed does not exist.
 */
test('where the kernel cannot bring headers forward', (t) => {
  const objects = ['agent', 'transit'].map((name) => objectPath(`../test/${name}_xdp_apart`));
  const rig = new Rig(JUMBO, {}, [...objects, objectPath('age')]);
  const rows: readonly [string, string, Uint8Array, number, string][] = [
    ['agent', 'a', good4, 0, 'HEADERS_APART'],
    ['agent', 'a', good4, 41, 'HEADERS_APART'],
    ['agent', 'a', good4, 42, 'sent'],
    ['agent', 'a', good6, 54, 'HEADERS_APART'],
    [
      'agent',
      'a',
      p.packet(routed, p.vlan({ vid: 0 }), fromA4('10.1.0.11'), UDP, big),
      16,
      'HEADERS_APART',
    ],
    ['transit', 'droplet', tunnel4(inner4), 0, 'HEADERS_APART'],
    ['transit', 'droplet', tunnel6(inner4), 0, 'HEADERS_APART'],
    ['transit', 'droplet', tunnel4(inner4), 60, 'HEADERS_APART'],
    ['transit', 'droplet', tunnel4(inner4), 92, 'sent'],
    ['transit', 'droplet', tunnel4(inner4, { ip: { dst: '192.0.2.99' } }), 0, 'passed'],
    ['transit', 'droplet', tunnel4(inner4, { udp: { dport: 53 } }), 20, 'passed'],
    ['transit', 'droplet', p.packet(...host, p.tcp({ sport: 1, dport: 22 }), big), 0, 'passed'],
  ];
  try {
    for (const [program, from, frame, first, expected] of rows) {
      const o = rig.run(program as 'agent', 'xdp', from, frame, undefined, first);
      t.equal(o.reason ?? o.verdict, expected, `${program}, ${first} of ${frame.length} bytes`);
      const { received, sent, passed, dropped } = o.counts;
      t.same([received, sent + passed + dropped], [1, 1], 'counted once');
    }
    // a shorter quote, with the right checksum
    for (const first of [100, 257]) {
      const frame = p.packet(routed, fromA4('10.2.0.12', { df: true }), UDP, big);
      const o = rig.run('agent', 'xdp', 'a', frame, undefined, first);
      const out = [
        { layer: 'eth', dst: MAC.a },
        { layer: 'ip', length: first - 14 + 28, checksum: 'good' },
        { layer: 'icmp', type: 3, code: 4, mtu: 1300, checksum: 'good' },
        { layer: 'ip', quoted: true },
        { layer: 'udp', quoted: true },
      ];
      t.equal(o.counts.generated, 1);
      t.same(differences(decode([o.data])[0]!, out), []);
    }
  } catch (error) {
    if (!(error instanceof CannotSplit)) throw error;
    t.comment('skipped: the kernel makes no such test frames (6.18)');
  }
  rig.close();
  t.end();
});
