// SPDX-License-Identifier: Apache-2.0
/** The model of translation against the RFCs: what is not the plain case of a port of a pool. */
import { test } from 'tap';
import * as p from '../support/packet/index.js';
import {
  extra,
  gateway,
  IF,
  PUBLIC,
  PUBLIC6,
  REMOTE,
  REMOTE6,
  Scenario,
  toEndpoint,
  toRouter,
} from './nat-scene.js';

const [A, B] = ['10.1.0.2', '10.1.0.3'];
const SECOND = '203.0.113.11';
const sctp = (sport: number, dport: number): p.Layer => p.sctp({ sport, dport });

// @rfc 5508 REQ-3
test('RFC 5508 REQ-3a: an error with a wrong checksum is dropped, whichever way it goes', (t) => {
  const s = new Scenario(gateway());
  const port = s.map(5000);
  const bad = { rest: 0, checksum: 1 };
  const quote = (src: string, dst: string, sport: number, dport: number): p.Layer[] => [
    p.ip4({ src, dst }),
    p.udp({ sport, dport }),
  ];
  const came = s.outside(
    p.ip4({ src: REMOTE, dst: PUBLIC }),
    p.icmp4({ type: 3, code: 1, ...bad }),
    ...quote(PUBLIC, REMOTE, port, 53),
  );
  t.equal(came.reason, 'BAD_CHECKSUM', 'from outside');
  s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), p.udp({ sport: 53, dport: port }));
  const left = s.inside(
    'a',
    p.ip4({ src: A, dst: REMOTE }),
    p.icmp4({ type: 3, code: 3, ...bad }),
    ...quote(REMOTE, A, 53, 5000),
  );
  t.equal(left.reason, 'BAD_CHECKSUM', 'from inside');
  s.inside('a', p.ip6({ src: 'fd01::2', dst: REMOTE6 }), p.udp({ sport: 5000, dport: 53 }));
  const six = s.outside(
    p.ip6({ src: REMOTE6, dst: PUBLIC6 }),
    p.icmp6({ type: 1, code: 3, ...bad }),
    p.ip6({ src: PUBLIC6, dst: REMOTE6 }),
    p.udp({ sport: 1024, dport: 53 }),
  );
  t.equal(six.reason, 'BAD_CHECKSUM', 'ICMPv6 likewise');
  t.end();
});

// @rfc 5508 REQ-5
test('RFC 5508 REQ-5b: an error from inside about nothing known is dropped', (t) => {
  const s = new Scenario(gateway());
  const out = s.inside(
    'a',
    p.ip4({ src: A, dst: REMOTE }),
    p.icmp4({ type: 3, code: 3, rest: 0 }),
    p.ip4({ src: REMOTE, dst: A }),
    p.udp({ sport: 53, dport: 5000 }),
  );
  t.equal(out.reason, 'NAT_UNRELATED');
  t.end();
});

test('protocols without ports: who is not bound yet gets an address that is free for them', (t) => {
  const s = new Scenario(gateway({ addresses: [PUBLIC, SECOND] }));
  const leave = (src: string): p.Layer[] => [p.ip4({ src, dst: REMOTE }), sctp(1, 2)];
  const first = s.inside('a', ...leave(A));
  t.same(first.emitted?.bytes, toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, ttl: 63 }), sctp(1, 2)));
  const second = s.inside('b', ...leave(B));
  t.same(second.emitted?.bytes, toRouter(p.ip4({ src: SECOND, dst: REMOTE, ttl: 63 }), sctp(1, 2)));
  const third = s.inside('x', p.ip4({ src: A, dst: REMOTE }), sctp(1, 2));
  t.equal(third.reason, 'NAT_EXHAUSTED');
  t.end();
});

// @rfc 4787 REQ-8
test('RFC 4787 REQ-8: filtering by address lets all of a remote in, ports or not', (t) => {
  const s = new Scenario(gateway({ filtering: 'address' }));
  s.inside('a', p.ip4({ src: A, dst: REMOTE }), sctp(1, 2));
  const again = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), sctp(7, 8));
  t.equal(again.verdict, 'sent');
  const stranger = s.outside(p.ip4({ src: '192.88.99.9', dst: PUBLIC }), sctp(7, 8));
  t.equal(stranger.reason, 'NO_MAPPING');
  t.end();
});

// @rfc 6888 REQ-6
test('RFC 6888 REQ-6: an exempt destination is reached as it is, by who has a PublicIp, too', (t) => {
  const s = new Scenario(
    gateway({ exempt: ['192.88.99.0/24'] }),
    extra('PublicIp', { address: SECOND, endpoint: 'a' }),
  );
  const udp = (sport: number, dport: number): p.Layer => p.udp({ sport, dport });
  const out = s.inside('a', p.ip4({ src: A, dst: REMOTE }), udp(5000, 53));
  t.same(out.emitted?.bytes, toRouter(p.ip4({ src: A, dst: REMOTE, ttl: 63 }), udp(5000, 53)));
  const error = (ttl: number, dst: string): p.Layer[] => [
    p.ip4({ src: '192.88.99.1', dst, ttl }),
    p.icmp4({ type: 3, code: 4, rest: 1300 }),
    p.ip4({ src: dst, dst: REMOTE }),
    udp(5000, 53),
  ];
  t.same(s.outside(...error(64, A)).emitted?.bytes, toEndpoint('a', ...error(63, A)));
  t.equal(s.outside(...error(64, B)).verdict, 'passed', 'about somebody else: the host’s');
  t.end();
});

// @rfc 7857 s12
test('RFC 7857 s12: a hairpinned echo; its receiver sees the sender’s public identifier', (t) => {
  const s = new Scenario(gateway());
  s.inside('b', p.ip4({ src: B, dst: REMOTE }), p.echo4(7));
  const out = s.inside('a', p.ip4({ src: A, dst: PUBLIC }), p.echo4(1024));
  const seen = p.ip4({ src: PUBLIC, dst: B, ttl: 63 });
  const id = (out.emitted!.bytes[38]! << 8) | out.emitted!.bytes[39]!;
  t.not(id, 1024, 'not the one of the receiver');
  t.same(out.emitted?.bytes, toEndpoint('b', seen, p.echo4(id)));
  const back = s.inside('b', p.ip4({ src: B, dst: PUBLIC }), p.echoReply4(id));
  const answer = p.ip4({ src: PUBLIC, dst: A, ttl: 63 });
  t.same(back.emitted?.bytes, toEndpoint('a', answer, p.echoReply4(1024)));
  t.end();
});

test('what comes from a link-local address is of the link: RFC 3927 s2.7, RFC 4291 s2.5.6', (t) => {
  const s = new Scenario(extra('PublicIp', { address: PUBLIC6, endpoint: 'a' }));
  const out = s.outside(p.ip6({ src: 'fe80::1', dst: PUBLIC6 }), p.udp({ sport: 1, dport: 2 }));
  t.equal(out.reason, 'LINK_LOCAL');
  const redirect = s.outside(p.ip6({ src: 'fe80::1', dst: PUBLIC6 }), p.icmp6({ type: 137 }));
  t.equal(redirect.verdict, 'passed', 'RFC 4861 s8: a redirect is for the host');
  t.end();
});

test('a mapping waits for its endpoint to be there again', (t) => {
  const s = new Scenario(gateway());
  const port = s.map(5000);
  const reply = (): p.Layer[] => [
    p.ip4({ src: REMOTE, dst: PUBLIC }),
    p.udp({ sport: 53, dport: port }),
  ];
  s.lose('a', gateway());
  t.equal(s.outside(...reply()).reason, 'NO_MAPPING');
  s.configure(gateway());
  t.equal(s.outside(...reply()).emitted?.ifindex, IF.a);
  t.equal(s.map(5000), port);
  t.end();
});
