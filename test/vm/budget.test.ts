// SPDX-License-Identifier: Apache-2.0
/** The budget's judgement, on figures made up: the real ones come from test/vm/run.ts. */
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
