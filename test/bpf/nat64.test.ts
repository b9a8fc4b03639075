// SPDX-License-Identifier: Apache-2.0
/** What becomes of IPv6 packets for IPv4 hosts, and of those that come back: bytes, both hooks. */
import * as p from '../support/packet/index.js';
import { isolate } from '../support/rig.js';
import { atA, atRouter, fromA, fromRouter, HOST, HOST6, OUTSIDE, PUBLIC } from './nat64-world.js';
import { numberOf, Stories } from './story.js';

isolate();

const data = p.raw(20);
const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);

// @rfc 6146 s3.5.1.1a
// @rfc 6146 s3.5.2
// @rfc 6146 s5.2
// @rfc 7915 s4.1
// @rfc 7915 s4b
// @rfc 7915 s4.5
// @rfc 7915 s5
// @rfc 7915 s5.1
// @rfc 7915 s5.5
story('TCP out and back', (s) => {
  const syn = p.packet(
    fromA,
    p.ip6({ src: 'fd01::10', dst: HOST6, trafficClass: 0xb8, flowLabel: 0x12345 }),
    p.tcp({ sport: 40001, dport: 443, flags: 'S' }),
  );
  const out = s.sent('out', 'agent', 'a', syn, [
    atRouter,
    {
      layer: 'ip',
      src: PUBLIC,
      dst: HOST,
      ttl: 63,
      dscp: 46,
      df: false,
      header: 20,
      length: 40,
      protocol: 6,
      checksum: 'good',
    },
    { layer: 'tcp', dport: 443, flags: 2, checksum: 'good' },
  ]);
  const port = numberOf(out);
  s.t.equal(port % 2, 1, 'parity kept');
  s.t.ok(port >= 1024, 'range class kept');
  s.t.equal(out.endpoints.a?.tx_bytes, 74, 'counted as it was sent');
  const answer = p.packet(
    fromRouter,
    p.ip4({ src: HOST, dst: PUBLIC, tos: 0x28 }),
    p.tcp({ sport: 443, dport: port, flags: 'SA' }),
  );
  const back = s.sent('back', 'transit', 'droplet', answer, [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10', ttl: 63, dscp: 10, flow: 0, length: 20, next: 6 },
    { layer: 'tcp', sport: 443, dport: 40001, checksum: 'good' },
  ]);
  s.t.equal(back.endpoints.a?.rx_bytes, 74, 'counted as a receives it');
  const other = p.packet(
    fromA,
    p.ip6({ src: 'fd01::10', dst: '2001:db8:64::c633:6408' }),
    p.tcp({ sport: 40001, dport: 80, flags: 'S' }),
  );
  s.t.equal(numberOf(s.run('agent', 'a', other)), port, 'endpoint-independent');
  s.rig.raiseGeneration();
  s.t.equal(numberOf(s.run('agent', 'a', syn)), port, 'the same after a change');
  s.t.equal(s.run('transit', 'droplet', answer).verdict, 'sent');
});

story('the same address and port has a mapping in each family', (s) => {
  const to = (dst: string): Uint8Array =>
    p.packet(fromA, p.ip6({ src: 'fd01::10', dst }), p.udp({ sport: 7000, dport: 9 }), data);
  const four = s.sent('to IPv4', 'agent', 'a', to(HOST6), [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST },
    { layer: 'udp', dport: 9, checksum: 'good' },
  ]);
  const six = s.sent('to IPv6', 'agent', 'a', to('2001:db8:5::7'), [
    atRouter,
    { layer: 'ipv6', src: '2001:db8:f::1', dst: '2001:db8:5::7' },
    { layer: 'udp', dport: 9, checksum: 'good' },
  ]);
  for (const [answer, what] of [
    [
      p.packet(
        fromRouter,
        p.ip4({ src: HOST, dst: PUBLIC }),
        p.udp({ sport: 9, dport: numberOf(four) }),
        data,
      ),
      HOST6,
    ],
    [
      p.packet(
        fromRouter,
        p.ip6({ src: '2001:db8:5::7', dst: '2001:db8:f::1' }),
        p.udp({ sport: 9, dport: numberOf(six) }),
        data,
      ),
      '2001:db8:5::7',
    ],
  ] as const)
    s.sent(`from ${what}`, 'transit', 'droplet', answer, [
      atA,
      { layer: 'ipv6', src: what, dst: 'fd01::10' },
      { layer: 'udp', sport: 9, dport: 7000, checksum: 'good' },
    ]);
});

// @rfc 7915 s4.5a
for (const length of [0, 1, 2, 3, 20, 55, 56, 57, 1000, 1001, 1002, 1003])
  story(`UDP without a checksum, ${length} bytes`, (s) => {
    const out = s.run(
      'agent',
      'a',
      p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6 }), p.udp({ sport: 5000, dport: 9 })),
    );
    s.sent(
      'back',
      'transit',
      'droplet',
      p.packet(
        fromRouter,
        p.ip4({ src: HOST, dst: PUBLIC }),
        p.udp({ sport: 9, dport: numberOf(out), checksum: 0 }),
        p.raw(length),
      ),
      [
        atA,
        { layer: 'ipv6', src: HOST6, dst: 'fd01::10', length: 8 + length },
        { layer: 'udp', sport: 9, dport: 5000, checksum: 'good' },
      ],
    );
  });

// @rfc 6146 s3.5.3
story('echo', (s) => {
  const ping = p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6 }), p.echo6(77, 3), data);
  const out = s.sent('request', 'agent', 'a', ping, [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST, ttl: 63, protocol: 1, checksum: 'good' },
    { layer: 'icmp', type: 8, code: 0, seq: 3, checksum: 'good' },
  ]);
  s.sent(
    'reply',
    'transit',
    'droplet',
    p.packet(fromRouter, p.ip4({ src: HOST, dst: PUBLIC }), p.echoReply4(numberOf(out), 3), data),
    [
      atA,
      { layer: 'ipv6', src: HOST6, dst: 'fd01::10', next: 58 },
      { layer: 'icmpv6', type: 129, code: 0, id: 77, seq: 3, checksum: 'good' },
    ],
  );
});

// @rfc 6052 s2.2
// @rfc 6052 s2.2a
// @rfc 6052 s2.3
// @rfc 6146 s3.5.4
for (const [prefix, host] of [
  ['2001:db8::/32', '2001:db8:c633:6407::'],
  ['2001:db8:100::/40', '2001:db8:1c6:3364:7::'],
  ['2001:db8:122::/48', '2001:db8:122:c633:64:700::'],
  ['2001:db8:122:300::/56', '2001:db8:122:3c6:33:6407::'],
  ['2001:db8:122:344::/64', '2001:db8:122:344:c6:3364:700:0'],
  ['2001:db8:122:344::/96', '2001:db8:122:344::c633:6407'],
] as const)
  story(
    `prefix ${prefix}`,
    (s) => {
      const out = s.sent(
        'out',
        'agent',
        'a',
        p.packet(fromA, p.ip6({ src: 'fd01::10', dst: host }), p.udp({ sport: 5000, dport: 9 })),
        [
          atRouter,
          { layer: 'ip', src: PUBLIC, dst: HOST },
          { layer: 'udp', dport: 9, checksum: 'good' },
        ],
      );
      s.sent(
        'a stranger answers',
        'transit',
        'droplet',
        p.packet(
          fromRouter,
          p.ip4({ src: HOST, dst: PUBLIC }),
          p.udp({ sport: 10, dport: numberOf(out) }),
        ),
        [
          atA,
          { layer: 'ipv6', src: host.replace(/:0$/, ':0'), dst: 'fd01::10' },
          { layer: 'udp', sport: 10, dport: 5000, checksum: 'good' },
        ],
      );
    },
    { nat64: prefix },
  );

stories.run();
