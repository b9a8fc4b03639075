// SPDX-License-Identifier: Apache-2.0
/**
 * Plays histories in namespaces of its own; started by the test, or by hand to repeat a run:
 *   TRANSIT_SEED=… TRANSIT_PATH=… TRANSIT_HISTORIES=… node --import tsx test/model/worker.ts
 * The last line of its output is a summary in JSON.
 */
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { HOOKS, isolate, makeDevices } from '../support/rig.js';
import type { Outcome } from '../support/model/index.js';
import { histories, type History } from './history.js';
import { Plane } from './plane.js';
import { play, type Difference, type Worlds } from './play.js';
import { printed } from './print.js';
import { SLOTS } from './scene.js';

isolate();

const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const RUNS = Number(process.env.TRANSIT_HISTORIES ?? 1000);
const PATH = process.env.TRANSIT_PATH;
const BUILD = fileURLToPath(new URL('../../build/', import.meta.url));

class Differs extends Error {
  constructor(readonly difference: Difference) {
    super('the model and the program differ');
  }
}

const names = ['wire', 'wan', ...Array.from({ length: SLOTS }, (_, slot) => `d${slot}`)];
const devices = makeDevices(names);
const planes = {
  shipped: HOOKS.map((hook) => new Plane(hook, `${BUILD}bpf`, devices)),
  observed: HOOKS.map((hook) => new Plane(hook, `${BUILD}fuzz`, devices)),
};
const started = Date.now();
let played = 0;
let packets = 0;
let foundAfter: { readonly histories: number; readonly seconds: number } | undefined;

/** How often packets met each node and reason: what has been tried at all. */
const met: Record<string, number> = {};
function note({ nodes, reason }: Outcome): void {
  for (const name of reason === undefined ? nodes : [...nodes, `drop ${reason}`])
    met[name] = (met[name] ?? 0) + 1;
}

const seconds = (): number => (Date.now() - started) / 1000;

/** Often enough that a run which was interrupted has shown what it had shown. */
const REPORT_SECONDS = 60;
let reported = 0;

function report(): void {
  if (seconds() - reported < REPORT_SECONDS) return;
  reported = seconds();
  const found = foundAfter ? '; a difference is being reduced' : ', all agree';
  console.error(`# seed ${SEED}: ${played} histories in ${Math.round(seconds())} s${found}`);
}

async function agrees(history: History): Promise<void> {
  if (!foundAfter) {
    played++;
    packets += history.steps.filter((s) => s.kind !== 'change').length;
  }
  report();
  const worlds: Worlds = new Map();
  for (const plane of history.observed ? planes.observed : planes.shipped) {
    const difference = await play(history, plane, { note, worlds });
    if (!difference) continue;
    foundAfter ??= { histories: played, seconds: seconds() };
    throw new Differs(difference);
  }
}

const result = await fc.check(fc.asyncProperty(histories(), agrees), {
  seed: SEED,
  numRuns: RUNS,
  ...(PATH === undefined ? {} : { path: PATH, numRuns: 1 }),
});
if (result.failed) {
  const error = result.errorInstance;
  const [history] = result.counterexample ?? [];
  if (error instanceof Differs && history) console.log(printed(history, error.difference));
  else console.log(error instanceof Error ? error.stack : error);
  console.log(
    `## repeat: TRANSIT_SEED=${result.seed} TRANSIT_PATH=${result.counterexamplePath ?? ''} node --import tsx test/model/worker.ts`,
  );
}
for (const plane of [...planes.shipped, ...planes.observed]) plane.close();
console.log(
  JSON.stringify({
    failed: result.failed,
    seed: result.seed,
    histories: played,
    packets,
    seconds: seconds(),
    shrinks: result.numShrinks,
    foundAfter,
    met,
  }),
);
process.exitCode = result.failed ? 1 : 0;
