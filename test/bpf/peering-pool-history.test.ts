// SPDX-License-Identifier: Apache-2.0
/**
 * Random histories of packets through pools in two peered VPCs, on the programs and on a model:
 * one pool's addresses are the other's, too, so each must be apart.
 */
import fc from 'fast-check';
import { test } from 'tap';
import { PoolModel, type Protocol, type Socket } from '../support/model/pool.js';
import * as p from '../support/packet/index.js';
import { addExposed, addMasqueraded } from '../support/prefixes.js';
import { HOOKS, isolate, Rig, type Hook, type Outcome } from '../support/rig.js';
import { BLUE_GW, GW, MAC, WORLD } from './world.js';

isolate();

const RED = 100;
const POOL = ['100.64.9.0', '100.64.9.1'];
const RULES = { addresses: POOL, blockSize: 64, maxBlocks: 1 } as const;
const INSIDE = { a: '10.1.0.10', b: '10.1.0.11' } as const;
type Inside = keyof typeof INSIDE;

/** Who is peered: an endpoint, its address, as what red sees it, and its VPC's pool. */
const PEERS = {
  x: { vni: 200, own: '10.1.0.10', seen: '100.65.2.10', gateway: BLUE_GW },
  y: { vni: 200, own: '10.1.0.11', seen: '100.65.2.11', gateway: BLUE_GW },
  z: { vni: 300, own: '10.3.0.10', seen: '10.3.0.10', gateway: GW },
} as const;
type Peer = keyof typeof PEERS;

function configured(filtering: 'endpoint' | 'address' | 'address-port'): Rig {
  const rig = new Rig(WORLD);
  const toBlue = { vni: 200, peer: RED, prefix: '10.1.0.0/24', as: '100.65.2.0/24' };
  addExposed(rig, { ...toBlue, stateful: true });
  addExposed(rig, { vni: 300, peer: RED, prefix: '10.3.0.0/24', stateful: true });
  [200, 300].forEach((vni, i) => {
    addMasqueraded(rig, {
      vni: RED,
      peer: vni,
      as: '100.64.9.0/31',
      pool: POOL,
      gw: 1 + i,
      first: 1 + 2 * i,
      users: { [INSIDE.a]: 1 + 2 * i, [INSIDE.b]: 2 + 2 * i },
      blockSize: RULES.blockSize,
      maxBlocks: RULES.maxBlocks,
      filtering,
    });
  });
  return rig;
}

function layer(protocol: Protocol, sport: number, dport: number, reply: boolean): p.Layer {
  if (protocol === 'udp') return p.udp({ sport, dport });
  if (protocol === 'tcp') return p.tcp({ sport, dport, flags: reply ? 'SA' : 'S' });
  return reply ? p.echoReply4(dport) : p.echo4(sport);
}

/** Both ends of an IPv4 packet without options that left. */
function ends(o: Outcome, protocol: Protocol): { readonly from: Socket; readonly to: Socket } {
  const view = new DataView(o.data.buffer, o.data.byteOffset);
  const address = (at: number): string => [...o.data.subarray(at, at + 4)].join('.');
  const [sport, dport] = protocol === 'echo' ? [38, 38] : [34, 36];
  return {
    from: { address: address(26), port: view.getUint16(sport) },
    to: { address: address(30), port: view.getUint16(dport) },
  };
}

/** Mostly one, so that its ports end. */
const protocols = fc.constantFrom<Protocol>('udp', 'udp', 'udp', 'udp', 'tcp', 'echo');
const peers = fc.constantFrom<Peer>('x', 'y', 'z');
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('out' as const),
      who: fc.constantFrom<Inside>('a', 'b'),
      peer: peers,
      protocol: protocols,
      sport: fc.integer({ min: 2000, max: 2150 }),
      dport: fc.integer({ min: 5000, max: 5002 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('in' as const),
      peer: peers,
      protocol: protocols,
      sport: fc.integer({ min: 5000, max: 5002 }),
      /** Of what has left so far, in part, or anything. */
      pick: fc.nat(1000),
      wild: fc.option(fc.integer({ min: 1024, max: 65535 }), { freq: 4, nil: undefined }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'generation' as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Plays steps on both, and notes where they differ and what happened. */
class Play {
  readonly wrong: string[] = [];
  readonly seen = new Map<string, number>();
  readonly #models: Readonly<Record<Peer, PoolModel>>;
  readonly #left: { readonly peer: Peer; readonly protocol: Protocol; readonly as: Socket }[] = [];

  constructor(
    private readonly rig: Rig,
    private readonly hook: Hook,
    filtering: 'endpoint' | 'address' | 'address-port',
  ) {
    const rules = { ...RULES, filtering };
    const blue = new PoolModel(rules);
    this.#models = { x: blue, y: blue, z: new PoolModel(rules) };
  }

  step(one: Step): void {
    if (one.kind === 'out') this.#out(one);
    else if (one.kind === 'in') this.#in(one);
    else for (const vpc of ['red', 'blue', 'green']) this.rig.raiseGeneration(vpc);
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  #out({ who, peer, protocol, sport, dport }: Extract<Step, { kind: 'out' }>): void {
    const { seen, own } = PEERS[peer];
    const model = this.#models[peer];
    const from = { address: INSIDE[who], port: sport };
    const to = { address: own, port: protocol === 'echo' ? sport : dport };
    const o = this.rig.run(
      'agent',
      this.hook,
      who,
      p.packet(
        p.ether({ dst: GW, src: MAC[who] }),
        p.ip4({ src: from.address, dst: seen }),
        layer(protocol, sport, dport, false),
        p.raw(8),
      ),
    );
    if (model.mapped(protocol, from) === undefined && model.isFull(protocol, from)) {
      if (o.reason !== 'NAT_QUOTA') this.wrong.push(`${o.reason ?? 'sent'}, not refused`);
      this.#count('full');
      return;
    }
    if (o.reason !== undefined) {
      this.wrong.push(`out: ${o.reason}`);
      return;
    }
    const left = ends(o, protocol);
    if (left.to.address !== own) this.wrong.push(`to ${left.to.address}, not ${own}`);
    this.wrong.push(...model.sent(protocol, from, to, left.from));
    this.#left.push({ peer, protocol, as: left.from });
    this.#count('out');
  }

  #in({ peer, protocol, sport, pick, wild }: Extract<Step, { kind: 'in' }>): void {
    const { own, seen, gateway } = PEERS[peer];
    const known = this.#left[pick % (this.#left.length || 1)];
    const to = {
      address: known?.as.address ?? POOL[0]!,
      port: wild ?? known?.as.port ?? 1024 + pick,
    };
    const from = { address: own, port: protocol === 'echo' ? to.port : sport };
    const o = this.rig.run(
      'agent',
      this.hook,
      peer,
      p.packet(
        p.ether({ dst: gateway, src: MAC[peer] }),
        p.ip4({ src: own, dst: to.address }),
        layer(protocol, from.port, to.port, true),
        p.raw(8),
      ),
    );
    const expected = this.#models[peer].arrives(protocol, from, to);
    if (typeof expected === 'string') {
      if (o.reason !== expected) this.wrong.push(`${o.reason ?? 'sent'}, not ${expected}`);
      this.#count(expected);
      return;
    }
    const left = o.reason === undefined ? ends(o, protocol) : undefined;
    const got = left && `${left.from.address} > ${left.to.address} ${left.to.port}`;
    const want = `${seen} > ${expected.address} ${expected.port}`;
    if (got !== want) this.wrong.push(`${got ?? o.reason ?? ''}, not ${want}`);
    this.#count('in');
  }
}

/** Loading programs for each takes longer than to play it. */
const HISTORIES = 2;

for (const hook of HOOKS)
  for (const filtering of ['endpoint', 'address', 'address-port'] as const)
    test(`${hook}: ${HISTORIES} histories, filtering ${filtering}`, (t) => {
      const seen = new Map<string, number>();
      fc.assert(
        fc.property(fc.array(step, { minLength: 1800, maxLength: 2000 }), (steps) => {
          const rig = configured(filtering);
          try {
            const one = new Play(rig, hook, filtering);
            for (const each of steps) one.step(each);
            for (const [what, n] of one.seen) seen.set(what, (seen.get(what) ?? 0) + n);
            if (one.wrong.length > 0) throw new Error(one.wrong.slice(0, 5).join('\n'));
          } finally {
            rig.close();
          }
        }),
        { numRuns: HISTORIES, endOnFailure: true, seed: 4 },
      );
      for (const what of ['out', 'in', 'full', 'NO_MAPPING'])
        t.ok((seen.get(what) ?? 0) > 0, `${what}: ${seen.get(what) ?? 0}`);
      t.equal(seen.has('FILTERED'), filtering !== 'endpoint', 'somebody is kept out');
      t.end();
    });
