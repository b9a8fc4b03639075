// SPDX-License-Identifier: Apache-2.0
/** What is translated how, what is not, and who is told (RFC 7915 s4, s5): bytes, both hooks. */
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
import { DROPLET_MAC, GW, MAC, viaV1 } from './world.js';

isolate();

const data = p.raw(64);
const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);
/** A static entry of c, which has an MTU of 1300. */
const STATIC = '203.0.113.9';
const fromC = p.ether({ dst: GW, src: MAC.c });
const atC = { layer: 'eth', dst: MAC.c, src: GW };

const six = (fields: object, ...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6, ...fields }), ...layers);
const four = (fields: object, ...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(fromRouter, p.ip4({ src: HOST, dst: PUBLIC, ...fields }), ...layers);

/** What the sender inside is told, and what the one outside is: behind it, what is quoted. */
const told6 = (...quote: readonly string[]): readonly ExpectedLayer[] => [
  atA,
  { layer: 'ipv6', src: 'fd01::1', dst: 'fd01::10' },
  { layer: 'icmpv6', type: 1, code: 1, checksum: 'good' },
  { layer: 'ipv6', src: 'fd01::10', quoted: true },
  ...quote.map((layer) => ({ layer, quoted: true })),
];
const told4 = (dst: string, ...quote: readonly ExpectedLayer[]): readonly ExpectedLayer[] => [
  { layer: 'eth', dst: '02:ff:00:00:00:01', src: DROPLET_MAC },
  { layer: 'ip', src: '192.0.2.1', dst: HOST },
  { layer: 'icmp', type: 3, code: 13, checksum: 'good' },
  { layer: 'ip', src: HOST, dst, quoted: true },
  ...quote,
];

// @rfc 6146 s3.7
// @rfc 7915 s4.1
// @rfc 7915 s5.1
story('every field of UDP, each way', (s) => {
  for (const [tos, ttl] of [
    [0x00, 2],
    [0xb9, 64],
    [0xff, 255],
  ] as const) {
    const dscp = tos >> 2;
    const ecn = tos & 3;
    const out = s.sent(
      `out, TOS ${tos}`,
      'agent',
      'a',
      six(
        { trafficClass: tos, flowLabel: 0xabcde, hopLimit: ttl },
        p.udp({ sport: 5000, dport: 9 }),
        data,
      ),
      [
        atRouter,
        {
          layer: 'ip',
          src: PUBLIC,
          dst: HOST,
          ttl: ttl - 1,
          dscp,
          ecn,
          header: 20,
          length: 92,
          protocol: 17,
          df: false,
          mf: false,
          offset: 0,
          checksum: 'good',
        },
        { layer: 'udp', dport: 9, length: 72, checksum: 'good' },
      ],
    );
    s.t.ok(Buffer.from(out.data.subarray(42)).equals(Buffer.from(p.pattern(64))), 'data as it was');
    const back = s.sent(
      `back, TOS ${tos}`,
      'transit',
      'droplet',
      four({ tos, ttl, df: true, id: 99 }, p.udp({ sport: 9, dport: numberOf(out) }), data),
      [
        atA,
        {
          layer: 'ipv6',
          src: HOST6,
          dst: 'fd01::10',
          ttl: ttl - 1,
          dscp,
          ecn,
          flow: 0,
          length: 72,
          next: 17,
        },
        { layer: 'udp', sport: 9, dport: 5000, length: 72, checksum: 'good' },
      ],
    );
    s.t.ok(
      Buffer.from(back.data.subarray(62)).equals(Buffer.from(p.pattern(64))),
      'data as it was',
    );
  }
  s.told(
    'a TTL that is used up',
    'transit',
    'droplet',
    four({ ttl: 1, dst: STATIC }, p.udp({ sport: 9, dport: 9 })),
    'TTL_EXCEEDED',
    [
      { layer: 'eth', src: DROPLET_MAC },
      { layer: 'ip', src: '192.0.2.1', dst: HOST },
      { layer: 'icmp', type: 11, code: 0, checksum: 'good' },
      { layer: 'ip', src: HOST, dst: STATIC, quoted: true },
      { layer: 'udp', quoted: true },
    ],
  );
});

story('a UDP checksum of zero stays one in IPv4', (s) => {
  s.sent('out', 'agent', 'a', six({}, p.udp({ sport: 5001, dport: 9, checksum: 0 }), data), [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST },
    { layer: 'udp', dport: 9, checksum: 'none' },
  ]);
});

// @rfc 7915 s4.5b
// @rfc 7915 s5.5a
story('other transports pass as they are', (s) => {
  const body = p.pattern(48);
  const same = (bytes: Uint8Array, what: string): void =>
    void s.t.ok(Buffer.from(bytes).equals(Buffer.from(body)), `${s.hook}: ${what}: as it was`);
  for (const protocol of [33, 50, 136, 253]) {
    const out = s.run('agent', 'a', six({ next: protocol }, p.raw(body)));
    s.t.equal(out.reason, undefined, `${protocol} out`);
    same(out.data.subarray(34), `${protocol} out`);
    s.t.equal(out.data[23], protocol);
    s.t.equal([...out.data.subarray(30, 34)].join('.'), HOST);
    const back = s.run('transit', 'droplet', four({ protocol }, p.raw(body)));
    s.t.equal(back.endpoints.a?.rx_packets, 1, `${protocol} back`);
    same(back.data.subarray(54), `${protocol} back`);
    s.t.equal(back.data[20], protocol);
    const stranger = s.run(
      'transit',
      'droplet',
      four({ src: '198.51.100.8', protocol }, p.raw(body)),
    );
    s.t.equal(stranger.reason, 'NO_MAPPING', `${protocol} of another host`);
    const to = s.run('transit', 'droplet', four({ dst: STATIC, protocol }, p.raw(body)));
    s.t.equal(to.endpoints.c?.rx_packets, 1, `${protocol} to a static entry`);
    same(to.data.subarray(54), `${protocol} to a static entry`);
  }
  s.sent('SCTP, out', 'agent', 'a', six({}, p.sctp({ sport: 7, dport: 9 })), [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST, protocol: 132 },
    { layer: 'sctp', sport: 7, dport: 9, checksum: 'good' },
  ]);
  s.sent('SCTP, back', 'transit', 'droplet', four({}, p.sctp({ sport: 9, dport: 7 })), [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10', next: 132 },
    { layer: 'sctp', sport: 9, dport: 7, checksum: 'good' },
  ]);
});

// @rfc 7915 s5.4
story('who is told inside: administratively prohibited', (s) => {
  const refused = (what: string, frame: Uint8Array, reason: string, ...quote: readonly string[]) =>
    s.told(what, 'agent', 'a', frame, reason, told6(...quote));
  const udp = p.udp({ sport: 5, dport: 9 });
  refused('authentication', six({}, p.authentication(), udp), 'NAT_PROTOCOL', 'udp');
  refused('mobility', six({}, p.mobility(), udp), 'NAT_PROTOCOL');
  refused(
    'a header behind the fragment header',
    six(
      {},
      p.fragment({ offset: 0, more: true, id: 1, next: 60 }),
      p.destinationOptions(),
      udp,
      data,
    ),
    'NAT_PROTOCOL',
    'udp',
  );
  refused(
    'multicast under the prefix',
    six({ dst: '2001:db8:64::e000:1' }, udp),
    'NAT64_ADDRESS',
    'udp',
  );
  const silent = (what: string, frame: Uint8Array): void =>
    void s.dropped(what, 'agent', 'a', frame, 'NAT_PROTOCOL');
  for (const type of [130, 131, 132, 139, 140, 143, 200])
    silent(`ICMPv6 type ${type}`, six({}, p.icmp6({ type }), data));
  silent(
    'an echo in fragments',
    six({}, p.fragment({ offset: 0, more: true, id: 2, next: 58 }), p.echo6(1), data),
  );
  silent('ICMP of the other family', six({ next: 1 }, p.echo4(1), data));
});

// @rfc 7915 s4.4
story('who is told outside: administratively prohibited', (s) => {
  // behind an IPv4 header these are transports; behind an IPv6 one they would be extension headers
  for (const protocol of [0, 43, 44, 51, 60, 135]) {
    const o = s.run('transit', 'droplet', four({ dst: STATIC, protocol }, p.raw(40)));
    s.t.equal(o.reason, 'NAT_PROTOCOL', `${protocol} would be an extension header`);
    s.t.equal(o.counts.generated, 1, 'its sender is told');
    s.t.same([...o.data.subarray(34, 36)], [3, 13]);
  }
  s.told(
    'the first fragment of UDP without a checksum',
    'transit',
    'droplet',
    four(
      { dst: STATIC, mf: true, id: 7 },
      p.udp({ sport: 9, dport: 9, checksum: 0, length: 200 }),
      data,
    ),
    'UDP_CHECKSUM',
    told4(STATIC, { layer: 'udp', quoted: true }),
  );
  const silent = (what: string, ...layers: readonly p.Layer[]): void =>
    void s.dropped(what, 'transit', 'droplet', four({ dst: STATIC }, ...layers), 'NAT_PROTOCOL');
  for (const type of [6, 9, 10, 13, 14, 15, 16, 17, 18, 200])
    silent(`ICMP type ${type}`, p.icmp4({ type }), data);
  const of = (protocol: number): Uint8Array => four({ dst: STATIC, protocol }, p.raw(16));
  s.dropped('IGMP', 'transit', 'droplet', of(2), 'NAT_PROTOCOL');
  s.dropped('ICMPv6 in IPv4', 'transit', 'droplet', of(58), 'NAT_PROTOCOL');
});

// @rfc 7915 s4a
story('the threshold is what the way inside carries, not 1280', (s) => {
  const to = (dst: string, length: number, df: boolean): Uint8Array =>
    four({ dst, df }, p.tcp({ sport: 9, dport: 8080 }), p.raw(length - 40));
  // an IPv6 packet is 20 bytes longer; b's MTU is 1450, c's is 1300
  for (const [dst, at, length] of [
    [PUBLIC, atB, 1261],
    [PUBLIC, atB, 1400],
    [PUBLIC, atB, 1430],
    [STATIC, atC, 1280],
  ] as const)
    for (const df of [false, true])
      s.once(`${length} bytes, ${df ? 'DF' : 'no DF'}`, 'transit', 'droplet', to(dst, length, df), [
        at,
        { layer: 'ipv6', src: HOST6, length: length - 20, next: 6 },
        { layer: 'tcp', checksum: 'good' },
      ]);
  s.told('more than that', 'transit', 'droplet', to(STATIC, 1281, true), 'TOO_BIG', [
    { layer: 'eth', src: DROPLET_MAC },
    { layer: 'ip', src: '192.0.2.1', dst: HOST },
    { layer: 'icmp', type: 3, code: 4, mtu: 1280, checksum: 'good' },
    { layer: 'ip', src: HOST, dst: STATIC, quoted: true },
    { layer: 'tcp', checksum: 'bad', quoted: true }, // not all of it is quoted
  ]);
});

// @rfc 7915 s4.6
story('what is addressed to IPv6 hosts is translated, and nothing else', (s) => {
  const v4 = s.run(
    'agent',
    'a',
    p.packet(fromA, p.ip4({ src: '10.1.0.10', dst: HOST }), p.udp({ sport: 5010, dport: 9 })),
  );
  const v6 = s.run('agent', 'a', six({}, p.udp({ sport: 5010, dport: 9 })));
  const answer = (port: number): Uint8Array => four({}, p.udp({ sport: 9, dport: port }));
  s.sent('a mapping of IPv4', 'transit', 'droplet', answer(numberOf(v4)), [
    atA,
    { layer: 'ip', src: HOST, dst: '10.1.0.10' },
    { layer: 'udp', dport: 5010, checksum: 'good' },
  ]);
  s.sent('a mapping of IPv6, at the same address', 'transit', 'droplet', answer(numberOf(v6)), [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10' },
    { layer: 'udp', dport: 5010, checksum: 'good' },
  ]);
  s.sent(
    'a static entry',
    'transit',
    'droplet',
    four({ dst: STATIC }, p.udp({ sport: 9, dport: 9 })),
    [
      atC,
      { layer: 'ipv6', src: HOST6, dst: 'fd02::12' },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ],
  );
  for (const dst of ['192.0.2.1', '192.0.2.77']) {
    const o = s.run('transit', 'droplet', four({ dst }, p.udp({ sport: 9, dport: 9 })));
    s.t.equal(o.verdict, 'passed', `${dst} has a route of its own: the host forwards it`);
  }
});

// @rfc 7915 s5.6
story(
  'a closer route without translation wins over the prefix',
  (s) => {
    const udp = p.udp({ sport: 5011, dport: 9 });
    s.sent('under the prefix', 'agent', 'a', six({ dst: 'fd17:0:0:c633:64:700:0:0' }, udp), [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: HOST },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ]);
    s.sent(
      'a route to a VTEP within it',
      'agent',
      'a',
      six({ dst: 'fd17::1' }, udp),
      viaV1([
        { layer: 'eth', dst: MAC.m, src: GW },
        { layer: 'ipv6', src: 'fd01::10', dst: 'fd17::1' },
        { layer: 'udp', sport: 5011, dport: 9, checksum: 'good' },
      ]),
    );
    s.sent('a route to an endpoint within that', 'agent', 'a', six({ dst: 'fd17::5:7' }, udp), [
      atC,
      { layer: 'ipv6', src: 'fd01::10', dst: 'fd17::5:7' },
      { layer: 'udp', sport: 5011, dport: 9, checksum: 'good' },
    ]);
    s.sent(
      'what is not under it',
      'agent',
      'c',
      p.packet(fromC, p.ip6({ src: 'fd02::12', dst: 'fd18:1::1' }), udp),
      [
        atRouter,
        { layer: 'ipv6', src: '2001:db8:f::9', dst: 'fd18:1::1' },
        { layer: 'udp', dport: 9, checksum: 'good' },
      ],
    );
  },
  { nat64: 'fd17::/48' },
);

stories.run();
