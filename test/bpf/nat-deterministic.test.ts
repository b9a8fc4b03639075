// SPDX-License-Identifier: Apache-2.0
/** Deterministic gateways (RFC 7422): the programs take the ports that arithmetic gives. */
import { test } from 'tap';
import { fixedHolder, fixedPlace, type FixedPlan } from '../../src/model/index.js';
import { addOutside, type OutsideSpec } from '../support/outside.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome } from '../support/rig.js';
import { DROPLET_MAC, GW, MAC, WORLD } from './world.js';

isolate();

const HOST = '198.51.100.7';
const POOL = ['203.0.113.1', '203.0.113.2'];
const PLAN: FixedPlan = {
  subnets: [{ vpc: 'red', prefix: '10.1.0.0/24' }],
  addresses: POOL,
  blockSize: 256,
  blocks: 1,
  overflow: 10,
};
const INSIDE = { a: '10.1.0.10', b: '10.1.0.11' } as const;
const SPEC: OutsideSpec = {
  router: { mac: '02:ff:00:00:00:01', address: '192.0.2.254' },
  addresses: ['192.0.2.1', '2001:db8::1'],
  mac: DROPLET_MAC,
  vnis: [100],
  pool: POOL,
  blockSize: PLAN.blockSize,
  maxBlocks: 1,
  users: { a: [`100/${INSIDE.a}`], b: [`100/${INSIDE.b}`] },
  fixed: { plan: PLAN, vpc: 'red' },
};

/** A gateway with two endpoints. */
class Place {
  readonly rig: Rig;

  constructor(
    readonly hook: Hook,
    spec: Partial<OutsideSpec> = {},
  ) {
    this.rig = new Rig(WORLD);
    addOutside(this.rig, { ...SPEC, ...spec });
  }

  send(who: 'a' | 'b', layer: p.Layer): Outcome {
    const eth = p.ether({ dst: GW, src: MAC[who] });
    return this.rig.run(
      'agent',
      this.hook,
      who,
      p.packet(eth, p.ip4({ src: INSIDE[who], dst: HOST }), layer),
    );
  }

  /** The public address and port of a packet that was sent, or why it was not. */
  map(who: 'a' | 'b', sport: number): { address: string; port: number } | string {
    const { reason, data } = this.send(who, p.udp({ sport, dport: 53 }));
    if (reason !== undefined) return reason;
    const view = new DataView(data.buffer, data.byteOffset);
    return { address: [...data.subarray(26, 30)].join('.'), port: view.getUint16(34) };
  }

  /** How many ports of its own an endpoint gets until something else comes. */
  exhaust(who: 'a' | 'b', parity: 0 | 1): { own: Set<number>; then: ReturnType<Place['map']> } {
    const own = new Set<number>();
    for (let i = 0; ; i++) {
      const mapped = this.map(who, 20_000 + 2 * i + parity);
      if (typeof mapped === 'string') return { own, then: mapped };
      const holder = fixedHolder(PLAN, mapped.address, mapped.port);
      if (holder?.inside !== INSIDE[who]) return { own, then: mapped };
      own.add(mapped.port);
    }
  }

  /** Events of port blocks, as they are in the ring. */
  events(): number {
    return this.rig.map('nat_event').drain().length;
  }
}

for (const hook of HOOKS) {
  // @rfc 6888 REQ-14
  // @rfc 4787 REQ-2
  test(`${hook}: ports by arithmetic, and back without state`, (t) => {
    const place = new Place(hook);
    for (const who of ['a', 'b'] as const) {
      const { position, block } = fixedPlace(PLAN, 'red', INSIDE[who])!;
      for (let i = 0; i < 20; i++) {
        // ports below 1024 have no range of their own
        const mapped = place.map(who, i < 4 ? 500 + i : 3000 + i);
        if (typeof mapped === 'string') throw new Error(mapped);
        t.equal(mapped.address, POOL[position]);
        t.equal(mapped.port >> 8, block, 'the block that is its own');
        t.equal(mapped.port & 1, i & 1, 'parity kept');
        t.equal(fixedHolder(PLAN, mapped.address, mapped.port)?.inside, INSIDE[who]);
      }
    }
    t.equal(place.events(), 0, 'nothing to be told');
    place.rig.close();
    t.end();
  });

  test(`${hook}: overflow takes what is left to it, and is told`, (t) => {
    const place = new Place(hook);
    const { own, then } = place.exhaust('a', 0);
    t.equal(own.size, 128, 'every even port of its own first');
    if (typeof then === 'string') throw new Error(then);
    const block = then.port >> 8;
    t.ok(block >= 256 - 10, 'a block of those left to overflow');
    t.equal(fixedHolder(PLAN, then.address, then.port), undefined);
    t.equal(place.events(), 1);
    const more = new Set<number>([then.port]);
    for (let i = 0; i < 300; i++) {
      const mapped = place.map('a', 40_000 + 2 * i);
      if (typeof mapped !== 'string') more.add(mapped.port);
    }
    t.equal(more.size, 128, 'one block of these, then no more');
    t.equal(place.map('a', 60_000), 'NAT_QUOTA');
    t.type(place.map('a', 60_001), 'object', 'odd ports are left');
    place.rig.close();
    t.end();
  });

  // @rfc 6888 REQ-4
  // @rfc 5508 REQ-8
  test(`${hook}: without overflow its own is all there is`, (t) => {
    const plan = { ...PLAN, overflow: 0 };
    const place = new Place(hook, { maxBlocks: 0, fixed: { plan, vpc: 'red' } });
    const { own, then } = place.exhaust('b', 1);
    t.equal(own.size, 128);
    t.equal(then, 'NAT_QUOTA');
    const refused = place.send('b', p.udp({ sport: 60_001, dport: 53 }));
    t.equal(refused.counts.generated, 1, 'and the sender is told');
    t.type(place.map('a', 1001), 'object', 'the neighbour notices nothing');
    place.rig.close();
    t.end();
  });

  test(`${hook}: protocols without ports have no blocks to overflow into`, (t) => {
    const plan = { ...PLAN, overflow: 0 };
    const place = new Place(hook, { maxBlocks: 0, fixed: { plan, vpc: 'red' } });
    const { reason, data } = place.send('b', p.sctp({ sport: 7, dport: 9 }));
    t.equal(reason, undefined, 'and leave all the same');
    const { position } = fixedPlace(PLAN, 'red', INSIDE.b)!;
    t.equal([...data.subarray(26, 30)].join('.'), POOL[position], 'from the address they have');
    place.rig.close();
    t.end();
  });

  test(`${hook}: somebody else is still in it`, (t) => {
    const place = new Place(hook);
    const { position, block } = fixedPlace(PLAN, 'red', INSIDE.a)!;
    const index = 1 + position * 1024 + block;
    place.rig.write({
      map: 'nat_block',
      key: index,
      struct: 'nat_block_val',
      value: { lease: (9n << 32n) | 1n, used: [1, 0, 0, 0, 0, 0] },
    });
    const mapped = place.map('a', 2000);
    if (typeof mapped === 'string') throw new Error(mapped);
    t.not(mapped.port >> 8, block, 'who had it before keeps it');
    place.rig.close();
    t.end();
  });
}
