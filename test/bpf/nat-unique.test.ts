// SPDX-License-Identifier: Apache-2.0
/**
 * One owner for each public address, port and protocol, whatever happens: random packets of many
 * endpoints, ageing, exhaustion, changes of the configuration, daemons that start again and
 * programs that are replaced. After each step the counters are what the tables hold.
 */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { t as suite, test } from 'tap';
import type { Gateway } from '../support/gateway.js';
import { HOOKS, isolate, type Hook } from '../support/rig.js';
import { check, drain, mappings, Owners } from './unique-audit.js';
import {
  addressOf,
  addressText,
  answerTo,
  DESTINATIONS,
  entry,
  FIRST,
  frameFrom,
  insideText,
  makeGateway,
  Objects,
  outside,
  PEOPLE,
  POOL,
  PROTOCOLS,
  receiverOf,
  seen,
  tupleText,
  type Person,
  type Protocol,
  type Setup,
  type Tuple,
} from './unique-place.js';

isolate();
suite.setTimeout(600_000);

/** Histories of each hook; all at once, since they wait most of the time. */
const RUNS = Number(process.env['TRANSIT_UNIQUE_RUNS'] ?? 3);
const SEED = Number(process.env['TRANSIT_SEED'] ?? Date.now() % 2 ** 31);
const STEPS = 60;
/** Connections that are used again after each change. */
const RECENT = 12;

/** A gateway and what has been seen of it. */
class History {
  readonly gateway: Gateway;
  setup = FIRST;
  readonly owners = new Owners();
  private readonly objects = new Objects();
  private readonly recent: [Person, Protocol, number, string][] = [];
  /** Whose mapping a change has concerned: it may get another. */
  readonly disturbed = new Set<string>();
  /** Refused, sent, kept: what a run has met. */
  readonly met = new Map<string, number>();

  constructor(readonly hook: Hook) {
    this.gateway = makeGateway(hook);
  }

  /**
   * The last ones again: what a change does not concern stays as it was. What answers comes first, as
   * nothing has been sent since the change that could mend something.
   */
  again(): void {
    const recent = [...this.recent];
    for (const args of recent) this.answer(...args);
    for (const args of recent) this.send(...args);
  }

  count(what: string): void {
    this.met.set(what, (this.met.get(what) ?? 0) + 1);
  }

  private mapped(...of: [Person, Protocol, number, string]): Tuple | undefined {
    return this.allMapped(...of)[0];
  }

  /**
   * More than one after an address has left the pool and come back: connections hold what they got,
   * before and in between.
   */
  private allMapped(who: Person, protocol: Protocol, sport: number, dst: string): Tuple[] {
    return mappings(this.gateway)
      .filter(
        ({ key, addr, port, refs }) =>
          refs > 0 &&
          key.proto === PROTOCOLS[protocol] &&
          addressText(addr) === addressOf(who) &&
          (protocol === 'gre' ? addressText(key.saddr) === dst : port === sport),
      )
      .map(({ key }) => ({
        address: addressText(key.daddr),
        port: protocol === 'gre' ? dst : key.dport,
        protocol,
      }));
  }

  private isForwarded({ address, port, protocol }: Tuple): boolean {
    const { forward } = this.setup;
    return (
      forward !== undefined &&
      (protocol === 'tcp' || protocol === 'udp') &&
      POOL[forward.pool] === address &&
      forward.port === port
    );
  }

  /** Whether a mapping is in use and no change has concerned it. */
  private isKept(before: Tuple | undefined, inside: string): boolean {
    return (
      before !== undefined &&
      this.setup.pool.some((i) => POOL[i] === before.address) &&
      !this.isForwarded(before) &&
      !this.disturbed.has(inside)
    );
  }

  /** An answer from outside to what is mapped arrives where it belongs. */
  private answer(who: Person, protocol: Protocol, sport: number, dst: string): void {
    const inside = insideText(who, protocol, sport, dst);
    const before = this.mapped(who, protocol, sport, dst);
    if (!before || !this.isKept(before, inside) || !this.setup.people.includes(who)) return;
    const { verdict, data } = this.gateway.run('transit', outside(), answerTo(before, dst));
    const arrived = verdict === 'sent' && receiverOf(data, who, protocol) === inside;
    this.count('answered');
    // unless it has aged in between
    if (!arrived && this.mapped(who, protocol, sport, dst) !== undefined)
      throw new Error(`an answer to ${inside} at ${tupleText(before)} did not arrive: ${verdict}`);
  }

  send(who: Person, protocol: Protocol, sport: number, dst: string): void {
    const inside = insideText(who, protocol, sport, dst);
    const held = this.allMapped(who, protocol, sport, dst);
    const [before] = held;
    this.recent.push([who, protocol, sport, dst]);
    if (this.recent.length > RECENT) this.recent.shift();
    const { program, ifindex: from } = entry(who);
    const { verdict, data } = this.gateway.run(program, from, frameFrom(who, protocol, sport, dst));
    const tuple = verdict === 'sent' ? seen(data, protocol) : undefined;
    // what an ICMP error says comes from the VPC's gateway
    const left = tuple && POOL.some((address) => address === tuple.address) ? tuple : undefined;
    if (!this.setup.people.includes(who)) {
      if (left) throw new Error(`${who} is gone and sends`);
      return;
    }
    const kept = this.isKept(before, inside);
    if (left === undefined) {
      this.count('refused');
      // unless it has aged in between
      if (kept && this.mapped(who, protocol, sport, dst) !== undefined)
        throw new Error(`${inside} had ${tupleText(before!)} and was refused`);
      return;
    }
    const text = tupleText(left);
    this.count('sent');
    this.disturbed.delete(inside);
    if (kept) {
      this.count('kept');
      if (before && !held.some((tuple) => tupleText(tuple) === text)) {
        const again = mappings(this.gateway).some(
          ({ key }) => addressText(key.daddr) === before.address && key.dport === before.port,
        );
        if (again) throw new Error(`${inside} had ${tupleText(before)} and became ${text}`);
      }
    } else if (before === undefined && this.isForwarded(left)) {
      throw new Error(`${inside} got ${text}, which is forwarded`);
    }
    this.owners.note(text, inside);
  }

  configure(): Promise<void> {
    return this.gateway.configure(this.objects.of(this.setup));
  }

  /** A daemon that starts knows no endpoint that is not there: one that comes back is another. */
  async restart(): Promise<void> {
    for (const who of PEOPLE)
      if (!this.setup.people.includes(who))
        for (const inside of this.owners.insidesOf(who)) this.disturbed.add(inside);
    await this.gateway.restart();
  }

  /** Notes whom a change concerns: those of an address that leaves the pool. */
  change(next: Setup): void {
    const gone = POOL.filter((_, i) => !next.pool.includes(i));
    for (const inside of this.owners.of(gone)) this.disturbed.add(inside);
    this.setup = next;
  }
}

const who = fc.constantFrom(...PEOPLE);
const protocol = fc.constantFrom<Protocol>('tcp', 'udp', 'udp', 'icmp', 'gre');
const destination = fc.constantFrom(...DESTINATIONS);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      who,
      protocol,
      sport: fc.integer({ min: 2000, max: 2011 }),
      dst: destination,
    }),
  },
  // more than an endpoint's blocks of that parity hold
  { weight: 2, arbitrary: fc.record({ do: fc.constant('many' as const), who, dst: destination }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('pool' as const),
      pool: fc.subarray([0, 1, 2], { minLength: 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('forward' as const),
      forward: fc.option(
        fc.record({ pool: fc.nat(2), port: fc.integer({ min: 1024, max: 65535 }) }),
        { nil: undefined },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('toggle' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('other' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('age' as const), ms: fc.nat(2500) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function play(h: History, one: Step): Promise<void> {
  h.count(one.do);
  switch (one.do) {
    case 'send':
      h.send(one.who, one.protocol, one.sport, one.dst);
      return;
    case 'many':
      for (let i = 0; i < 80; i++) h.send(one.who, 'udp', 4000 + 2 * i, one.dst);
      return;
    case 'pool':
      h.change({ ...h.setup, pool: one.pool });
      break;
    case 'forward': {
      // its address must be of the pool, or of its own; its endpoint must be there
      const { forward } = one;
      if (forward && !h.setup.people.includes('l0')) return;
      h.change({ ...h.setup, forward });
      break;
    }
    case 'toggle': {
      const there = h.setup.people.includes(one.who);
      if (there && one.who === 'l0' && h.setup.forward) return;
      const people = PEOPLE.filter((name) =>
        name === one.who ? !there : h.setup.people.includes(name),
      );
      h.change({ ...h.setup, people });
      break;
    }
    case 'other':
      h.change({ ...h.setup, other: !h.setup.other });
      break;
    case 'age':
      await delay(one.ms);
      await h.gateway.turn();
      return;
    case 'restart':
      await h.restart();
      h.again();
      return;
  }
  await h.configure();
  h.again();
}

/** One history, from a gateway that has seen nothing to one that has forgotten all. */
async function story(hook: Hook, seed: number): Promise<History> {
  const h = new History(hook);
  await h.gateway.restart();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
      h.setup = FIRST;
      await h.configure();
      for (const one of steps) {
        await play(h, one);
        await check(h.gateway);
      }
      // of an endpoint that has gone the quarantine is the default's: let all be there
      h.change(FIRST);
      await h.configure();
      await drain(h.gateway);
      h.owners.clear();
    }),
    { numRuns: 1, seed, endOnFailure: true },
  );
  if (seed === SEED) h.gateway.load();
  await h.gateway.restart();
  h.send('r0', 'udp', 2000, DESTINATIONS[0]);
  await check(h.gateway);
  h.gateway.close();
  return h;
}

// @rfc 4787 REQ-3
// @rfc 5382 REQ-7
// @rfc 6888 REQ-11d
test(`one owner, seeds from ${SEED} on`, async (t) => {
  const seeds = Array.from({ length: RUNS }, (_, i) => SEED + i);
  const all = seeds.flatMap((seed) => HOOKS.map((hook) => ({ hook, seed })));
  const played = await Promise.all(all.map(({ hook, seed }) => story(hook, seed)));
  const sum = (what: string): number =>
    played.reduce((total, { met }) => total + (met.get(what) ?? 0), 0);
  for (const { hook, met } of played)
    t.comment(`${hook}: ${JSON.stringify(Object.fromEntries(met))}`);
  for (const what of ['sent', 'kept', 'answered', 'refused'])
    t.ok(sum(what) > 0, `${what}: ${sum(what)}`);
});
