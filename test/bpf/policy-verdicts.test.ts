// SPDX-License-Identifier: Apache-2.0
/**
 * The kernel's verdicts of random programs on random packets against their rules read one by one:
 * both builds, tables as the daemon calculates and writes them, changed from round to round.
 */
import fc from 'fast-check';
import suite, { test } from 'tap';
import { parseAddress } from '../../src/base/net.js';
import { IndexAllocator, INDEX_SPACES, type IndexLimits } from '../../src/daemon/calc/index.js';
import { Classes, type EntryKind } from '../../src/daemon/calc/policy/classes.js';
import { PolicyTables, type EndpointPrograms } from '../../src/daemon/calc/policy/tables.js';
import type { ResolvedProgram } from '../../src/daemon/calc/policy/types.js';
import { Random } from '../fuzz/random.js';
import { interpret, type PolicyPacket } from '../support/interpret.js';
import { NAMES, program, PROTOCOLS, SETS } from '../support/policy-programs.js';
import { HOOKS, isolate } from '../support/rig.js';
import { PolicyMaps, QUESTIONS, type Question } from './policy-maps.js';
import { ADDRESSES, FAMILIES, NETS, PolicyPlaces } from './policy-places.js';

isolate();
suite.setTimeout(0);

/** Of each hook. */
const COMPARISONS = Number(process.env.TRANSIT_VERDICTS ?? 100_000);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const BATCHES = 16;
const ROUNDS = Math.ceil(COMPARISONS / (BATCHES * QUESTIONS));
/** Rounds between turns of pol_epoch. */
const TURN = 5;
const VNIS = [100, 200] as const;
const ENDPOINTS = 10;
/** Never has programs. */
const OPEN = ENDPOINTS + 1;
const CLOSED = 99;
const PORTS = [0, 1, 2, 5, 8, 12, 13, 79, 80, 81, 443, 1023, 1024, 65_534, 65_535];
const PORT_PROTOCOLS = [6, 17, 132];
const TYPES = [0, 3, 8, 128, 129, 255];

const vniOf = (ep: number): (typeof VNIS)[number] => VNIS[ep % 2]!;
const inVni = <T>(value: T, vni: number): T =>
  JSON.parse(JSON.stringify(value).replaceAll('"100 ', `"${vni} `)) as T;

interface Asked extends Question {
  readonly packet: PolicyPacket;
  readonly rules: ResolvedProgram | undefined;
}

/** Calculated tables, the maps they are in, and what they mean. */
class Scene {
  readonly maps: PolicyMaps;
  private readonly indexes: IndexAllocator;
  private readonly tables: PolicyTables;
  private readonly classes: Classes;
  private readonly places = new Map(VNIS.map((vni) => [vni, new PolicyPlaces()]));
  private readonly has = new Map<number, EndpointPrograms>();

  constructor(private readonly random: Random) {
    const limits = Object.fromEntries(INDEX_SPACES.map((space) => [space, 4000])) as unknown;
    this.indexes = new IndexAllocator({ limits: limits as IndexLimits });
    this.tables = new PolicyTables({ indexes: this.indexes }, { closed: CLOSED });
    this.classes = new Classes((key) => this.tables.classIndex(key));
    this.maps = new PolicyMaps(random);
  }

  /** Other programs for some endpoints, other sets for some addresses; all in the maps. */
  change(seed: number): void {
    const r = this.random;
    const fresh = fc.sample(program, { seed, numRuns: 8 });
    const endpoints = new Map<string, EndpointPrograms | undefined>();
    for (let index = 1; index <= ENDPOINTS; index++) {
      if (this.has.size === ENDPOINTS && r.chance(40)) continue;
      const vni = vniOf(index);
      const one = (): ResolvedProgram | undefined =>
        r.chance(8) ? undefined : inVni(r.pick(fresh), vni);
      const now = { vni, index, ingress: one(), egress: one() };
      this.has.set(index, now);
      endpoints.set(`e${index}`, now);
    }
    for (const vni of VNIS) this.move(vni);
    const delta = this.tables.flush({ endpoints, classes: this.classes.drain() });
    if (delta.findings.length > 0) throw new Error(JSON.stringify(delta.findings));
    this.maps.write(delta);
    for (const { space, key } of delta.released) {
      this.indexes.release(space, key);
      this.indexes.free(space, key);
    }
  }

  question(): Asked {
    const r = this.random;
    const ep = r.chance(2) ? OPEN : 1 + r.below(ENDPOINTS);
    const [family, sends, reply] = [r.pick(FAMILIES), r.chance(50), r.chance(50)];
    const protocol = r.pick([...PROTOCOLS, 200]);
    const echo = family === 4 ? 8 : 128;
    const hasIcmp = protocol === (family === 4 ? 1 : 58);
    const icmp = hasIcmp ? this.message(family, echo) : undefined;
    let [sport, dport] = [r.pick(PORTS), r.pick(PORTS)];
    if (icmp) {
      dport = icmp.isEcho ? sport : (icmp.type << 8) | icmp.code;
      if (!icmp.isEcho) sport = dport === 0 ? 0xffff : 0;
    }
    const [from, to] = [r.pick(ADDRESSES[family]), r.pick(ADDRESSES[family])];
    const places = this.places.get(vniOf(ep))!;
    const hasPorts = PORT_PROTOCOLS.includes(protocol);
    const packet: PolicyPacket = {
      family,
      protocol,
      icmp,
      source: places.end(from, protocol, hasPorts ? sport : undefined),
      destination: places.end(to, protocol, hasPorts ? dport : undefined),
    };
    const opened = { saddr: parseAddress(from).bytes, daddr: parseAddress(to).bytes, sport, dport };
    const back = { saddr: opened.daddr, daddr: opened.saddr, sport: dport, dport: sport };
    const key = { scope: r.below(9), proto: protocol, family, ...(reply ? back : opened) };
    const rules = this.has.get(ep)?.[sends === reply ? 'ingress' : 'egress'];
    return { key, ep, reply, sends, packet, rules };
  }

  /** Of a rule. */
  indexOf(identity: string): number {
    return this.indexes.peek('rule', identity)!;
  }

  close(): void {
    this.maps.close();
  }

  /** A key does not say an echo's code, nor whether it is the answer: it means the request. */
  private message(
    family: number,
    echo: number,
  ): { readonly type: number; readonly code: number; readonly isEcho: boolean } {
    const r = this.random;
    if (r.chance(40)) return { type: echo, code: 0, isEcho: true };
    const echoes = family === 4 ? [0, 8] : [128, 129];
    const type = r.pick([...TYPES, r.below(256)].filter((one) => !echoes.includes(one)));
    return { type, code: r.pick([0, 1, 2, 255]), isEcho: false };
  }

  private move(vni: (typeof VNIS)[number]): void {
    const r = this.random;
    const places = this.places.get(vni)!;
    const put = (kind: EntryKind, name: string, of: readonly string[], percent: number): void => {
      if (!r.chance(30)) return;
      const sets = inVni(of, vni)
        .filter(() => r.chance(40))
        .sort();
      const now = r.chance(percent) && sets.length > 0 ? sets : undefined;
      if (now) places[kind].set(name, now);
      else places[kind].delete(name);
      this.classes.set(kind, vni, name, now);
    };
    for (const family of FAMILIES) {
      for (const address of ADDRESSES[family]) {
        put('host', address, SETS, 60);
        for (const port of PORTS)
          for (const protocol of PORT_PROTOCOLS)
            put('named', `${address}/${protocol}/${port}`, NAMES, 15);
      }
      for (const net of NETS[family]) put('net', net, SETS, 80);
    }
  }
}

interface Seen {
  allow: number;
  deny: number;
  open: number;
}

/** Asks for some connections on both hooks. @returns what is wrong */
function compare(scene: Scene, questions: readonly Asked[], seen: Seen): string[] {
  const { maps } = scene;
  const wrong: string[] = [];
  const judged = questions.map(({ rules, packet }) => rules && interpret(rules, packet));
  const expected = new Map<number, number>();
  for (const one of judged) {
    seen[one?.verdict ?? 'open']++;
    for (const identity of [...(one?.before ?? []), ...(one?.identity ? [one.identity] : [])]) {
      const index = scene.indexOf(identity);
      expected.set(index, (expected.get(index) ?? 0) + 1);
    }
  }
  const rules = [...expected.keys()];
  for (const hook of HOOKS) {
    const before = maps.hits(rules);
    const answers = maps.ask(hook, questions);
    const after = maps.hits(rules);
    for (const [i, allowed] of answers.entries())
      if (allowed !== (judged[i]?.verdict !== 'deny'))
        wrong.push(`${hook}: ${allowed}: ${JSON.stringify(questions[i])}`);
    for (const [i, rule] of rules.entries())
      if (after[i]! - before[i]! !== expected.get(rule))
        wrong.push(`${hook}: rule ${rule} was met ${after[i]! - before[i]!} times`);
  }
  return wrong;
}

test(`${COMPARISONS} verdicts a hook, TRANSIT_SEED=${SEED}`, { timeout: 0 }, (t) => {
  const scene = new Scene(new Random(SEED));
  const seen: Seen = { allow: 0, deny: 0, open: 0 };
  const wrong: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    if (round % TURN === TURN - 1) scene.maps.turn();
    scene.change(SEED + round);
    for (let batch = 0; batch < BATCHES; batch++) {
      const questions = Array.from({ length: QUESTIONS }, () => scene.question());
      wrong.push(...compare(scene, questions, seen));
    }
    if (wrong.length > 0) break;
  }
  t.same(wrong.slice(0, 3), []);
  const asked = seen.allow + seen.deny + seen.open;
  t.ok(asked >= COMPARISONS, `${asked} connections a hook: ${JSON.stringify(seen)}`);
  t.ok(seen.allow > asked / 50 && seen.deny > asked / 50 && seen.open > 0, 'of every kind');
  scene.close();
  t.end();
});
