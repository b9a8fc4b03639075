// SPDX-License-Identifier: Apache-2.0
/** Quotas of endpoints: what is refused, who is told, and that counts are those of connections. */
import { test, type Test } from 'tap';
import { decode } from '../support/decode.js';
import { addOutside } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome, type RigSettings } from '../support/rig.js';
import { DROPLET_MAC, fromA4, GW, MAC, routed, tunnel4, WORLD } from './world.js';

isolate();

const ROUTER = '02:ff:00:00:00:01';
const HOST = '198.51.100.7';
const PUBLIC = '203.0.113.1';
const STATIC = '203.0.113.9';
const START = 1000;
/** Index of nat_sub of endpoint r, which is behind the tunnel. */
const R: Account = { nat: 1 };
/** An endpoint of this host, or one of another by its index of nat_sub. */
type Account = string | { readonly nat: number };

interface Count {
  readonly connections: number;
  readonly half_open: number;
}
interface Use {
  readonly opened: Count;
  readonly accepted: Count;
  readonly refused_connections: bigint;
  readonly refused_half_open: bigint;
  readonly refused_rate: bigint;
}
interface Limits {
  readonly connections?: number;
  readonly half_open?: number;
  readonly rate?: number;
  readonly burst?: number;
}

/** A rig whose clock stands until it is set. */
class Scene {
  readonly rig: Rig;
  now = START;

  constructor(
    readonly hook: Hook,
    settings: RigSettings = {},
  ) {
    this.rig = new Rig(WORLD, { ageing: false, ...settings });
    if (settings.ageing !== true) this.clock(START);
    addOutside(this.rig, {
      router: { mac: ROUTER, address: '192.0.2.254' },
      addresses: ['192.0.2.1', '2001:db8::1'],
      mac: DROPLET_MAC,
      vnis: [100],
      pool: [PUBLIC],
      users: { r: ['100/10.1.0.20'], a: ['100/10.1.0.10'] },
      statics: { [STATIC]: '100/10.1.0.11' },
    });
  }

  clock(now: number): void {
    this.now = now;
    this.rig.write({ map: 'clock', key: 0, struct: 'clock_val', value: { now_s: now } });
  }

  account(of: Account): number {
    if (typeof of !== 'string') return of.nat * 2 + 1;
    return (this.rig.index.endpoints.get(of) ?? 0) * 2;
  }

  limit(of: Account, value: Limits): void {
    const key = this.account(of);
    this.rig.write({ map: 'limit', key, struct: 'limit_val', value: { ...value } });
  }

  use(of: Account): Use {
    const value = this.rig.map('limit_use').lookup(this.rig.key(this.account(of)))!;
    return this.rig.layouts.decode('limit_use_val', value) as unknown as Use;
  }

  /** As if no packet had been seen: the nodes of connections that went are not used again. */
  reset(): void {
    for (const name of ['flow', 'nat_map']) {
      const map = this.rig.map(name);
      for (const key of map.keys()) map.delete(key);
    }
    for (const of of ['a', 'b', R]) {
      this.limit(of, {});
      const use = this.rig.map('limit_use');
      use.update(this.rig.key(this.account(of)), new Uint8Array(use.valueSize));
    }
    this.clock(this.now + 100);
  }

  a(frame: Uint8Array): Outcome {
    return this.rig.run('agent', this.hook, 'a', frame);
  }

  droplet(frame: Uint8Array): Outcome {
    return this.rig.run('transit', this.hook, 'droplet', frame);
  }

  close(): void {
    this.rig.close();
  }
}

/** What a test says of a scene. */
class Told {
  constructor(
    readonly t: Test,
    readonly s: Scene,
  ) {}

  sent(o: Outcome, what: string): void {
    this.t.same([o.verdict, o.reason], ['sent', undefined], what);
  }

  /** Dropped, and the sender got an ICMP error that says administratively prohibited. */
  refused(o: Outcome, reason: string, what: string): void {
    this.silent(o, reason, what, 1);
    const icmp = decode([o.data])[0]
      ?.layers.filter(({ quoted }) => quoted !== true)
      .at(-1);
    this.t.same(
      [icmp?.layer, icmp?.type, icmp?.code, icmp?.checksum],
      ['icmp', 3, 13, 'good'],
      `${what}: ICMP 3/13`,
    );
  }

  silent(o: Outcome, reason: string, what: string, generated = 0): void {
    this.t.equal(o.reason, reason, `${what}: ${reason}`);
    this.t.equal(o.counts.generated, generated, `${what}: errors sent`);
  }

  opened(of: Account, connections: number, half_open: number, what: string): void {
    this.t.same(this.s.use(of).opened, { connections, half_open }, what);
  }

  accepted(of: Account, connections: number, half_open: number, what: string): void {
    this.t.same(this.s.use(of).accepted, { connections, half_open }, what);
  }
}

const udp = (sport: number, dst = '10.1.0.20'): Uint8Array =>
  p.packet(routed, fromA4(dst), p.udp({ sport, dport: 53 }));
const tcp = (sport: number, flags: string, dst = '10.1.0.20'): Uint8Array =>
  p.packet(routed, fromA4(dst), p.tcp({ sport, dport: 80, flags }));
/** From r, whose host has routed it. */
const fromR = (dst: string, ...inner: p.Layer[]): Uint8Array =>
  tunnel4([p.ether({ dst: MAC.a, src: GW }), p.ip4({ src: '10.1.0.20', dst }), ...inner]);
const answer = (dport: number, flags: string): Uint8Array =>
  fromR('10.1.0.10', p.tcp({ sport: 80, dport, flags }));
/** From r to the outside, which this host is the gateway of. */
const outsideR = (...inner: p.Layer[]): Uint8Array =>
  tunnel4([p.ether({ dst: GW, src: GW }), p.ip4({ src: '10.1.0.20', dst: HOST }), ...inner]);
const fromRouter = (dst: string, ...inner: p.Layer[]): Uint8Array =>
  p.packet(p.ether({ dst: DROPLET_MAC, src: ROUTER }), p.ip4({ src: HOST, dst }), ...inner);

const stories: { readonly name: string; readonly tell: (told: Told) => void }[] = [
  {
    // @rfc 6888 REQ-5
    name: 'connections',
    tell: (x) => {
      const { s } = x;
      s.limit('a', { connections: 3 });
      for (const sport of [1, 2, 3]) x.sent(s.a(udp(sport)), `connection ${sport}`);
      x.refused(s.a(udp(4)), 'CONN_QUOTA', 'one too many');
      x.sent(s.a(udp(2)), 'one that exists goes on');
      x.opened('a', 3, 0, 'three');
      x.t.equal(s.use('a').refused_connections, 1n, 'one was refused');
      s.rig.raiseGeneration();
      for (const sport of [1, 2, 3]) x.sent(s.a(udp(sport)), `${sport} after a change`);
      x.opened('a', 3, 0, 'walking again costs nothing');
      x.sent(
        s.rig.run(
          'agent',
          s.hook,
          'b',
          p.packet(
            p.ether({ dst: GW, src: MAC.b }),
            p.ip4({ src: '10.1.0.11', dst: '10.1.0.20' }),
            p.udp({ sport: 4, dport: 53 }),
          ),
        ),
        'a neighbour opens connections',
      );
      x.sent(s.droplet(fromR('10.1.0.10', p.udp({ sport: 9, dport: 9 }))), 'others open to it');
      x.accepted('a', 1, 0, 'which counts apart');
    },
  },
  {
    name: 'others may open so many connections to an endpoint',
    tell: (x) => {
      const { s } = x;
      s.limit('a', { connections: 2, half_open: 1, rate: 1, burst: 1 });
      const to = (dport: number, flags?: string): Uint8Array =>
        fromR('10.1.0.10', flags ? p.tcp({ sport: 7, dport, flags }) : p.udp({ sport: 7, dport }));
      x.sent(s.droplet(to(1, 'S')), 'half-open');
      x.silent(s.droplet(to(2, 'S')), 'HALF_OPEN_QUOTA', 'another', 1);
      x.accepted('a', 1, 1, 'one');
      x.sent(
        s.a(p.packet(routed, fromA4('10.1.0.20'), p.tcp({ sport: 1, dport: 7, flags: 'SA' }))),
        'answered',
      );
      x.accepted('a', 1, 0, 'open');
      x.sent(s.droplet(to(3)), 'no rate is asked of others');
      x.silent(s.droplet(to(4)), 'CONN_QUOTA', 'one too many', 1);
      x.sent(s.a(udp(1)), 'the endpoint opens one of its own');
      x.opened('a', 1, 0, 'which counts apart');
    },
  },
  {
    // @rfc 6888 REQ-5
    name: 'half-open connections',
    tell: (x) => {
      const { s } = x;
      s.limit('a', { half_open: 2 });
      x.sent(s.a(tcp(1, 'S')), 'first');
      x.sent(s.a(tcp(2, 'S')), 'second');
      x.sent(s.a(tcp(2, 'S')), 'sent again: the same');
      x.refused(s.a(tcp(3, 'S')), 'HALF_OPEN_QUOTA', 'third');
      x.opened('a', 2, 2, 'what was refused is given back');
      x.sent(s.a(udp(3)), 'other protocols have no such state');
      x.sent(s.a(tcp(4, 'A')), 'nor has what was open before');
      x.opened('a', 4, 2, 'four connections');
      x.sent(s.droplet(answer(1, 'SA')), 'answered');
      x.opened('a', 4, 1, 'open now');
      x.sent(s.a(tcp(1, 'S')), 'a late SYN');
      x.sent(s.a(tcp(3, 'S')), 'room for another');
      x.opened('a', 5, 2, 'which counts');
      x.sent(s.droplet(answer(3, 'RA')), 'refused by the peer');
      x.opened('a', 5, 1, 'ends being half-open');
      x.sent(s.a(tcp(2, 'F')), 'given up');
      x.opened('a', 5, 0, 'ends it, too');
      x.t.equal(s.use('a').refused_half_open, 1n, 'one was refused');
    },
  },
  {
    // @rfc 6888 REQ-4c
    name: 'new connections per second',
    tell: (x) => {
      const { s } = x;
      s.limit('a', { rate: 2, burst: 3 });
      for (const sport of [1, 2, 3]) x.sent(s.a(udp(sport)), `at once: ${sport}`);
      x.refused(s.a(udp(4)), 'CONN_RATE', 'the bucket is empty');
      x.opened('a', 3, 0, 'what was refused is given back');
      x.sent(s.a(udp(1)), 'what exists goes on');
      s.clock(s.now + 1);
      for (const sport of [4, 5]) x.sent(s.a(udp(sport)), `a second later: ${sport}`);
      x.silent(s.a(udp(6)), 'CONN_RATE', 'empty again', 1);
      s.clock(s.now + 1000);
      for (const sport of [6, 7, 8]) x.sent(s.a(udp(sport)), `never more than the burst: ${sport}`);
      x.silent(s.a(udp(9)), 'CONN_RATE', 'empty', 1);
      s.limit('a', { rate: 1, burst: 1 });
      s.clock(s.now + 5);
      x.sent(s.a(udp(9)), 'a lower limit holds at once');
      x.silent(s.a(udp(10)), 'CONN_RATE', 'empty', 1);
      x.t.equal(s.use('a').refused_rate, 4n, 'four were refused');
    },
  },
  {
    name: 'a sender is told so often',
    tell: (x) => {
      const { s } = x;
      s.limit('a', { connections: 1 });
      x.sent(s.a(udp(1)), 'the one');
      for (let i = 2; i < 10; i++) x.silent(s.a(udp(i)), 'CONN_QUOTA', `told ${i - 1}`, 1);
      x.silent(s.a(udp(10)), 'CONN_QUOTA', 'not told');
      s.clock(s.now + 1);
      x.silent(s.a(udp(10)), 'CONN_QUOTA', 'told a second later', 1);
      x.t.equal(s.use('a').refused_connections, 10n, 'all were counted');
    },
  },
  {
    // @rfc 6888 REQ-5
    // @rfc 6888 REQ-11a
    name: 'translated connections: of an endpoint behind the tunnel',
    tell: (x) => {
      const { s } = x;
      s.limit(R, { connections: 2, half_open: 1 });
      x.sent(s.droplet(outsideR(p.udp({ sport: 1001, dport: 53 }))), 'first');
      x.sent(s.droplet(outsideR(p.tcp({ sport: 1002, dport: 53, flags: 'S' }))), 'second');
      x.opened(R, 2, 1, 'two');
      const entries = s.rig.map('nat_map').keys().length;
      const o = s.droplet(outsideR(p.udp({ sport: 1003, dport: 53 })));
      x.silent(o, 'CONN_QUOTA', 'third', 1);
      x.t.equal(s.rig.map('nat_map').keys().length, entries, 'takes no port');
      x.sent(s.droplet(outsideR(p.udp({ sport: 1001, dport: 53 }))), 'the first goes on');
      s.rig.raiseGeneration();
      s.rig.map('vpc_gen').update(s.rig.key(0), s.rig.key(s.now));
      x.sent(s.droplet(outsideR(p.udp({ sport: 1001, dport: 53 }))), 'also after a change');
      x.opened(R, 2, 1, 'which costs nothing');
      x.opened('a', 0, 0, 'nobody else is charged');
      s.limit('a', { connections: 1 });
      x.sent(s.a(udp(1, HOST)), 'an endpoint of this host');
      x.refused(s.a(udp(2, HOST)), 'CONN_QUOTA', 'has one account');
      x.silent(s.a(udp(2)), 'CONN_QUOTA', 'for all it does', 1);
    },
  },
  {
    name: 'translated connections: from outside',
    tell: (x) => {
      const { s } = x;
      s.limit('b', { connections: 2, half_open: 1 });
      const syn = (sport: number): Uint8Array =>
        fromRouter(STATIC, p.tcp({ sport, dport: 80, flags: 'S' }));
      x.sent(s.droplet(syn(1)), 'first');
      x.silent(s.droplet(syn(2)), 'HALF_OPEN_QUOTA', 'second', 1);
      x.accepted('b', 1, 1, 'one');
      const back = p.packet(
        p.ether({ dst: GW, src: MAC.b }),
        p.ip4({ src: '10.1.0.11', dst: HOST }),
        p.tcp({ sport: 80, dport: 1, flags: 'SA' }),
      );
      x.sent(s.rig.run('agent', s.hook, 'b', back), 'answered');
      x.accepted('b', 1, 0, 'open');
      x.sent(s.droplet(syn(2)), 'now the second');
      x.silent(s.droplet(syn(3)), 'CONN_QUOTA', 'third', 1);
      x.accepted('b', 2, 1, 'two');
    },
  },
];

for (const hook of HOOKS) {
  test(`${hook}: what may be opened`, async (t) => {
    const scene = new Scene(hook);
    for (const { name, tell } of stories) {
      scene.reset();
      await t.test(name, (t) => {
        tell(new Told(t, scene));
        t.end();
      });
    }
    scene.close();
  });
}
