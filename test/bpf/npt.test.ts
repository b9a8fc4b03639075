// SPDX-License-Identifier: Apache-2.0
/** Prefixes that stand for others outside (NPTv6, RFC 6296): bytes, both hooks, both directions. */
import { addOutside } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { addOutsidePrefix } from '../support/prefixes.js';
import { isolate } from '../support/rig.js';
import { Stories } from './prefix-story.js';
import { DROPLET_MAC, GW, MAC, tunnel4, viaV1 } from './world.js';

isolate();

const ROUTER = '02:ff:00:00:00:01';
const HOST6 = '2001:db8:5::7';
/** fd01::/48 outside; fd02::/64 of c, with a /64. */
const OUT = '2001:db8:f1::/48';
const OUT_LONG = '2001:db8:f2:5::/64';
/** Of fd01::10 in OUT: worked out by hand, RFC 6296 s3.1: fd01 - 2001 - 0db8 - 00f1. */
const A = '2001:db8:f1:ce57::10';
const fromA = p.ether({ dst: GW, src: MAC.a });
const fromC = p.ether({ dst: GW, src: MAC.c });
const fromRouter = p.ether({ dst: DROPLET_MAC, src: ROUTER });
const atRouter = { layer: 'eth', dst: ROUTER, src: DROPLET_MAC };
const atA = { layer: 'eth', dst: MAC.a, src: GW };

const stories = new Stories((rig) => {
  addOutside(rig, {
    router: { mac: ROUTER, address: '192.0.2.254' },
    addresses: ['192.0.2.1', '2001:db8::1'],
    mac: DROPLET_MAC,
    vnis: [100, 200],
    pool: ['203.0.113.1', '2001:db8:f::1'],
    users: {
      a: ['100/10.1.0.10', '100/fd01::10'],
      b: ['100/10.1.0.11', '100/fd01::11'],
      c: ['100/10.2.0.12', '100/fd02::12'],
      r: ['100/10.1.0.20', '100/fd01::20'],
      x: ['200/fd01::10'],
    },
    statics: { '2001:db8:f::9': '100/fd01::11' },
    exempt: ['2001:db8:5:8000::/49'],
  });
  addOutsidePrefix(rig, { vni: 100, inside: 'fd01::/48', outside: OUT, gw: 1 });
  addOutsidePrefix(rig, { vni: 100, inside: 'fd02::/64', outside: OUT_LONG, gw: 1 });
});

// @rfc 6296 s2.6
// @rfc 6296 s3.2
// @rfc 6296 s3.4
// @rfc 6296 s3.7
stories.tell('TCP out and back, sums as they were', (s) => {
  const tcp = { sport: 40000, dport: 443, flags: 'S' as const };
  const syn = p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6 }), p.tcp(tcp));
  const out = s.sent('out', 'agent', 'a', syn, [
    atRouter,
    { layer: 'ipv6', src: A, dst: HOST6, ttl: 63 },
    { layer: 'tcp', sport: 40000, dport: 443, checksum: 'good' },
  ]);
  s.t.same(out.data.slice(54), syn.slice(54), 'nothing behind the IP header is touched');
  const answer = p.packet(
    fromRouter,
    p.ip6({ src: HOST6, dst: A }),
    p.tcp({ sport: 443, dport: 40000, flags: 'SA' }),
  );
  s.sent('back', 'transit', 'droplet', answer, [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10', ttl: 63 },
    { layer: 'tcp', sport: 443, dport: 40000, checksum: 'good' },
  ]);
});

// @rfc 6296 s2.6
// @rfc 6296 s3.2
// @rfc 6296 s3.4a
stories.tell('from outside in, with nothing made before', (s) => {
  const udp = p.udp({ sport: 9, dport: 7 });
  const frame = p.packet(fromRouter, p.ip6({ src: HOST6, dst: A }), udp, p.raw(20));
  s.sent('in', 'transit', 'droplet', frame, [
    atA,
    { layer: 'ipv6', src: HOST6, dst: 'fd01::10', ttl: 63 },
    { layer: 'udp', sport: 9, dport: 7, checksum: 'good' },
  ]);
  const to = '2001:db8:f1:ce57::20';
  const remote = p.packet(fromRouter, p.ip6({ src: HOST6, dst: to }), udp, p.raw(20));
  const behindV1 = viaV1([
    { layer: 'eth', dst: MAC.r, src: GW },
    { layer: 'ipv6', src: HOST6, dst: 'fd01::20', ttl: 63 },
    { layer: 'udp', checksum: 'good' },
  ]);
  s.sent('in, to an endpoint of another host', 'transit', 'droplet', remote, behindV1);
  const none = p.packet(fromRouter, p.ip6({ src: HOST6, dst: '2001:db8:f1:ce57::99' }), udp);
  s.dropped('to nobody', 'transit', 'droplet', none, 'HOST_UNREACHABLE');
  // the one that has a public address is there only
  const other = p.packet(fromRouter, p.ip6({ src: HOST6, dst: '2001:db8:f1:ce57::11' }), udp);
  s.dropped('to who has a PublicIp', 'transit', 'droplet', other, 'NO_MAPPING');
});

// @rfc 6296 s3.5
stories.tell('a prefix of 64 bits: a word of the interface identifier', (s) => {
  const udp = p.udp({ sport: 9, dport: 7 });
  const frame = p.packet(fromC, p.ip6({ src: 'fd02::12', dst: HOST6 }), udp, p.raw(8));
  const mapped = '2001:db8:f2:5:ce52::12';
  const out = s.sent('out', 'agent', 'c', frame, [
    atRouter,
    { layer: 'ipv6', src: mapped, dst: HOST6, ttl: 63 },
    { layer: 'udp', checksum: 'good' },
  ]);
  s.t.same(out.data.slice(54), frame.slice(54), 'nothing behind the IP header is touched');
  const back = p.packet(fromRouter, p.ip6({ src: HOST6, dst: mapped }), udp, p.raw(8));
  s.sent('back', 'transit', 'droplet', back, [
    { layer: 'eth', dst: MAC.c },
    { layer: 'ipv6', src: HOST6, dst: 'fd02::12', ttl: 63 },
    { layer: 'udp', checksum: 'good' },
  ]);
});

// @rfc 6296 s3.5a
stories.tell('identifiers that have no counterpart', (s) => {
  const udp = p.udp({ sport: 9, dport: 7 });
  const cases = [
    ['all ones', '2001:db8:f2:5:ffff:ffff:ffff:ffff'],
    ['all zeros', '2001:db8:f2:5::'],
    ['subnet 0xffff', '2001:db8:f1:ffff::10'],
  ] as const;
  for (const [what, dst] of cases) {
    const o = s.told(
      what,
      'transit',
      'droplet',
      p.packet(fromRouter, p.ip6({ src: HOST6, dst }), udp),
      'NAT_PREFIX',
      [
        { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
        { layer: 'ipv6', src: '2001:db8::1', dst: HOST6 },
        { layer: 'icmpv6', type: 4, code: 0, checksum: 'good' },
        { layer: 'ipv6', src: HOST6, dst },
        { layer: 'udp', sport: 9, dport: 7 },
      ],
    );
    // RFC 4443 s3.4: the pointer is the destination address'
    s.t.same([...o.data.slice(58, 62)], [0, 0, 0, 24], what);
  }
});

stories.tell('other protocols and messages pass', (s) => {
  const esp = p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6, next: 50 }), p.raw(40));
  const out = s.sent('ESP', 'agent', 'a', esp, [atRouter, { layer: 'ipv6', src: A, dst: HOST6 }]);
  s.t.same(out.data.slice(54), esp.slice(54));
  const echo = p.packet(
    fromA,
    p.ip6({ src: 'fd01::10', dst: HOST6 }),
    p.icmp6({ type: 128, id: 77, seq: 1 }),
    p.raw(20),
  );
  s.sent('echo', 'agent', 'a', echo, [
    atRouter,
    { layer: 'ipv6', src: A, dst: HOST6 },
    { layer: 'icmpv6', type: 128, checksum: 'good' },
  ]);
  const info = p.packet(
    fromA,
    p.ip6({ src: 'fd01::10', dst: HOST6 }),
    p.icmp6({ type: 139, code: 0 }),
    p.raw(20),
  );
  const asked = s.run('agent', 'a', info);
  s.t.equal(asked.verdict, 'sent');
  s.t.same(
    asked.data.slice(54),
    info.slice(54),
    'node information has no identifier to be written over',
  );
});

stories.tell('PublicIp and exempt destinations come first, others use the pool', (s) => {
  const udp = p.udp({ sport: 9, dport: 7 });
  const send = (mac: string, src: string, dst: string): Uint8Array =>
    p.packet(p.ether({ dst: GW, src: mac }), p.ip6({ src, dst }), udp, p.raw(8));
  s.sent('PublicIp', 'agent', 'b', send(MAC.b, 'fd01::11', HOST6), [
    atRouter,
    { layer: 'ipv6', src: '2001:db8:f::9', dst: HOST6 },
    { layer: 'udp', checksum: 'good' },
  ]);
  s.sent('exempt', 'agent', 'a', send(MAC.a, 'fd01::10', '2001:db8:5:8000::1'), [
    atRouter,
    { layer: 'ipv6', src: 'fd01::10', dst: '2001:db8:5:8000::1' },
    { layer: 'udp', checksum: 'good' },
  ]);
  // blue has the same addresses, and no prefix
  const x = p.packet(
    p.ether({ dst: '02:54:00:00:00:c8', src: MAC.x }),
    p.ip6({ src: 'fd01::10', dst: HOST6 }),
    udp,
    p.raw(8),
  );
  s.sent('the pool', 'agent', 'x', x, [
    atRouter,
    { layer: 'ipv6', src: '2001:db8:f::1', dst: HOST6 },
    { layer: 'udp', checksum: 'good' },
  ]);
});

// @rfc 6296 s4
stories.tell('hairpin: both ends translated', (s) => {
  const udp = p.udp({ sport: 9, dport: 7 });
  const to = '2001:db8:f2:5:ce52::12';
  const frame = p.packet(fromA, p.ip6({ src: 'fd01::10', dst: to }), udp, p.raw(8));
  s.sent('to c by its outside address', 'agent', 'a', frame, [
    { layer: 'eth', dst: MAC.c, src: GW },
    { layer: 'ipv6', src: A, dst: 'fd02::12', ttl: 63 },
    { layer: 'udp', sport: 9, dport: 7, checksum: 'good' },
  ]);
  const back = p.packet(fromC, p.ip6({ src: 'fd02::12', dst: A }), p.udp({ sport: 7, dport: 9 }));
  s.sent('and back', 'agent', 'c', back, [
    atA,
    { layer: 'ipv6', src: to, dst: 'fd01::10', ttl: 63 },
    { layer: 'udp', sport: 7, dport: 9, checksum: 'good' },
  ]);
});

// @rfc 6296 s5
stories.tell('ICMPv6 errors and the packets they quote, both ways', (s) => {
  const udp = p.udp({ sport: 50, dport: 51 });
  const out = p.packet(p.ip6({ src: A, dst: HOST6, hopLimit: 60 }), udp, p.raw(30));
  const inside = p.packet(fromA, p.ip6({ src: 'fd01::10', dst: HOST6 }), udp, p.raw(30));
  s.run('agent', 'a', inside);
  const tooBig = p.packet(
    fromRouter,
    p.ip6({ src: '2001:db8:77::1', dst: A }),
    p.icmp6({ type: 2, rest: 1280 }),
    p.raw(out),
  );
  s.once('too big, in', 'transit', 'droplet', tooBig, [
    atA,
    { layer: 'ipv6', src: '2001:db8:77::1', dst: 'fd01::10' },
    { layer: 'icmpv6', type: 2, checksum: 'good' },
    { layer: 'ipv6', src: 'fd01::10', dst: HOST6 },
    { layer: 'udp', sport: 50, dport: 51, checksum: 'good' },
  ]);
  const back = p.udp({ sport: 60, dport: 61 });
  s.run('transit', 'droplet', p.packet(fromRouter, p.ip6({ src: HOST6, dst: A }), back, p.raw(9)));
  const quoted = p.packet(p.ip6({ src: HOST6, dst: 'fd01::10' }), back, p.raw(9));
  const unreachable = p.packet(
    fromA,
    p.ip6({ src: 'fd01::10', dst: HOST6 }),
    p.icmp6({ type: 1, code: 4 }),
    p.raw(quoted),
  );
  s.once('unreachable, out', 'agent', 'a', unreachable, [
    atRouter,
    { layer: 'ipv6', src: A, dst: HOST6 },
    { layer: 'icmpv6', type: 1, code: 4, checksum: 'good' },
    { layer: 'ipv6', src: HOST6, dst: A },
    { layer: 'udp', sport: 60, dport: 61, checksum: 'good' },
  ]);
});

stories.tell('solicitations are answered for addresses that stand for endpoints', (s) => {
  const ask = (target: string): Uint8Array => {
    const group = p.solicitedNode(target);
    return p.packet(
      p.ether({ dst: group.mac, src: ROUTER }),
      p.ip6({ src: 'fe80::1', dst: group.ip, hopLimit: 255 }),
      p.neighbourSolicitation({ target, options: [p.linkLayerOption(1, ROUTER)] }),
    );
  };
  s.once('for a', 'transit', 'droplet', ask(A), [
    { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
    { layer: 'ipv6', src: A, dst: 'fe80::1', ttl: 255 },
    { layer: 'icmpv6', type: 136, target: A, linkAddress: DROPLET_MAC },
  ]);
  for (const target of ['2001:db8:f1:ce57::99', '2001:db8:f1:ce57::11', '2001:db8:f1:ffff::1'])
    s.t.equal(s.run('transit', 'droplet', ask(target)).verdict, 'passed', `not for ${target}`);
});

stories.tell('through the tunnel, out', (s) => {
  const udp = p.udp({ sport: 9, dport: 7 });
  const inner = tunnel4([
    p.ether({ dst: GW, src: GW }),
    p.ip6({ src: 'fd01::20', dst: HOST6 }),
    udp,
    p.raw(8),
  ]);
  s.sent('of another host', 'transit', 'droplet', inner, [
    atRouter,
    { layer: 'ipv6', src: '2001:db8:f1:ce57::20', dst: HOST6, ttl: 63 },
    { layer: 'udp', checksum: 'good' },
  ]);
});

stories.run();
