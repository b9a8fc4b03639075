// SPDX-License-Identifier: Apache-2.0
/** Fragments before their first one: to the daemon with a tag, and back on every way there is. */
import { test, type Test } from 'tap';
import { ABI, decode, heldTag } from '../../src/maps/index.js';
import { addOutside } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome } from '../support/rig.js';
import { fromA, fromRouter, HOST, HOST6, OUTSIDE } from './nat64-world.js';
import { GW, MAC, tunnel4, tunnel6, WORLD } from './world.js';

isolate();

const TAG = 32;
const SIDE = { agent: 0, tunnel: 1, outside: 2 };
const TUNNEL = 0x8000_0000;
const V6 = '2001:db8:5::7';
/** What a fragment of 8 bytes of header and 232 of data leaves for the next. */
const AT = 240;

/** Layers of a first and of a later fragment of one datagram. */
function pieces(ether: p.Layer, src: string, dst: string, id: number): [p.Layer[], p.Layer[]] {
  const udp = [p.udp({ sport: 40_001, dport: 40_002, length: 8 + 232 + 104 }), p.raw(232)];
  if (!src.includes(':'))
    return [
      [ether, p.ip4({ src, dst, id, mf: true }), ...udp],
      [ether, p.ip4({ src, dst, id, offset: AT, protocol: 17 }), p.raw(104)],
    ];
  return [
    [ether, p.ip6({ src, dst }), p.fragment({ offset: 0, more: true, id }), ...udp],
    [ether, p.ip6({ src, dst }), p.fragment({ offset: AT, more: false, id, next: 17 }), p.raw(104)],
  ];
}

interface Way {
  readonly name: string;
  readonly program: 'agent' | 'transit';
  readonly from: string;
  readonly side: number;
  readonly frames: (id: number) => [Uint8Array, Uint8Array];
}

const plain =
  (ether: p.Layer, src: string, dst: string) =>
  (id: number): [Uint8Array, Uint8Array] => {
    const [first, later] = pieces(ether, src, dst, id);
    return [p.packet(...first), p.packet(...later)];
  };

const tunnelled =
  (wrap: typeof tunnel4, ether: p.Layer, src: string, dst: string) =>
  (id: number): [Uint8Array, Uint8Array] => {
    const [first, later] = pieces(ether, src, dst, id);
    return [wrap(first), wrap(later)];
  };

const agent = (name: string, dst: string): Way => {
  const src = dst.includes(':') ? 'fd01::10' : '10.1.0.10';
  const frames = plain(fromA, src, dst);
  return { name, program: 'agent', from: 'a', side: SIDE.agent, frames };
};
const outside = (name: string, src: string, dst: string): Way => ({
  name,
  program: 'transit',
  from: 'droplet',
  side: SIDE.outside,
  frames: plain(fromRouter, src, dst),
});
const tunnel = (name: string, frames: Way['frames']): Way => ({
  name,
  program: 'transit',
  from: 'droplet',
  side: SIDE.tunnel,
  frames,
});
const bridgedTo = (mac: string): p.Layer => p.ether({ dst: mac, src: MAC.r });
const routedFrom = p.ether({ dst: GW, src: GW });

const WAYS: readonly Way[] = [
  agent('to an endpoint of this host', '10.1.0.11'),
  agent('the same, IPv6', 'fd01::11'),
  agent('into a tunnel', '10.1.0.20'),
  agent('into a tunnel over IPv6, IPv6', 'fd02::21'),
  tunnel('out of a tunnel', tunnelled(tunnel4, bridgedTo(MAC.a), '10.1.0.20', '10.1.0.10')),
  tunnel('the same, IPv6', tunnelled(tunnel4, bridgedTo(MAC.a), 'fd01::20', 'fd01::10')),
  tunnel(
    'out of a tunnel over IPv6',
    tunnelled(tunnel6, p.ether({ dst: MAC.c, src: MAC.s }), '10.2.0.21', '10.2.0.12'),
  ),
  agent('NAT44', HOST),
  agent('NAT66', V6),
  agent('NAT64', HOST6),
  tunnel('NAT44 out of a tunnel', tunnelled(tunnel4, routedFrom, '10.1.0.20', HOST)),
  tunnel('NAT64 out of a tunnel', tunnelled(tunnel4, routedFrom, 'fd01::20', HOST6)),
  outside('in, to a PublicIp', HOST, '203.0.113.8'),
  outside('in, to a PublicIp, IPv6', V6, '2001:db8:f::9'),
  outside('in, from IPv4 to IPv6', HOST, '203.0.113.9'),
];

class Scene {
  readonly rig = new Rig(WORLD);
  readonly #droplet = this.rig.index.devices.get('droplet') ?? 0;
  #id = 100;

  constructor(
    readonly t: Test,
    readonly hook: Hook,
  ) {
    const statics = { ...OUTSIDE.statics, '203.0.113.8': '100/10.1.0.11' };
    addOutside(this.rig, { ...OUTSIDE, statics });
    this.device();
    t.teardown(() => {
      this.rig.close();
    });
  }

  /** The daemon takes care of its device, or did so some seconds ago. */
  device(ago = 0, ifindex = this.#droplet): void {
    const { rig } = this;
    const clock = rig.layouts.decode('clock_val', rig.map('clock').lookup(rig.key(0))!);
    const value = { ifindex, alive_s: (clock as { now_s: number }).now_s - ago };
    rig.write({ map: 'alg_dev', key: 0, struct: 'alg_dev_val', value });
  }

  pair(way: Way): [Uint8Array, Uint8Array] {
    return way.frames(this.#id++);
  }

  run(program: 'agent' | 'transit' | 'alg', from: string, frame: Uint8Array): Outcome {
    const o = this.rig.run(program, this.hook, from, frame);
    const { counts } = o;
    this.t.equal(counts.sent + counts.passed + counts.punted + counts.dropped, 1, 'counted once');
    return o;
  }

  /** Hands a fragment over. @returns what the daemon gets */
  early(way: Way, later: Uint8Array): Uint8Array {
    const { t } = this;
    const o = this.run(way.program, way.from, later);
    t.equal(o.counts.punted, 1, `handed over (${String(o.reason)})`);
    t.equal(o.verdict, 'sent');
    t.same(o.data.slice(TAG), later, 'as it came');
    const device = this.rig.index.devices.get(way.from);
    t.match(decode(heldTag, o.data.slice(0, TAG)), {
      magic: ABI.HELD_MAGIC,
      ifindex: device,
      side: way.side,
      ep: way.from === 'droplet' ? 0 : this.rig.index.endpoints.get(way.from),
      ...(way.side === SIDE.agent ? { source: device } : {}),
      ...(way.side === SIDE.tunnel ? { source: (TUNNEL | 100) >>> 0 } : {}),
    });
    return o.data;
  }

  /** Whether the data path knows the datagram: what the daemon asks it. */
  passed(held: Uint8Array): boolean {
    const { id } = decode(heldTag, held.slice(0, TAG));
    const key = new Uint8Array(8);
    new DataView(key.buffer).setBigUint64(0, id, true);
    return this.rig.map('frag').lookup(key) !== undefined;
  }
}

for (const hook of HOOKS) {
  // @rfc 4787 REQ-14
  test(
    `${hook}: what was early goes the way it would have gone in order`,
    { timeout: 240_000 },
    (t) => {
      const s = new Scene(t, hook);
      for (const way of WAYS)
        void t.test(way.name, (tt) => {
          const [first, later] = s.pair(way);
          const held = s.early(way, later);
          tt.notOk(s.passed(held), 'its first one has not passed');
          tt.equal(s.run('alg', 'droplet', held).reason, 'FRAG_UNKNOWN', 'in vain');
          tt.equal(s.run(way.program, way.from, first).counts.sent, 1, 'the first one passes');
          tt.ok(s.passed(held), 'now it has');
          const back = s.run('alg', 'droplet', held);
          tt.equal(back.counts.sent, 1, `sent on (${String(back.reason)})`);
          const inOrder = s.run(way.program, way.from, later);
          tt.equal(inOrder.counts.sent, 1);
          tt.same(
            Buffer.from(back.data).toString('hex'),
            Buffer.from(inOrder.data).toString('hex'),
          );
          tt.same(back.endpoints, inOrder.endpoints, 'counted for the same endpoints');
          tt.end();
        });
      t.end();
    },
  );

  test(`${hook}: only what may be held is handed over`, { timeout: 120_000 }, (t) => {
    const s = new Scene(t, hook);
    const way = WAYS[0]!;
    const drop = (what: string, frame: Uint8Array, reason: string): void => {
      t.equal(s.run('agent', 'a', frame).reason, reason, what);
    };
    const [, later] = s.pair(way);
    s.device(60);
    drop('the daemon has not been heard of for long', later, 'FRAG_UNHELD');
    s.device(0, 0);
    drop('it has stopped', later, 'FRAG_UNHELD');
    s.device();
    drop('of another MAC', p.patch(later, 6, [2, 0, 0, 0, 0, 99]), 'FRAG_UNKNOWN');
    const evil = p.packet(
      fromA,
      p.ip4({ src: '10.1.0.10', dst: '10.1.0.11', offset: 8, protocol: 6 }),
      p.raw(40),
    );
    drop('it could overwrite a TCP header', evil, 'FRAG_TINY');
    const elsewhere = tunnel4([
      p.ether({ dst: GW, src: GW }),
      p.ip4({ src: '10.1.0.20', dst: HOST, offset: 80, protocol: 17 }),
      p.raw(40),
    ]);
    s.t.equal(s.run('transit', 'droplet', p.patch(elsewhere, 47, [9])).reason, 'UNKNOWN_VPC');
    t.end();
  });

  test(`${hook}: what comes back is only a claim`, { timeout: 120_000 }, (t) => {
    const s = new Scene(t, hook);
    const way = WAYS.find(({ name }) => name === 'NAT44')!;
    const [first, later] = s.pair(way);
    const held = s.early(way, later);
    s.run('agent', 'a', first);
    const drop = (what: string, frame: Uint8Array, reason: string): void => {
      t.equal(s.run('alg', 'droplet', frame).reason, reason, what);
    };
    const b = s.rig.index.devices.get('b') ?? 0;
    drop('from another device', p.patch(held, 4, [0, 0, 0, b]), 'FRAG_UNKNOWN');
    drop('with another MAC', p.patch(held, TAG + 11, [99]), 'FRAG_UNKNOWN');
    drop('of another datagram', p.patch(held, TAG + 19, [99]), 'FRAG_UNKNOWN');
    drop('in a tunnel', p.patch(held, 14, [SIDE.tunnel]), 'BAD_TUNNEL');
    drop('a first one', p.concat(held.slice(0, TAG), first), 'FRAG_UNKNOWN');
    t.equal(s.run('alg', 'droplet', held).verdict, 'sent');
    s.rig.raiseGeneration();
    drop('after a change', held, 'FRAG_UNKNOWN');
    t.end();
  });

  // @rfc 4787 REQ-14a
  // @rfc 6146 s5.3
  test(`${hook}: a flood of one takes nothing from others`, { timeout: 120_000 }, (t) => {
    const s = new Scene(t, hook);
    const rated = (from: string, frame: Uint8Array): string | undefined => {
      const program = from === 'droplet' ? 'transit' : 'agent';
      return s.run(program, from, frame).reason;
    };
    const later = (from: 'a' | 'b', id: number): Uint8Array =>
      p.packet(
        p.ether({ dst: GW, src: MAC[from] }),
        p.ip4({
          src: from === 'a' ? '10.1.0.10' : '10.1.0.11',
          dst: HOST,
          id,
          offset: AT,
          protocol: 17,
        }),
        p.raw(104),
      );
    const before = s.rig.counts('agent', hook);
    // faster than tokens come
    for (let i = 0; i < 2000; i++) s.rig.inject('agent', hook, 'a', later('a', i));
    const after = s.rig.counts('agent', hook);
    const punted = after.punted - before.punted;
    t.ok(punted >= 256 && punted < 2000, `${punted} of 2000 are handed over`);
    t.equal(after.dropped - before.dropped, 2000 - punted, 'all others are counted');
    t.equal(after.drops.FRAG_RATE, 2000 - punted);
    t.equal(rated('b', later('b', 1)), undefined, 'another endpoint');
    t.equal(rated('droplet', WAYS[4]!.frames(9000)[1]), undefined, 'another way in');
    const inOrder = s.pair(WAYS[0]!);
    for (const frame of inOrder) t.equal(rated('a', frame), undefined, 'its own, in order');
    t.end();
  });
}
