// SPDX-License-Identifier: Apache-2.0
/** What the RFCs ask of mappings, filtering, TCP and ICMP errors, shown by the programs. */
import { test, type Test } from 'tap';
import type { OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, type Hook } from '../support/rig.js';
import { HOST, INSIDE, Place, PUBLIC, sourceOf } from './nat-place.js';

isolate();

const REMOTES = ['198.51.100.7', '198.51.100.8', '192.0.3.77'];
const CONN = { opening: 1, established: 2, reset: 6 };
const data = p.raw(20);

interface Told {
  readonly name: string;
  readonly tell: (t: Test, place: Place) => void;
  readonly spec: Partial<OutsideSpec>;
}
const told: Told[] = [];

/** A test for both hooks. Those of the same gateway follow each other and share it. */
function shows(name: string, tell: Told['tell'], spec: Partial<OutsideSpec> = {}): void {
  told.push({ name, tell, spec });
}

const tcp = (sport: number, dport: number, flags: string): p.Layer =>
  p.tcp({ sport, dport, flags });

// @rfc 4787 REQ-1
// @rfc 5382 REQ-1
// @rfc 5508 REQ-1a
// @rfc 7857 s5
shows('one public port whatever the destination, for each protocol its own', (t, place) => {
  const layers = {
    udp: p.udp({ sport: 4000, dport: 53 }),
    tcp: tcp(4000, 80, 'S'),
    echo: p.echo4(4000),
  };
  const ports = Object.entries(layers).map(([name, layer]) => {
    const all = REMOTES.map((dst) => place.map('a', layer, dst));
    t.same(all[1], all[0], `${name}: the same to three destinations`);
    t.same(all[2], all[0]);
    const [mapped] = all;
    return typeof mapped === 'object' ? mapped.port : 0;
  });
  t.ok(ports.every((port) => port > 0));
  const other = place.udp('a', 4000, HOST, 999);
  t.match(other, { port: ports[0] }, 'nor on the destination’s port');
});

// @rfc 7857 s6
shows('a mapping of TCP lets no UDP in', (t, place) => {
  const mapped = place.map('b', tcp(4300, 80, 'S'));
  if (typeof mapped === 'string') throw new Error(mapped);
  t.equal(place.outside({}, p.udp({ sport: 80, dport: mapped.port })).reason, 'NO_MAPPING');
  t.equal(place.outside({ src: REMOTES[1] }, tcp(5, mapped.port, 'S')).reason, undefined);
});

// @rfc 4787 REQ-9a
// @rfc 7857 s12
shows('hairpin: UDP and echo are seen from the public address', (t, place) => {
  const b = place.port('b', 6000);
  const out = place.inside('a', { dst: PUBLIC }, p.udp({ sport: 6100, dport: b }), data);
  t.equal(out.reason, undefined);
  t.equal(out.endpoints.b?.rx_packets, 1, 'it reaches b');
  t.same(sourceOf(out.data), place.udp('a', 6100), 'from a’s public address and port');
  const id = place.map('b', p.echo4(700));
  if (typeof id === 'string') throw new Error(id);
  const ping = place.inside('a', { dst: PUBLIC }, p.echo4(id.port), data);
  t.equal(ping.endpoints.b?.rx_packets, 1, 'echo reaches b');
  t.equal(sourceOf(ping.data).address, PUBLIC);
});

// @rfc 5382 REQ-2
// @rfc 5382 REQ-2a
// @rfc 7857 s2
shows('TCP: three-way, simultaneous open, SYN with ECN', (t, place) => {
  const open = (sport: number, syn: string): number => {
    const mapped = place.map('a', tcp(sport, 80, syn));
    if (typeof mapped === 'string') throw new Error(mapped);
    return mapped.port;
  };
  const three = open(7001, 'S');
  t.equal(place.outside({}, tcp(80, three, 'SA')).reason, undefined);
  t.equal(place.inside('a', {}, tcp(7001, 80, 'A'), data).reason, undefined);
  const both = open(7003, 'S');
  t.equal(place.outside({}, tcp(80, both, 'S')).reason, undefined, 'the SYNs cross');
  t.equal(place.inside('a', {}, tcp(7003, 80, 'SA')).reason, undefined);
  t.equal(place.outside({}, tcp(80, both, 'SA')).reason, undefined);
  const ecn = open(7005, 'SEC');
  const answer = place.outside({}, tcp(80, ecn, 'SAE'));
  t.equal(answer.reason, undefined, 'RFC 3168 s6.1.1');
  t.equal(answer.data[47]! & 0x40, 0x40, 'ECE stays');
  const states = place.states().filter((state) => state !== 0);
  t.equal(states.filter((state) => state === CONN.established).length, 3, 'all are established');
});

// @rfc 7857 s2.2
// @rfc 7857 s2.2a
shows('TCP: a RST is translated, and packets behind it open the connection again', (t, place) => {
  const mapped = place.map('b', tcp(7101, 80, 'S'));
  if (typeof mapped === 'string') throw new Error(mapped);
  const { port } = mapped;
  place.outside({}, tcp(80, port, 'SA'));
  const before = place.states().filter((state) => state === CONN.reset).length;
  const rst = place.outside({}, tcp(80, port, 'R'));
  t.equal(rst.reason, undefined);
  t.equal(rst.endpoints.b?.rx_packets, 1, 'b gets it');
  t.same([...rst.data.subarray(30, 34)].join('.'), INSIDE.b);
  const reset = (): number => place.states().filter((state) => state === CONN.reset).length;
  t.equal(reset(), before + 1, 'transitory: 4 minutes');
  t.equal(place.inside('b', {}, tcp(7101, 80, 'A'), data).reason, undefined, 'data behind it');
  t.equal(reset(), before, 'established again');
});

// @rfc 5382 REQ-4
// @rfc 5382 REQ-4a
shows('TCP: an unsolicited SYN is met by silence, and does not stand in the way', (t, place) => {
  const port = place.port('a', 8001);
  const silent = place.outside({}, tcp(80, port, 'S'));
  t.equal(silent.reason, 'NO_MAPPING', 'UDP has it, TCP does not');
  t.equal(silent.counts.generated, 0, 'no answer');
  const mapped = place.map('a', tcp(8003, 80, 'S'));
  if (typeof mapped === 'string') throw new Error(mapped);
  t.equal(place.outside({}, tcp(80, mapped.port, 'S')).reason, undefined, 'now it is solicited');
});

// @rfc 5382 REQ-4a
// @rfc 4787 REQ-8
shows(
  'TCP: a SYN that is filtered is met by silence',
  (t, place) => {
    const mapped = place.map('a', tcp(8003, 80, 'S'));
    if (typeof mapped === 'string') throw new Error(mapped);
    const stranger = place.outside({ src: REMOTES[1] }, tcp(80, mapped.port, 'S'));
    t.equal(stranger.reason, 'FILTERED');
    t.equal(stranger.counts.generated, 0);
    t.same(place.map('a', tcp(8003, 80, 'S'), REMOTES[1]), mapped);
    t.equal(place.outside({ src: REMOTES[1] }, tcp(80, mapped.port, 'S')).reason, undefined);
  },
  { filtering: 'address-port' },
);

/** The frame's IP packet as an error quotes it. */
const quoteOf = (frame: Uint8Array): p.Layer => p.raw(frame.slice(14));

// @rfc 4787 REQ-12
// @rfc 5382 REQ-10
// @rfc 5508 REQ-6
// @rfc 7857 s7.1
shows('ICMP errors refresh nothing and end nothing', (t, place) => {
  for (const [name, layer] of [
    ['UDP', p.udp({ sport: 9001, dport: 53 })],
    ['TCP', tcp(9001, 80, 'S')],
    ['echo', p.echo4(9001)],
  ] as const) {
    const out = place.inside('a', {}, layer, data);
    const mapped = sourceOf(out.data);
    for (const [type, code] of [
      [3, 0],
      [3, 1],
      [3, 2],
      [3, 3],
      [3, 13],
      [11, 0],
      [12, 0],
    ] as const) {
      place.idle(50);
      const states = place.states();
      const error = place.outside({ src: REMOTES[1] }, p.icmp4({ type, code }), quoteOf(out.data));
      t.equal(error.reason, undefined, `${name}: ${type}/${code} passes`);
      t.ok(place.idleSeconds() >= 50, 'nothing is refreshed');
      t.same(place.states(), states, 'nothing is ended');
      t.equal(error.data[34], type, 'type and code stay');
      t.equal(error.data[35], code);
    }
    t.same(place.map('a', layer), mapped, `${name}: the mapping is the same`);
  }
});

// @rfc 7857 s7.1
// @rfc 5508 REQ-5b
shows('an ICMP error from inside as answer refreshes nothing', (t, place) => {
  const port = place.port('b', 9100);
  const came = place.outside({}, p.udp({ sport: 53, dport: port }), data);
  place.idle(50);
  const error = place.inside('b', {}, p.icmp4({ type: 3, code: 3 }), quoteOf(came.data));
  t.equal(error.reason, undefined);
  t.equal(sourceOf(error.data).address, PUBLIC, 'its source is public');
  t.ok(place.idleSeconds() >= 50, 'nothing is refreshed');
});

// @rfc 5508 REQ-3b
// @rfc 5508 REQ-3c
shows('IP options of a quoted packet are stepped over', (t, place) => {
  const mapped = place.udp('a', 9201);
  if (typeof mapped === 'string') throw new Error(mapped);
  const quoted = p.packet(
    p.ip4({ src: PUBLIC, dst: HOST, options: Uint8Array.of(7, 7, 4, 0, 0, 0, 0), ttl: 1 }),
    // its checksum is nobody's to judge
    p.udp({ sport: mapped.port, dport: 53, checksum: 0x1234 }),
    data,
  );
  const error = place.outside({ src: REMOTES[2] }, p.icmp4({ type: 11 }), p.raw(quoted));
  t.equal(error.reason, undefined);
  t.equal([...error.data.subarray(30, 34)].join('.'), INSIDE.a);
  t.equal([...error.data.subarray(42 + 12, 42 + 16)].join('.'), INSIDE.a, 'the quote, too');
  const view = new DataView(error.data.buffer, error.data.byteOffset);
  t.equal(view.getUint16(42 + 28), 9201, 'and its port, behind the options');
});

// @rfc 4787 REQ-13
shows(
  'a packet from inside that is too big is reported',
  (t, place) => {
    for (const df of [true, false]) {
      const o = place.inside('a', { df }, p.udp({ sport: 9301, dport: 53 }), p.raw(1350));
      t.equal(o.reason, 'TOO_BIG');
      t.equal(o.counts.generated, 1);
      const view = new DataView(o.data.buffer, o.data.byteOffset);
      t.same([...o.data.subarray(34, 36)], [3, 4], 'fragmentation needed');
      t.equal(view.getUint16(40), 1300, 'with the MTU');
      t.equal([...o.data.subarray(30, 34)].join('.'), INSIDE.a);
    }
    t.equal(
      place.inside('a', { df: true }, p.udp({ sport: 9301, dport: 53 }), data).reason,
      undefined,
    );
  },
  { mtu: 1300 },
);

// @rfc 4787 REQ-14
// @rfc 4787 REQ-14a
shows(
  'fragments in order, whatever the order of the later ones; and a flood of them',
  (t, place) => {
    const first = (id: number) =>
      place.inside(
        'a',
        { id, mf: true },
        p.udp({ sport: 9401, dport: 53, length: 608 }),
        p.raw(192),
      );
    const later = (id: number, offset: number, mf: boolean) =>
      place.inside('a', { id, offset, mf, protocol: 17 }, p.raw(200));
    for (const [id, order] of [
      [1, [0, 1]],
      [2, [1, 0]],
    ] as const) {
      const began = first(id);
      t.equal(began.reason, undefined);
      for (const i of order) {
        const o = later(id, 200 + 200 * i, i === 0);
        t.equal(o.reason, undefined, 'a later one follows');
        t.equal(sourceOf(o.data).address, PUBLIC);
      }
    }
    t.equal(later(77, 200, false).reason, 'FRAG_UNHELD', 'nothing is held for what may never come');
    // more datagrams than can be remembered
    let full = 0;
    for (let id = 1000; id < 1200; id++) if (first(id).reason === 'FRAG_TABLE_FULL') full++;
    t.ok(full > 100, 'a full table refuses first fragments');
    t.ok(place.port('a', 9403) > 0, 'packets that are whole notice nothing');
    t.equal(later(2, 400, false).reason, undefined, 'nor datagrams that have begun');
  },
);

// @rfc 6888 REQ-3
shows(
  'a pool of addresses that are far from each other',
  (t, place) => {
    const seen = new Set<string>();
    for (const who of ['a', 'b', 'x'] as const) {
      const mapped = place.udp(who, 5000);
      if (typeof mapped === 'object') seen.add(mapped.address);
    }
    t.same([...seen].sort(), ['192.88.99.200', '198.18.255.9', '203.0.113.1']);
  },
  { pool: ['203.0.113.1', '198.18.255.9', '192.88.99.200'] },
);

// @rfc 6888 REQ-2
// @rfc 7857 s4
shows(
  'one public address for an endpoint, over many flows and protocols',
  (t, place) => {
    const seen = new Set<string>();
    for (let i = 0; i < 600; i++) {
      const sport = 10_000 + i;
      const layer = i % 3 ? p.udp({ sport, dport: 53 }) : tcp(sport, 80, 'S');
      const mapped = place.map('a', layer, REMOTES[i % 3]);
      if (typeof mapped === 'string') throw new Error(`${i}: ${mapped}`);
      seen.add(mapped.address);
    }
    t.equal(seen.size, 1);
  },
  { pool: ['203.0.113.1', '203.0.113.2', '203.0.113.3', '203.0.113.4'] },
);

// @rfc 6888 REQ-15
// @rfc 7857 s9
shows('ports are hard to guess', (t, place) => {
  const ports = Array.from({ length: 400 }, (_, i) => place.port('a', 20_000 + 2 * i));
  t.equal(new Set(ports).size, 400, 'no port twice');
  const steps = ports.slice(1).map((port, i) => port - ports[i]!);
  const near = steps.filter((step) => Math.abs(step) <= 8).length;
  // of 512 even ports of a block: 8 of 512 by chance, for 400 steps about 6
  t.ok(near < 40, `${near} steps to a near port`);
  const up = steps.filter((step) => step > 0).length;
  t.ok(up > 140 && up < 260, `${up} of 399 steps up`);
  const most = Math.max(...[...new Set(steps)].map((s) => steps.filter((x) => x === s).length));
  t.ok(most < 20, `no step is frequent: ${most}`);
});

// @rfc 4787 REQ-11
// @rfc 6888 REQ-11d
shows('the same in a table that is nearly full, and nobody loses when it is full', (t, place) => {
  const behaviour = (base: number) => {
    const port = place.port('b', base);
    return [
      port === place.port('b', base, REMOTES[1]),
      port >= 1024,
      port % 2 === base % 2,
      place.outside({ src: REMOTES[2] }, p.udp({ sport: 1, dport: port })).reason,
      place.outside({ src: REMOTES[2] }, tcp(1, port, 'S')).reason,
    ];
  };
  const empty = behaviour(30_001);
  t.same(empty, [true, true, true, undefined, 'NO_MAPPING']);
  const kept = place.port('b', 30_001);
  const map = place.rig.map('nat_map');
  const junk = new Uint8Array(map.valueSize);
  const key = (i: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, 0xfeed_0000_0000_0000n + BigInt(i), true);
    return bytes;
  };
  const others = map.keys().length;
  let i = 0;
  while (others + i < map.maxEntries * 0.95) map.update(key(i++), junk);
  t.same(behaviour(30_101), empty, 'at 95 %');
  for (;;) {
    try {
      map.update(key(i++), junk);
    } catch {
      break;
    }
  }
  const refused = place.inside('b', {}, p.udp({ sport: 30_201, dport: 53 }));
  t.equal(refused.reason, 'NAT_TABLE_FULL');
  t.equal(refused.counts.generated, 1, 'the sender is told');
  t.equal(place.port('b', 30_001), kept, 'who has a mapping keeps it');
  while (i-- > 0) map.delete(key(i));
});

let current: { readonly key: string; readonly place: Place } | undefined;

function placeFor(hook: Hook, spec: Partial<OutsideSpec>): Place {
  const key = `${hook} ${JSON.stringify(spec)}`;
  if (current?.key === key) return current.place;
  current?.place.rig.close();
  const place = new Place(hook, spec, { maxEntries: { nat_map: 8192, frag: 64 } });
  current = { key, place };
  return place;
}

const order = [...new Set(told.map(({ spec }) => JSON.stringify(spec)))];
for (const hook of HOOKS)
  for (const spec of order)
    for (const one of told.filter((each) => JSON.stringify(each.spec) === spec))
      test(`${hook}: ${one.name}`, (t) => {
        one.tell(t, placeFor(hook, one.spec));
        t.end();
      });
