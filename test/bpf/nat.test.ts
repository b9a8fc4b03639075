// SPDX-License-Identifier: Apache-2.0
/** What becomes of packets to and from the outside: bytes, both hooks, one connection at a time. */
import { test, type Test } from 'tap';
import { decode, differences, type ExpectedLayer } from '../support/decode.js';
import { addOutside, type OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome, type ProgramName } from '../support/rig.js';
import { BLUE_GW, DROPLET_MAC, GW, MAC, tunnel4, viaV1, WORLD } from './world.js';

isolate();

const ROUTER = '02:ff:00:00:00:01';
const HOST4 = '198.51.100.7';
const HOST6 = '2001:db8:5::7';
const PUBLIC = '203.0.113.1';
const PUBLIC6 = '2001:db8:f::1';
const OUTSIDE: OutsideSpec = {
  router: { mac: ROUTER, address: '192.0.2.254' },
  addresses: ['192.0.2.1', '2001:db8::1'],
  mac: DROPLET_MAC,
  vnis: [100, 200],
  pool: [PUBLIC, PUBLIC6],
  users: {
    a: ['100/10.1.0.10', '100/fd01::10'],
    b: ['100/10.1.0.11', '100/fd01::11'],
    x: ['200/10.1.0.10', '200/fd01::10'],
    r: ['100/10.1.0.20', '100/fd01::20'],
  },
  statics: { '203.0.113.9': '100/10.2.0.12', '2001:db8:f::9': '100/fd02::12' },
  forwards: [
    { address: PUBLIC, protocol: 6, port: 8080, to: '100/10.1.0.11', toPort: 80 },
    { address: PUBLIC, protocol: 6, port: 8081, to: '100/10.1.0.20', toPort: 81 },
  ],
  exempt: ['198.51.100.128/25'],
};

interface End {
  readonly ip: (src: string, dst: string, fields?: object) => p.Layer;
  readonly layer: 'ip' | 'ipv6';
  readonly a: string;
  readonly host: string;
  readonly pub: string;
}
const FAMILIES: readonly End[] = [
  {
    ip: (src, dst, f) => p.ip4({ src, dst, ...f }),
    layer: 'ip',
    a: '10.1.0.10',
    host: HOST4,
    pub: PUBLIC,
  },
  {
    ip: (src, dst, f) => p.ip6({ src, dst, ...f }),
    layer: 'ipv6',
    a: 'fd01::10',
    host: HOST6,
    pub: PUBLIC6,
  },
];
const fromA = p.ether({ dst: GW, src: MAC.a });
const fromB = p.ether({ dst: GW, src: MAC.b });
const fromRouter = p.ether({ dst: DROPLET_MAC, src: ROUTER });
const atRouter = { layer: 'eth', dst: ROUTER, src: DROPLET_MAC };
const data = p.raw(20);

/**
 * Loading takes seconds under emulation, and maps take memory: stories of one configuration and hook
 * share a rig, and there is one at a time.
 */
let current: { readonly key: string; readonly rig: Rig } | undefined;

function rigFor(hook: Hook, spec: Partial<OutsideSpec>): Rig {
  const key = `${hook} ${JSON.stringify(spec)}`;
  if (current?.key === key) return current.rig;
  current?.rig.close();
  const rig = new Rig(WORLD);
  current = { key, rig };
  addOutside(rig, { ...OUTSIDE, ...spec });
  return rig;
}

/** Packets that are sent one after the other. */
class Story {
  readonly rig: Rig;

  constructor(
    readonly t: Test,
    readonly hook: Hook,
    spec: Partial<OutsideSpec> = {},
  ) {
    this.rig = rigFor(hook, spec);
  }

  run(program: ProgramName, from: string, frame: Uint8Array): Outcome {
    const o = this.rig.run(program, this.hook, from, frame);
    const { counts } = o;
    this.t.equal(counts.sent + counts.passed + counts.punted + counts.dropped, 1, 'counted once');
    return o;
  }

  /** Sent as these layers; twice, the second time by a record. */
  sent(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    out: readonly ExpectedLayer[],
  ): Outcome {
    const o = this.run(program, from, frame);
    this.t.equal(o.reason, undefined, `${this.hook}: ${what}: not dropped`);
    this.t.equal(o.verdict, 'sent', `${this.hook}: ${what}: sent`);
    const again = this.run(program, from, frame);
    this.t.equal(again.counts.nodes.FLOW ?? 0, 1, `${this.hook}: ${what}: then by its record`);
    this.t.ok(Buffer.from(o.data).equals(again.data), `${this.hook}: ${what}: the same bytes`);
    left.push({ what: `${this.hook}: ${what}`, bytes: o.data, out });
    return o;
  }

  dropped(
    what: string,
    program: ProgramName,
    from: string,
    frame: Uint8Array,
    reason: string,
  ): Outcome {
    const o = this.run(program, from, frame);
    this.t.equal(o.reason, reason, `${this.hook}: ${what}`);
    return o;
  }
}

const stories: {
  readonly name: string;
  readonly tell: (s: Story) => void;
  readonly spec: Partial<OutsideSpec>;
}[] = [];

function story(name: string, tell: (s: Story) => void, spec: Partial<OutsideSpec> = {}): void {
  stories.push({ name, tell, spec });
}

/** What left, to be read by one run of tshark at the end: under emulation each takes seconds. */
const left: { what: string; bytes: Uint8Array; out: readonly ExpectedLayer[] }[] = [];

/** Source port, or identifier of an echo, of a packet without options. */
function numberOf(o: Outcome): number {
  const view = new DataView(o.data.buffer, o.data.byteOffset);
  const v6 = view.getUint16(12) === 0x86dd;
  const protocol = view.getUint8(v6 ? 20 : 23);
  const echo = protocol === 1 || protocol === 58;
  return view.getUint16((v6 ? 54 : 34) + (echo ? 4 : 0));
}

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
    s.dropped(
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
    left.push({
      what: `${s.hook}: an error to a, as a knows the connection`,
      bytes: back.data,
      out: [
        { layer: 'eth', dst: MAC.a, src: GW },
        { layer: f.layer, src: router, dst: f.a, ttl: 63 },
        { layer: icmp, type: f.layer === 'ip' ? 11 : 3, checksum: 'good' },
        { layer: f.layer, src: f.a, dst: f.host, quoted: true },
        { layer: 'udp', sport: 5001, dport: 33434, quoted: true },
      ],
    });
    s.dropped(
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
  const refused = s.dropped(
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
  left.push({
    what: `${s.hook}: ARP is answered`,
    bytes: arp.data,
    out: [
      { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
      { layer: 'arp', op: 2, sha: DROPLET_MAC, spa: PUBLIC, tha: ROUTER, tpa: '192.0.2.254' },
    ],
  });
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
  left.push({
    what: `${s.hook}: a solicitation is answered`,
    bytes: nd.data,
    out: [
      { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
      { layer: 'ipv6', src: PUBLIC6, dst: 'fe80::1', ttl: 255 },
      { layer: 'icmpv6', type: 136, target: PUBLIC6, linkAddress: DROPLET_MAC },
    ],
  });
});

for (const f of FAMILIES)
  story(`${f.layer}: no error goes to a group's MAC`, (s) => {
    const dst = f.layer === 'ip' ? '203.0.113.9' : '2001:db8:f::9';
    const late = (src: string): Outcome =>
      s.dropped(
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

for (const hook of HOOKS)
  for (const { name, tell, spec } of stories)
    test(`${hook}: ${name}`, (t) => {
      tell(new Story(t, hook, spec));
      t.end();
    });

test('what left, as tshark reads it', (t) => {
  current?.rig.close();
  const read = decode(left.map(({ bytes }) => bytes));
  left.forEach(({ what, out }, i) => {
    t.same(differences(read[i]!, out), [], what);
  });
  t.end();
});
