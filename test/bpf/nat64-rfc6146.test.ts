// SPDX-License-Identifier: Apache-2.0
/** Who reaches whom through NAT64, and as what (RFC 6146 s3): both hooks, bytes. */
import * as p from '../support/packet/index.js';
import { isolate, type Outcome } from '../support/rig.js';
import {
  atA,
  atB,
  atRouter,
  fromA,
  fromB,
  fromRouter,
  HOST,
  HOST6,
  OUTSIDE,
  PUBLIC,
} from './nat64-world.js';
import { numberOf, Stories, type Story } from './story.js';
import { BLUE_GW, MAC } from './world.js';

isolate();

const data = p.raw(20);
const stories = new Stories({ ...OUTSIDE, blockSize: 1024 });
const story = stories.story.bind(stories);
const PUBLIC6 = '2001:db8:64::cb00:7101';

const six = (dst: string, ...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(fromA, p.ip6({ src: 'fd01::10', dst }), ...layers);
const four = (src: string, ...layers: readonly p.Layer[]): Uint8Array =>
  p.packet(fromRouter, p.ip4({ src, dst: PUBLIC }), ...layers);
const opened = (s: Story, layer: p.Layer, dst = HOST6): number =>
  numberOf(s.run('agent', 'a', six(dst, layer, data)));

// @rfc 6146 s3.1
story('each protocol has its own BIB', (s) => {
  const made: Record<string, number> = {};
  const probes: readonly (readonly [string, (port: number) => p.Layer])[] = [
    ['UDP', (port) => p.udp({ sport: 7, dport: port })],
    ['TCP', (port) => p.tcp({ sport: 7, dport: port, flags: 'S' })],
    ['echo', (port) => p.echo4(port)],
  ];
  const makers: Record<string, p.Layer> = {
    UDP: p.udp({ sport: 4000, dport: 53 }),
    TCP: p.tcp({ sport: 4000, dport: 53, flags: 'S' }),
    echo: p.echo6(4000),
  };
  for (const name of Object.keys(makers)) {
    const port = opened(s, makers[name]!);
    made[name] = port;
    s.t.equal(opened(s, makers[name]!, '2001:db8:64::c633:6408'), port, `${name}: for any remote`);
    for (const [other, probe] of probes) {
      const o = s.run('transit', 'droplet', four('198.51.100.33', probe(port), data));
      const known = other === name || made[other] === port;
      s.t.equal(o.reason, known ? undefined : 'NO_MAPPING', `${other} to the port of ${name}`);
      if (known) s.t.equal(o.endpoints.a?.rx_packets, 1);
    }
  }
});

// @rfc 6146 s3.5
story(
  'a source of the prefix is dropped silently',
  (s) => {
    const fromRouted = (src: string): Uint8Array =>
      p.packet(
        fromB,
        p.ip6({ src, dst: 'fd16:0:0:c633:64:700:0:0' }),
        p.udp({ sport: 5, dport: 9 }),
      );
    // what is routed to b it may send from, but for this
    s.dropped('of a route within it', 'agent', 'b', fromRouted('fd16::1'), 'SPOOFED_IP');
    s.sent('b’s own', 'agent', 'b', fromRouted('fd01::11'), [
      atRouter,
      { layer: 'ip', src: PUBLIC, dst: HOST },
      { layer: 'udp', dport: 9 },
    ]);
  },
  { nat64: 'fd16::/48' },
);

story('a source of the prefix that nobody has', (s) => {
  const frame = p.packet(fromA, p.ip6({ src: HOST6, dst: HOST6 }), p.udp({ sport: 5, dport: 9 }));
  s.dropped('from a', 'agent', 'a', frame, 'SPOOFED_IP');
});

// @rfc 6146 s3.5a
story('only what is for the prefix, or the pool, is translated', (s) => {
  s.sent(
    'to another IPv6 address',
    'agent',
    'a',
    six('2001:db8:65::c633:6407', p.udp({ sport: 5, dport: 9 })),
    [
      atRouter,
      { layer: 'ipv6', src: '2001:db8:f::1', dst: '2001:db8:65::c633:6407' },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ],
  );
  const to = (dst: string): Uint8Array =>
    p.packet(fromRouter, p.ip4({ src: HOST, dst }), p.udp({ sport: 5, dport: 9 }));
  for (const dst of ['192.0.2.1', '203.0.113.77', '10.1.0.10'])
    s.t.equal(
      s.run('transit', 'droplet', to(dst)).verdict,
      'passed',
      `${dst} is the host’s matter`,
    );
  // the prefix is of VPC red alone
  const blue = s.rig.key(200);
  const kept = s.rig.map('nat64').lookup(blue)!;
  s.rig.map('nat64').delete(blue);
  s.sent(
    'of another VPC',
    'agent',
    'x',
    p.packet(
      p.ether({ dst: BLUE_GW, src: MAC.x }),
      p.ip6({ src: 'fd01::10', dst: HOST6 }),
      p.udp({ sport: 5001, dport: 9 }),
    ),
    [
      atRouter,
      { layer: 'ipv6', src: '2001:db8:f::1', dst: HOST6 },
      { layer: 'udp', dport: 9, checksum: 'good' },
    ],
  );
  s.rig.map('nat64').update(blue, kept);
});

// @rfc 6146 s3.5.1.1b
story('an address and port is of one mapping', (s) => {
  const users = {
    a: [fromA, 'fd01::10'],
    b: [fromB, 'fd01::11'],
    x: [p.ether({ dst: BLUE_GW, src: MAC.x }), 'fd01::10'],
  } as const;
  const taken = new Map<number, { readonly who: string; readonly sport: number }>();
  for (let sport = 10_001; sport < 10_401; sport += 2)
    for (const [who, [eth, src]] of Object.entries(users)) {
      const frame = p.packet(eth, p.ip6({ src, dst: HOST6 }), p.udp({ sport, dport: 53 }));
      const port = numberOf(s.run('agent', who, frame));
      s.t.notOk(taken.has(port), `${port} is nobody else’s`);
      taken.set(port, { who, sport });
    }
  s.t.equal(taken.size, 600);
  let wrong = 0;
  for (const [port, { who, sport }] of taken) {
    const o = s.run('transit', 'droplet', four(HOST, p.udp({ sport: 53, dport: port })));
    const dport = new DataView(o.data.buffer, o.data.byteOffset).getUint16(56);
    if (o.endpoints[who]?.rx_packets !== 1 || dport !== sport) wrong++;
  }
  s.t.equal(wrong, 0, 'each leads back to its own');
});

// @rfc 6146 s3.5b
for (const [filtering, stranger, port] of [
  ['endpoint', undefined, undefined],
  ['address', 'FILTERED', undefined],
  ['address-port', 'FILTERED', 'FILTERED'],
] as const)
  story(
    `filtering: ${filtering}`,
    (s) => {
      const dport = opened(s, p.udp({ sport: 8000, dport: 9000 }));
      const from = (src: string, sport: number): Outcome =>
        s.run('transit', 'droplet', four(src, p.udp({ sport, dport }), data));
      s.t.equal(from('198.51.100.200', 9000).reason, stranger, 'a stranger');
      s.t.equal(from(HOST, 9001).reason, port, 'another port of whom was sent to');
      const o = s.sent(
        'who was sent to',
        'transit',
        'droplet',
        four(HOST, p.udp({ sport: 9000, dport }), data),
        [
          atA,
          { layer: 'ipv6', src: HOST6, dst: 'fd01::10' },
          { layer: 'udp', sport: 9000, dport: 8000, checksum: 'good' },
        ],
      );
      s.t.equal(o.endpoints.a?.rx_packets, 1);
      const hairpin = p.packet(
        fromB,
        p.ip6({ src: 'fd01::11', dst: PUBLIC6 }),
        p.udp({ sport: 1, dport }),
      );
      s.t.equal(s.run('agent', 'b', hairpin).reason, stranger, 'from inside, as from outside');
    },
    { filtering },
  );

// @rfc 6146 s3.8
story('hairpins between mappings', (s) => {
  const b6 = (...layers: readonly p.Layer[]): Uint8Array =>
    p.packet(fromB, p.ip6({ src: 'fd01::11', dst: PUBLIC6 }), ...layers);
  const ofB = p.packet(
    fromB,
    p.ip6({ src: 'fd01::11', dst: HOST6 }),
    p.udp({ sport: 6000, dport: 9 }),
  );
  const bPort = numberOf(s.run('agent', 'b', ofB));
  const out = s.sent(
    'a to b',
    'agent',
    'a',
    six(PUBLIC6, p.udp({ sport: 6100, dport: bPort }), data),
    [
      atB,
      { layer: 'ipv6', src: PUBLIC6, dst: 'fd01::11', ttl: 63 },
      { layer: 'udp', dport: 6000, checksum: 'good' },
    ],
  );
  const aPort = numberOf(out);
  s.t.equal(opened(s, p.udp({ sport: 6100, dport: 9 })), aPort, 'a’s own public port');
  s.sent('b answers', 'agent', 'b', b6(p.udp({ sport: 6000, dport: aPort }), data), [
    atA,
    { layer: 'ipv6', src: PUBLIC6, dst: 'fd01::10', ttl: 63 },
    { layer: 'udp', sport: bPort, dport: 6100, checksum: 'good' },
  ]);
  s.once(
    'b refuses',
    'agent',
    'b',
    b6(p.icmp6({ type: 1, code: 4 }), p.raw(out.data.subarray(14))),
    [
      atA,
      { layer: 'ipv6', src: PUBLIC6, dst: 'fd01::10', ttl: 63 },
      { layer: 'icmpv6', type: 1, code: 4, checksum: 'good' },
      { layer: 'ipv6', src: 'fd01::10', dst: PUBLIC6, quoted: true },
      { layer: 'udp', sport: 6100, dport: bPort, quoted: true },
    ],
  );
  s.told(
    'a hop limit that is used up',
    'agent',
    'a',
    p.packet(
      fromA,
      p.ip6({ src: 'fd01::10', dst: PUBLIC6, hopLimit: 1 }),
      p.udp({ sport: 6100, dport: bPort }),
    ),
    'TTL_EXCEEDED',
    [
      atA,
      { layer: 'ipv6', src: 'fd01::1', dst: 'fd01::10' },
      { layer: 'icmpv6', type: 3, code: 0, checksum: 'good' },
      { layer: 'ipv6', src: 'fd01::10', dst: PUBLIC6, quoted: true },
      { layer: 'udp', quoted: true },
    ],
  );
  s.dropped(
    'a port of nobody',
    'agent',
    'a',
    six(PUBLIC6, p.udp({ sport: 6100, dport: 1 })),
    'NO_MAPPING',
  );
});

stories.run();
