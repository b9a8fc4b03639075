// SPDX-License-Identifier: Apache-2.0
/**
 * Hostile packets through all four programs. TRANSIT_SEED repeats a run, TRANSIT_PACKETS
 * changes its length; what fails is printed small enough to become a row of corpus.ts.
 */
import suite, { test } from 'tap';
import { isolate } from '../support/rig.js';
import { topology } from './check/topology.js';
import { Engine } from './engine.js';
import { Machine } from './machine.js';
import { Random } from './random.js';
import { render } from './shrink.js';
import { DROPLET_MTU, WORLD } from './world.js';

isolate();

const PACKETS = Number(process.env.TRANSIT_PACKETS ?? 100_000);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);

/** A run takes as long as it takes; test/run.sh ends what hangs. */
suite.setTimeout(0);

test(`${PACKETS} hostile packets, TRANSIT_SEED=${SEED}`, { timeout: 0 }, (t) => {
  const machine = new Machine(WORLD);
  const engine = new Engine(machine, topology(WORLD, DROPLET_MTU), new Random(SEED));
  const report = engine.run(PACKETS);
  for (const failure of report.failures) {
    t.fail(failure.problem);
    t.comment(render(failure, SEED));
  }
  t.ok(report.runs >= PACKETS, `${report.runs} packets`);
  for (const [name, counts] of Object.entries(report.outcomes)) {
    t.comment(`${name}: ${JSON.stringify(counts)}`);
  }
  t.comment(`${report.runs} runs in ${report.seconds} s, ${machine.refused} refused by the kernel`);
  machine.close();
  t.end();
});
