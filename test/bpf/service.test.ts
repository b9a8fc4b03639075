// SPDX-License-Identifier: Apache-2.0
/** What becomes of packets to and from services of the underlay: bytes, both hooks. */
import { test, type Test } from 'tap';
import { decode, differences, type ExpectedLayer } from '../support/decode.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome, type ProgramName } from '../support/rig.js';
import { addServices, serviceKey, writeService, type ServiceSpec } from '../support/service.js';
import { BLUE_GW, DROPLET_MAC, GW, MAC, tunnel4, WORLD } from './world.js';

isolate();

const ROUTER = '02:ff:00:00:00:01';
const OWN = '192.0.2.1';
const ASIDE = '192.0.2.21';
const ASIDE6 = '2001:db8::21';
const DNS = '10.1.0.53';
const DNS6 = 'fd01::53';
const META = '169.254.169.254';
const SERVER = '198.51.100.53';
const SERVER6 = '2001:db8:5::53';
const SERVICES = {
  dns: {
    vnis: [100, 200],
    address: DNS,
    protocol: 17,
    port: 8000,
    server: SERVER,
    serverPort: 7053,
    source: ASIDE,
  },
  dnsTcp: {
    vnis: [100, 200],
    address: DNS,
    protocol: 6,
    port: 8000,
    server: SERVER,
    serverPort: 7053,
    source: ASIDE,
  },
  dns6: {
    vnis: [100, 200],
    address: DNS6,
    protocol: 17,
    port: 8000,
    server: SERVER6,
    serverPort: 7053,
    source: ASIDE6,
  },
  dns6Tcp: {
    vnis: [100, 200],
    address: DNS6,
    protocol: 6,
    port: 8000,
    server: SERVER6,
    serverPort: 7053,
    source: ASIDE6,
  },
  /** From the droplet's own address. */
  metadata: {
    vnis: [100],
    address: META,
    protocol: 6,
    port: 80,
    server: SERVER,
    serverPort: 8775,
    source: OWN,
    ports: [16384, 16384],
  },
  /** Families that differ. */
  four: {
    vnis: [100],
    address: '10.1.0.64',
    protocol: 17,
    port: 8000,
    server: SERVER6,
    serverPort: 7053,
    source: ASIDE6,
  },
  fourTcp: {
    vnis: [100],
    address: '10.1.0.64',
    protocol: 6,
    port: 8000,
    server: SERVER6,
    serverPort: 7053,
    source: ASIDE6,
  },
  six: {
    vnis: [100],
    address: 'fd01::46',
    protocol: 17,
    port: 8000,
    server: SERVER,
    serverPort: 7053,
    source: ASIDE,
  },
  sixTcp: {
    vnis: [100],
    address: 'fd01::46',
    protocol: 6,
    port: 8000,
    server: SERVER,
    serverPort: 7053,
    source: ASIDE,
  },
  /** Four ports, two connections for each endpoint. */
  narrow: {
    vnis: [100, 200],
    address: DNS,
    protocol: 17,
    port: 123,
    server: SERVER,
    serverPort: 123,
    source: ASIDE,
    ports: [4788, 4],
    limit: 2,
  },
} as const satisfies Record<string, ServiceSpec>;
const NAMES = Object.keys(SERVICES);

interface End {
  readonly ip: (src: string, dst: string, fields?: object) => p.Layer;
  readonly layer: 'ip' | 'ipv6';
  readonly icmp: 'icmp' | 'icmpv6';
  readonly a: string;
  readonly service: string;
  readonly server: string;
  readonly source: string;
}
const FAMILIES: readonly End[] = [
  {
    ip: (src, dst, f) => p.ip4({ src, dst, ...f }),
    layer: 'ip',
    icmp: 'icmp',
    a: '10.1.0.10',
    service: DNS,
    server: SERVER,
    source: ASIDE,
  },
  {
    ip: (src, dst, f) => p.ip6({ src, dst, ...f }),
    layer: 'ipv6',
    icmp: 'icmpv6',
    a: 'fd01::10',
    service: DNS6,
    server: SERVER6,
    source: ASIDE6,
  },
];
const fromA = p.ether({ dst: GW, src: MAC.a });
const fromX = p.ether({ dst: BLUE_GW, src: MAC.x });
const fromRouter = p.ether({ dst: DROPLET_MAC, src: ROUTER });
const atRouter = { layer: 'eth', dst: ROUTER, src: DROPLET_MAC };
const data = p.raw(20);
const q4 = { src: '10.1.0.10', dst: DNS };

/** An IPv4 header that comes of an IPv6 one has an identification of its own each time. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  const clean = (bytes: Uint8Array): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    if (copy[12] === 8 && copy[13] === 0) [18, 19, 24, 25].forEach((at) => (copy[at] = 0));
    return copy;
  };
  return Buffer.from(clean(a)).equals(clean(b));
}

class Story {
  constructor(
    readonly t: Test,
    readonly hook: Hook,
    readonly rig: Rig,
  ) {}

  run(program: ProgramName, from: string, frame: Uint8Array): Outcome {
    const o = this.rig.run(program, this.hook, from, frame);
    const { counts } = o;
    this.t.equal(counts.sent + counts.passed + counts.punted + counts.dropped, 1, 'counted once');
    return o;
  }

  out(frame: Uint8Array, from = 'a'): Outcome {
    return this.run('agent', from, frame);
  }

  in(...layers: p.Layer[]): Outcome {
    return this.run('transit', 'droplet', p.packet(fromRouter, ...layers));
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
    this.t.ok(sameBytes(o.data, again.data), `${this.hook}: ${what}: the same bytes`);
    this.left(what, o, out);
    return o;
  }

  /** What a frame is, read by tshark at the end. */
  left(what: string, { data: bytes }: Outcome, out: readonly ExpectedLayer[]): void {
    left.push({ what: `${this.hook}: ${what}`, bytes, out });
  }

  used(name: keyof typeof SERVICES): Record<string, number | readonly number[]> {
    const map = this.rig.map('service_use');
    const value = map.lookup(this.rig.key(NAMES.indexOf(name) + 1))!;
    return this.rig.layouts.decode('service_use_val', value) as Record<string, number>;
  }
}

const left: { what: string; bytes: Uint8Array; out: readonly ExpectedLayer[] }[] = [];
const stories: { readonly name: string; readonly tell: (s: Story) => void }[] = [];
function story(name: string, tell: (s: Story) => void): void {
  stories.push({ name, tell });
}

/** Source port of a packet without options. */
function portOf(o: Outcome): number {
  const view = new DataView(o.data.buffer, o.data.byteOffset);
  return view.getUint16(view.getUint16(12) === 0x86dd ? 54 : 34);
}

for (const f of FAMILIES) {
  story(`${f.layer}: UDP to the server and back`, (s) => {
    const query = p.packet(fromA, f.ip(f.a, f.service), p.udp({ sport: 40001, dport: 8000 }), data);
    const out = s.sent('query', 'agent', 'a', query, [
      atRouter,
      { layer: f.layer, src: f.source, dst: f.server, ttl: 63 },
      { layer: 'udp', dport: 7053, checksum: 'good' },
    ]);
    const port = portOf(out);
    s.t.ok(port >= 1024, 'a port of the pool');
    const answer = p.packet(
      fromRouter,
      f.ip(f.server, f.source),
      p.udp({ sport: 7053, dport: port }),
      data,
    );
    const back = s.sent('answer', 'transit', 'droplet', answer, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, src: f.service, dst: f.a, ttl: 63 },
      { layer: 'udp', sport: 8000, dport: 40001, checksum: 'good' },
    ]);
    s.t.equal(back.endpoints.a?.rx_packets, 1, 'counted for a');
    s.rig.raiseGeneration();
    const late = s.run('transit', 'droplet', answer);
    s.t.equal(late.verdict, 'sent', 'an answer after a change needs no packet of the workload');
    s.t.equal(late.counts.nodes.SERVICE, 1, 'its record is made anew');
    s.t.ok(Buffer.from(late.data).equals(back.data), 'the same bytes');
    const again = s.out(query);
    s.t.equal(again.counts.nodes.FLOW, 1, 'and so is the other direction');
    s.rig.raiseGeneration();
    s.t.equal(portOf(s.out(query)), port, 'the same port after a change');
    s.t.equal(s.run('transit', 'droplet', answer).counts.nodes.FLOW, 1);
  });

  story(`${f.layer}: TCP to the server and back`, (s) => {
    const syn = p.packet(
      fromA,
      f.ip(f.a, f.service),
      p.tcp({ sport: 40002, dport: 8000, flags: 'S' }),
    );
    const out = s.sent('SYN', 'agent', 'a', syn, [
      atRouter,
      { layer: f.layer, src: f.source, dst: f.server, ttl: 63 },
      { layer: 'tcp', dport: 7053, flags: 2, checksum: 'good' },
    ]);
    const answer = p.packet(
      fromRouter,
      f.ip(f.server, f.source),
      p.tcp({ sport: 7053, dport: portOf(out), flags: 'SA' }),
    );
    s.sent('SYN ACK', 'transit', 'droplet', answer, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, src: f.service, dst: f.a, ttl: 63 },
      { layer: 'tcp', sport: 8000, dport: 40002, flags: 0x12, checksum: 'good' },
    ]);
  });

  story(`${f.layer}: ICMP errors find their connection both ways`, (s) => {
    const query = p.packet(fromA, f.ip(f.a, f.service), p.udp({ sport: 40003, dport: 8000 }), data);
    const out = s.out(query);
    const unreachable =
      f.layer === 'ip' ? p.icmp4({ type: 3, code: 3 }) : p.icmp6({ type: 1, code: 4 });
    const router = f.layer === 'ip' ? '203.0.113.77' : '2001:db8:77::1';
    for (const [what, src] of [
      ['the server', f.server],
      ['a router of the underlay', router],
    ] as const) {
      const back = s.in(f.ip(src, f.source), unreachable, p.raw(out.data.slice(14)));
      s.t.equal(back.verdict, 'sent', `${what}'s error`);
      s.left(`an error of ${what} is the service's own`, back, [
        { layer: 'eth', dst: MAC.a, src: GW },
        { layer: f.layer, src: f.service, dst: f.a, ttl: 63 },
        { layer: f.icmp, checksum: 'good' },
        { layer: f.layer, src: f.a, dst: f.service, quoted: true },
        { layer: 'udp', sport: 40003, dport: 8000, quoted: true },
      ]);
    }
    const answer = s.in(f.ip(f.server, f.source), p.udp({ sport: 7053, dport: portOf(out) }), data);
    const error = p.packet(fromA, f.ip(f.a, f.service), unreachable, p.raw(answer.data.slice(14)));
    const told = s.out(error);
    s.t.equal(told.verdict, 'sent', "the workload's error");
    s.left('an error of the workload reaches the server', told, [
      atRouter,
      { layer: f.layer, src: f.source, dst: f.server, ttl: 63 },
      { layer: f.icmp, checksum: 'good' },
      { layer: f.layer, src: f.server, dst: f.source, quoted: true },
      { layer: 'udp', sport: 7053, dport: portOf(out), quoted: true },
    ]);
    const other = p.raw(p.patch(out.data.slice(14), f.layer === 'ip' ? 20 : 40, [0, 1]));
    s.t.equal(s.in(f.ip(router, f.source), unreachable, other).reason, 'NO_MAPPING');
  });

  story(`${f.layer}: an answer that is too big for the workload`, (s) => {
    const query = p.packet(fromA, f.ip(f.a, f.service), p.udp({ sport: 40004, dport: 8000 }), data);
    const port = portOf(s.out(query));
    const big = s.in(
      f.ip(f.server, f.source, f.layer === 'ip' ? { df: true } : {}),
      p.udp({ sport: 7053, dport: port }),
      p.raw(1440),
    );
    s.t.equal(big.reason, 'TOO_BIG');
    s.t.equal(big.counts.generated, 1, 'the server is told');
    s.left('the server is told', big, [
      { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
      { layer: f.layer, src: f.source, dst: f.server },
      { layer: f.icmp, type: f.layer === 'ip' ? 3 : 2, mtu: 1450, checksum: 'good' },
      { layer: f.layer, src: f.server, dst: f.source, quoted: true },
      { layer: 'udp', sport: 7053, quoted: true },
    ]);
  });

  story(`${f.layer}: fragments both ways`, (s) => {
    const long = p.raw(64);
    const cut = (
      src: string,
      dst: string,
      sport: number,
      dport: number,
    ): [p.Layer[], p.Layer[]] => {
      if (f.layer === 'ip')
        return [
          [
            p.ip4({ src, dst, id: 77, mf: true }),
            p.udp({ sport, dport, length: 8 + 128, checksum: 0 }),
            long,
          ],
          [p.ip4({ src, dst, id: 77, offset: 9, protocol: 17 }), long],
        ];
      return [
        [
          p.ip6({ src, dst }),
          p.fragment({ id: 77, offset: 0, more: true }),
          p.udp({ sport, dport, length: 8 + 128, checksum: 0x1234 }),
          long,
        ],
        [p.ip6({ src, dst }), p.fragment({ id: 77, offset: 9, more: false, next: 17 }), long],
      ];
    };
    const [first, later] = cut(f.a, f.service, 40005, 8000);
    s.t.equal(s.out(p.packet(fromA, ...later)).reason, 'FRAG_UNHELD', 'before its first');
    const out = s.out(p.packet(fromA, ...first));
    s.t.equal(out.verdict, 'sent');
    const rest = s.out(p.packet(fromA, ...later));
    s.t.equal(rest.verdict, 'sent');
    s.left('a later fragment to the server', rest, [
      atRouter,
      { layer: f.layer, src: f.source, dst: f.server },
    ]);
    const port = f.layer === 'ip' ? portOf(out) : new DataView(out.data.buffer).getUint16(62);
    const [answer, more] = cut(f.server, f.source, 7053, port);
    s.t.equal(s.in(...more).reason, 'FRAG_UNHELD', 'before its first');
    s.t.equal(s.in(...answer).verdict, 'sent', 'answer');
    const tail = s.in(...more);
    s.t.equal(tail.verdict, 'sent', 'the rest of the answer');
    s.left('a later fragment to the workload', tail, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, src: f.service, dst: f.a },
    ]);
  });

  story(`${f.layer}: the address is the gateway's MAC, answers echo, and nothing else`, (s) => {
    const [echo, reply] = f.layer === 'ip' ? [p.echo4, 0] : [p.echo6, 129];
    const ping = s.out(p.packet(fromA, f.ip(f.a, f.service), echo(5, 1), data));
    s.t.equal(ping.verdict, 'sent');
    s.left('echo', ping, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, src: f.service, dst: f.a },
      { layer: f.icmp, type: reply, checksum: 'good' },
    ]);
    const closed = s.out(p.packet(fromA, f.ip(f.a, f.service), p.udp({ sport: 1, dport: 8001 })));
    s.t.equal(closed.reason, 'SERVICE_PORT');
    s.left('port unreachable', closed, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: f.layer, dst: f.a },
      { layer: f.icmp, type: f.layer === 'ip' ? 3 : 1, code: f.layer === 'ip' ? 3 : 4 },
      { layer: f.layer, src: f.a, dst: f.service, quoted: true },
      { layer: 'udp', dport: 8001, quoted: true },
    ]);
    const sctp = f.layer === 'ip' ? { protocol: 132 } : { next: 132 };
    s.t.equal(
      s.out(p.packet(fromA, f.ip(f.a, f.service, sctp), data)).reason,
      'SERVICE_PORT',
      'another protocol',
    );
    s.t.equal(
      s.out(p.packet(fromA, f.ip(f.a, f.server), p.udp({ sport: 1, dport: 7053 }))).reason,
      'NO_ROUTE',
      'the underlay is not reached',
    );
    s.t.equal(
      s.out(p.packet(fromA, f.ip(f.service, f.a), p.udp({ sport: 8000, dport: 1 }))).reason,
      'SPOOFED_IP',
      'nobody is the service',
    );
    s.t.equal(
      s.out(
        p.packet(
          fromA,
          f.ip(f.a, f.service, { ttl: 1, hopLimit: 1 }),
          p.udp({ sport: 1, dport: 8000 }),
        ),
      ).reason,
      'TTL_EXCEEDED',
    );
  });

  story(`${f.layer}: strangers at our address towards servers`, (s) => {
    s.t.equal(
      s.in(f.ip(f.server, f.source), p.udp({ sport: 7053, dport: 2000 }), data).reason,
      'NO_MAPPING',
    );
    const query = p.packet(fromA, f.ip(f.a, f.service), p.udp({ sport: 40006, dport: 8000 }), data);
    const dport = portOf(s.out(query));
    for (const [what, src, sport] of [
      ['another port of the server', f.server, 7054],
      ['another address', f.layer === 'ip' ? '198.51.100.54' : '2001:db8:5::54', 7053],
    ] as const)
      s.t.equal(
        s.in(f.ip(src, f.source), p.udp({ sport, dport }), data).reason,
        'NO_MAPPING',
        what,
      );
    s.t.equal(s.in(f.ip(f.server, f.source), p.tcp({ sport: 7053, dport })).reason, 'NO_MAPPING');
  });
}

const CROSSED = [
  { inside: FAMILIES[0]!, outside: FAMILIES[1]!, address: '10.1.0.64' },
  { inside: FAMILIES[1]!, outside: FAMILIES[0]!, address: 'fd01::46' },
] as const;

for (const { inside, outside, address } of CROSSED) {
  const name = `${inside.layer} to a server of ${outside.layer}`;
  story(name, (s) => {
    for (const tcp of [false, true]) {
      const layer = tcp ? 'tcp' : 'udp';
      const head = (sport: number, dport: number, flags: string): p.Layer[] =>
        tcp ? [p.tcp({ sport, dport, flags })] : [p.udp({ sport, dport }), data];
      const query = p.packet(fromA, inside.ip(inside.a, address), ...head(41000, 8000, 'S'));
      const out = s.sent(`${name}: ${layer}`, 'agent', 'a', query, [
        atRouter,
        { layer: outside.layer, src: outside.source, dst: outside.server, ttl: 63 },
        { layer, dport: 7053, checksum: 'good' },
      ]);
      const port = portOf(out);
      const answer = p.packet(
        fromRouter,
        outside.ip(outside.server, outside.source),
        ...head(7053, port, 'SA'),
      );
      const back = s.sent(`${name}: ${layer} back`, 'transit', 'droplet', answer, [
        { layer: 'eth', dst: MAC.a, src: GW },
        { layer: inside.layer, src: address, dst: inside.a, ttl: 63 },
        { layer, sport: 8000, dport: 41000, checksum: 'good' },
      ]);
      s.rig.raiseGeneration();
      const late = s.run('transit', 'droplet', answer);
      s.t.ok(sameBytes(late.data, back.data), 'the same after a change');
      s.t.equal(portOf(s.out(query)), port);
    }
  });

  story(`${name}: what is too big for the other family`, (s) => {
    const most = inside.layer === 'ip' ? 1480 : 1520;
    const query = p.packet(
      fromA,
      inside.ip(inside.a, address, inside.layer === 'ip' ? { df: true } : {}),
      p.udp({ sport: 41001, dport: 8000 }),
      p.raw(most + 1 - (inside.layer === 'ip' ? 28 : 48)),
    );
    const o = s.out(query);
    s.t.equal(o.reason, 'TOO_BIG');
    s.left(`${name}: too big`, o, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: inside.layer, dst: inside.a },
      { layer: inside.icmp, mtu: most, checksum: 'good' },
      { layer: inside.layer, dst: address, quoted: true },
      { layer: 'udp', dport: 8000, quoted: true },
    ]);
  });
}

story('the same inside address and port in two VPCs', (s) => {
  const query = (from: p.Layer): Uint8Array =>
    p.packet(from, p.ip4(q4), p.udp({ sport: 1000, dport: 8000 }), data);
  const red = portOf(s.out(query(fromA)));
  const blue = portOf(s.out(query(fromX), 'x'));
  s.t.not(red, blue, 'two ports');
  const to = (dport: number): Outcome =>
    s.in(p.ip4({ src: SERVER, dst: ASIDE }), p.udp({ sport: 7053, dport }), data);
  s.t.equal(to(red).endpoints.a?.rx_packets, 1);
  s.t.equal(to(blue).endpoints.x?.rx_packets, 1);
});

story("from the droplet's own address, at a link-local one", (s) => {
  const get = p.tcp({ sport: 1000, dport: 80, flags: 'S' });
  const out = s.sent(
    'metadata',
    'agent',
    'a',
    p.packet(fromA, p.ip4({ src: '10.1.0.10', dst: META }), get),
    [
      atRouter,
      { layer: 'ip', src: OWN, dst: SERVER, ttl: 63 },
      { layer: 'tcp', dport: 8775, checksum: 'good' },
    ],
  );
  const port = portOf(out);
  s.t.ok(port >= 16384 && port < 32768, 'a port of the range');
  const answer = (dport: number): Outcome =>
    s.in(p.ip4({ src: SERVER, dst: OWN }), p.tcp({ sport: 8775, dport, flags: 'SA' }));
  s.t.equal(answer(port).endpoints.a?.rx_packets, 1);
  s.t.equal(answer(port ^ 1).verdict, 'passed', "what is not of a connection is the host's");
  const error = s.in(
    p.ip4({ src: SERVER, dst: OWN }),
    p.icmp4({ type: 3, code: 3 }),
    p.raw(p.patch(out.data.slice(14), 20, [0, 1])),
  );
  s.t.equal(error.verdict, 'passed', 'and so are errors about others');
  s.t.equal(
    s.out(p.packet(fromX, p.ip4({ src: '10.1.0.10', dst: META }), get), 'x').reason,
    'LINK_LOCAL',
    'a VPC without the service',
  );
});

story('an endpoint has its share, and a pool its end', (s) => {
  const ask = (sport: number, who: 'a' | 'x'): Outcome =>
    s.out(
      p.packet(who === 'a' ? fromA : fromX, p.ip4(q4), p.udp({ sport, dport: 123 }), data),
      who,
    );
  const ports = [ask(1, 'a'), ask(2, 'a')].map(portOf);
  const third = ask(3, 'a');
  s.t.equal(third.reason, 'SERVICE_QUOTA', 'two connections for each endpoint');
  s.left('administratively prohibited', third, [
    { layer: 'eth', dst: MAC.a, src: GW },
    { layer: 'ip', dst: '10.1.0.10' },
    { layer: 'icmp', type: 3, code: 13 },
    { layer: 'ip', src: '10.1.0.10', dst: DNS, quoted: true },
    { layer: 'udp', dport: 123, quoted: true },
  ]);
  s.t.equal(ask(1, 'a').verdict, 'sent', 'those there are go on');
  ports.push(portOf(ask(1, 'x')));
  s.t.same(
    [...ports].sort((a, b) => a - b),
    [4788, 4790, 4791],
    "three of four ports: VXLAN's is left out",
  );
  s.t.equal(ask(2, 'x').reason, 'SERVICE_EXHAUSTED');
  s.t.same(s.used('narrow'), { used: [0, 3], refused_quota: 1, refused_pool: 1 });
  s.t.equal(
    s.out(p.packet(fromA, p.ip4(q4), p.udp({ sport: 3, dport: 8000 }), data)).verdict,
    'sent',
    'another service has ports of its own',
  );
});

story('a service that changes takes its connections along, one that goes ends them', (s) => {
  const query = p.packet(fromA, p.ip4(q4), p.udp({ sport: 7000, dport: 8000 }), data);
  const before = portOf(s.out(query));
  const used = s.used('dns').used;
  writeService(s.rig, 1, { ...SERVICES.dns, server: '198.51.100.54' });
  s.rig.raiseGeneration();
  const answer = (src: string, dport: number): string | undefined =>
    s.in(p.ip4({ src, dst: ASIDE }), p.udp({ sport: 7053, dport }), data).reason;
  s.t.equal(answer(SERVER, before), 'NO_MAPPING', 'the old server is not asked any more');
  const out = s.out(query);
  s.left('to the new server', out, [
    atRouter,
    { layer: 'ip', src: ASIDE, dst: '198.51.100.54' },
    { layer: 'udp', dport: 7053, checksum: 'good' },
  ]);
  s.t.equal(answer('198.51.100.54', portOf(out)), undefined);
  s.t.same(s.used('dns').used, used, 'it counts once');
  s.rig.map('service').delete(s.rig.key(serviceKey(100, SERVICES.dns)));
  s.rig.raiseGeneration();
  s.t.equal(s.out(query).reason, 'SERVICE_PORT');
  s.t.equal(answer('198.51.100.54', portOf(out)), 'NO_MAPPING');
  writeService(s.rig, 1, SERVICES.dns);
  s.rig.raiseGeneration();
});

story('while the way to the server is not known', (s) => {
  const droplet = { router: { mac: ROUTER, address: '192.0.2.254' }, mac: DROPLET_MAC };
  const rest = { gatewayMacs: {}, setAside: [], services: [] };
  const query = p.packet(fromA, p.ip4(q4), p.udp({ sport: 7100, dport: 8000 }), data);
  addServices(s.rig, { ...droplet, ...rest, resolved: false });
  s.t.equal(s.out(query).reason, 'NO_NEXTHOP');
  addServices(s.rig, { ...droplet, ...rest });
  s.t.equal(s.out(query).verdict, 'sent');
});

story('through the tunnel nobody reaches a service', (s) => {
  const inner = [
    p.ether({ dst: GW, src: GW }),
    p.ip4({ src: '10.1.0.20', dst: DNS }),
    p.udp({ sport: 1, dport: 8000 }),
  ];
  s.t.equal(s.run('transit', 'droplet', tunnel4(inner)).reason, 'NOT_HERE');
});

story('ARP and neighbour solicitations on both sides', (s) => {
  const arp = (mac: string, spa: string, tpa: string): Uint8Array =>
    p.packet(p.ether({ dst: 'ff:ff:ff:ff:ff:ff', src: mac }), p.arp({ op: 1, sha: mac, spa, tpa }));
  for (const address of [DNS, META]) {
    const o = s.out(arp(MAC.a, '10.1.0.10', address));
    s.left(`${address} is at the gateway's MAC`, o, [
      { layer: 'eth', dst: MAC.a, src: GW },
      { layer: 'arp', op: 2, sha: GW, spa: address },
    ]);
  }
  const outside = s.run('transit', 'droplet', arp(ROUTER, '192.0.2.254', ASIDE));
  s.left('our address is at the droplet', outside, [
    { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
    { layer: 'arp', op: 2, sha: DROPLET_MAC, spa: ASIDE },
  ]);
  s.t.equal(
    s.run('transit', 'droplet', arp(ROUTER, '192.0.2.254', OWN)).verdict,
    'passed',
    "the host's own it answers itself",
  );
  const group = p.solicitedNode(ASIDE6);
  const solicited = s.run(
    'transit',
    'droplet',
    p.packet(
      p.ether({ dst: group.mac, src: ROUTER }),
      p.ip6({ src: 'fe80::1', dst: group.ip, hopLimit: 255 }),
      p.neighbourSolicitation({ target: ASIDE6, options: [p.linkLayerOption(1, ROUTER)] }),
    ),
  );
  s.t.equal(solicited.verdict, 'sent');
  s.left('our address is at the droplet', solicited, [
    { layer: 'eth', dst: ROUTER, src: DROPLET_MAC },
    { layer: 'ipv6', src: ASIDE6, dst: 'fe80::1', ttl: 255 },
    { layer: 'icmpv6', type: 136, target: ASIDE6, linkAddress: DROPLET_MAC },
  ]);
});

for (const hook of HOOKS) {
  test(`${hook}: services`, async (t) => {
    const rig = new Rig(WORLD);
    addServices(rig, {
      router: { mac: ROUTER, address: '192.0.2.254' },
      mac: DROPLET_MAC,
      gatewayMacs: { 100: GW, 200: BLUE_GW },
      setAside: [ASIDE, ASIDE6],
      services: Object.values(SERVICES),
    });
    for (const { name, tell } of stories)
      await t.test(name, (inner) => {
        tell(new Story(inner, hook, rig));
        inner.end();
      });
    rig.close();
    t.end();
  });
}

test('what left, as tshark reads it', (t) => {
  const read = decode(left.map(({ bytes }) => bytes));
  left.forEach(({ what, out }, i) => {
    t.same(differences(read[i]!, out), [], what);
  });
  t.end();
});
