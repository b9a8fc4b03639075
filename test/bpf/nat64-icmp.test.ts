// SPDX-License-Identifier: Apache-2.0
/** ICMP errors that become ICMPv6 ones and the other way: the tables of RFC 7915, both hooks. */
import * as p from '../support/packet/index.js';
import { isolate, type Outcome } from '../support/rig.js';
import { atA, atRouter, fromA, fromRouter, HOST, HOST6, OUTSIDE, PUBLIC } from './nat64-world.js';
import { numberOf, Stories, type Story } from './story.js';

isolate();

const ETHERNET = 14;
/** A router outside, and how it is seen inside. */
const HOP = '198.51.100.1';
const HOP6 = '2001:db8:64::c633:6401';
const IN6 = ETHERNET + 40;
const IN4 = ETHERNET + 20;
const data = p.raw(200);

const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);

const restOf = (o: Outcome, at: number): number =>
  new DataView(o.data.buffer, o.data.byteOffset).getUint32(at + 4);

/** What a sends, and its public port. */
function open(s: Story): { readonly sent: Uint8Array; readonly port: number } {
  const sent = p.packet(
    fromA,
    p.ip6({ src: 'fd01::10', dst: HOST6 }),
    p.udp({ sport: 5001, dport: 33434 }),
    data,
  );
  return { sent, port: numberOf(s.run('agent', 'a', sent)) };
}

const quoted4 = (port: number, more: object = {}): readonly p.Layer[] => [
  p.ip4({ src: PUBLIC, dst: HOST, ttl: 1, tos: 0xb8, ...more }),
  p.udp({ sport: port, dport: 33434 }),
  data,
];
const quoted6 = (port: number): readonly p.Layer[] => [
  p.ip6({ src: HOST6, dst: 'fd01::10', trafficClass: 0xb8, hopLimit: 1 }),
  p.udp({ sport: port, dport: 5001 }),
  data,
];

interface Row {
  readonly from: readonly [type: number, code: number, rest?: number];
  /** undefined: silently dropped. */
  readonly to: readonly [type: number, code: number, rest?: number] | undefined;
}

const row = (from: Row['from'], to: Row['to']): Row => ({ from, to });
const INWARDS: readonly Row[] = [
  ...[0, 1, 5, 6, 7, 8, 11, 12].map((code) => row([3, code], [1, 0])),
  row([3, 2], [4, 1, 6]),
  row([3, 3], [1, 4]),
  ...[9, 10, 13, 15].map((code) => row([3, code], [1, 1])),
  row([3, 14], undefined),
  row([3, 16], undefined),
  row([3, 4, 1400], [2, 0, 1420]),
  row([3, 4, 1500], [2, 0, 1450]),
  row([3, 4, 576], [2, 0, 1280]),
  row([3, 4, 0], [2, 0, 1280]),
  row([4, 0], undefined),
  row([5, 0], undefined),
  row([11, 0], [3, 0]),
  row([11, 1], [3, 1]),
  ...(
    [
      [0, 0],
      [1, 1],
      [2, 4],
      [3, 4],
      [8, 7],
      [9, 6],
      [12, 8],
      [15, 8],
      [16, 24],
      [19, 24],
    ] as const
  ).map(([at, to]) => row([12, 0, at << 24], [4, 0, to])),
  row([12, 2, 8 << 24], [4, 0, 7]),
  ...[4, 5, 6, 7, 10, 11, 20].map((at) => row([12, 0, at << 24], undefined)),
  row([12, 1], undefined),
];

const OUTWARDS: readonly Row[] = [
  row([1, 0], [3, 1]),
  row([1, 1], [3, 10]),
  row([1, 2], [3, 1]),
  row([1, 3], [3, 1]),
  row([1, 4], [3, 3]),
  row([1, 5], undefined),
  row([2, 0, 1400], [3, 4, 1380]),
  row([2, 0, 9000], [3, 4, 1430]),
  row([3, 0], [11, 0]),
  row([3, 1], [11, 1]),
  row([4, 1], [3, 2]),
  row([4, 2], undefined),
  ...(
    [
      [0, 0],
      [1, 1],
      [4, 2],
      [5, 2],
      [6, 9],
      [7, 8],
      [8, 12],
      [23, 12],
      [24, 16],
      [39, 16],
    ] as const
  ).map(([at, to]) => row([4, 0, at], [12, 0, to << 24])),
  ...[2, 3, 40].map((at) => row([4, 0, at], undefined)),
];

const named = ([type, code, rest]: readonly [number, number, number?]): string =>
  `${type}/${code}${rest === undefined ? '' : ` ${rest >>> 0}`}`;

// @rfc 6146 s3.6
// @rfc 7915 s4.2
// @rfc 7915 s4.2a
// @rfc 7915 s4.3
story('ICMP from outside', (s) => {
  const { sent, port } = open(s);
  for (const { from, to } of INWARDS) {
    const [type, code, rest = 0] = from;
    const frame = p.packet(
      fromRouter,
      p.ip4({ src: HOP, dst: PUBLIC, tos: 0xc0 }),
      p.icmp4({ type, code, rest }),
      ...quoted4(port),
    );
    const what = `${named(from)} becomes ${to ? named(to) : 'nothing'}`;
    if (!to) {
      s.dropped(what, 'transit', 'droplet', frame, 'NAT_PROTOCOL');
      continue;
    }
    const o = s.once(what, 'transit', 'droplet', frame, [
      atA,
      { layer: 'ipv6', src: HOP6, dst: 'fd01::10', ttl: 63, dscp: 48, flow: 0, next: 58 },
      { layer: 'icmpv6', type: to[0], code: to[1], checksum: 'good' },
      { layer: 'ipv6', src: 'fd01::10', dst: HOST6, ttl: 1, dscp: 46, length: 208, quoted: true },
      { layer: 'udp', sport: 5001, dport: 33434, quoted: true },
    ]);
    s.t.equal(restOf(o, IN6), to[2] ?? 0, `${s.hook}: ${what}: MTU or pointer`);
    const quote = o.data.subarray(IN6 + 8 + 40);
    const was = sent.subarray(ETHERNET + 40);
    s.t.ok(Buffer.from(quote).equals(was), `${s.hook}: ${what}: quotes what was sent`);
  }
});

// @rfc 7915 s5.2
// @rfc 7915 s5.2a
// @rfc 7915 s5.3
story('ICMPv6 from inside', (s) => {
  const { port } = open(s);
  const came = p.packet(
    fromRouter,
    p.ip4({ src: HOST, dst: PUBLIC, df: true }),
    p.udp({ sport: 9, dport: port }),
    data,
  );
  s.run('transit', 'droplet', came);
  for (const { from, to } of OUTWARDS) {
    const [type, code, rest = 0] = from;
    const frame = p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: HOST6 }),
      p.icmp6({ type, code, rest }),
      ...quoted6(9),
    );
    const what = `${named(from)} becomes ${to ? named(to) : 'nothing'}`;
    if (!to) {
      s.dropped(what, 'agent', 'a', frame, 'NAT_PROTOCOL');
      continue;
    }
    const o = s.once(what, 'agent', 'a', frame, [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: HOST, ttl: 63, protocol: 1, df: false, checksum: 'good' },
      { layer: 'icmp', type: to[0], code: to[1], checksum: 'good' },
      { layer: 'ip', src: HOST, dst: PUBLIC, ttl: 1, dscp: 46, length: 228, quoted: true },
      { layer: 'udp', sport: 9, dport: port, quoted: true },
    ]);
    s.t.equal(restOf(o, IN4), (to[2] ?? 0) >>> 0, `${s.hook}: ${what}: MTU or pointer`);
    const quote = o.data.subarray(IN4 + 8 + 20);
    const was = came.subarray(ETHERNET + 20);
    s.t.ok(Buffer.from(quote).equals(was), `${s.hook}: ${what}: quotes what came`);
  }
});

// @rfc 7915 s4.2a
story('fragmentation needed without an MTU takes the plateau below the packet', (s) => {
  const { port } = open(s);
  for (const [length, mtu] of [
    [1500, 1450],
    [1492, 1280],
    [9000, 1450],
  ] as const)
    s.once(
      `${length} bytes`,
      'transit',
      'droplet',
      p.packet(
        fromRouter,
        p.ip4({ src: HOP, dst: PUBLIC }),
        p.icmp4({ type: 3, code: 4 }),
        p.ip4({ src: PUBLIC, dst: HOST, length }),
        p.udp({ sport: port, dport: 33434, length: length - 20 }),
        data,
      ),
      [
        atA,
        { layer: 'ipv6', src: HOP6, dst: 'fd01::10' },
        { layer: 'icmpv6', type: 2, code: 0, mtu, checksum: 'good' },
        { layer: 'ipv6', src: 'fd01::10', dst: HOST6, length: length - 20, quoted: true },
        { layer: 'udp', sport: 5001, dport: 33434, quoted: true },
      ],
    );
});

// @rfc 7915 s4.2
// @rfc 7915 s5.2
story('errors about echoes', (s) => {
  const ping = p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6 }), p.echo6(77, 3), data);
  const id = numberOf(s.run('agent', 'a', ping));
  const o = s.once(
    'time exceeded',
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: HOP, dst: PUBLIC }),
      p.icmp4({ type: 11 }),
      p.ip4({ src: PUBLIC, dst: HOST }),
      p.echo4(id, 3),
      data,
    ),
    [
      atA,
      { layer: 'ipv6', src: HOP6, dst: 'fd01::10' },
      { layer: 'icmpv6', type: 3, code: 0, checksum: 'good' },
      { layer: 'ipv6', src: 'fd01::10', dst: HOST6, quoted: true },
      { layer: 'icmpv6', type: 128, id: 77, seq: 3, quoted: true },
    ],
  );
  const quote = o.data.subarray(IN6 + 8 + 40);
  s.t.ok(Buffer.from(quote).equals(ping.subarray(ETHERNET + 40)), 'quotes what was sent');
});

// @rfc 7915 s4.2b
story('extensions are cut off (RFC 4884)', (s) => {
  const { port } = open(s);
  const frame = p.packet(
    fromRouter,
    p.ip4({ src: HOP, dst: PUBLIC }),
    // 32 words of the packet, then an extension of 16 bytes
    p.icmp4({ type: 11, rest: 32 << 16 }),
    p.ip4({ src: PUBLIC, dst: HOST, length: 228 }),
    p.udp({ sport: port, dport: 33434, length: 208 }),
    p.raw(128 - 28),
    p.raw(p.concat(p.u8(0x20, 0), p.u16(0xabcd, 12), p.u8(1, 1), p.u32(0x12345678, 0x9abcdef0))),
  );
  const o = s.once('time exceeded', 'transit', 'droplet', frame, [
    atA,
    { layer: 'ipv6', src: HOP6, dst: 'fd01::10', length: 8 + 40 + 108 },
    { layer: 'icmpv6', type: 3, code: 0, checksum: 'good' },
    { layer: 'ipv6', src: 'fd01::10', dst: HOST6, quoted: true },
    { layer: 'udp', sport: 5001, dport: 33434, quoted: true },
  ]);
  s.t.equal(restOf(o, IN6), 0, 'no length');
});

// @rfc 7915 s4.3a
// @rfc 7915 s5.3a
story('errors about errors, and about what is not known', (s) => {
  const { port } = open(s);
  const error = (...quote: readonly p.Layer[]): Uint8Array =>
    p.packet(fromRouter, p.ip4({ src: HOP, dst: PUBLIC }), p.icmp4({ type: 11 }), ...quote);
  const about = (frame: Uint8Array, what: string): void => {
    s.dropped(what, 'transit', 'droplet', frame, 'NAT_UNRELATED');
  };
  const nested = [p.ip4({ src: PUBLIC, dst: HOST }), p.icmp4({ type: 3, code: 3 })];
  about(error(...nested, ...quoted4(port)), 'a quoted error');
  about(error(...quoted4(port ^ 2)), 'another port');
  about(error(...quoted4(port, { offset: 1480 })), 'a later fragment');
});

stories.run();
