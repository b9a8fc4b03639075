// SPDX-License-Identifier: Apache-2.0
/**
 * The daemon dies while it writes thousands of changes of policies: who is let in before and after
 * is never interrupted, who is let in neither before nor after never gets through, and the next
 * daemon goes on from one of the two. TRANSIT_ROUNDS: how often.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { t as suite, test, type Test } from 'tap';
import { must } from '../support/traffic/lab.js';
import { Random } from '../fuzz/random.js';
import { ENDPOINTS, FAMILIES, HOSTS, NAMES, PolicyLab, type Name } from './policy-lab.js';
import {
  ALWAYS,
  CHANGES,
  NEVER,
  ONLY,
  stateOf,
  stateOfGate,
  type Specs,
  type StateName,
} from './policy-states.js';

const ROUNDS = Number(process.env.TRANSIT_ROUNDS ?? 10);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const LIMIT = { timeout: 120_000 + ROUNDS * 30_000 };
suite.setTimeout(0);

const PORT = 53;
const TCP_PORT = 5432;
/** The never admitted try this often, ms. */
const TRY_MS = 4;
/** Between two answers of those always admitted, ms: what two busy CPUs take, not the programs. */
const GAP_MS = 1000;
/** Of the time a change takes, the part in which it is killed: not while it is only read, and some behind. */
const KILL = { from: 0.1, to: 1.1 } as const;

/** Room for the records of all connections that are tried. */
const FLOWS = { LAB_MAX_FLOWS: '131072', LAB_UDP_TIMEOUT: '20' };

interface Prober {
  readonly name: string;
  readonly from: Name;
  readonly kind: 'tcp' | 'udp' | 'fresh';
}

async function probe(
  lab: PolicyLab,
  pairs: readonly (readonly [Name, Name])[],
  kinds: readonly Prober['kind'][],
  everyMs?: number,
): Promise<Prober[]> {
  const out: Prober[] = [];
  for (const [from, to] of pairs)
    for (const family of FAMILIES)
      for (const kind of kinds) {
        const name = `${from} ${to} ${kind} IPv${family}`;
        const port = kind === 'tcp' ? TCP_PORT : PORT;
        await lab.talkers[from].keep(name, kind, ENDPOINTS[to][family], port, everyMs);
        out.push({ name, from, kind });
      }
  return out;
}

/** Entries whose two values differ, and how many there are. */
async function halves(lab: PolicyLab, host: string): Promise<Record<string, [number, number]>> {
  const out: Record<string, [number, number]> = {};
  for (const name of ['pol_ep', 'pol_host', 'pol_net', 'pol_named']) {
    const pin = `/sys/fs/bpf/transit/${lab.lab.instance(host)}/maps/${name}`;
    const text = await must('bpftool', ['-j', 'map', 'dump', 'pinned', pin]);
    const values = (JSON.parse(text) as { readonly value: readonly string[] }[]).map(
      ({ value }) => value,
    );
    const torn = values.filter((value) => {
      const half = value.length / 2;
      return value.slice(0, half).join() !== value.slice(half).join();
    });
    const used = values.filter((value) => value.some((byte) => Number(byte) !== 0));
    out[name] = [torn.length, used.length];
  }
  return out;
}

async function specs(lab: PolicyLab): Promise<Specs> {
  const all = await Promise.all(
    NAMES.map(async (name) => {
      const { spec } = (await lab.lab.call('h1', 'GET', `/v1/endpoints/${name}`)) as {
        spec: object;
      };
      return [name, spec] as const;
    }),
  );
  return Object.fromEntries(all) as Specs;
}

/** Databases of a host admit as the state says. */
async function behaves(t: Test, lab: PolicyLab, host: string, state: StateName): Promise<void> {
  const here = host === 'h1' ? 'db-a' : 'db-b';
  const of = (pairs: readonly (readonly [Name, Name])[]) =>
    pairs.filter(([, to]) => to === here).map(([from, to]) => [from, to, 'tcp 80'] as const);
  await lab.expect(t, `${host} is in state ${state}`, {
    open: of([...ALWAYS, ...ONLY[state]]),
    closed: of([...NEVER, ...ONLY[state === 'A' ? 'B' : 'A']]),
  });
}

test(`${ROUNDS} kills in ${CHANGES} changes, TRANSIT_SEED=${SEED}`, LIMIT, async (t) => {
  const random = new Random(SEED);
  const lab = await PolicyLab.up('polkill', FLOWS);
  t.teardown(() => lab.lab.down());
  const has = await specs(lab);
  const states = { A: stateOf('A', has), B: stateOf('B', has) };
  const sizes: Partial<Record<string, Record<string, [number, number]>>> = {};
  let took = 0;
  for (const state of ['A', 'B', 'A'] as const) {
    const start = Date.now();
    // as in the rounds: one host at a time
    for (const host of HOSTS) {
      await lab.lab.call(host, 'POST', '/v1/apply', { objects: states[state] });
      await lab.programmed(host, states[state]);
    }
    took = (Date.now() - start) / HOSTS.length;
    for (const host of HOSTS) {
      await behaves(t, lab, host, state);
      sizes[`${host} ${state}`] = await halves(lab, host);
    }
  }
  t.comment(`a change takes ${took} ms`);
  const always = await probe(lab, ALWAYS, ['tcp', 'udp', 'fresh']);
  const never = [
    ...(await probe(lab, NEVER, ['udp'], TRY_MS)),
    ...(await probe(lab, NEVER, ['fresh'])), // each takes a record on its own host
  ];
  await delay(1000);
  for (const { from, name } of always) await lab.talkers[from].forget(name);

  const now: Record<string, StateName> = { h1: 'A', h2: 'A' };
  let [changed, within] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const host = HOSTS[round % HOSTS.length]!;
    const next: StateName = now[host] === 'A' ? 'B' : 'A';
    const pid = Number(await must('lab/daemon.sh', [lab.lab.name, host, 'pid']));
    const sent = lab.lab.call(host, 'POST', '/v1/apply', { objects: states[next] }).catch(() => 0);
    const waited = Math.round(
      took * (KILL.from + (random.below(1000) / 1000) * (KILL.to - KILL.from)),
    );
    await delay(waited);
    process.kill(pid, 'SIGKILL');
    await sent;
    const left = await halves(lab, host);
    const torn = Object.values(left).reduce((sum, [count]) => sum + count, 0);
    if (torn > 0) within++;
    await lab.lab.start(host);
    const gate = await lab.lab.call(host, 'GET', '/v1/policies/gate');
    const state = stateOfGate(gate);
    if (state === next) changed++;
    now[host] = state;
    t.comment(
      `round ${round}: ${host} killed after ${waited} ms, ${torn} entries half written, ` +
        `is ${state}, was told ${next}`,
    );
    await lab.programmed(host, states[state]);
    await behaves(t, lab, host, state);
    t.same(await halves(lab, host), sizes[`${host} ${state}`], 'tables are those of the state');
  }
  t.comment(`${changed} of ${ROUNDS} changes were stored, ${within} half written at the kill`);
  for (const { from, name } of [...always, ...never]) await lab.talkers[from].end(name);
  await delay(1000);
  for (const { from, name, kind } of always) {
    const { sent, answers, gap } = await lab.talkers[from].kept(name);
    if (kind !== 'tcp') t.equal(sent - answers, 0, `${name}: all of ${sent} answered`);
    t.ok(gap > 0 && gap < GAP_MS, `${name}: at most ${gap} ms between answers`);
  }
  for (const { from, name } of never) {
    const { sent, answers } = await lab.talkers[from].kept(name);
    t.ok(sent > 500 && answers === 0, `${name}: ${answers} of ${sent} answered`);
  }
});
