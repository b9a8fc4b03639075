// SPDX-License-Identifier: Apache-2.0
/** The model of translation against the RFCs: hairpin, ICMP errors, fragments, neighbours, tunnels. */
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
  Scenario,
  SERVER,
  toEndpoint,
  toRouter,
} from './nat-scene.js';

const [A, B] = ['10.1.0.2', '10.1.0.3'];

// @rfc 4787 REQ-9
// @rfc 4787 REQ-9a
test('RFC 4787 REQ-9: hairpin; the receiver sees the public address and port', (t) => {
  const s = new Scenario(gateway());
  const port = s.map(4000, REMOTE, 'b');
  const out = s.inside('a', p.ip4({ src: A, dst: PUBLIC }), p.udp({ sport: 5001, dport: port }));
  const seen = (out.emitted!.bytes[34]! << 8) | out.emitted!.bytes[35]!;
  t.same(
    out.emitted?.bytes,
    toEndpoint('b', p.ip4({ src: PUBLIC, dst: B, ttl: 63 }), p.udp({ sport: seen, dport: 4000 })),
  );
  t.equal(out.emitted?.ifindex, IF.b);
  const back = s.inside('b', p.ip4({ src: B, dst: PUBLIC }), p.udp({ sport: 4000, dport: seen }));
  t.same(
    back.emitted?.bytes,
    toEndpoint('a', p.ip4({ src: PUBLIC, dst: A, ttl: 63 }), p.udp({ sport: port, dport: 5001 })),
  );
  t.end();
});

// @rfc 5508 REQ-7
// @rfc 5508 REQ-7a
test('RFC 5508 REQ-7: an error about a hairpinned packet', (t) => {
  const s = new Scenario(gateway());
  const port = s.map(4000, REMOTE, 'b');
  const udp = (sport: number, dport: number): p.Layer => p.udp({ sport, dport });
  const out = s.inside('a', p.ip4({ src: A, dst: PUBLIC }), udp(5001, port));
  const seen = (out.emitted!.bytes[34]! << 8) | out.emitted!.bytes[35]!;
  const error = s.inside(
    'b',
    p.ip4({ src: B, dst: PUBLIC }),
    p.icmp4({ type: 3, code: 3, rest: 0 }),
    p.ip4({ src: PUBLIC, dst: B, ttl: 63 }),
    udp(seen, 4000),
  );
  t.same(
    error.emitted?.bytes,
    toEndpoint(
      'a',
      p.ip4({ src: PUBLIC, dst: A, ttl: 63 }),
      p.icmp4({ type: 3, code: 3, rest: 0 }),
      p.ip4({ src: A, dst: PUBLIC, ttl: 63 }),
      udp(5001, port),
    ),
  );
  t.end();
});

// @rfc 5508 REQ-4
// @rfc 5508 REQ-4a
// @rfc 5508 REQ-4b
// @rfc 5508 REQ-4c
test('RFC 5508 REQ-3, REQ-4: an error from outside is for who sent what it quotes', (t) => {
  const s = new Scenario(gateway());
  const quotes: readonly ((port: number) => p.Layer)[] = [
    (sport) => p.udp({ sport, dport: 53 }),
    (sport) => p.tcp({ sport, dport: 80 }),
    (id) => p.echo4(id),
  ];
  for (const quote of quotes) {
    s.inside('a', p.ip4({ src: A, dst: REMOTE }), quote(5000));
    const error = (dst: string, src: string, port: number, ttl: number): p.Layer[] => [
      p.ip4({ src: '192.88.99.1', dst, ttl }),
      p.icmp4({ type: 11, rest: 0 }),
      p.ip4({ src, dst: REMOTE, ttl: 1 }),
      quote(port),
    ];
    const came = s.outside(...error(PUBLIC, PUBLIC, 1024, 64));
    t.same(came.emitted?.bytes, toEndpoint('a', ...error(A, A, 5000, 63)));
    t.equal(s.outside(...error(PUBLIC, PUBLIC, 1026, 64)).reason, 'NAT_UNRELATED');
    t.equal(s.outside(...error(PUBLIC, '203.0.113.11', 1024, 64)).reason, 'NAT_UNRELATED');
  }
  const bad = s.outside(
    p.ip4({ src: SERVER, dst: PUBLIC }),
    p.icmp4({ type: 3, code: 1, rest: 0, checksum: 1 }),
    p.ip4({ src: PUBLIC, dst: REMOTE }),
    p.udp({ sport: 1024, dport: 53 }),
  );
  t.equal(bad.reason, 'BAD_CHECKSUM', 'REQ-3a');
  t.end();
});

// @rfc 5508 REQ-5
// @rfc 5508 REQ-5a
// @rfc 5508 REQ-5b
// @rfc 5508 REQ-5c
test('RFC 5508 REQ-5: an error from inside', (t) => {
  const s = new Scenario(
    extra('PortForward', { address: PUBLIC, protocol: 'udp', port: '53', endpoint: 'a' }),
  );
  s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), p.udp({ sport: 999, dport: 53 }));
  const error = (src: string, dst: string, ttl: number): p.Layer[] => [
    p.ip4({ src, dst: REMOTE, ttl }),
    p.icmp4({ type: 3, code: 3, rest: 0 }),
    p.ip4({ src: REMOTE, dst, ttl: 63 }),
    p.udp({ sport: 999, dport: 53 }),
  ];
  const out = s.inside('a', ...error(A, A, 64));
  t.same(out.emitted?.bytes, toRouter(...error(PUBLIC, PUBLIC, 63)));
  t.end();
});

test('RFC 4787 REQ-14: fragments; later ones change their addresses only', (t) => {
  const s = new Scenario(gateway());
  const first = { id: 9, mf: true };
  const later = { id: 9, offset: 1480, protocol: 17 };
  const out = (fields: object, ...body: p.Layer[]) =>
    s.inside('a', p.ip4({ src: A, dst: REMOTE, ...fields }), ...body);
  t.equal(out(later, p.raw(40)).reason, 'FRAG_UNHELD');
  const length = 2000;
  const udp = (sport: number): p.Layer => p.udp({ sport, dport: 53, length, checksum: 0 });
  t.same(
    out(first, udp(5000), p.raw(64)).emitted?.bytes,
    toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, ttl: 63, ...first }), udp(1024), p.raw(64)),
  );
  t.same(
    out(later, p.raw(40)).emitted?.bytes,
    toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, ttl: 63, ...later }), p.raw(40)),
  );
  t.end();
});

// @rfc 5508 REQ-10a
test('RFC 1812 s4.3: what is refused at the gateway is told', (t) => {
  const s = new Scenario(gateway());
  const told = (...layers: p.Layer[]) => {
    const { reason, emitted } = s.inside('a', ...layers);
    return [reason, emitted?.bytes[34], emitted?.bytes[35]];
  };
  const udp = p.udp({ sport: 4000, dport: 53 });
  t.same(told(p.ip4({ src: A, dst: REMOTE, ttl: 1 }), udp), ['TTL_EXCEEDED', 11, 0]);
  const big = s.inside('a', p.ip4({ src: A, dst: REMOTE }), udp, p.raw(1400));
  t.same([big.reason, big.emitted?.bytes[40], big.emitted?.bytes[41]], ['TOO_BIG', 5, 120]);
  t.same(told(p.ip4({ src: A, dst: '198.51.100.77' }), udp), ['NO_NEXTHOP', undefined, undefined]);
  const six = s.inside('a', p.ip6({ src: 'fd01::2', dst: '4000::1' }), udp);
  t.same([six.reason, six.emitted?.bytes[54], six.emitted?.bytes[55]], ['NO_ROUTE', 1, 0]);

  // and outside as well: traceroute to a public address ends at the droplet
  const dport = s.map(4000);
  const layers = [p.ip4({ src: REMOTE, dst: PUBLIC, ttl: 1 }), p.udp({ sport: 9, dport })];
  const late = s.outside(...layers);
  t.equal(late.reason, 'TTL_EXCEEDED');
  t.same(
    late.emitted?.bytes,
    toRouter(
      p.ip4({ src: '198.51.100.1', dst: REMOTE, tos: 0xc0, df: true }),
      p.icmp4({ type: 11, rest: 0 }),
      ...layers,
    ),
  );
  t.end();
});

test('RFC 826, RFC 4861 s7.2.4: the droplet answers for public addresses', (t) => {
  const s = new Scenario(gateway());
  const ask = (tpa: string) =>
    s.host.fromWire(
      p.packet(
        p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: MAC.router }),
        p.arp({ op: 1, sha: MAC.router, spa: '198.51.100.254', tpa }),
      ),
      IF.wan,
    );
  t.same(
    ask(PUBLIC).emitted?.bytes,
    p.packet(
      p.ether({ dst: MAC.router, src: MAC.wan }),
      p.arp({ op: 2, sha: MAC.wan, spa: PUBLIC, tha: MAC.router, tpa: '198.51.100.254' }),
    ),
  );
  t.equal(ask('198.51.100.1').verdict, 'passed', 'the host’s own');
  const solicited = p.solicitedNode(PUBLIC6);
  const answer = s.host.fromWire(
    p.packet(
      p.ether({ dst: solicited.mac, src: MAC.router }),
      p.ip6({ src: '2001:db8:66::fe', dst: solicited.ip, hopLimit: 255 }),
      p.neighbourSolicitation({ target: PUBLIC6 }),
    ),
    IF.wan,
  );
  t.same(
    answer.emitted?.bytes,
    p.packet(
      p.ether({ dst: MAC.router, src: MAC.wan }),
      p.ip6({ src: PUBLIC6, dst: '2001:db8:66::fe', hopLimit: 255 }),
      p.neighbourAdvertisement({
        target: PUBLIC6,
        router: true,
        options: [p.linkLayerOption(2, MAC.wan)],
      }),
    ),
  );
  t.end();
});

test('an endpoint of another host: through the tunnel and back', (t) => {
  const s = new Scenario(gateway());
  const udp = (sport: number, dport: number): p.Layer => p.udp({ sport, dport });
  const c = '10.1.0.4';
  const came = s.host.fromWire(
    p.packet(
      p.ether({ dst: MAC.underlay, src: MAC.h2 }),
      p.ip4({ src: '192.0.2.2', dst: '192.0.2.1' }),
      p.udp({ sport: 50000, dport: 4789, checksum: 0 }),
      p.vxlan({ vni: 100 }),
      p.ether({ dst: MAC.gateway, src: MAC.gateway }),
      p.ip4({ src: c, dst: REMOTE, ttl: 63 }),
      udp(4000, 53),
    ),
    IF.underlay,
  );
  t.same(
    came.emitted?.bytes,
    toRouter(p.ip4({ src: PUBLIC, dst: REMOTE, ttl: 62 }), udp(1024, 53)),
  );
  const back = s.outside(p.ip4({ src: REMOTE, dst: PUBLIC }), udp(53, 1024));
  t.equal(back.emitted?.ifindex, IF.underlay);
  const inner = back.emitted!.bytes.subarray(50);
  t.same(
    inner,
    p.packet(
      p.ether({ dst: MAC.c, src: MAC.gateway }),
      p.ip4({ src: REMOTE, dst: c, ttl: 63 }),
      udp(53, 4000),
    ),
  );
  t.end();
});
