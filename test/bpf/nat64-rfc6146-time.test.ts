// SPDX-License-Identifier: Apache-2.0
/**
 * How long NAT64 keeps what it knows, and how much of it (RFC 6146 s3.4, s3.5, s4, s5.3). What the
 * wheel looks at is made older than it is; ageing is the same for both hooks.
 */
import { test } from 'tap';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate } from '../support/rig.js';
import { turn } from './nat-place.js';
import { HOST, HOST6, Place64 } from './nat64-world.js';

isolate();

const LIMIT = { timeout: 240_000 };
/** Seconds that are to pass at most while a test looks. */
const SLACK = 40;
const OTHER6 = '2001:db8:64::c633:6408';
/** Seconds: TCP_EST, TCP_TRANS, UDP_DEFAULT, ICMP_DEFAULT, FRAGMENT_MIN (RFC 6146 s4). */
const TIME = { established: 7440, transitory: 240, udp: 300, icmp: 60, fragment: 2 };

/** Packets of a connection: who sends (the IPv6 or the IPv4 side), and flags. */
const OPEN = ['6S', '4SA', '6A'];
const CLOSED = [...OPEN, '6FA', '4FA'];
const TRANSITORY: readonly (readonly string[])[] = [
  ['6S'],
  ['6S', '6S'],
  ['6S', '6A'],
  ['6S', '6FA'],
  ['6S', '4R'],
  ['6S', '4R', '6A'],
  ['6S', '4R', '6S'],
  ['6S', '6R', '6A'],
  ['4S'],
  ['4S', '4S'],
  ['4S', '4A'],
  ['4S', '6R', '4A'],
  CLOSED,
  [...OPEN, '4FA', '6FA'],
  [...CLOSED, '4A', '6A'],
  [...CLOSED, '4R', '6A'],
  [...CLOSED, '6S'],
  [...CLOSED, '4S'],
  [...OPEN, '4R'],
  [...OPEN, '6R'],
  [...OPEN, '6R', '4R'],
];
const ESTABLISHED: readonly (readonly string[])[] = [
  OPEN,
  ['6S', '4S'],
  ['4S', '6SA'],
  ['4S', '6S'],
  ['6S', '4R', '6S', '4SA'],
  [...OPEN, '6S'],
  [...OPEN, '4FA'],
  [...OPEN, '4FA', '6A', '4A'],
  [...OPEN, '4FA', '6S'],
  [...OPEN, '6FA'],
  [...OPEN, '6FA', '6FA'],
  [...OPEN, '6FA', '4S'],
  [...OPEN, '4R', '6A'],
  [...OPEN, '4R', '4A'],
  [...OPEN, '6R', '4A'],
  [...OPEN, '6R', '6S'],
  [...CLOSED, '6S', '4SA'],
  [...CLOSED, '4S', '6SA'],
];

/** Plays a connection of a's port. @returns reasons of packets that did not pass. */
function play(place: Place64, sport: number, steps: readonly string[]): string[] {
  const out = (flags: string, dst = HOST6) => place.six(dst, p.tcp({ sport, dport: 80, flags }));
  // what the IPv4 side opens needs a mapping, which another connection makes
  const dport = place.opened(p.tcp({ sport, dport: 80, flags: 'S' }), OTHER6);
  return steps.flatMap((step) => {
    const flags = step.slice(1);
    const o = step.startsWith('6')
      ? out(flags)
      : place.outside({ src: HOST }, p.tcp({ sport: 80, dport, flags }));
    return o.reason === undefined ? [] : [`${step}: ${o.reason}`];
  });
}

for (const hook of HOOKS)
  // @rfc 6146 s3.5.1
  // @rfc 6146 s3.5.1a
  // @rfc 6146 s3.5.2.2
  // @rfc 6146 s3.5.2.2a
  // @rfc 6146 s3.5.3a
  test(`${hook}: sessions stay as long as RFC 6146 says`, LIMIT, async (t) => {
    const place = new Place64(hook);
    const ports = new Map<number, string>();
    let sport = 20_001;
    for (const steps of [...TRANSITORY, ...ESTABLISHED]) {
      const name = steps.join(' ');
      t.same(play(place, sport, steps), [], `${name}: all packets pass`);
      ports.set(sport, name);
      sport += 2;
    }
    const transitory = [...ports.keys()].slice(0, TRANSITORY.length);
    const established = [...ports.keys()].slice(TRANSITORY.length);
    const udp = 6001;
    const echo = 6003;
    place.opened(p.udp({ sport: udp, dport: 53 }));
    place.opened(p.echo6(echo));
    const left = async (seconds: number): Promise<string[]> => {
      place.idle(seconds);
      await turn(place);
      const names = new Map([...ports, [udp, 'UDP'], [echo, 'echo']]);
      return [...place.alive()].map((port) => names.get(port) ?? `${port}`).sort();
    };
    const named = (of: readonly number[], ...more: readonly string[]): string[] =>
      [...of.map((port) => ports.get(port) ?? ''), ...more].sort();
    const all = [...ports.keys()];
    t.same(await left(TIME.icmp - SLACK), named(all, 'UDP', 'echo'), 'all stay');
    t.same(await left(TIME.icmp), named(all, 'UDP'), 'an echo goes after ICMP_DEFAULT');
    t.same(await left(TIME.transitory - SLACK), named(all, 'UDP'), 'before TCP_TRANS');
    t.same(await left(TIME.transitory), named(established, 'UDP'), 'after TCP_TRANS');
    t.ok(transitory.length > 0);
    t.same(await left(TIME.udp - SLACK), named(established, 'UDP'), 'before UDP_DEFAULT');
    t.same(await left(TIME.udp), named(established), 'after UDP_DEFAULT');
    t.same(await left(TIME.established - SLACK), named(established), 'before TCP_EST');
    t.same(await left(TIME.established), [], 'after TCP_EST');
    place.rig.close();
  });

// @rfc 6146 s3.5.1
test('packets of both sides keep a session', LIMIT, (t) => {
  const place = new Place64('xdp');
  const port = place.opened(p.udp({ sport: 6101, dport: 53 }));
  place.idle(TIME.udp - SLACK);
  place.six(HOST6, p.udp({ sport: 6101, dport: 53 }));
  t.ok(place.idleSeconds() <= 2, 'from the IPv6 side');
  place.idle(TIME.udp - SLACK);
  place.outside({}, p.udp({ sport: 53, dport: port }));
  t.ok(place.idleSeconds() <= 2, 'from the IPv4 side');
  place.rig.close();
  t.end();
});

// @rfc 6146 s3.1
test('a BIB entry stays for as long as it has a session', LIMIT, async (t) => {
  const place = new Place64('xdp');
  const layer = p.udp({ sport: 6201, dport: 53 });
  const port = place.opened(layer);
  t.equal(place.opened(layer, OTHER6), port, 'two sessions, one entry');
  const stranger = (): string | undefined =>
    place.outside({ src: '198.51.100.99' }, p.udp({ sport: 1, dport: port })).reason;
  place.idle(TIME.udp);
  place.opened(layer, OTHER6);
  await turn(place);
  t.same([...place.alive()], [], 'one session goes');
  t.same([...place.alive(OTHER6)], [6201], 'one stays');
  t.equal(stranger(), undefined, 'and the entry with it');
  place.idle(TIME.udp);
  await turn(place);
  t.equal(place.records().length, 0, 'all go');
  t.equal(stranger(), 'NO_MAPPING', 'and so does the entry');
  place.rig.close();
});

// @rfc 6146 s3.4a
// @rfc 6146 s5.3
test('fragments: kept long enough, and not too many', LIMIT, async (t) => {
  const place = new Place64('xdp', {}, { maxEntries: { frag: 64 } });
  const { rig } = place;
  const first = (id: number) =>
    place.six(
      HOST6,
      p.fragment({ offset: 0, more: true, id, next: 17 }),
      p.udp({ sport: 6301, dport: 53, length: 408, checksum: 0x1234 }),
      p.raw(192),
    );
  const later = (id: number) =>
    place.six(HOST6, p.fragment({ offset: 200, more: false, id, next: 17 }), p.raw(208));
  t.equal(first(1).reason, undefined);
  for (const { key, value } of place.values('frag', 'frag_val')) {
    const old = { ...value, last_seen: place.now() - TIME.fragment };
    rig.map('frag').update(key, rig.layouts.encode('frag_val', old));
  }
  await turn(place);
  t.equal(later(1).reason, undefined, 'a later one follows after FRAGMENT_MIN');
  let full = 0;
  for (let id = 1000; id < 1200; id++) if (first(id).reason === 'FRAG_TABLE_FULL') full++;
  t.ok(full > 100, 'a flood of first ones meets a limit');
  t.equal(later(1).reason, undefined, 'datagrams that have begun notice nothing');
  t.equal(place.six(HOST6, p.udp({ sport: 6303, dport: 53 })).reason, undefined, 'nor whole ones');
  for (const { key, value } of place.values('frag', 'frag_val')) {
    const old = { ...value, last_seen: place.now() - 60 };
    rig.map('frag').update(key, rig.layouts.encode('frag_val', old));
  }
  await turn(place);
  t.equal(rig.map('frag').keys().length, 0, 'they go in the end');
  t.equal(first(5000).reason, undefined, 'and leave their room');
  rig.close();
});

for (const hook of HOOKS)
  // @rfc 6146 s5.3
  test(`${hook}: what attackers can take is limited`, (t) => {
    const place = new Place64(hook, { blockSize: 64, maxBlocks: 2 });
    const kept = place.opened(p.udp({ sport: 7000, dport: 53 }));
    const refused = new Map<string | undefined, number>();
    const count = (reason: string | undefined) =>
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
    // one inside: 2 blocks of 32 even ports
    for (let i = 1; i <= 100; i++)
      count(place.six(HOST6, p.udp({ sport: 7000 + 2 * i, dport: 53 })).reason);
    t.same(refused.get(undefined), 63, 'as many entries as its quota says');
    t.same(refused.get('NAT_QUOTA'), 37, 'the rest is refused');
    const b = p.packet(
      p.ether({ dst: '02:54:00:00:00:64', src: '02:00:00:00:00:0b' }),
      p.ip6({ src: 'fd01::11', dst: HOST6 }),
      p.udp({ sport: 7000, dport: 53 }),
    );
    t.equal(place.rig.run('agent', hook, 'b', b).reason, undefined, 'others get theirs');
    t.equal(place.opened(p.udp({ sport: 7000, dport: 53 })), kept, 'what is there stays');
    // outside: packets to what nobody has make nothing
    const before = place.records().length;
    const taken = new Set(place.values('nat_map', 'nat_map_val').map(({ value }) => value.port));
    for (let port = 2001; port < 2201; port += 2)
      if (!taken.has(port)) {
        const o = place.outside({ src: '198.51.100.50' }, p.udp({ sport: 1, dport: port }));
        t.equal(o.reason, 'NO_MAPPING');
      }
    t.equal(place.records().length, before, 'no record of it');
    // outside: to what somebody has, up to the endpoint's quota
    const key = (place.rig.index.endpoints.get('a') ?? 0) * 2;
    place.rig.write({ map: 'limit', key, struct: 'limit_val', value: { connections: 40 } });
    const strangers = Array.from(
      { length: 60 },
      (_, i) =>
        place.outside({ src: `198.51.100.${100 + i}` }, p.udp({ sport: 1, dport: kept })).reason,
    );
    t.equal(strangers.filter((reason) => reason === undefined).length, 40, 'as many as it accepts');
    t.equal(strangers.filter((reason) => reason === 'CONN_QUOTA').length, 20, 'no more');
    t.equal(place.outside({}, p.udp({ sport: 53, dport: kept })).reason, undefined, 'and its own');
    place.rig.close();
    t.end();
  });
