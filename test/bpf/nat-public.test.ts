// SPDX-License-Identifier: Apache-2.0
/** Public addresses and ports that are somebody's, hairpinning, who may not leave, and who is told what. */
import type { ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { isolate, type Outcome } from '../support/rig.js';
import {
  ROUTER,
  HOST4,
  HOST6,
  PUBLIC,
  PUBLIC6,
  OUTSIDE,
  FAMILIES,
  fromA,
  fromB,
  fromRouter,
  atRouter,
  data,
} from './nat-scene.js';
import { numberOf, Stories } from './story.js';
import { BLUE_GW, DROPLET_MAC, GW, MAC, viaV1 } from './world.js';

isolate();

const stories = new Stories(OUTSIDE);
const story = stories.story.bind(stories);

story('one to one, both ways', (s) => {
  s.sent(
    'in',
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: HOST4, dst: '203.0.113.9' }),
      p.tcp({ sport: 999, dport: 22, flags: 'S' }),
    ),
    [
      { layer: 'eth', dst: MAC.c, src: GW },
      { layer: 'ip', src: HOST4, dst: '10.2.0.12' },
      { layer: 'tcp', sport: 999, dport: 22, checksum: 'good' },
    ],
  );
  const fromC = p.ether({ dst: GW, src: MAC.c });
  s.sent(
    'the answer',
    'agent',
    'c',
    p.packet(
      fromC,
      p.ip4({ src: '10.2.0.12', dst: HOST4 }),
      p.tcp({ sport: 22, dport: 999, flags: 'SA' }),
    ),
    [
      atRouter,
      { layer: 'ip', src: '203.0.113.9', dst: HOST4 },
      { layer: 'tcp', sport: 22, dport: 999, checksum: 'good' },
    ],
  );
  s.sent(
    'out',
    'agent',
    'c',
    p.packet(fromC, p.ip6({ src: 'fd02::12', dst: HOST6 }), p.udp({ sport: 7, dport: 8 }), data),
    [
      atRouter,
      { layer: 'ipv6', src: '2001:db8:f::9', dst: HOST6 },
      { layer: 'udp', sport: 7, dport: 8, checksum: 'good' },
    ],
  );
});

story('a forwarded port, to here and through a tunnel', (s) => {
  const to = (port: number): Uint8Array =>
    p.packet(
      fromRouter,
      p.ip4({ src: HOST4, dst: PUBLIC }),
      p.tcp({ sport: 999, dport: port, flags: 'S' }),
    );
  s.sent('to b', 'transit', 'droplet', to(8080), [
    { layer: 'eth', dst: MAC.b, src: GW },
    { layer: 'ip', src: HOST4, dst: '10.1.0.11' },
    { layer: 'tcp', sport: 999, dport: 80, checksum: 'good' },
  ]);
  const answer = p.packet(
    fromB,
    p.ip4({ src: '10.1.0.11', dst: HOST4 }),
    p.tcp({ sport: 80, dport: 999, flags: 'SA' }),
  );
  const answered: readonly ExpectedLayer[] = [
    atRouter,
    { layer: 'ip', src: PUBLIC, dst: HOST4 },
    { layer: 'tcp', sport: 8080, dport: 999, checksum: 'good' },
  ];
  s.sent('from b', 'agent', 'b', answer, answered);
  s.rig.raiseGeneration();
  s.sent('from b after a change', 'agent', 'b', answer, answered);
  s.sent(
    'to r',
    'transit',
    'droplet',
    to(8081),
    viaV1([
      { layer: 'eth', dst: MAC.r, src: GW },
      { layer: 'ip', src: HOST4, dst: '10.1.0.20' },
      { layer: 'tcp', sport: 999, dport: 81, checksum: 'good' },
    ]),
  );
});

// @rfc 4787 REQ-9
// @rfc 5382 REQ-8
// @rfc 5382 REQ-8a
story('hairpin: the source that is seen is the public one', (s) => {
  const out = s.sent(
    'a to the forwarded port of b',
    'agent',
    'a',
    p.packet(
      fromA,
      p.ip4({ src: '10.1.0.10', dst: PUBLIC }),
      p.tcp({ sport: 41000, dport: 8080, flags: 'S' }),
    ),
    [
      { layer: 'eth', dst: MAC.b, src: GW },
      { layer: 'ip', src: PUBLIC, dst: '10.1.0.11', ttl: 63 },
      { layer: 'tcp', dport: 80, checksum: 'good' },
    ],
  );
  const port = numberOf(out);
  s.sent(
    'and back',
    'agent',
    'b',
    p.packet(
      fromB,
      p.ip4({ src: '10.1.0.11', dst: PUBLIC }),
      p.tcp({ sport: 80, dport: port, flags: 'SA' }),
    ),
    [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: 'ip', src: PUBLIC, dst: '10.1.0.10', ttl: 63 },
      { layer: 'tcp', sport: 8080, dport: 41000, checksum: 'good' },
    ],
  );
});

// @rfc 6888 REQ-6
// @rfc 5508 REQ-8
story('who may not, and what is not translated', (s) => {
  const refused = s.refused(
    'an endpoint without a pool',
    'agent',
    'y',
    p.packet(
      p.ether({ dst: BLUE_GW, src: MAC.y }),
      p.ip4({ src: '10.1.0.11', dst: HOST4 }),
      p.udp({ sport: 1, dport: 2 }),
    ),
    'NO_NAT',
  );
  s.t.equal(refused.counts.generated, 1, 'and is told');
  s.sent(
    'an exempt destination',
    'agent',
    'y',
    p.packet(
      p.ether({ dst: BLUE_GW, src: MAC.y }),
      p.ip4({ src: '10.1.0.11', dst: '198.51.100.200' }),
      p.udp({ sport: 1, dport: 2 }),
    ),
    [
      atRouter,
      { layer: 'ip', src: '10.1.0.11', dst: '198.51.100.200' },
      { layer: 'udp', sport: 1, dport: 2 },
    ],
  );
  const passed = s.run(
    'transit',
    'droplet',
    p.packet(fromRouter, p.ip4({ src: HOST4, dst: '192.0.2.1' }), p.tcp({ sport: 1, dport: 22 })),
  );
  s.t.equal(passed.verdict, 'passed', 'the host’s own is passed on');
  // its type, which might be an error's, is in another fragment
  const later = s.run(
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip6({ src: '2001:db8::99', dst: '2001:db8::1', next: 44 }),
      p.fragment({ offset: 1480, more: false, id: 3, next: 58 }),
      p.raw(40),
    ),
  );
  s.t.equal(later.verdict, 'passed', 'a later fragment of ICMPv6, too');
});

story('untranslated, the same packet of two tenants: the answer is the first one’s', (s) => {
  const from = (who: 'a' | 'x', mac: string, gw: string): Outcome =>
    s.run(
      'agent',
      who,
      p.packet(
        p.ether({ dst: gw, src: mac }),
        p.ip4({ src: '10.1.0.10', dst: '198.51.100.200' }),
        p.udp({ sport: 1, dport: 2 }),
      ),
    );
  s.t.equal(from('a', MAC.a, GW).verdict, 'sent');
  s.t.equal(from('x', MAC.x, BLUE_GW).reason, 'FLOW_TABLE_FULL');
  const answer = s.run(
    'transit',
    'droplet',
    p.packet(
      fromRouter,
      p.ip4({ src: '198.51.100.200', dst: '10.1.0.10' }),
      p.udp({ sport: 2, dport: 1 }),
    ),
  );
  s.t.equal(answer.endpoints.a?.rx_packets, 1);
});

// @rfc 6888 REQ-4
// @rfc 6888 REQ-11a
// @rfc 6888 REQ-11d
story(
  'quota: blocks of 64 ports, two of them',
  (s) => {
    const ports = new Set<number>();
    let refused = 0;
    for (let sport = 2000; sport < 2400; sport += 2) {
      const o = s.run(
        'agent',
        'a',
        p.packet(fromA, p.ip4({ src: '10.1.0.10', dst: HOST4 }), p.udp({ sport, dport: 53 })),
      );
      if (o.reason === 'NAT_QUOTA') refused++;
      else ports.add(new DataView(o.data.buffer, o.data.byteOffset).getUint16(34));
    }
    s.t.equal(ports.size, 64, 'every even port of two blocks once');
    s.t.equal(refused, 200 - 64, 'and then no more');
    const blocks = new Set([...ports].map((port) => port >> 6));
    s.t.equal(blocks.size, 2);
    const neighbour = s.run(
      'agent',
      'b',
      p.packet(fromB, p.ip4({ src: '10.1.0.11', dst: HOST4 }), p.udp({ sport: 2000, dport: 53 })),
    );
    s.t.equal(neighbour.verdict, 'sent', 'a neighbour does not notice');
  },
  { blockSize: 64, maxBlocks: 2 },
);

for (const filtering of ['address', 'address-port'] as const)
  // @rfc 4787 REQ-8
  // @rfc 4787 REQ-8a
  story(
    `filtering: ${filtering}`,
    (s) => {
      const out = s.run(
        'agent',
        'a',
        p.packet(fromA, p.ip4({ src: '10.1.0.10', dst: HOST4 }), p.udp({ sport: 6000, dport: 53 })),
      );
      const port = numberOf(out);
      const from = (src: string, sport: number): string | undefined =>
        s.run(
          'transit',
          'droplet',
          p.packet(fromRouter, p.ip4({ src, dst: PUBLIC }), p.udp({ sport, dport: port })),
        ).reason;
      s.t.equal(from(HOST4, 53), undefined, 'who was asked may answer');
      s.t.equal(from('198.51.100.8', 53), 'FILTERED', 'nobody else');
      s.t.equal(from(HOST4, 54), filtering === 'address' ? undefined : 'FILTERED', 'another port');
    },
    { filtering },
  );

story('ARP and neighbour solicitations for public addresses', (s) => {
  const arp = s.run(
    'transit',
    'droplet',
    p.packet(
      p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: ROUTER }),
      p.arp({ op: 1, sha: ROUTER, spa: '192.0.2.254', tpa: PUBLIC }),
    ),
  );
  s.leaves('ARP is answered', arp, [
    { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
    { layer: 'arp', op: 2, sha: DROPLET_MAC, spa: PUBLIC, tha: ROUTER, tpa: '192.0.2.254' },
  ]);
  const host = s.run(
    'transit',
    'droplet',
    p.packet(
      p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: ROUTER }),
      p.arp({ op: 1, sha: ROUTER, spa: '192.0.2.254', tpa: '192.0.2.1' }),
    ),
  );
  s.t.equal(host.verdict, 'passed', 'the host answers for its own');
  const group = p.solicitedNode(PUBLIC6);
  const nd = s.run(
    'transit',
    'droplet',
    p.packet(
      p.ether({ dst: group.mac, src: ROUTER }),
      p.ip6({ src: 'fe80::1', dst: group.ip, hopLimit: 255 }),
      p.neighbourSolicitation({ target: PUBLIC6, options: [p.linkLayerOption(1, ROUTER)] }),
    ),
  );
  s.t.equal(nd.verdict, 'sent');
  s.leaves('a solicitation is answered', nd, [
    { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
    { layer: 'ipv6', src: PUBLIC6, dst: 'fe80::1', ttl: 255 },
    { layer: 'icmpv6', type: 136, target: PUBLIC6, linkAddress: DROPLET_MAC },
  ]);
});

for (const f of FAMILIES)
  story(`${f.layer}: no error goes to a group's MAC`, (s) => {
    const dst = f.layer === 'ip' ? '203.0.113.9' : '2001:db8:f::9';
    const late = (src: string): Outcome =>
      s.refused(
        `a last hop from ${src}`,
        'transit',
        'droplet',
        p.packet(
          p.ether({ dst: DROPLET_MAC, src }),
          f.ip(f.host, dst, { ttl: 1, hopLimit: 1 }),
          p.udp({ sport: 53, dport: 53 }),
          data,
        ),
        'TTL_EXCEEDED',
      );
    s.t.equal(late(ROUTER).verdict, 'sent', 'a station is told');
    s.t.equal(late('33:33:00:00:00:01').verdict, 'dropped', 'a group is not');
  });

stories.run();
