// SPDX-License-Identifier: Apache-2.0
/** What becomes of packets to and from the outside: bytes, both hooks, one connection at a time. */
import * as p from '../support/packet/index.js';
import { isolate, type Outcome } from '../support/rig.js';
import {
  HOST4,
  PUBLIC,
  OUTSIDE,
  FAMILIES,
  fromA,
  fromRouter,
  atRouter,
  data,
} from './nat-scene.js';
import { numberOf, Stories } from './story.js';
import { BLUE_GW, GW, MAC, tunnel4, viaV1 } from './world.js';

isolate();

const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);

for (const f of FAMILIES) {
  // @rfc 5382 REQ-1
  // @rfc 5382 REQ-2
  // @rfc 4787 REQ-3a
  // @rfc 4787 REQ-4
  story(`${f.layer}: TCP out and back`, (s) => {
    const syn = p.packet(fromA, f.ip(f.a, f.host), p.tcp({ sport: 40001, dport: 443, flags: 'S' }));
    const out = s.sent('out', 'agent', 'a', syn, [
      atRouter,
      { layer: f.layer, src: f.pub, dst: f.host, ttl: 63 },
      { layer: 'tcp', dport: 443, flags: 2, checksum: 'good' },
    ]);
    const port = numberOf(out);
    s.t.equal(port % 2, 1, 'parity kept');
    s.t.ok(port >= 1024, 'range class kept');
    const answer = p.packet(
      fromRouter,
      f.ip(f.host, f.pub),
      p.tcp({ sport: 443, dport: port, flags: 'SA' }),
    );
    const back = s.sent('back', 'transit', 'droplet', answer, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, src: f.host, dst: f.a, ttl: 63 },
      { layer: 'tcp', sport: 443, dport: 40001, checksum: 'good' },
    ]);
    s.t.equal(back.endpoints.a?.rx_packets, 1, 'counted for a');
    // endpoint-independent: the same port whatever the destination
    const other = p.packet(
      fromA,
      f.ip(f.a, f.layer === 'ip' ? '198.51.100.8' : '2001:db8:5::8'),
      p.tcp({ sport: 40001, dport: 80, flags: 'S' }),
    );
    s.t.equal(numberOf(s.run('agent', 'a', other)), port, 'endpoint-independent');
    // a raised generation keeps it
    s.rig.raiseGeneration();
    s.t.equal(numberOf(s.run('agent', 'a', syn)), port, 'the same after a change');
    s.t.equal(s.run('transit', 'droplet', answer).verdict, 'sent');
  });

  // @rfc 4787 REQ-4
  // @rfc 4787 REQ-8
  story(`${f.layer}: UDP, and a checksum that is not there`, (s) => {
    const zero = f.layer === 'ip' ? { checksum: 0 } : {};
    const udp = p.packet(
      fromA,
      f.ip(f.a, f.host),
      p.udp({ sport: 5000, dport: 9999, ...zero }),
      data,
    );
    const out = s.sent('out', 'agent', 'a', udp, [
      atRouter,
      { layer: f.layer, src: f.pub, dst: f.host, ttl: 63 },
      { layer: 'udp', dport: 9999, checksum: f.layer === 'ip' ? 'none' : 'good' },
    ]);
    const port = numberOf(out);
    s.t.equal(port % 2, 0, 'parity kept');
    // anybody may answer
    const stranger = f.layer === 'ip' ? '198.51.100.99' : '2001:db8:5::99';
    s.sent(
      'from somebody else',
      'transit',
      'droplet',
      p.packet(fromRouter, f.ip(stranger, f.pub), p.udp({ sport: 9, dport: port }), data),
      [
        { layer: 'eth', dst: MAC.a, src: GW },
        { layer: f.layer, src: stranger, dst: f.a },
        { layer: 'udp', sport: 9, dport: 5000, checksum: 'good' },
      ],
    );
    s.refused(
      'to a port nobody has',
      'transit',
      'droplet',
      p.packet(fromRouter, f.ip(f.host, f.pub), p.udp({ sport: 53, dport: port ^ 1 }), data),
      'NO_MAPPING',
    );
  });

  // @rfc 5508 REQ-1
  story(`${f.layer}: echo`, (s) => {
    const [request, reply, layer] =
      f.layer === 'ip' ? [p.echo4, p.echoReply4, 'icmp'] : [p.echo6, p.echoReply6, 'icmpv6'];
    const ping = p.packet(fromA, f.ip(f.a, f.host), request(77, 3), data);
    const out = s.sent('request', 'agent', 'a', ping, [
      atRouter,
      { layer: f.layer, src: f.pub, dst: f.host, ttl: 63 },
      { layer, seq: 3, checksum: 'good' },
    ]);
    const id = numberOf(out);
    s.sent(
      'reply',
      'transit',
      'droplet',
      p.packet(fromRouter, f.ip(f.host, f.pub), reply(id, 3), data),
      [
        { layer: 'eth', dst: MAC.a, src: GW },
        { layer: f.layer, src: f.host, dst: f.a },
        { layer, id: 77, seq: 3, checksum: 'good' },
      ],
    );
  });

  // @rfc 4787 REQ-12a
  // @rfc 5508 REQ-4
  // @rfc 5508 REQ-4a
  // @rfc 5508 REQ-4b
  // @rfc 5508 REQ-4c
  // @rfc 5508 REQ-10a
  story(`${f.layer}: an ICMP error finds its connection`, (s) => {
    const udp = p.packet(fromA, f.ip(f.a, f.host), p.udp({ sport: 5001, dport: 33434 }), data);
    const out = s.run('agent', 'a', udp);
    const error = f.layer === 'ip' ? p.icmp4({ type: 11 }) : p.icmp6({ type: 3 });
    const router = f.layer === 'ip' ? '198.51.100.254' : '2001:db8:5::fe';
    const back = s.run(
      'transit',
      'droplet',
      p.packet(fromRouter, f.ip(router, f.pub), error, p.raw(out.data.slice(14))),
    );
    s.t.equal(back.reason, undefined, 'not dropped');
    const icmp = f.layer === 'ip' ? 'icmp' : 'icmpv6';
    s.leaves('an error to a, as a knows the connection', back, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, src: router, dst: f.a, ttl: 63 },
      { layer: icmp, type: f.layer === 'ip' ? 11 : 3, checksum: 'good' },
      { layer: f.layer, src: f.a, dst: f.host, quoted: true },
      { layer: 'udp', sport: 5001, dport: 33434, quoted: true },
    ]);
    s.refused(
      'about nothing known',
      'transit',
      'droplet',
      p.packet(
        fromRouter,
        f.ip(router, f.pub),
        error,
        p.raw(p.patch(out.data.slice(14), f.layer === 'ip' ? 22 : 42, [0])),
      ),
      'NAT_UNRELATED',
    );
  });
}

story('through the tunnel and back into it', (s) => {
  const inner = [
    p.ether({ dst: GW, src: GW }),
    p.ip4({ src: '10.1.0.20', dst: HOST4, ttl: 60 }),
    p.tcp({ sport: 40000, dport: 443, flags: 'S' }),
  ];
  const out = s.sent('out', 'transit', 'droplet', tunnel4(inner), [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST4, ttl: 59 },
    { layer: 'tcp', dport: 443, checksum: 'good' },
  ]);
  const port = numberOf(out);
  s.sent(
    'back',
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: HOST4, dst: PUBLIC }),
      p.tcp({ sport: 443, dport: port, flags: 'SA' }),
    ),
    viaV1([
      { layer: 'eth', dst: MAC.r, src: GW },
      { layer: 'ip', src: HOST4, dst: '10.1.0.20', ttl: 63 },
      { layer: 'tcp', sport: 443, dport: 40000, checksum: 'good' },
    ]),
  );
});

// @rfc 4787 REQ-3
// @rfc 4787 REQ-3a
story('the same inside address in two VPCs', (s) => {
  const udp = (mac: string, gw: string): Uint8Array =>
    p.packet(
      p.ether({ dst: gw, src: mac }),
      p.ip4({ src: '10.1.0.10', dst: HOST4 }),
      p.udp({ sport: 1000, dport: 53 }),
    );
  const red = numberOf(s.run('agent', 'a', udp(MAC.a, GW)));
  const blue = numberOf(s.run('agent', 'x', udp(MAC.x, BLUE_GW)));
  s.t.ok(red < 1024 && blue < 1024 && red > 0 && blue > 0, 'range class kept');
  s.t.not(red, blue, 'two ports');
  const back = (port: number): Outcome =>
    s.run(
      'transit',
      'droplet',
      p.packet(fromRouter, p.ip4({ src: HOST4, dst: PUBLIC }), p.udp({ sport: 53, dport: port })),
    );
  s.t.equal(back(red).endpoints.a?.rx_packets, 1);
  s.t.equal(back(blue).endpoints.x?.rx_packets, 1);
});

stories.run();
