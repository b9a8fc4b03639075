// SPDX-License-Identifier: Apache-2.0
/**
 * A pool between VPCs that are peered: bytes, both hooks. red and blue have the same addresses; red's
 * endpoints share a few in blue, which red sees under another prefix. green sees red's, too, by the
 * very same addresses.
 */
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { addExposed, addMasqueraded } from '../support/prefixes.js';
import { isolate, type Outcome } from '../support/rig.js';
import { Stories, type Story } from './prefix-story.js';
import { BLUE_GW, GW, MAC, tunnel4, viaV1 } from './world.js';

isolate();

const RED = 100;
const BLUE = 200;
const GREEN = 300;

interface End {
  readonly layer: 'ip' | 'ipv6';
  readonly ip: (src: string, dst: string, fields?: object) => p.Layer;
  /** Of red: here, and behind v1. */
  readonly a: string;
  readonly b: string;
  readonly r: string;
  /** Of blue: here, and behind v1; as they are and as red sees them. */
  readonly y: string;
  readonly ySeen: string;
  readonly q: string;
  readonly qSeen: string;
  readonly gateway: string;
  readonly gatewaySeen: string;
  /** Of green, seen as it is. */
  readonly z: string;
  readonly pool: readonly string[];
}

const V4: End = {
  layer: 'ip',
  ip: (src, dst, f) => p.ip4({ src, dst, ...f }),
  a: '10.1.0.10',
  b: '10.1.0.11',
  r: '10.1.0.20',
  y: '10.1.0.11',
  ySeen: '100.65.2.11',
  q: '10.1.0.20',
  qSeen: '100.65.2.20',
  gateway: '10.1.0.1',
  gatewaySeen: '100.65.2.1',
  z: '10.3.0.10',
  pool: ['100.64.9.0', '100.64.9.1'],
};
const V6: End = {
  layer: 'ipv6',
  ip: (src, dst, f) => p.ip6({ src, dst, ...f }),
  a: 'fd01::10',
  b: 'fd01::11',
  r: 'fd01::20',
  y: 'fd01::11',
  ySeen: 'fd65:2::11',
  q: 'fd01::20',
  qSeen: 'fd65:2::20',
  gateway: 'fd01::1',
  gatewaySeen: 'fd65:2::1',
  z: 'fd03::10',
  pool: ['fd64:9::', 'fd64:9::1'],
};
const FAMILIES = [V4, V6] as const;

const stories = new Stories((rig) => {
  for (const [prefix, as] of [
    ['10.1.0.0/24', '100.65.2.0/24'],
    ['fd01::/64', 'fd65:2::/64'],
  ] as const)
    addExposed(rig, { vni: BLUE, peer: RED, prefix, as, stateful: true });
  for (const prefix of ['10.3.0.0/24', 'fd03::/64'])
    addExposed(rig, { vni: GREEN, peer: RED, prefix, stateful: true });
  FAMILIES.forEach((f, i) => {
    const as = i === 0 ? '100.64.9.0/31' : 'fd64:9::/127';
    [BLUE, GREEN].forEach((peer, j) => {
      const n = 2 * i + j;
      const users = { [f.a]: 1 + 3 * n, [f.b]: 2 + 3 * n, [f.r]: 3 + 3 * n };
      const filtering = peer === GREEN ? 'endpoint' : 'address-port';
      const common = { vni: RED, as, pool: f.pool, users, filtering } as const;
      addMasqueraded(rig, { ...common, peer, gw: 1 + n, first: 1 + 2 * n, maxBlocks: 1 });
    });
  });
});

const fromA = p.ether({ dst: GW, src: MAC.a });
const fromY = p.ether({ dst: BLUE_GW, src: MAC.y });
const atY = { layer: 'eth', dst: MAC.y, src: BLUE_GW };
const atA = { layer: 'eth', dst: MAC.a, src: GW };
const data = p.raw(20);
const routedIn = p.ether({ dst: GW, src: GW });
const routedBlue = p.ether({ dst: BLUE_GW, src: BLUE_GW });

/** Source of what left: address as text of its last byte, and port or identifier. */
function source(o: Outcome): { readonly last: number; readonly port: number } {
  const view = new DataView(o.data.buffer, o.data.byteOffset);
  const v6 = view.getUint16(12) === 0x86dd;
  const proto = view.getUint8(v6 ? 20 : 23);
  const echo = proto === 1 || proto === 58;
  return {
    last: view.getUint8(v6 ? 37 : 29),
    port: view.getUint16((v6 ? 54 : 34) + (echo ? 4 : 0)),
  };
}

/** The pool's address and port that a packet left with. */
function mapped(s: Story, f: End, o: Outcome): { readonly address: string; readonly port: number } {
  const { last, port } = source(o);
  s.t.ok(last < 2, 'an address of the pool');
  return { address: f.pool[last] ?? '', port };
}

/** Layers in a tunnel to v1, of a VPC. */
function inTunnel(vni: number, inner: readonly ExpectedLayer[]): ExpectedLayer[] {
  return viaV1([...inner]).map((layer) => (layer.layer === 'vxlan' ? { ...layer, vni } : layer));
}

for (const f of FAMILIES) {
  const { layer } = f;
  const icmp = layer === 'ip' ? 'icmp' : 'icmpv6';

  stories.tell(`${layer}: UDP from one VPC into the other, and back`, (s) => {
    const there = p.packet(fromA, f.ip(f.a, f.ySeen), p.udp({ sport: 4001, dport: 7007 }), data);
    const o = s.sent('there', 'agent', 'a', there, [
      atY,
      { layer, dst: f.y, ttl: 63 },
      { layer: 'udp', dport: 7007, checksum: 'good' },
    ]);
    const { address, port } = mapped(s, f, o);
    s.t.ok(port % 2 === 1 && port >= 1024, 'parity and range of its port');
    const answer = p.packet(fromY, f.ip(f.y, address), p.udp({ sport: 7007, dport: port }), data);
    s.sent('back', 'agent', 'y', answer, [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: 'udp', sport: 7007, dport: 4001, checksum: 'good' },
    ]);
    const stranger = p.packet(fromY, f.ip(f.y, address), p.udp({ sport: 7009, dport: port }), data);
    s.dropped('another port of y', 'agent', 'y', stranger, 'FILTERED');
    const nobody = p.packet(fromY, f.ip(f.y, address), p.udp({ sport: 7007, dport: 9 }), data);
    s.dropped('a port that nobody has', 'agent', 'y', nobody, 'NO_MAPPING');
  });

  stories.tell(`${layer}: TCP and ping`, (s) => {
    const syn = p.packet(fromA, f.ip(f.a, f.ySeen), p.tcp({ sport: 1026, dport: 80, flags: 'S' }));
    const o = s.sent('SYN', 'agent', 'a', syn, [
      atY,
      { layer, dst: f.y, ttl: 63 },
      { layer: 'tcp', dport: 80, checksum: 'good' },
    ]);
    const { address, port } = mapped(s, f, o);
    const answer = p.tcp({ sport: 80, dport: port, flags: 'SA' });
    s.sent('SYN ACK', 'agent', 'y', p.packet(fromY, f.ip(f.y, address), answer), [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: 'tcp', sport: 80, dport: 1026, checksum: 'good' },
    ]);
    const opening = p.tcp({ sport: 81, dport: port, flags: 'S' });
    s.dropped(
      'y opens none',
      'agent',
      'y',
      p.packet(fromY, f.ip(f.y, address), opening),
      'FILTERED',
    );
    const echo = layer === 'ip' ? p.echo4(77) : p.echo6(77);
    const ping = s.sent('ping', 'agent', 'a', p.packet(fromA, f.ip(f.a, f.ySeen), echo, data), [
      atY,
      { layer, dst: f.y, ttl: 63 },
      { layer: icmp, checksum: 'good' },
    ]);
    const id = mapped(s, f, ping);
    const reply = layer === 'ip' ? p.echoReply4(id.port) : p.echoReply6(id.port);
    s.sent('pong', 'agent', 'y', p.packet(fromY, f.ip(f.y, id.address), reply, data), [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: icmp, id: 77, checksum: 'good' },
    ]);
  });

  stories.tell(`${layer}: records of an old generation`, (s) => {
    const there = p.packet(fromA, f.ip(f.a, f.ySeen), p.udp({ sport: 4003, dport: 7007 }), data);
    const before = mapped(s, f, s.run('agent', 'a', there));
    s.rig.raiseGeneration('red');
    s.rig.raiseGeneration('blue');
    const answer = p.packet(
      fromY,
      f.ip(f.y, before.address),
      p.udp({ sport: 7007, dport: before.port }),
      data,
    );
    s.sent('the answer walks', 'agent', 'y', answer, [
      atA,
      { layer, src: f.ySeen, dst: f.a },
      { layer: 'udp', sport: 7007, dport: 4003, checksum: 'good' },
    ]);
    s.t.same(mapped(s, f, s.run('agent', 'a', there)), before, 'the mapping stays');
  });

  stories.tell(`${layer}: between other hosts, through this one`, (s) => {
    const udp = p.udp({ sport: 6000, dport: 7 });
    const inner = [routedIn, f.ip(f.r, f.qSeen), udp, data];
    const o = s.run('transit', 'droplet', tunnel4(inner, { vxlan: { vni: RED } }));
    s.t.equal(o.verdict, 'sent', 'from r to q');
    // outer headers of v1's IPv4 tunnel
    const left = { ...o, data: o.data.slice(50) };
    const { address, port } = mapped(s, f, left);
    s.leaves('from r to q', o, [
      ...inTunnel(BLUE, [
        { layer: 'eth', dst: MAC.q, src: BLUE_GW },
        { layer, src: address, dst: f.q, ttl: 63 },
        { layer: 'udp', sport: port, dport: 7, checksum: 'good' },
      ]),
    ]);
    const answer = [routedBlue, f.ip(f.q, address), p.udp({ sport: 7, dport: port }), data];
    s.sent('back', 'transit', 'droplet', tunnel4(answer, { vxlan: { vni: BLUE } }), [
      ...inTunnel(RED, [
        { layer: 'eth', dst: MAC.r, src: GW },
        { layer, src: f.qSeen, dst: f.r, ttl: 63 },
        { layer: 'udp', sport: 7, dport: 6000, checksum: 'good' },
      ]),
    ]);
  });

  stories.tell(`${layer}: errors both ways`, (s) => {
    const [unreachable, code] = layer === 'ip' ? [3, 3] : [1, 4];
    const error = (type: number, c: number, rest = 0): p.Layer =>
      layer === 'ip' ? p.icmp4({ type, code: c, rest }) : p.icmp6({ type, code: c, rest });
    const udp = p.udp({ sport: 4005, dport: 41 });
    const { address, port } = mapped(
      s,
      f,
      s.run('agent', 'a', p.packet(fromA, f.ip(f.a, f.ySeen), udp, data)),
    );
    const at = p.packet(f.ip(address, f.y), p.udp({ sport: port, dport: 41 }), data);
    const told = p.packet(fromY, f.ip(f.y, address), error(unreachable, code), p.raw(at));
    s.once('of the receiver', 'agent', 'y', told, [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: icmp, type: unreachable, code, checksum: 'good' },
      { layer, src: f.a, dst: f.ySeen },
      { layer: 'udp', sport: 4005, dport: 41, checksum: 'good' },
    ]);
    const back = p.packet(f.ip(f.ySeen, f.a), p.udp({ sport: 41, dport: 4005 }), data);
    const told2 = p.packet(fromA, f.ip(f.a, f.ySeen), error(unreachable, code), p.raw(back));
    s.once('of who opened it', 'agent', 'a', told2, [
      atY,
      { layer, src: address, dst: f.y, ttl: 63 },
      { layer: icmp, type: unreachable, code, checksum: 'good' },
      { layer, src: f.y, dst: address },
      { layer: 'udp', sport: 41, dport: port, checksum: 'good' },
    ]);
    const lie = p.packet(f.ip(address, f.y), p.udp({ sport: port ^ 2, dport: 41 }), data);
    const about = p.packet(fromY, f.ip(f.y, address), error(unreachable, code), p.raw(lie));
    s.dropped('about nothing', 'agent', 'y', about, 'NAT_UNRELATED');
    // q's host has no room: its gateway tells, in blue's VNI
    const far = p.packet(fromA, f.ip(f.a, f.qSeen), udp, data);
    const out = s.run('agent', 'a', far);
    const there = mapped(s, f, { ...out, data: out.data.slice(50) });
    s.t.same(there, { address, port }, 'the same mapping, whatever the receiver');
    const [type, big] = layer === 'ip' ? [3, 4] : [2, 0];
    const quoted = p.packet(f.ip(address, f.q), p.udp({ sport: port, dport: 41 }), data);
    const inner = [routedBlue, f.ip(f.gateway, address), error(type, big, 1300), p.raw(quoted)];
    s.once('too big', 'transit', 'droplet', tunnel4(inner, { vxlan: { vni: BLUE } }), [
      atA,
      { layer, src: f.gatewaySeen, dst: f.a, ttl: 63 },
      { layer: icmp, type, code: big, mtu: 1300, checksum: 'good' },
      { layer, src: f.a, dst: f.qSeen },
      { layer: 'udp', sport: 4005, dport: 41, checksum: 'good' },
    ]);
  });

  stories.tell(`${layer}: protocols without ports, by address`, (s) => {
    const gre = (src: string, dst: string): Uint8Array[] => [
      p.packet(
        src === f.y ? fromY : fromA,
        layer === 'ip' ? p.ip4({ src, dst, protocol: 47 }) : p.ip6({ src, dst, next: 47 }),
        data,
      ),
    ];
    const [there] = gre(f.a, f.ySeen);
    const o = s.sent('there', 'agent', 'a', there!, [atY, { layer, dst: f.y, ttl: 63 }]);
    const { last } = source(o);
    const [back] = gre(f.y, f.pool[last]!);
    s.sent('back', 'agent', 'y', back!, [atA, { layer, src: f.ySeen, dst: f.a, ttl: 63 }]);
  });

  stories.tell(`${layer}: a pool of the same addresses in a third VPC`, (s) => {
    const udp = p.udp({ sport: 4007, dport: 7007 });
    const blue = mapped(s, f, s.run('agent', 'a', p.packet(fromA, f.ip(f.a, f.ySeen), udp, data)));
    const green = mapped(s, f, s.run('agent', 'a', p.packet(fromA, f.ip(f.a, f.z), udp, data)));
    const fromZ = p.ether({ dst: GW, src: MAC.z });
    const answer = p.udp({ sport: 7007, dport: green.port });
    s.once('green answers', 'agent', 'z', p.packet(fromZ, f.ip(f.z, green.address), answer, data), [
      atA,
      { layer, src: f.z, dst: f.a },
      { layer: 'udp', sport: 7007, dport: 4007, checksum: 'good' },
    ]);
    const open = p.udp({ sport: 99, dport: green.port });
    s.once(
      'anybody of green may send, as its pool says',
      'agent',
      'z',
      p.packet(fromZ, f.ip(f.z, green.address), open, data),
      [
        atA,
        { layer, src: f.z, dst: f.a },
        { layer: 'udp', sport: 99, dport: 4007, checksum: 'good' },
      ],
    );
    const same = p.packet(
      fromY,
      f.ip(f.y, blue.address),
      p.udp({ sport: 7007, dport: blue.port }),
      data,
    );
    s.once('blue answers', 'agent', 'y', same, [
      atA,
      { layer, src: f.ySeen, dst: f.a },
      { layer: 'udp', sport: 7007, dport: 4007, checksum: 'good' },
    ]);
  });

  stories.tell(`${layer}: an endpoint's ports end`, (s) => {
    const fromB = p.ether({ dst: GW, src: MAC.b });
    const send = (who: 'a' | 'b', sport: number): Outcome =>
      s.run(
        'agent',
        who,
        p.packet(
          who === 'b' ? fromB : fromA,
          f.ip(who === 'b' ? f.b : f.a, f.ySeen),
          p.udp({ sport, dport: 99 }),
          data,
        ),
      );
    for (let i = 0; i < 256; i++) send('b', 20000 + 2 * i);
    s.t.equal(send('b', 20000 + 2 * 255).reason, undefined, 'the even ports of its block');
    s.t.equal(send('a', 4011).reason, undefined, 'another has its own');
    const prohibited = layer === 'ip' ? 13 : 1;
    const more = p.packet(fromB, f.ip(f.b, f.ySeen), p.udp({ sport: 30000, dport: 99 }), data);
    s.told('it is told', 'agent', 'b', more, 'NAT_QUOTA', [
      { layer: 'eth', dst: MAC.b, src: GW },
      { layer, src: f.gateway, dst: f.b },
      { layer: icmp, code: prohibited, checksum: 'good' },
      { layer, src: f.b, dst: f.ySeen },
      { layer: 'udp', sport: 30000, checksum: 'good' },
    ]);
  });
}

stories.run();
