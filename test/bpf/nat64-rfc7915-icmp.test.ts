// SPDX-License-Identifier: Apache-2.0
/**
 * ICMP errors through NAT64 beyond the tables of types and codes: which MTU they tell of, how long
 * they are, what they quote, and which are not believed (RFC 7915 s4.2, s4.3, s5.2, s5.3).
 */
import * as p from '../support/packet/index.js';
import { isolate, type Outcome } from '../support/rig.js';
import { atA, atRouter, fromA, fromRouter, HOST, HOST6, OUTSIDE, PUBLIC } from './nat64-world.js';
import { numberOf, Stories, type Story } from './story.js';

isolate();

const ETHERNET = 14;
const HOP = '198.51.100.1';
const HOP6 = '2001:db8:64::c633:6401';
const data = p.raw(200);
const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);

const six = (...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6 }), ...layers);
const four = (fields: object, ...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(fromRouter, p.ip4({ src: HOST, dst: PUBLIC, ...fields }), ...layers);
/** What a router quotes of a packet that it got. */
const quoted = (o: Outcome, length?: number): p.Layer =>
  p.raw(o.data.subarray(ETHERNET, length === undefined ? undefined : ETHERNET + length));
const error4 = (icmp: object, ...quote: readonly p.Layer[]): Uint8Array =>
  four({ src: HOP }, p.icmp4({ type: 11, ...icmp }), ...quote);
const error6 = (icmp: object, ...quote: readonly p.Layer[]): Uint8Array =>
  six(p.icmp6({ type: 3, ...icmp }), ...quote);

/** Both directions once: what left, and what came back to a. */
function talk(s: Story, sport: number, body = data): { out: Outcome; back: Outcome; port: number } {
  const out = s.run('agent', 'a', six(p.udp({ sport, dport: 9 }), body));
  const port = numberOf(out);
  const back = s.run('transit', 'droplet', four({}, p.udp({ sport: 9, dport: port }), body));
  return { out, back, port };
}

// @rfc 7915 s4.2a
// @rfc 7915 s5.2a
story(
  'the MTU is of the narrower way, whoever tells of it',
  (s) => {
    const { out, back } = talk(s, 6000);
    for (const [said, mtu] of [
      [1300, 1320],
      [1400, 1420],
      [1500, 1420],
      [60000, 1420],
      [68, 1280],
    ] as const)
      s.once(
        `fragmentation needed, ${said}`,
        'transit',
        'droplet',
        error4({ type: 3, code: 4, rest: said }, quoted(out)),
        [
          atA,
          { layer: 'ipv6', src: HOP6, dst: 'fd01::10' },
          { layer: 'icmpv6', type: 2, code: 0, mtu, checksum: 'good' },
          { layer: 'ipv6', src: 'fd01::10', dst: HOST6, quoted: true },
          { layer: 'udp', sport: 6000, dport: 9, quoted: true },
        ],
      );
    for (const [said, mtu] of [
      [1280, 1260],
      [1410, 1390],
      [1450, 1400],
      [9000, 1400],
    ] as const)
      s.once(
        `packet too big, ${said}`,
        'agent',
        'a',
        error6({ type: 2, rest: said }, quoted(back)),
        [
          atRouter,
          { layer: 'ip', src: PUBLIC, dst: HOST },
          { layer: 'icmp', type: 3, code: 4, mtu, checksum: 'good' },
          { layer: 'ip', src: HOST, dst: PUBLIC, quoted: true },
          { layer: 'udp', sport: 9, quoted: true },
        ],
      );
  },
  { mtu: 1400 },
);

// @rfc 7915 s4.3
// @rfc 7915 s5.3
story('errors are no longer than errors are', (s) => {
  const { out, back } = talk(s, 6001, p.raw(1380));
  for (const [length, left] of [
    [28, 40 + 8 + 40 + 8],
    [1200, 1268],
    [1212, 1280],
    [1214, 1280],
    [1380, 1280],
  ] as const) {
    const o = s.once(
      `IPv4, quoting ${length}`,
      'transit',
      'droplet',
      error4({}, quoted(out, length)),
      [
        atA,
        { layer: 'ipv6', src: HOP6, dst: 'fd01::10', length: left - 40 },
        { layer: 'icmpv6', type: 3, code: 0, checksum: 'good' },
        { layer: 'ipv6', src: 'fd01::10', dst: HOST6, length: 1388, quoted: true },
        { layer: 'udp', sport: 6001, dport: 9, quoted: true },
      ],
    );
    s.t.equal(o.data.length, ETHERNET + left);
  }
  for (const [length, left] of [
    [48, 20 + 8 + 20 + 8],
    [548, 556],
    [568, 576],
    [570, 576],
    [1232, 576],
  ] as const)
    s.once(`IPv6, quoting ${length}`, 'agent', 'a', error6({}, quoted(back, length)), [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: HOST, length: left },
      { layer: 'icmp', type: 11, code: 0, checksum: 'good' },
      { layer: 'ip', src: HOST, dst: PUBLIC, length: 1408, quoted: true },
      { layer: 'udp', sport: 9, quoted: true },
    ]);
  s.dropped('without ports', 'transit', 'droplet', error4({}, quoted(out, 27)), 'NAT_UNRELATED');
  s.dropped('without ports', 'agent', 'a', error6({}, quoted(back, 47)), 'NAT_UNRELATED');
});

// @rfc 7915 s4.3
// @rfc 7915 s5.3
story('a quoted fragment stays one', (s) => {
  const port = talk(s, 6002).port;
  const sent = six(
    p.fragment({ offset: 0, more: true, id: 0x1234, next: 17 }),
    p.udp({ sport: 6002, dport: 9, length: 608, checksum: 0x4321 }),
    data,
  );
  const out = s.run('agent', 'a', sent);
  const o4 = s.once('of IPv4', 'transit', 'droplet', error4({}, quoted(out)), [
    atA,
    { layer: 'ipv6', src: HOP6, dst: 'fd01::10', length: 8 + 40 + 8 + 208 },
    { layer: 'icmpv6', type: 3, code: 0, checksum: 'good' },
    { layer: 'ipv6', src: 'fd01::10', dst: HOST6, length: 8 + 208, next: 44, quoted: true },
    { layer: 'udp', sport: 6002, dport: 9, quoted: true },
  ]);
  s.t.ok(
    Buffer.from(o4.data.subarray(ETHERNET + 88)).equals(Buffer.from(sent.subarray(ETHERNET + 40))),
    'quotes what was sent',
  );
  const came = four(
    { id: 0x4321, mf: true },
    p.udp({ sport: 9, dport: port, length: 608, checksum: 0x1234 }),
    data,
  );
  const back = s.run('transit', 'droplet', came);
  const o6 = s.once('of IPv6', 'agent', 'a', error6({ code: 1 }, quoted(back)), [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST, length: 20 + 8 + 20 + 208, mf: false },
    { layer: 'icmp', type: 11, code: 1, checksum: 'good' },
    {
      layer: 'ip',
      src: HOST,
      dst: PUBLIC,
      id: 0x4321,
      mf: true,
      df: false,
      protocol: 17,
      length: 228,
      quoted: true,
    },
    { layer: 'udp', sport: 9, dport: port, quoted: true },
  ]);
  s.t.ok(
    Buffer.from(o6.data.subarray(ETHERNET + 48)).equals(Buffer.from(came.subarray(ETHERNET + 20))),
    'quotes what came',
  );
});

// @rfc 7915 s5.3
story('what a quote carries between its headers is left out', (s) => {
  const { port } = talk(s, 6003);
  const quote = (...extensions: readonly p.Layer[]): readonly p.Layer[] => [
    p.ip6({ src: HOST6, dst: 'fd01::10' }),
    ...extensions,
    p.udp({ sport: 9, dport: 6003 }),
    data,
  ];
  const expected = [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST, length: 20 + 8 + 20 + 208 },
    { layer: 'icmp', type: 11, code: 0, checksum: 'good' },
    { layer: 'ip', src: HOST, dst: PUBLIC, length: 228, protocol: 17, mf: false, quoted: true },
    { layer: 'udp', sport: 9, dport: port, quoted: true },
  ];
  s.once(
    'destination options',
    'agent',
    'a',
    error6({}, ...quote(p.destinationOptions())),
    expected,
  );
  s.once(
    'an atomic fragment',
    'agent',
    'a',
    error6({}, ...quote(p.fragment({ offset: 0, more: false, id: 5 }))),
    expected,
  );
  s.dropped(
    'a later fragment',
    'agent',
    'a',
    error6({}, ...quote(p.fragment({ offset: 80, more: false, id: 5 }))),
    'NAT_UNRELATED',
  );
});

// @rfc 7915 s5.2b
story('extensions (RFC 4884) from inside', (s) => {
  const { back } = talk(s, 6004);
  const extension = p.raw(
    p.concat(p.u8(0x20, 0), p.u16(0xabcd, 12), p.u8(1, 1), p.u32(0x12345678, 0x9abcdef0)),
  );
  for (const [type, words, quote] of [
    [3, 16, 128],
    [1, 17, 136],
  ] as const) {
    const o = s.once(
      `${words} words`,
      'agent',
      'a',
      error6({ type, rest: (words << 24) >>> 0 }, quoted(back, quote), extension),
      [
        atRouter,
        { layer: 'ip', src: PUBLIC, dst: HOST, length: 20 + 8 + quote - 20 },
        { layer: 'icmp', type: type === 3 ? 11 : 3, checksum: 'good' },
        { layer: 'ip', src: HOST, dst: PUBLIC, length: 228, quoted: true },
        { layer: 'udp', sport: 9, quoted: true },
      ],
    );
    s.t.same([...o.data.subarray(38, 42)], [0, 0, 0, 0], 'no length, as there is no extension');
  }
});

story('errors are not believed that', (s) => {
  const { out, back } = talk(s, 6005);
  const bad4 = error4({ checksum: 'bad' }, quoted(out));
  s.dropped('are damaged, from outside', 'transit', 'droplet', bad4, 'BAD_CHECKSUM');
  s.dropped(
    'are damaged, from inside',
    'agent',
    'a',
    error6({ checksum: 'bad' }, quoted(back)),
    'BAD_CHECKSUM',
  );
  s.dropped(
    'quote what went the other way',
    'transit',
    'droplet',
    error4({}, p.raw(four({}, p.udp({ sport: 9, dport: 6005 }), data).subarray(ETHERNET))),
    'NAT_UNRELATED',
  );
  const toOther = p.packet(
    fromRouter,
    p.ip4({ src: HOP, dst: '203.0.113.9' }),
    p.icmp4({ type: 11 }),
    quoted(out),
  );
  s.dropped('are for another than who sent', 'transit', 'droplet', toOther, 'NAT_UNRELATED');
  s.dropped(
    'have no hop left',
    'transit',
    'droplet',
    four({ src: HOP, ttl: 1 }, p.icmp4({ type: 11 }), quoted(out)),
    'TTL_EXCEEDED',
  );
  const good = error4({}, quoted(out));
  s.t.equal(s.run('transit', 'droplet', good).reason, undefined, 'a good one passes');
  s.rig.raiseGeneration();
  s.dropped('quote what may lead elsewhere now', 'transit', 'droplet', good, 'NAT_UNRELATED');
  s.run('agent', 'a', six(p.udp({ sport: 6005, dport: 9 }), data));
  s.t.equal(
    s.run('transit', 'droplet', good).reason,
    undefined,
    'behind the next packet it passes',
  );
});

stories.run();
