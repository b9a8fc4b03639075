// SPDX-License-Identifier: Apache-2.0
/** The budget's judgement, on figures made up: the real ones come from test/vm/run.ts. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { budgetFor, judge } from './budget.js';
import type { Figure } from './figures.js';

const figure = (program: string, kernel: string, more: Partial<Figure> = {}): Figure => ({
  kernel,
  object: 'agent_tc',
  program,
  settings: {},
  verifiedInsns: 1000,
  xlatedBytes: 8000,
  jitedBytes: 4000,
  objectLoadMs: 5,
  ...more,
});
const both = [figure('one', '6.1'), figure('one', '6.12', { verifiedInsns: 1200 })];
const limits = { verifiedInsns: 1300, xlatedBytes: 8000 };

test('within the budget', (t) => {
  const budget = { headroomPercent: 25, programs: { 'agent_tc/one': limits } };
  t.same(judge(both, budget), []);
  t.end();
});

test('above it: program, kernel, figure and limit are named, the worst settings only', (t) => {
  const budget = { headroomPercent: 25, programs: { 'agent_tc/one': limits } };
  const more = [
    figure('one', '6.12', { verifiedInsns: 1301 }),
    figure('one', '6.12', { verifiedInsns: 1400, settings: { cfg_a: 1 } }),
    figure('one', '6.1', { xlatedBytes: 8008 }),
  ];
  t.same(judge([...both, ...more], budget), [
    'agent_tc/one on 6.1: xlatedBytes is 8008, the limit is 8000 (settings {})',
    'agent_tc/one on 6.12: verifiedInsns is 1400, the limit is 1300 (settings {"cfg_a":1})',
  ]);
  t.end();
});

test('lines and programs belong together', (t) => {
  const programs = { 'agent_tc/one': limits, 'agent_tc/gone': limits };
  t.same(judge([...both, figure('new', '6.1')], { headroomPercent: 25, programs }), [
    'agent_tc/new: the budget has no line for it',
    'agent_tc/gone: the budget has a line, but there is no program',
  ]);
  t.end();
});

test('a budget made of figures leaves the headroom above the largest', (t) => {
  const budget = budgetFor(both, 25);
  t.same(budget.programs, { 'agent_tc/one': { verifiedInsns: 1500, xlatedBytes: 10_000 } });
  t.same(judge(both, budget), []);
  t.end();
});

test('the run itself fails when a program is too large, and says which', (t) => {
  const dir = t.testdir();
  const run = fileURLToPath(new URL('run.ts', import.meta.url));
  const judged = (figures: readonly Figure[]) => {
    const lines = figures.map((f) => `${JSON.stringify(f)}\n`);
    writeFileSync(`${dir}/figures.jsonl`, lines.join(''));
    const programs = { 'agent_tc/one': limits };
    writeFileSync(`${dir}/budget.json`, JSON.stringify({ headroomPercent: 25, programs }));
    const files = [`${dir}/figures.jsonl`, `${dir}/budget.json`];
    return spawnSync(process.execPath, ['--import', 'tsx', run, '--judge', ...files], {
      encoding: 'utf8',
    });
  };
  const within = judged(both);
  t.equal(within.status, 0, within.stderr);
  t.match(within.stdout, 'kernels: all passed');
  const above = judged([...both, figure('one', '6.1', { verifiedInsns: 1301 })]);
  t.equal(above.status, 1);
  t.match(above.stderr, 'FAIL agent_tc/one on 6.1: verifiedInsns is 1301, the limit is 1300');
  t.end();
});
