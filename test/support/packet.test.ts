// SPDX-License-Identifier: Apache-2.0
/** The packet builder against tshark: what the builder says it made is what tshark reads. */
import { test } from 'tap';
import { decode, differences, type ExpectedLayer } from './decode.js';
import * as p from './packet/index.js';

const A = '02:00:00:00:00:0a';
const B = '02:00:00:00:00:0b';
const eth = p.ether({ dst: B, src: A });
const v4 = p.ip4({ src: '10.0.0.1', dst: '10.0.0.2' });
const v6 = p.ip6({ src: 'fd00::1', dst: 'fd00::2' });
const ETH = { layer: 'eth', dst: B, src: A };
const quoted = p.packet(v4, p.udp({ sport: 11111, dport: 22222 }), p.raw(16));

interface Case {
  readonly name: string;
  readonly frame: Uint8Array;
  readonly layers: readonly ExpectedLayer[];
}

const cases: readonly Case[] = [
  {
    name: 'IPv4 with every field, UDP',
    frame: p.packet(
      eth,
      p.ip4({ src: '10.0.0.1', dst: '10.0.0.2', ttl: 9, tos: 0xba, id: 77, df: true }),
      p.udp({ sport: 11111, dport: 22222 }),
      p.raw(33),
    ),
    layers: [
      ETH,
      { layer: 'ip', ttl: 9, dscp: 46, ecn: 2, id: 77, df: true, length: 61, checksum: 'good' },
      { layer: 'udp', sport: 11111, dport: 22222, length: 41, checksum: 'good' },
    ],
  },
  {
    name: 'IPv4 options',
    frame: p.packet(
      eth,
      p.ip4({ src: '10.0.0.1', dst: '10.0.0.2', options: p.u8(1, 1, 1, 1, 0) }),
      p.tcp({ sport: 11111, dport: 22222, flags: 'SA', options: p.u8(2, 4, 5, 0xb4) }),
    ),
    layers: [
      ETH,
      { layer: 'ip', header: 28, length: 52, checksum: 'good' },
      { layer: 'tcp', flags: 0x12, header: 24, checksum: 'good' },
    ],
  },
  {
    name: 'priority tag and ARP, padded',
    frame: p.packet(
      p.ether({ dst: B, src: A, pad: 64 }),
      p.vlan({ vid: 5, pcp: 3 }),
      p.arp({ op: 1, sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' }),
    ),
    layers: [
      { ...ETH, type: 0x8100 },
      { layer: 'vlan', vid: 5, priority: 3, type: 0x0806 },
      { layer: 'arp', op: 1, sha: A, spa: '10.0.0.1', tpa: '10.0.0.2' },
    ],
  },
  {
    name: 'IPv6 with a chain of extension headers',
    frame: p.packet(
      eth,
      p.ip6({
        src: 'fd00::1',
        dst: 'fd00::2',
        hopLimit: 7,
        trafficClass: 0xb9,
        flowLabel: 0x12345,
      }),
      p.hopByHop({ units: 1 }),
      p.routing(),
      p.destinationOptions(),
      p.tcp({ sport: 11111, dport: 22222 }),
      p.raw(5),
    ),
    layers: [
      ETH,
      { layer: 'ipv6', ttl: 7, dscp: 46, ecn: 1, flow: 0x12345, length: 57, next: 0 },
      { layer: 'tcp', sport: 11111, checksum: 'good' },
    ],
  },
  {
    name: 'SCTP',
    frame: p.packet(eth, v6, p.sctp({ sport: 11111, dport: 22222 })),
    layers: [ETH, { layer: 'ipv6', next: 132 }, { layer: 'sctp', sport: 11111, checksum: 'good' }],
  },
  {
    name: 'VXLAN over IPv6 without a UDP checksum',
    frame: p.packet(
      eth,
      v6,
      p.udp({ sport: 50000, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: 0xabcdef }),
      eth,
      v4,
      p.echo4(0x1234, 5),
      p.raw(9),
    ),
    layers: [
      ETH,
      { layer: 'ipv6', next: 17 },
      { layer: 'udp', dport: 4789, checksum: 'none' },
      { layer: 'vxlan', vni: 0xabcdef, flags: 0x0800 },
      ETH,
      { layer: 'ip', checksum: 'good' },
      { layer: 'icmp', type: 8, id: 0x1234, checksum: 'good' },
    ],
  },
  {
    name: 'ICMP error with its quote',
    frame: p.packet(eth, v4, p.icmp4({ type: 3, code: 4, rest: 1400 }), p.raw(quoted)),
    layers: [
      ETH,
      { layer: 'ip' },
      { layer: 'icmp', type: 3, code: 4, mtu: 1400, checksum: 'good' },
      { layer: 'ip', quoted: true, src: '10.0.0.1' },
      { layer: 'udp', quoted: true, dport: 22222, checksum: 'good' },
    ],
  },
  {
    name: 'neighbour solicitation',
    frame: p.packet(
      eth,
      v6,
      p.neighbourSolicitation({ target: 'fd00::9', options: [p.linkLayerOption(1, A)] }),
    ),
    layers: [
      ETH,
      { layer: 'ipv6' },
      {
        layer: 'icmpv6',
        type: 135,
        target: 'fd00::9',
        option: 1,
        linkAddress: A,
        checksum: 'good',
      },
    ],
  },
  {
    name: 'neighbour advertisement',
    frame: p.packet(eth, v6, p.neighbourAdvertisement({ target: 'fd00::9' })),
    layers: [
      ETH,
      { layer: 'ipv6' },
      { layer: 'icmpv6', type: 136, solicited: true, override: true, router: false },
    ],
  },
  {
    name: 'an IPv4 fragment',
    frame: p.packet(
      eth,
      p.ip4({ src: '10.0.0.1', dst: '10.0.0.2', offset: 1480, mf: true, id: 3, protocol: 17 }),
      p.raw(16),
    ),
    layers: [ETH, { layer: 'ip', offset: 1480, mf: true, id: 3 }],
  },
  {
    name: 'wrong checksums',
    frame: p.packet(
      eth,
      p.ip4({ src: '10.0.0.1', dst: '10.0.0.2', checksum: 'bad' }),
      p.tcp({ sport: 11111, dport: 22222, checksum: 'bad' }),
    ),
    layers: [ETH, { layer: 'ip', checksum: 'bad' }, { layer: 'tcp', checksum: 'bad' }],
  },
];

test('tshark reads what the builder made', (t) => {
  const decoded = decode(cases.map((c) => c.frame));
  cases.forEach((c, i) => {
    t.same(differences(decoded[i]!, c.layers), [], c.name);
  });
  t.end();
});

test('differences are told', (t) => {
  const [frame] = decode([cases[0]!.frame]);
  t.same(differences(frame!, [ETH, { layer: 'ip', ttl: 10 }, { layer: 'udp' }]), [
    'layer 1 (ip): ttl is 9, expected 10',
  ]);
  t.same(differences(frame!, [ETH]), ['layers are "eth ip udp", expected "eth"']);
  const [bad] = decode([cases.at(-1)!.frame]);
  t.equal(differences(bad!, [ETH, { layer: 'ip' }, { layer: 'tcp' }]).length, 2);
  t.end();
});

test('a frame can be broken', (t) => {
  const frame = cases[0]!.frame;
  t.equal(p.truncate(frame, 20).length, 20);
  t.equal(p.trailing(frame, 3).length, frame.length + 3);
  t.same([...p.patch(frame, 12, [1, 2]).slice(11, 15)], [frame[11], 1, 2, frame[14]]);
  t.end();
});
