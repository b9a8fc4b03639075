// SPDX-License-Identifier: Apache-2.0
/**
 * Small tables and hostile packets: tables fill up to their size and no further, new flows are
 * refused by name, a flow that was there goes on, and when the flood is over all is as before.
 */
import { setTimeout as delay } from 'node:timers/promises';
import suite, { test } from 'tap';
import { HOOKS, isolate } from '../support/rig.js';
import { topology } from './check/topology.js';
import { mutate, mutations } from './generate/mutations.js';
import { seed } from './generate/seeds.js';
import { Balance, PROGRAMS } from './balance.js';
import { Machine } from './machine.js';
import { observe } from './observe.js';
import { goodFlows } from './probes.js';
import { Random } from './random.js';
import { DROPLET_MTU, WORLD } from './world.js';

isolate();

const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const FLOWS = 128;
const FRAGMENTS = 4;
const NODES = FLOWS + FRAGMENTS + 1;
const FLOOD = 4000;
const DEADLINE_MS = 25_000;
suite.setTimeout(0);

test(`${FLOOD} packets into small tables, TRANSIT_SEED=${SEED}`, { timeout: 0 }, async (t) => {
  const machine = new Machine(WORLD, {
    maxEntries: { flow: FLOWS, frag: FRAGMENTS, age_node: NODES },
    rodata: {
      cfg_age_nodes: NODES,
      cfg_timeout_tcp_s: 2,
      cfg_timeout_udp_s: 2,
      cfg_timeout_other_s: 2,
      cfg_timeout_opening_s: 2,
      cfg_timeout_closing_s: 1,
      cfg_timeout_fragment_s: 12, // longer than a slow machine floods
    },
  });
  const topo = topology(WORLD, DROPLET_MTU);
  const r = new Random(SEED);
  const [good, ...others] = goodFlows();
  const works = (input: NonNullable<typeof good>): boolean =>
    observe(machine, topo, input, HOOKS).seen.every((s) => s.judgement.kind === 'forwarded');
  t.ok(works(good!), 'a flow from before the flood');
  let worst = '';
  for (let i = 0; i < FLOOD; i++) {
    const { program, from, frame } = seed(r);
    const balance = i % 64 ? undefined : new Balance(machine);
    const input = { program, from, frame: mutate(frame, r.chance(30) ? mutations(r) : []) };
    const { seen } = observe(machine, topo, input, HOOKS);
    balance?.add(program, seen);
    worst ||= seen.find((s) => s.judgement.problem)?.judgement.problem ?? balance?.problem() ?? '';
    if (i % 50 === 0 && !works(good!)) worst ||= 'the flow from before does not work any more';
  }
  t.equal(worst, '', 'every invariant holds');
  t.ok(machine.entries('flow') > FLOWS * 0.9, `${machine.entries('flow')} of ${FLOWS} flows`);
  t.ok(machine.entries('flow') <= FLOWS);
  t.equal(machine.entries('frag'), FRAGMENTS, 'fragments');
  const reasons = new Map<string, number>();
  for (const program of PROGRAMS) {
    for (const hook of HOOKS) {
      for (const [name, count] of Object.entries(machine.counts(program, hook).drops)) {
        reasons.set(name, (reasons.get(name) ?? 0) + count);
      }
    }
  }
  for (const name of ['FLOW_TABLE_FULL', 'FRAG_TABLE_FULL']) {
    t.ok((reasons.get(name) ?? 0) > 0, `${name}: ${reasons.get(name) ?? 0}`);
  }
  const end = Date.now() + DEADLINE_MS;
  while (machine.entries('flow') + machine.entries('frag') > 0 && Date.now() < end) {
    await delay(250);
  }
  t.same([machine.entries('flow'), machine.entries('frag')], [0, 0], 'all have gone');
  const again = [good!, ...others.slice(0, FLOWS / 4)];
  t.ok(again.every(works), 'new flows find room');
  machine.close();
});
