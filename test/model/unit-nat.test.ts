// SPDX-License-Identifier: Apache-2.0
/** The model of translation against the RFCs: mappings, filtering, one-to-one, forwards. */
import { test } from 'tap';
import * as p from '../support/packet/index.js';
import {
  extra,
  gateway,
  IF,
  MAC,
  PUBLIC,
  PUBLIC6,
  REMOTE,
  REMOTE6,
  Scenario,
  SERVER,
  toEndpoint,
  toRouter,
} from './nat-scene.js';

const A = '10.1.0.2';
const A6 = 'fd01::2';

// @rfc 4787 REQ-1
test('RFC 4787 REQ-1: the mapping does not depend on the destination', (t) => {
  const s = new Scenario(gateway());
  const port = s.map(4000);
  t.equal(s.map(4000, SERVER), port);
  t.equal(s.map(4000, '192.88.99.200'), port);
  t.not(s.map(4002), port);
  t.end();
});

// @rfc 4787 REQ-2
// @rfc 6888 REQ-2
test('RFC 4787 REQ-2: one inside address has one public address', (t) => {
  const s = new Scenario(gateway({ addresses: ['203.0.113.10-203.0.113.13'], blockSize: 64 }));
  const seen = new Set<string>();
  for (let n = 0; n < 100; n++) {
    const { emitted } = s.inside(
      'a',
      p.ip4({ src: A, dst: REMOTE }),
      n % 2 ? p.tcp({ sport: 3000 + n, dport: 80 }) : p.udp({ sport: 3000 + n, dport: 53 }),
    );
    seen.add(Buffer.from(emitted!.bytes.subarray(26, 30)).join('.'));
  }
  t.equal(seen.size, 1);
  t.end();
});

// @rfc 4787 REQ-3
// @rfc 4787 REQ-3a
// @rfc 4787 REQ-4
test('RFC 4787 REQ-3, REQ-4: no port twice; range and parity are kept', (t) => {
  const s = new Scenario(gateway({ blockSize: 64 }));
  const used = new Set<number>();
  for (const name of ['a', 'b', 'x'] as const)
    for (const sport of [500, 501, 4000, 4001, 4002]) {
      const port = s.map(sport, REMOTE, name);
      t.equal(port & 1, sport & 1, 'parity');
      t.equal(port < 1024, sport < 1024, 'range');
      t.notOk(used.has(port), 'not overloaded');
      used.add(port);
    }
  t.end();
});

test('RFC 3022 s4.1, RFC 1624: what leaves is a packet as if it came from the public address', (t) => {
  const s = new Scenario(gateway());
  const ttl = { ttl: 64, id: 77, df: true };
  const after = { ...ttl, ttl: 63 };
  const cases: readonly ((port: number) => p.Layer)[] = [
    (sport) => p.udp({ sport, dport: 53 }),
    (sport) => p.udp({ sport, dport: 53, checksum: 0 }),
    (sport) => p.tcp({ sport, dport: 80, flags: 'S' }),
    (id) => p.echo4(id),
  ];
  for (const layer of cases) {
    const out = s.inside('a', p.ip4({ src: A, dst: REMOTE, ...ttl }), layer(5000), p.raw(9));
    t.equal(out.emitted?.ifindex, IF.wan);
    t.same(
      out.emitted?.bytes,
      toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, ...after }), layer(1024), p.raw(9)),
    );
    const reply = (port: number): p.Layer => {
      const built = layer(port);
      if (built.protocol === 1) return p.echoReply4(port);
      if (built.protocol === 6) return p.tcp({ sport: 80, dport: port, flags: 'SA' });
      return p.udp({ sport: 53, dport: port });
    };
    const back = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC, ...ttl }), reply(1024), p.raw(9));
    t.same(
      back.emitted?.bytes,
      toEndpoint('a', p.ip4({ src: REMOTE, dst: A, ...after }), reply(5000), p.raw(9)),
    );
    t.equal(back.emitted?.ifindex, IF.a);
  }
  const six = s.inside('a', p.ip6({ src: A6, dst: REMOTE6 }), p.echo6(5000), p.raw(9));
  t.same(
    six.emitted?.bytes,
    toRouter(p.ip6({ src: PUBLIC6, dst: REMOTE6, hopLimit: 63 }), p.echo6(1024), p.raw(9)),
  );
  const back = s.outside(p.ip6({ src: REMOTE6, dst: PUBLIC6 }), p.echoReply6(1024), p.raw(9));
  t.same(
    back.emitted?.bytes,
    toEndpoint('a', p.ip6({ src: REMOTE6, dst: A6, hopLimit: 63 }), p.echoReply6(5000), p.raw(9)),
  );
  t.end();
});

// @rfc 4787 REQ-8
// @rfc 4787 REQ-8a
// @rfc 5382 REQ-3
// @rfc 5382 REQ-3a
test('RFC 4787 REQ-8: who may send to a mapping', (t) => {
  const reach = (filtering: 'endpoint' | 'address' | 'address-port') => {
    const s = new Scenario(gateway({ filtering }));
    const dport = s.map(4000, REMOTE);
    const from = (src: string, sport: number): string => {
      const out = s.outside(p.ip4({ src, dst: PUBLIC }), p.udp({ sport, dport }));
      return out.reason ?? out.verdict;
    };
    return [from(REMOTE, 53), from(REMOTE, 54), from(SERVER, 53)];
  };
  t.same(reach('endpoint'), ['sent', 'sent', 'sent']);
  t.same(reach('address'), ['sent', 'sent', 'FILTERED']);
  t.same(reach('address-port'), ['sent', 'FILTERED', 'FILTERED']);
  const s = new Scenario(gateway());
  const nobody = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), p.udp({ sport: 1, dport: 2 }));
  t.equal(nobody.reason, 'NO_MAPPING');
  t.equal(nobody.verdict, 'dropped', 'silently');
  t.end();
});

// @rfc 6888 REQ-4
// @rfc 6888 REQ-4a
// @rfc 6888 REQ-11a
// @rfc 5508 REQ-8
test('RFC 6888 REQ-4, RFC 5508 REQ-8: quota and exhaustion refuse the new, and say so', (t) => {
  const quota = new Scenario(gateway({ blockSize: 64, blocksPerEndpoint: 1 }));
  for (let n = 0; n < 32; n++) t.ok(quota.map(4000 + 2 * n) > 0);
  const layers = [p.ip4({ src: A, dst: REMOTE }), p.udp({ sport: 5000, dport: 53 })];
  const refused = quota.inside('a', ...layers);
  t.equal(refused.reason, 'NAT_QUOTA');
  t.same(
    refused.emitted?.bytes,
    p.packet(
      p.ether({ dst: MAC.a, src: MAC.gateway }),
      p.ip4({ src: '10.1.0.1', dst: A, tos: 0xc0, df: true }),
      p.icmp4({ type: 3, code: 13, rest: 0 }),
      ...layers,
    ),
  );
  t.ok(quota.map(5001) > 0, 'ports of the other parity are free');
  t.ok(quota.map(4000) > 0, 'and what was there stays');
  t.ok(quota.map(5000, REMOTE, 'b') > 0, 'others are not concerned');

  const pool = new Scenario(gateway({ blockSize: 1024 }));
  t.ok(pool.map(500) > 0);
  const none = pool.inside(
    'b',
    p.ip4({ src: '10.1.0.3', dst: REMOTE }),
    p.udp({ sport: 7, dport: 9 }),
  );
  t.equal(none.reason, 'NAT_EXHAUSTED', 'one block has all of these ports');
  const some = new Scenario(gateway({ sources: [{ vpc: 'red', endpoints: ['a'] }] }));
  t.ok(some.map(500) > 0);
  const other = some.inside(
    'b',
    p.ip4({ src: '10.1.0.3', dst: REMOTE }),
    p.udp({ sport: 7, dport: 9 }),
  );
  t.same([other.reason, other.emitted?.bytes[34], other.emitted?.bytes[35]], ['NO_NAT', 3, 13]);
  t.end();
});

test('one-to-one: both directions, all ports and protocols', (t) => {
  const s = new Scenario(gateway(), extra('PublicIp', { address: '203.0.113.99', endpoint: 'a' }));
  const fields = { sport: 1, dport: 2 };
  for (const layer of [
    p.udp(fields),
    p.tcp(fields),
    p.sctp(fields),
    p.echo4(7),
    p.icmp4({ type: 13 }),
  ]) {
    const out = s.inside('a', p.ip4({ src: A, dst: REMOTE }), layer);
    t.same(
      out.emitted?.bytes,
      toRouter(p.ip4({ src: '203.0.113.99', dst: REMOTE, ttl: 63 }), layer),
    );
    const back = s.outside(p.ip4({ src: SERVER, dst: '203.0.113.99' }), layer);
    t.same(back.emitted?.bytes, toEndpoint('a', p.ip4({ src: SERVER, dst: A, ttl: 63 }), layer));
  }
  t.end();
});

test('a forwarded port: in, and the reply out', (t) => {
  const s = new Scenario(
    gateway(),
    extra('PortForward', {
      address: PUBLIC,
      protocol: 'tcp',
      port: '8000-8010',
      endpoint: 'a',
      endpointPort: '80-90',
    }),
  );
  const syn = (sport: number, dport: number): p.Layer => p.tcp({ sport, dport, flags: 'S' });
  const came = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), syn(999, 8003));
  t.same(
    came.emitted?.bytes,
    toEndpoint('a', p.ip4({ src: REMOTE, dst: A, ttl: 63 }), syn(999, 83)),
  );
  const reply = s.inside('a', p.ip4({ src: A, dst: REMOTE }), syn(83, 999));
  t.same(
    reply.emitted?.bytes,
    toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, ttl: 63 }), syn(8003, 999)),
  );
  const udp = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), p.udp({ sport: 999, dport: 8003 }));
  t.equal(udp.reason, 'NO_MAPPING', 'TCP only');
  s.configure(gateway());
  const later = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), syn(999, 8003));
  t.equal(later.reason, 'NO_MAPPING', 'until it is taken away');
  t.end();
});

test('protocols without ports: one owner per public address, remote address and protocol', (t) => {
  const s = new Scenario(gateway());
  const gre = (name: 'a' | 'b', dst: string) => {
    const src = name === 'a' ? A : '10.1.0.3';
    return s.inside(name, p.ip4({ src, dst, protocol: 47 }), p.raw(20));
  };
  t.same(
    gre('a', REMOTE).emitted?.bytes,
    toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, protocol: 47, ttl: 63 }), p.raw(20)),
  );
  t.equal(gre('b', REMOTE).reason, 'NAT_EXHAUSTED');
  t.equal(gre('b', SERVER).reason, undefined);
  const back = (src: string): number | undefined =>
    s.outside(p.ip4({ src, dst: PUBLIC, protocol: 47 }), p.raw(8)).emitted?.ifindex;
  t.equal(back(REMOTE), IF.a);
  t.equal(back(SERVER), IF.b);
  t.end();
});

// @rfc 6888 REQ-6
test('RFC 6888 REQ-6: exempt destinations are reached as they are', (t) => {
  const s = new Scenario(gateway({ exempt: ['192.88.99.0/24'] }));
  const udp = (sport: number, dport: number): p.Layer => p.udp({ sport, dport });
  const out = s.inside('a', p.ip4({ src: A, dst: REMOTE }), udp(4000, 53));
  t.same(out.emitted?.bytes, toRouter(p.ip4({ src: A, dst: REMOTE, ttl: 63 }), udp(4000, 53)));
  const back = s.outside(p.ip4({ src: REMOTE, dst: A }), udp(53, 4000));
  t.same(
    back.emitted?.bytes,
    toEndpoint('a', p.ip4({ src: REMOTE, dst: A, ttl: 63 }), udp(53, 4000)),
  );
  const foreign = s.outside(p.ip4({ src: REMOTE, dst: A }), udp(53, 4001));
  t.equal(foreign.verdict, 'passed', 'what nobody asked for is the host’s');
  t.end();
});
