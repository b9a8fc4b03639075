// SPDX-License-Identifier: Apache-2.0
/**
 * One owner for each public tuple when first packets are on two CPUs at the same time: of the same
 * endpoints and even the same ports, while connections age, ports run out, daemons start and the
 * configuration changes. Each CPU sends one packet after the other, so they meet in the middle of
 * everything. Afterwards the counters are what the tables hold, and in the end nothing is left.
 */
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { t as suite, test, type Test } from 'tap';
import { atOnce, type Shot, type ShotResult } from '../support/atonce.js';
import type { Gateway } from '../support/gateway.js';
import { HOOKS, isolate, VERDICTS, type Hook } from '../support/rig.js';
import { check, drain, Owners } from './unique-audit.js';
import {
  DESTINATIONS,
  entry,
  FIRST,
  frameFrom,
  insideText,
  makeGateway,
  Objects,
  PEOPLE,
  POOL,
  seen,
  tupleText,
  type Person,
  type Protocol,
  type Setup,
} from './unique-place.js';

isolate();
suite.setTimeout(600_000);

const SEED = Number(process.env['TRANSIT_SEED'] ?? Date.now() % 2 ** 31);
const ROUNDS = Number(process.env['TRANSIT_UNIQUE_ROUNDS'] ?? 30);
const PACKETS = 120;
/** Ports move on by so many each round: what was opened ages, and its room is taken again. */
const MOVE = 6;

/** What one block has room for, of each protocol. */
const TWIN_PORTS = Array.from({ length: 12 }, (_, i) => 3000 + i);

interface Packet {
  readonly who: Person;
  readonly protocol: Protocol;
  readonly sport: number;
  readonly dst: string;
}

const packet = fc.record({
  who: fc.constantFrom(...PEOPLE),
  protocol: fc.constantFrom<Protocol>('tcp', 'udp', 'udp', 'icmp', 'gre'),
  // few enough that both CPUs often open the same one
  sport: fc.integer({ min: 0, max: 15 }),
  dst: fc.constantFrom(...DESTINATIONS),
});
const packets = fc.array(packet, { minLength: PACKETS, maxLength: PACKETS, size: 'max' });
/** What the daemon does while packets are on their way. */
const meanwhile = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ do: 'nothing' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('change' as const),
      pool: fc.subarray([0, 1, 2], { minLength: 1 }),
      gone: fc.subarray([...PEOPLE], { maxLength: 2 }),
      other: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) },
);
const round = fc.record({
  packets: fc.tuple(packets, packets),
  /** Both CPUs open the very same ones, in the same order. */
  twins: fc.boolean(),
  meanwhile,
  /** One endpoint opens more than its blocks have room for, on both CPUs. */
  flood: fc.option(fc.constantFrom(...PEOPLE), { freq: 4, nil: undefined }),
  pause: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 2, arbitrary: fc.integer({ min: 100, max: 1000 }) },
  ),
});
type Round = typeof round extends fc.Arbitrary<infer R> ? R : never;

function floodOf(who: Person): Packet[] {
  const odd = Array.from({ length: 80 }, (_, i) => 5001 + 2 * i);
  return odd.map((sport) => ({ who, protocol: 'udp', sport, dst: DESTINATIONS[0] }));
}

class Crowd {
  readonly gateway: Gateway;
  readonly owners = new Owners();
  readonly met = { sent: 0, refused: 0, both: 0, changes: 0 };
  private readonly objects = new Objects();
  private setup: Setup = FIRST;

  constructor(readonly hook: Hook) {
    this.gateway = makeGateway(hook);
  }

  configure(setup: Setup): Promise<void> {
    this.setup = setup;
    return this.gateway.configure(this.objects.of(setup));
  }

  private shot({ who, protocol, sport, dst }: Packet): Shot {
    const { program, ifindex } = entry(who);
    const loaded = this.gateway.programs.programs.get(`${this.hook}_${program}`)!;
    return { program: loaded, ifindex, frame: frameFrom(who, protocol, sport, dst) };
  }

  async play(
    { packets: [one, two], twins, meanwhile: change, flood, pause }: Round,
    number: number,
  ): Promise<void> {
    const more = flood ? floodOf(flood) : [];
    const lists = (twins ? [one, one] : [one, two]).map((list) => [
      ...list.map((each) => ({ ...each, sport: each.sport + 2000 + number * MOVE })),
      ...more,
    ]);
    const under = atOnce(lists.map((list) => list.map((each) => this.shot(each))));
    if (change.do === 'change') {
      const { pool, gone, other } = change;
      const people = PEOPLE.filter((who) => !gone.includes(who));
      await this.configure({ ...this.setup, pool, people, other });
    } else if (change.do === 'restart') await this.gateway.restart();
    const results = await under;
    this.met.changes += Number(change.do !== 'nothing');
    this.judge(lists, results, change.do !== 'change');
    await check(this.gateway);
    await delay(pause);
  }

  /**
   * Each CPU sends the first packet of the same ports, to another destination: one mapping is made,
   * and both are sent by it.
   */
  async twins(): Promise<{ readonly refused: number; readonly sent: number }> {
    const protocols = ['tcp', 'udp', 'icmp'] as const;
    const list = TWIN_PORTS.flatMap((sport) =>
      PEOPLE.flatMap((who) => protocols.map((protocol) => ({ who, protocol, sport }))),
    );
    const lists = [0, 1].map((cpu) => list.map((each) => ({ ...each, dst: DESTINATIONS[cpu]! })));
    const shots = lists.map((each) => each.map((one) => this.shot(one)));
    this.judge(lists, await atOnce(shots), true);
    await check(this.gateway);
    const { sent, refused } = this.met;
    Object.assign(this.met, { sent: 0, refused: 0, both: 0 });
    return { sent, refused };
  }

  private judge(
    lists: readonly (readonly Packet[])[],
    results: readonly (readonly ShotResult[])[],
    steady: boolean,
  ): void {
    const now = Date.now();
    const mapped = new Map<string, { readonly tuple: string; readonly cpu: number }>();
    lists.forEach((list, cpu) => {
      list.forEach(({ who, protocol, sport, dst }, i) => {
        const { verdict, data } = results[cpu]![i]!;
        const tuple = VERDICTS[this.hook].get(verdict) === 'sent' && seen(data, protocol);
        // what an ICMP error says comes from the VPC's gateway
        if (!tuple || !POOL.some((address) => address === tuple.address)) {
          this.met.refused++;
          return;
        }
        this.met.sent++;
        const [inside, text] = [insideText(who, protocol, sport, dst), tupleText(tuple)];
        this.owners.note(text, inside, now);
        const before = mapped.get(inside);
        if (before && before.cpu !== cpu) this.met.both++;
        // a mapping may only become another when its address leaves the pool
        if (steady && before && before.tuple !== text)
          throw new Error(`${inside} was ${before.tuple} and ${text} at the same time`);
        mapped.set(inside, { tuple: text, cpu });
      });
    });
  }
}

async function story(t: Test, hook: Hook): Promise<void> {
  const crowd = new Crowd(hook);
  await crowd.gateway.restart();
  await crowd.configure(FIRST);
  const twins = await crowd.twins();
  t.equal(twins.refused, 0, `${hook}: none of ${twins.sent} is refused because of another CPU`);
  const rounds = fc.sample(round, { numRuns: ROUNDS, seed: SEED });
  for (const [number, one] of rounds.entries()) await crowd.play(one, number);
  await crowd.configure(FIRST);
  await drain(crowd.gateway);
  const { sent, refused, both, changes } = crowd.met;
  t.ok(sent > ROUNDS, `${sent} packets left`);
  t.ok(refused > 0, `${refused} were refused`);
  t.ok(both > ROUNDS, `${both} times both CPUs had packets of one mapping`);
  t.ok(changes > 0, `${changes} times something else happened at the same time`);
  t.equal(crowd.gateway.map('nat_map').keys().length, 0, 'nothing is left');
  crowd.gateway.close();
}

// @rfc 4787 REQ-3
// @rfc 6146 s3.5.1.1b
test(`one owner, two CPUs, seed ${SEED}`, async (t) => {
  await Promise.all(HOOKS.map((hook) => story(t, hook)));
});
