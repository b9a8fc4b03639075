// SPDX-License-Identifier: Apache-2.0
/**
 * Walks over named states: given, reversed and random, with repetitions and with flushes left out.
 * After each flush the outcome is that of the state alone, as the naive model has it.
 */
import { test } from 'tap';
import { outcome } from '../support/policy-naive.js';
import { STATES } from './policy-states.js';
import {
  all,
  difference,
  EMPTY,
  isNothing,
  meaning,
  plain,
  Walk,
  type Step,
} from './policy-support.js';

const NAMES = [...STATES.keys()];
const EXPECTED = new Map(
  [...STATES].map(([name, world]) => [name, plain(outcome(world, meaning))] as const),
);
const SEED = Number(process.env['TRANSIT_SEED'] ?? Date.now() % 1_000_000);

/** mulberry32: a number in 0..below. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function shuffled<T>(list: readonly T[], draw: (below: number) => number): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

interface Manner {
  /** Steps from one state to the next. */
  readonly steps?: (steps: Step[]) => Step[];
  /** Whether there is a flush after a state. */
  readonly flush?: () => boolean;
}

/** What went wrong, with the way there; undefined: nothing. */
function wrong(names: readonly string[], { steps, flush }: Manner = {}): string | undefined {
  const walk = new Walk();
  let world = EMPTY;
  let before = 'empty';
  for (const name of [...names, 'empty']) {
    const next = STATES.get(name)!;
    const between = difference(world, next);
    walk.tell(steps ? steps(between) : between);
    world = next;
    if (name !== 'empty' && flush?.() === false) continue;
    walk.flush();
    const is = plain(walk.mirror.outcome());
    if (is !== EXPECTED.get(name))
      return `${before} > ${name}\nis:     ${is}\nshould: ${EXPECTED.get(name)}`;
    if (!isNothing(walk.flush())) return `${before} > ${name}: said twice`;
    before = name;
  }
  return walk.graph.size() === 0 ? undefined : `keeps ${walk.graph.size()}`;
}

test('each state by itself', (t) => {
  t.ok(NAMES.length >= 60, `${NAMES.length} states`);
  for (const name of NAMES) t.equal(wrong([name]), undefined, name);
  const same = NAMES.length - new Set(EXPECTED.values()).size;
  t.ok(same <= 18, `${same} states mean what another one means`);
  t.end();
});

test('walks, as given and reversed', (t) => {
  const back = [...NAMES].reverse();
  t.equal(wrong(NAMES), undefined, 'given');
  t.equal(wrong(back), undefined, 'reversed');
  const twice = (steps: Step[]): Step[] => steps.flatMap((step) => [step, step]);
  t.equal(wrong(NAMES, { steps: twice }), undefined, 'each step twice');
  t.equal(wrong(back, { steps: (steps) => [...steps].reverse() }), undefined, 'steps reversed');
  t.equal(wrong(NAMES, { flush: () => false }), undefined, 'one flush at the end');
  t.end();
});

test('each state from each other one', (t) => {
  const failed = NAMES.flatMap((from) =>
    NAMES.flatMap((to) => {
      const found = wrong([from, to]);
      return found === undefined ? [] : [found];
    }),
  );
  t.same(failed.slice(0, 3), []);
  t.end();
});

test(`random walks, TRANSIT_SEED=${SEED}`, (t) => {
  const draw = random(SEED);
  for (let walk = 0; walk < 30; walk++) {
    const order = shuffled(NAMES, draw);
    const manner: Manner = {
      // what goes and what comes, in any order, some of it twice, some of it late
      steps: (steps) =>
        shuffled(
          steps.flatMap((step) => (draw(3) > 0 ? [step] : [step, step])),
          draw,
        ),
      ...(walk % 2 === 1 && { flush: () => draw(3) === 0 }),
    };
    t.equal(wrong(order, manner), undefined, `walk ${walk}`);
  }
  t.end();
});

test('all that comes and goes between two flushes is nothing', (t) => {
  for (const [name, world] of STATES) {
    const walk = new Walk();
    walk.tell(all(world));
    walk.tell(difference(world, EMPTY));
    if (!isNothing(walk.flush())) t.fail(name);
    // and the other way round
    walk.tell(all(world));
    walk.flush();
    walk.tell(difference(world, EMPTY));
    walk.tell(all(world).reverse());
    if (!isNothing(walk.flush())) t.fail(`${name}, gone and back`);
  }
  t.pass('all states');
  t.end();
});
