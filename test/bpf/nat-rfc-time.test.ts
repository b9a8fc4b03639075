// SPDX-License-Identifier: Apache-2.0
/**
 * How long connections and mappings stay (RFC 4787 REQ-5, 5382 REQ-5, 5508 REQ-2, 6888 REQ-8). What
 * the wheel looks at is made older than it is. Ageing is the same for both
 * hooks.
 */
import { test } from 'tap';
import * as p from '../support/packet/index.js';
import { isolate } from '../support/rig.js';
import { HOST, Place, turn } from './nat-place.js';

isolate();

const QUARANTINE_S = 120;
/** Seconds that are to pass at most while a test looks. */
const SLACK = 40;
const LIMIT = { timeout: 240_000 };

const tcp = (sport: number, flags: string): p.Layer => p.tcp({ sport, dport: 80, flags });

/** Kinds of connections, how they are made, and the RFC's floor. */
const KINDS = [
  {
    name: 'UDP',
    floor: 300,
    make: (place: Place) => void place.inside('a', {}, p.udp({ sport: 5001, dport: 53 })),
  },
  {
    name: 'TCP, opening',
    floor: 240,
    make: (place: Place) => void place.inside('a', {}, tcp(5001, 'S')),
  },
  {
    name: 'TCP, established',
    floor: 7440,
    make: (place: Place) => {
      const mapped = place.map('a', tcp(5001, 'S'));
      if (typeof mapped === 'string') throw new Error(mapped);
      place.outside({}, p.tcp({ sport: 80, dport: mapped.port, flags: 'SA' }));
    },
  },
  {
    name: 'TCP, reset',
    floor: 240,
    make: (place: Place) => {
      const mapped = place.map('a', tcp(5001, 'S'));
      if (typeof mapped === 'string') throw new Error(mapped);
      place.outside({}, p.tcp({ sport: 80, dport: mapped.port, flags: 'SA' }));
      place.inside('a', {}, tcp(5001, 'R'));
    },
  },
  { name: 'echo', floor: 60, make: (place: Place) => void place.inside('a', {}, p.echo4(5001)) },
] as const;

// @rfc 4787 REQ-5
// @rfc 4787 REQ-5c
// @rfc 5382 REQ-5
// @rfc 5508 REQ-2
// @rfc 7857 s2.2a
test('connections stay as long as the RFCs ask, by default, and then go', LIMIT, async (t) => {
  const place = new Place('xdp');
  for (const { name, floor, make } of KINDS) {
    make(place);
    const made = place.records().length;
    t.ok(made > 0, name);
    place.idle(floor - SLACK);
    await turn(place);
    t.equal(place.records().length, made, `${name}: stays for less than ${floor} s`);
    place.idle(floor);
    await turn(place);
    t.equal(place.records().length, 0, `${name}: goes after ${floor} s`);
  }
  place.rig.close();
});

// @rfc 4787 REQ-5b
// @rfc 5382 REQ-5a
// @rfc 5508 REQ-2a
// @rfc 6146 s3.5.3b
test('the timeouts of a VPC are its own', LIMIT, async (t) => {
  const place = new Place('xdp');
  const vpc = place.rig.index.vpcs.get('red') ?? 0;
  place.rig.write({
    map: 'timeout',
    key: vpc,
    struct: 'timeout_val',
    value: { tcp_established: 9000, tcp_transitory: 500, udp: 600, icmp: 90, other: 90 },
  });
  place.inside('a', {}, p.udp({ sport: 5001, dport: 53 }));
  place.inside('a', {}, p.echo4(1));
  place.idle(50);
  await turn(place);
  t.equal(place.records().length, 4, 'both stay');
  place.idle(90);
  await turn(place);
  t.equal(place.records().length, 2, 'the echo goes');
  place.idle(500);
  await turn(place);
  t.equal(place.records().length, 2, 'UDP stays');
  place.rig.close();
});

// @rfc 4787 REQ-6
// @rfc 4787 REQ-6a
test('packets of both directions refresh a mapping', LIMIT, (t) => {
  const place = new Place('xdp');
  const port = place.port('a', 6001);
  place.idle(100);
  place.port('a', 6001);
  t.ok(place.idleSeconds() <= 2, 'from inside');
  place.idle(100);
  place.outside({}, p.udp({ sport: 53, dport: port }));
  t.ok(place.idleSeconds() <= 2, 'from outside');
  place.rig.close();
  t.end();
});

// @rfc 6888 REQ-8
// @rfc 6888 REQ-8a
// @rfc 7857 s11
test('a port is in quarantine for as long as its gateway says, and then free', LIMIT, async (t) => {
  const place = new Place('xdp', { blockSize: 64, maxBlocks: 1 });
  const gateway = (quarantine: number): void => {
    const bytes = place.rig.map('nat_gw').lookup(place.rig.key(1))!;
    const value = { ...place.rig.layouts.decode('nat_gw_val', bytes), quarantine };
    place.rig.write({ map: 'nat_gw', key: 1, struct: 'nat_gw_val', value });
  };
  const mappings = () => place.values('nat_map', 'nat_map_val');
  /** Makes mappings that nobody uses older. */
  const age = (seconds: number): void => {
    for (const { key, value } of mappings()) {
      const idle = { ...value, idle_since: place.now() - seconds };
      place.rig.map('nat_map').update(key, place.rig.layouts.encode('nat_map_val', idle));
    }
  };
  const port = place.port('a', 7001);
  place.idle(300);
  await turn(place);
  t.equal(place.records().length, 0, 'the connection goes');
  t.equal(mappings().length, 2, 'the mapping stays, both sides of it');
  const stranger = place.outside({ src: '198.51.100.99' }, p.udp({ sport: 1, dport: port }));
  t.equal(stranger.reason, 'NO_MAPPING', 'nobody outside can use it');
  const others = Array.from({ length: 40 }, (_, i) => place.udp('a', 7101 + 2 * i));
  const got = others.filter((mapped) => typeof mapped === 'object');
  t.equal(got.length, 31, 'other ports inside get the rest of the block');
  t.notOk(got.some((mapped) => mapped.port === port));
  t.equal(place.udp('a', 7999), 'NAT_QUOTA', 'all odd ports of the block, this one left out');
  t.same(place.udp('a', 7001, HOST), { address: '203.0.113.1', port }, 'its own gets it back');
  place.idle(300);
  await turn(place);
  t.equal(place.records().length, 0, 'all connections go');
  const held = mappings().length;
  age(QUARANTINE_S - SLACK);
  await turn(place);
  t.equal(mappings().length, held, 'still in quarantine');
  gateway(10);
  age(10);
  await turn(place);
  t.equal(mappings().length, 0, 'a shorter one is over sooner');
  t.type(place.udp('a', 8001), 'object', 'the ports are free');
  place.rig.close();
});
