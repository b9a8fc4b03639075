// SPDX-License-Identifier: Apache-2.0
/**
 * Packets between VPCs that are peered: bytes, both hooks. red and blue have the same addresses, so
 * each sees the other under other prefixes; green is seen as it is, by red alone.
 */
import * as p from '../support/packet/index.js';
import { addExposed } from '../support/prefixes.js';
import { isolate } from '../support/rig.js';
import { Stories } from './prefix-story.js';
import { BLUE_GW, GW, MAC, tunnel4, viaV1 } from './world.js';

isolate();

const RED = 100;
const BLUE = 200;
const GREEN = 300;

const stories = new Stories((rig) => {
  for (const [prefix, as] of [
    ['10.1.0.0/24', '100.64.1.0/24'],
    ['fd01::/64', 'fd64:1::/64'],
  ] as const)
    addExposed(rig, { vni: RED, peer: BLUE, prefix, as });
  for (const [prefix, as] of [
    ['10.1.0.0/25', '100.65.2.128/25'],
    ['fd01::/64', 'fd65:2::/64'],
  ] as const)
    addExposed(rig, { vni: BLUE, peer: RED, prefix, as });
  addExposed(rig, { vni: RED, peer: GREEN, prefix: '10.2.0.0/28' });
  addExposed(rig, { vni: GREEN, peer: RED, prefix: '10.3.0.0/24' });
});

interface End {
  readonly layer: 'ip' | 'ipv6';
  readonly ip: (src: string, dst: string, fields?: object) => p.Layer;
  /** a of red, as it is and as blue sees it. */
  readonly a: string;
  readonly aSeen: string;
  /** y of blue, and q behind v1. */
  readonly y: string;
  readonly ySeen: string;
  readonly q: string;
  readonly qSeen: string;
  /** Of blue. */
  readonly gateway: string;
  /** Nobody's, of blue. */
  readonly nobody: string;
}
const FAMILIES: readonly End[] = [
  {
    layer: 'ip',
    ip: (src, dst, f) => p.ip4({ src, dst, ...f }),
    a: '10.1.0.10',
    aSeen: '100.64.1.10',
    y: '10.1.0.11',
    ySeen: '100.65.2.139',
    q: '10.1.0.20',
    qSeen: '100.65.2.148',
    gateway: '10.1.0.1',
    nobody: '100.65.2.228',
  },
  {
    layer: 'ipv6',
    ip: (src, dst, f) => p.ip6({ src, dst, ...f }),
    a: 'fd01::10',
    aSeen: 'fd64:1::10',
    y: 'fd01::11',
    ySeen: 'fd65:2::11',
    q: 'fd01::20',
    qSeen: 'fd65:2::20',
    gateway: 'fd01::1',
    nobody: 'fd65:2::99',
  },
];

const fromA = p.ether({ dst: GW, src: MAC.a });
const fromY = p.ether({ dst: BLUE_GW, src: MAC.y });
const atY = { layer: 'eth', dst: MAC.y, src: BLUE_GW };
const atA = { layer: 'eth', dst: MAC.a, src: GW };
const data = p.raw(20);

for (const f of FAMILIES) {
  const { layer } = f;
  const ttl = (n: number): object => (layer === 'ip' ? { ttl: n } : { hopLimit: n });

  stories.tell(`${layer}: on one host, there and back`, (s) => {
    const syn = p.packet(fromA, f.ip(f.a, f.ySeen), p.tcp({ sport: 1025, dport: 80, flags: 'S' }));
    s.sent('there', 'agent', 'a', syn, [
      atY,
      { layer, src: f.aSeen, dst: f.y, ttl: 63 },
      { layer: 'tcp', sport: 1025, dport: 80, checksum: 'good' },
    ]);
    const answer = p.packet(
      fromY,
      f.ip(f.y, f.aSeen),
      p.tcp({ sport: 80, dport: 1025, flags: 'SA' }),
    );
    s.sent('back', 'agent', 'y', answer, [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: 'tcp', sport: 80, dport: 1025, checksum: 'good' },
    ]);
    s.t.equal(s.run('agent', 'y', answer).counts.nodes.WALK ?? 0, 0, 'by the record of the first');
  });

  stories.tell(`${layer}: either side begins, with every protocol`, (s) => {
    const echo = layer === 'ip' ? p.echo4(77) : p.echo6(77);
    s.sent('echo', 'agent', 'y', p.packet(fromY, f.ip(f.y, f.aSeen), echo, data), [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: layer === 'ip' ? 'icmp' : 'icmpv6', id: 77, checksum: 'good' },
    ]);
    const sctp = p.sctp({ sport: 5, dport: 6 });
    const frame = p.packet(fromY, f.ip(f.y, f.aSeen), sctp, data);
    const out = s.run('agent', 'y', frame);
    s.t.equal(out.verdict, 'sent', 'SCTP');
    const at = layer === 'ip' ? 34 : 54;
    s.t.same(out.data.slice(at), frame.slice(at), 'its checksum is over itself');
  });

  stories.tell(`${layer}: to another host, in the VPC of the receiver`, (s) => {
    const frame = p.packet(fromA, f.ip(f.a, f.qSeen), p.udp({ sport: 9, dport: 7 }), data);
    const [eth, ip, udp, ...rest] = viaV1([
      { layer: 'eth', dst: MAC.q, src: BLUE_GW },
      { layer, src: f.aSeen, dst: f.q, ttl: 63 },
      { layer: 'udp', sport: 9, dport: 7, checksum: 'good' },
    ]);
    const vxlan = { ...rest[0]!, vni: BLUE };
    s.sent('out', 'agent', 'a', frame, [eth!, ip!, udp!, vxlan, ...rest.slice(1)]);
  });

  stories.tell(`${layer}: from another host, and back by a walk of its own`, (s) => {
    // q's host has translated: to y, as if it were of blue
    const inner = [
      p.ether({ dst: MAC.y, src: BLUE_GW }),
      f.ip(f.aSeen, f.y),
      p.udp({ sport: 9, dport: 7 }),
      data,
    ];
    s.sent('in', 'transit', 'droplet', tunnel4(inner, { vxlan: { vni: BLUE } }), [
      atY,
      { layer, src: f.aSeen, dst: f.y },
      { layer: 'udp', checksum: 'good' },
    ]);
  });

  stories.tell(`${layer}: nothing but what is exposed`, (s) => {
    const udp = p.udp({ sport: 9, dport: 7 });
    const send = (who: 'a' | 'c' | 'b' | 'z' | 'y', dst: string, src: string): Uint8Array =>
      p.packet(
        p.ether({ dst: who === 'y' ? BLUE_GW : GW, src: MAC[who] }),
        f.ip(src, dst),
        udp,
        data,
      );
    const c = layer === 'ip' ? '10.2.0.12' : 'fd02::12';
    const z = layer === 'ip' ? '10.3.0.10' : 'fd03::10';
    const icmp = layer === 'ip' ? 'icmp' : 'icmpv6';
    const told = (who: 'c' | 'a', src: string, dst: string, code: number) => [
      { layer: 'eth', dst: MAC[who], src: GW },
      { layer, dst: src },
      { layer: icmp, code, checksum: 'good' },
      { layer, src, dst },
      { layer: 'udp', sport: 9, dport: 7, checksum: 'good' },
    ];
    const prohibited = layer === 'ip' ? 13 : 1;
    const host = layer === 'ip' ? 1 : 3;
    s.told('from c, which is not', 'agent', 'c', send('c', f.ySeen, c), 'NOT_EXPOSED', [
      ...told('c', c, f.ySeen, prohibited),
    ]);
    s.told('to nobody', 'agent', 'a', send('a', f.nobody, f.a), 'HOST_UNREACHABLE', [
      ...told('a', f.a, f.nobody, host),
    ]);
    s.dropped('a third VPC', 'agent', 'z', send('z', f.ySeen, z), 'NO_ROUTE');
    s.dropped('a third VPC, the other way', 'agent', 'z', send('z', f.aSeen, z), 'NO_ROUTE');
    s.dropped(
      'with an address of the peer',
      'agent',
      'y',
      send('y', f.aSeen, f.aSeen),
      'SPOOFED_IP',
    );
    if (layer === 'ip') {
      // blue is no way to green, nor green to blue
      s.dropped('by way of red', 'agent', 'y', send('y', z, f.y), 'NO_ROUTE');
      s.dropped('beside the prefix', 'agent', 'a', send('a', '100.65.2.11', f.a), 'NO_ROUTE');
      s.dropped('the gateway', 'agent', 'a', send('a', '100.65.2.129', f.a), 'HOST_UNREACHABLE');
    }
    const inner = [p.ether({ dst: BLUE_GW, src: BLUE_GW }), f.ip(f.q, f.aSeen), udp, data];
    s.dropped(
      'untranslated, out of the tunnel',
      'transit',
      'droplet',
      tunnel4(inner, { vxlan: { vni: BLUE } }),
      'NOT_HERE',
    );
  });

  stories.tell(`${layer}: TTL and MTU are told in the sender's terms`, (s) => {
    const icmp = layer === 'ip' ? 'icmp' : 'icmpv6';
    const gateway = layer === 'ip' ? '10.1.0.1' : 'fd01::1';
    const from = { layer: 'eth', dst: MAC.a, src: GW };
    const last = p.packet(fromA, f.ip(f.a, f.ySeen, ttl(1)), p.udp({ sport: 33434, dport: 33435 }));
    s.told('TTL', 'agent', 'a', last, 'TTL_EXCEEDED', [
      from,
      { layer, src: gateway, dst: f.a },
      { layer: icmp, type: layer === 'ip' ? 11 : 3, checksum: 'good' },
      { layer, src: f.a, dst: f.ySeen },
      { layer: 'udp', sport: 33434 },
    ]);
    const big = p.packet(
      fromA,
      f.ip(f.a, f.qSeen, layer === 'ip' ? { df: true } : {}),
      p.udp({ sport: 1, dport: 2 }),
      p.raw(1400),
    );
    const o = s.dropped('too big for the tunnel', 'agent', 'a', big, 'TOO_BIG');
    s.t.same([...o.data.slice(layer === 'ip' ? 40 : 60).slice(0, 2)], [1400 >> 8, 1400 & 255]);
  });

  stories.tell(`${layer}: errors of the receiver and of its host come back`, (s) => {
    const icmp = layer === 'ip' ? 'icmp' : 'icmpv6';
    const error = (type: number, code: number, rest = 0): p.Layer =>
      layer === 'ip' ? p.icmp4({ type, code, rest }) : p.icmp6({ type, code, rest });
    const [unreachable, port] = layer === 'ip' ? [3, 3] : [1, 4];
    const udp = p.udp({ sport: 40, dport: 41 });
    const there = p.packet(f.ip(f.aSeen, f.y, ttl(63)), udp, data);
    const refused = p.packet(fromY, f.ip(f.y, f.aSeen), error(unreachable, port), p.raw(there));
    s.once('port unreachable', 'agent', 'y', refused, [
      atA,
      { layer, src: f.ySeen, dst: f.a, ttl: 63 },
      { layer: icmp, type: unreachable, code: port, checksum: 'good' },
      { layer, src: f.a, dst: f.ySeen },
      { layer: 'udp', sport: 40, dport: 41, checksum: 'good' },
    ]);
    // q's host has no room: its gateway tells, in blue's VNI
    const [type, code] = layer === 'ip' ? [3, 4] : [2, 0];
    const far = p.packet(f.ip(f.aSeen, f.q, ttl(63)), udp, data);
    const inner = [
      p.ether({ dst: BLUE_GW, src: BLUE_GW }),
      f.ip(f.gateway, f.aSeen),
      error(type, code, 1300),
      p.raw(far),
    ];
    // the gateway is exposed with its subnet
    const gateway = layer === 'ip' ? '100.65.2.129' : 'fd65:2::1';
    s.once('too big', 'transit', 'droplet', tunnel4(inner, { vxlan: { vni: BLUE } }), [
      atA,
      { layer, src: gateway, dst: f.a, ttl: 63 },
      { layer: icmp, type, code, mtu: 1300, checksum: 'good' },
      { layer, src: f.a, dst: f.qSeen },
      { layer: 'udp', sport: 40, dport: 41, checksum: 'good' },
    ]);
    const other = p.packet(f.ip(f.aSeen, f.y, ttl(63)), udp, data);
    const lie = p.packet(
      fromY,
      f.ip(f.y, layer === 'ip' ? '100.64.1.11' : 'fd64:1::11'),
      error(unreachable, port),
      p.raw(other),
    );
    s.dropped("about another one's packet", 'agent', 'y', lie, 'NAT_UNRELATED');
  });

  stories.tell(`${layer}: fragments go the way of the first`, (s) => {
    const whole = p.packet(f.ip(f.a, f.ySeen), p.udp({ sport: 9, dport: 7 }), p.raw(64));
    const at = layer === 'ip' ? 20 : 40;
    const part = (offset: number, end?: number): Uint8Array => {
      const more = end !== undefined;
      const content = p.raw(whole.slice(at + offset, end && at + end));
      return layer === 'ip'
        ? p.packet(
            fromA,
            p.ip4({ src: f.a, dst: f.ySeen, id: 99, mf: more, offset, protocol: 17 }),
            content,
          )
        : p.packet(
            fromA,
            p.ip6({ src: f.a, dst: f.ySeen }),
            p.fragment({ offset, more, id: 99, next: 17 }),
            content,
          );
    };
    const expected = p.packet(f.ip(f.aSeen, f.y), p.udp({ sport: 9, dport: 7 }), p.raw(64));
    const behind = layer === 'ip' ? 34 : 62;
    const first = s.run('agent', 'a', part(0, 40));
    const later = s.run('agent', 'a', part(40));
    s.t.same([first.verdict, later.verdict], ['sent', 'sent']);
    s.t.same(
      [...first.data.slice(behind), ...later.data.slice(behind)],
      [...expected.slice(at)],
      'together the datagram, with the sum of the whole',
    );
  });
}

stories.tell('untranslated, where addresses do not overlap', (s) => {
  const frame = p.packet(
    p.ether({ dst: GW, src: MAC.c }),
    p.ip4({ src: '10.2.0.12', dst: '10.3.0.10' }),
    p.udp({ sport: 9, dport: 7 }),
    data,
  );
  s.sent('there', 'agent', 'c', frame, [
    { layer: 'eth', dst: MAC.z, src: GW },
    { layer: 'ip', src: '10.2.0.12', dst: '10.3.0.10', ttl: 63 },
    { layer: 'udp', checksum: 'good' },
  ]);
  const back = p.packet(
    p.ether({ dst: GW, src: MAC.z }),
    p.ip4({ src: '10.3.0.10', dst: '10.2.0.12' }),
    p.udp({ sport: 7, dport: 9 }),
    data,
  );
  s.sent('back', 'agent', 'z', back, [
    { layer: 'eth', dst: MAC.c, src: GW },
    { layer: 'ip', src: '10.3.0.10', dst: '10.2.0.12', ttl: 63 },
    { layer: 'udp', checksum: 'good' },
  ]);
});

stories.run();
