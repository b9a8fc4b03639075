// SPDX-License-Identifier: Apache-2.0
/** NAT64's other ways: fragments, extension headers, static entries, hairpins, tunnels, what is refused. */
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { isolate } from '../support/rig.js';
import {
  atA,
  atB,
  atRouter,
  fromA,
  fromRouter,
  HOST,
  HOST6,
  OUTSIDE,
  PUBLIC,
} from './nat64-world.js';
import { numberOf, Stories } from './story.js';
import { DROPLET_MAC, GW, MAC, tunnel4, viaV1 } from './world.js';

isolate();

const data = p.raw(64);
const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);
const fromC = p.ether({ dst: GW, src: MAC.c });
/** What a is told of an address that may not be under the prefix. */
const notUnder = (dst?: string): readonly ExpectedLayer[] => [
  atA,
  { layer: 'ipv6', src: 'fd01::1', dst: 'fd01::10' },
  { layer: 'icmpv6', type: 1, code: 1, checksum: 'good' },
  { layer: 'ipv6', src: 'fd01::10', ...(dst === undefined ? {} : { dst }), quoted: true },
  { layer: 'udp', quoted: true },
];
const atC = { layer: 'eth', dst: MAC.c, src: GW };

// @rfc 6146 s3.4
// @rfc 6146 s3.4b
// @rfc 7915 s5.1.1
story('fragments', (s) => {
  const six = (offset: number, more: boolean, ...rest: readonly p.Layer[]): Uint8Array =>
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: HOST6 }),
      p.fragment({ offset, more, id: 0xabcd1234, next: 17 }),
      ...rest,
    );
  const out = s.once(
    'first, out',
    'agent',
    'a',
    six(0, true, p.udp({ sport: 5002, dport: 9, length: 136, checksum: 0x1234 }), data),
    [
      atRouter,
      {
        layer: 'ip',
        src: PUBLIC,
        dst: HOST,
        id: 0x1234,
        mf: true,
        df: false,
        offset: 0,
        protocol: 17,
      },
      { layer: 'udp', dport: 9 },
    ],
  );
  s.once('later, out', 'agent', 'a', six(72, false, data), [
    atRouter,
    {
      layer: 'ip',
      src: PUBLIC,
      dst: HOST,
      id: 0x1234,
      mf: false,
      df: false,
      offset: 72,
      protocol: 17,
    },
  ]);
  const port = numberOf(out);
  const four = (offset: number, mf: boolean, ...rest: readonly p.Layer[]): Uint8Array =>
    p.packet(
      fromRouter,
      p.ip4({ src: HOST, dst: PUBLIC, id: 0x4321, offset, mf, protocol: 17 }),
      ...rest,
    );
  s.once(
    'first, back',
    'transit',
    'droplet',
    four(0, true, p.udp({ sport: 9, dport: port, length: 136, checksum: 0x1234 }), data),
    [
      atA,
      { layer: 'ipv6', src: HOST6, dst: 'fd01::10', next: 44, length: 8 + 72 },
      { layer: 'udp', dport: 5002 },
    ],
  );
  s.once('later, back', 'transit', 'droplet', four(72, false, data), [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10', next: 44, length: 8 + 64 },
  ]);
  s.told(
    'without a checksum',
    'transit',
    'droplet',
    four(0, true, p.udp({ sport: 9, dport: port, length: 136, checksum: 0 }), data),
    'UDP_CHECKSUM',
    [
      { layer: 'eth', src: DROPLET_MAC },
      { layer: 'ip', src: '192.0.2.1', dst: HOST },
      { layer: 'icmp', type: 3, code: 13, checksum: 'good' },
      { layer: 'ip', src: HOST, dst: PUBLIC, mf: true, quoted: true },
      { layer: 'udp', quoted: true },
    ],
  );
  s.dropped(
    'of an echo',
    'transit',
    'droplet',
    p.packet(fromRouter, p.ip4({ src: HOST, dst: '203.0.113.9', mf: true }), p.echo4(1), data),
    'NAT_PROTOCOL',
  );
});

// @rfc 7915 s5.1b
// @rfc 7915 s4.1c
story('extension headers and options', (s) => {
  const with6 = (...extensions: readonly p.Layer[]): Uint8Array =>
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: HOST6 }),
      ...extensions,
      p.udp({ sport: 5003, dport: 9 }),
      data,
    );
  const plain = [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST, header: 20, length: 20 + 8 + 64, checksum: 'good' },
    { layer: 'udp', dport: 9, checksum: 'good' },
  ];
  const out = s.sent(
    'hop-by-hop and destination options',
    'agent',
    'a',
    with6(p.hopByHop(), p.destinationOptions({ units: 2 })),
    plain,
  );
  s.sent('a routing header that is used up', 'agent', 'a', with6(p.routing()), plain);
  s.sent(
    'an atomic fragment',
    'agent',
    'a',
    with6(p.fragment({ offset: 0, more: false, id: 0x10007 })),
    [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: HOST, id: 7, df: false, mf: false },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ],
  );
  const refused = s.run('agent', 'a', with6(p.authentication()));
  s.t.equal(refused.reason, 'NAT_PROTOCOL', 'authentication');
  const with4 = (options: Uint8Array): Uint8Array =>
    p.packet(
      fromRouter,
      p.ip4({ src: HOST, dst: PUBLIC, options }),
      p.udp({ sport: 9, dport: numberOf(out) }),
      data,
    );
  const inside = [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10', length: 8 + 64 },
    { layer: 'udp', sport: 9, dport: 5003, checksum: 'good' },
  ];
  s.sent('options', 'transit', 'droplet', with4(p.u8(1, 1, 148, 4, 0, 0, 0, 0)), inside);
  s.sent(
    'a source route that has ended',
    'transit',
    'droplet',
    with4(p.u8(131, 7, 8, 10, 0, 0, 1, 0)),
    inside,
  );
  s.told(
    'a source route that goes on',
    'transit',
    'droplet',
    with4(p.u8(1, 131, 7, 4, 10, 0, 0, 1)),
    'SOURCE_ROUTE',
    [
      { layer: 'eth', dst: '02:ff:00:00:00:01', src: DROPLET_MAC },
      { layer: 'ip', src: '192.0.2.1', dst: HOST },
      { layer: 'icmp', type: 3, code: 5, checksum: 'good' },
      // of a source route tshark shows where it ends
      { layer: 'ip', src: HOST, dst: '10.0.0.1', quoted: true },
      { layer: 'udp', quoted: true, checksum: 'bad' },
    ],
  );
});

story('a static entry', (s) => {
  s.sent(
    'in',
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: HOST, dst: '203.0.113.9' }),
      p.tcp({ sport: 4000, dport: 80, flags: 'S' }),
    ),
    [
      atC,
      { layer: 'ipv6', src: HOST6, dst: 'fd02::12' },
      { layer: 'tcp', sport: 4000, dport: 80, checksum: 'good' },
    ],
  );
  s.sent(
    'out',
    'agent',
    'c',
    p.packet(fromC, p.ip6({ src: 'fd02::12', dst: '2001:db8:64::c633:6409' }), p.echo6(5, 1), data),
    [
      atRouter,
      { layer: 'ip', src: '203.0.113.9', dst: '198.51.100.9' },
      { layer: 'icmp', type: 8, id: 5, checksum: 'good' },
    ],
  );
  s.sent(
    'out to IPv6 by its other one',
    'agent',
    'c',
    p.packet(
      fromC,
      p.ip6({ src: 'fd02::12', dst: '2001:db8:5::7' }),
      p.udp({ sport: 5, dport: 9 }),
    ),
    [
      atRouter,
      { layer: 'ipv6', src: '2001:db8:f::9', dst: '2001:db8:5::7' },
      { layer: 'udp', sport: 5, dport: 9, checksum: 'good' },
    ],
  );
});

story('a forwarded port', (s) => {
  s.sent(
    'in',
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: HOST, dst: PUBLIC }),
      p.tcp({ sport: 4000, dport: 8080, flags: 'S' }),
    ),
    [
      atB,
      { layer: 'ipv6', src: HOST6, dst: 'fd01::11' },
      { layer: 'tcp', sport: 4000, dport: 80, checksum: 'good' },
    ],
  );
});

// @rfc 6146 s3.8
story('hairpins', (s) => {
  s.sent(
    'from IPv6 to IPv6',
    'agent',
    'a',
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: '2001:db8:64::cb00:7101' }),
      p.tcp({ sport: 4001, dport: 8080, flags: 'S' }),
    ),
    [
      atB,
      { layer: 'ipv6', src: '2001:db8:64::cb00:7101', dst: 'fd01::11', ttl: 63 },
      { layer: 'tcp', dport: 80, checksum: 'good' },
    ],
  );
  s.sent(
    'from IPv4 to IPv6',
    'agent',
    'a',
    p.packet(
      fromA,
      p.ip4({ src: '10.1.0.10', dst: PUBLIC }),
      p.tcp({ sport: 4003, dport: 8080, flags: 'S' }),
    ),
    [
      atB,
      { layer: 'ipv6', src: '2001:db8:64::cb00:7101', dst: 'fd01::11', ttl: 63 },
      { layer: 'tcp', dport: 80, checksum: 'good' },
    ],
  );
});

story('from and to an endpoint behind a tunnel', (s) => {
  const out = s.sent(
    'out',
    'transit',
    'droplet',
    tunnel4([
      p.ether({ dst: GW, src: MAC.r }),
      p.ip6({ src: 'fd01::20', dst: HOST6 }),
      p.udp({ sport: 5004, dport: 9 }),
      data,
    ]),
    [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: HOST },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ],
  );
  s.sent(
    'back',
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: HOST, dst: PUBLIC }),
      p.udp({ sport: 9, dport: numberOf(out) }),
      data,
    ),
    viaV1([
      { layer: 'eth', dst: MAC.r, src: GW },
      { layer: 'ipv6', src: HOST6, dst: 'fd01::20' },
      { layer: 'udp', sport: 9, dport: 5004, checksum: 'good' },
    ]),
  );
});

// @rfc 7915 s4.1a
// @rfc 7915 s1.4
// @rfc 7915 s5
story('MTU', (s) => {
  const big = (length: number): Uint8Array =>
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: HOST6 }),
      p.udp({ sport: 5005, dport: 9 }),
      p.raw(length),
    );
  const out = s.sent('1260 bytes of IPv4', 'agent', 'a', big(1232), [
    atRouter,
    { layer: 'ip', length: 1260, df: false },
    { layer: 'udp', checksum: 'good' },
  ]);
  s.sent('1261 bytes of IPv4', 'agent', 'a', big(1233), [
    atRouter,
    { layer: 'ip', length: 1261, df: true, id: 0 },
    { layer: 'udp', checksum: 'good' },
  ]);
  const back = (length: number): Uint8Array =>
    p.packet(
      fromRouter,
      p.ip4({ src: HOST, dst: PUBLIC, df: true }),
      p.udp({ sport: 9, dport: numberOf(out) }),
      p.raw(length),
    );
  s.sent('1450 bytes of IPv6', 'transit', 'droplet', back(1402), [
    atA,
    { layer: 'ipv6', length: 1410 },
    { layer: 'udp', checksum: 'good' },
  ]);
  s.told('1451 bytes of IPv6', 'transit', 'droplet', back(1403), 'TOO_BIG', [
    { layer: 'eth', src: DROPLET_MAC },
    { layer: 'ip', src: '192.0.2.1', dst: HOST },
    { layer: 'icmp', type: 3, code: 4, mtu: 1430, checksum: 'good' },
    { layer: 'ip', src: HOST, dst: PUBLIC, quoted: true },
    { layer: 'udp', quoted: true },
  ]);
});

// @rfc 7915 s4.1b
// @rfc 7915 s5.1a
story('TTL and hop limit', (s) => {
  s.told(
    'used up',
    'agent',
    'a',
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: HOST6, hopLimit: 1 }),
      p.udp({ sport: 5006, dport: 9 }),
    ),
    'TTL_EXCEEDED',
    [
      atA,
      { layer: 'ipv6', src: 'fd01::1', dst: 'fd01::10' },
      { layer: 'icmpv6', type: 3, code: 0, checksum: 'good' },
      { layer: 'ipv6', src: 'fd01::10', dst: HOST6, quoted: true },
      { layer: 'udp', quoted: true },
    ],
  );
});

// @rfc 6146 s3.5.1b
story('what nobody has, and what may not be', (s) => {
  s.dropped(
    'a port without a mapping',
    'transit',
    'droplet',
    p.packet(fromRouter, p.ip4({ src: HOST, dst: PUBLIC }), p.udp({ sport: 9, dport: 1 })),
    'NO_MAPPING',
  );
  s.told(
    'loopback under the prefix',
    'agent',
    'a',
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: '2001:db8:64::7f00:1' }),
      p.udp({ sport: 5, dport: 9 }),
    ),
    'NAT64_ADDRESS',
    notUnder('2001:db8:64::7f00:1'),
  );
});

// @rfc 6052 s3.1
story(
  'the well-known prefix carries global addresses only',
  (s) => {
    const to = (dst: string): Uint8Array =>
      p.packet(fromA, p.ip6({ src: 'fd01::10', dst }), p.udp({ sport: 5, dport: 9 }));
    for (const dst of [
      '10.0.0.1',
      '100.64.0.1',
      '169.254.1.1',
      '172.16.0.1',
      '192.168.0.1',
      '198.18.0.1',
      '224.0.0.1',
    ])
      s.told(dst, 'agent', 'a', to(`64:ff9b::${dst}`), 'NAT64_ADDRESS', notUnder());
    s.sent('a global one', 'agent', 'a', to('64:ff9b::9.9.9.9'), [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: '9.9.9.9' },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ]);
  },
  { nat64: '64:ff9b::/96' },
);

stories.run();
