// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { test } from 'tap';
import type { Figure } from '../../../bench/lib/figure.js';
import { GOALS, judge, type Goal } from '../../../bench/lib/goals.js';
import { Journal, readRun, readRuns } from '../../../bench/lib/journal.js';
import { options } from '../../../bench/lib/options.js';
import { brief, comparison, embed, goalTable, report, table } from '../../../bench/lib/report.js';

const directory = mkdtempSync(join(tmpdir(), 'transit-bench-'));
t.teardown(() => {
  rmSync(directory, { recursive: true });
});

const figure = (id: string, own: readonly number[], base: readonly number[]): Figure => ({
  id,
  unit: 'ns',
  better: 'smaller',
  series: { own, base },
  compare: [{ name: 'over base', to: 'base' }],
});

function write(name: string, figures: readonly Figure[]): string {
  const path = join(directory, name);
  process.env.BENCH_FILE = path;
  const journal = new Journal('part');
  for (const one of figures) journal.write(one);
  delete process.env.BENCH_FILE;
  return path;
}

test('what is written is read again, each round of it', (t) => {
  const one = figure('part/a', [1, 2, 3], [1, 1, 1]);
  const run = readRun(write('again.jsonl', [one]));
  t.match(run.figures, [one]);
  t.equal(run.figures[0]?.summary.median, 2);
  t.equal(run.figures[0]?.ratios['over base']?.max, 3);
  t.match(run.header, { type: 'run', kernel: /\d/, cpus: Number });
  t.match(run.parts, [{ part: 'part' }]);
  t.end();
});

test('parts of one run share a file and its header', (t) => {
  const path = write('shared.jsonl', [figure('part/a', [1], [1])]);
  write('shared.jsonl', [figure('part/b', [1], [1])]);
  const run = readRun(path);
  t.equal(run.figures.length, 2);
  t.equal(readFileSync(path, 'utf8').match(/"type":"run"/g)?.length, 1);
  t.end();
});

test('a file that is no run is refused', (t) => {
  const path = join(directory, 'other.jsonl');
  writeFileSync(path, '{"type":"figure"}\n');
  t.throws(() => readRun(path), /header/);
  writeFileSync(path, '');
  t.throws(() => readRun(path), /header/);
  t.end();
});

test('a goal is judged by the worst of its figures', (t) => {
  const goal: Goal = {
    what: '',
    baseline: '',
    figures: /^part\//,
    comparison: 'over base',
    limit: ['≤', 1.5],
  };
  const good = figure('part/good', [1.5], [1]);
  const bad = figure('part/bad', [1.6], [1]);
  t.equal(judge(goal, [good]).state, 'met');
  t.match(judge(goal, [good, bad]), { state: 'unmet', worst: { id: 'part/bad' }, count: 2 });
  t.equal(judge(goal, []).state, 'not measured');
  t.equal(judge({ ...goal, comparison: 'over other' }, [good]).state, 'not measured');
  const least: Goal = { ...goal, limit: ['≥', 1.55] };
  t.match(judge(least, [good, bad]), { state: 'unmet', worst: { id: 'part/good' } });
  t.equal(judge(least, [bad]).state, 'met');
  const { comparison: _, ...absolute } = goal;
  t.match(judge(absolute, [good]), { state: 'met', worst: { value: { median: 1.5 } } });
  t.end();
});

test('every goal is answered by figures, or says why it is not', (t) => {
  for (const goal of GOALS) {
    const never = goal.figures.source === '(?!)';
    t.equal(goal.missing !== undefined, never, goal.what);
  }
  t.end();
});

test('tables', (t) => {
  t.equal(table(['a', 'bb'], [['xxxx', 'y']], 'text'), 'a     bb\nxxxx  y');
  t.equal(table(['a'], [['x']], 'markdown'), '| a   |\n| --- |\n| x   |');
  t.end();
});

test('a report shows each figure, each comparison and the goals', (t) => {
  const run = readRun(write('report.jsonl', [figure('part/a', [4], [2])]));
  const lines = report(run, 'text').split('\n');
  t.ok(lines.some((line) => /^a +ns +4\.00 .*over base .*2\.00 \(2\.00–2\.00\)$/.test(line)));
  t.match(goalTable(run.figures, 'markdown'), /not measured: not in this run/);
  t.end();
});

test('a brief report has a line a figure, with its last comparison', (t) => {
  const one = figure('part/a', [4], [2]);
  const two = { ...one, compare: [...one.compare, { name: 'over itself', to: 'own' }] };
  const lines = brief(readRun(write('brief.jsonl', [two])), 'markdown').split('\n');
  t.equal(lines.filter((line) => line.startsWith('| a ')).length, 1);
  t.ok(lines.some((line) => /^\| a .*\| 1\.00 \(1\.00–1\.00\) +\| over itself +\|$/.test(line)));
  t.end();
});

test('a run made in pieces is read as one, and a repeated figure counts as it was last', (t) => {
  const early = write('early.jsonl', [figure('part/a', [1], [1]), figure('part/b', [2], [1])]);
  const late = write('late.jsonl', [figure('part/a', [3], [1])]);
  const run = readRuns([early, late]);
  t.same(
    run.figures.map((f) => [f.id, f.summary.median]),
    [
      ['part/a', 3],
      ['part/b', 2],
    ],
  );
  t.equal(run.parts.length, 2);
  t.throws(() => readRuns([]), /no file/);
  t.end();
});

test('a table takes the place of the one in a document', (t) => {
  const document = 'x\n<!-- bench:a -->\nold\n<!-- /bench:a -->\ny\n';
  const text = embed(document, 'a', 'new');
  t.equal(text, 'x\n<!-- bench:a -->\n\nnew\n\n<!-- /bench:a -->\ny\n');
  t.equal(embed(text, 'a', 'new'), text);
  t.throws(() => embed(document, 'b', 'new'), /no <!-- bench:b -->/);
  t.end();
});

test('two runs are compared figure by figure', (t) => {
  const before = readRun(
    write('before.jsonl', [figure('part/a', [4], [2]), figure('part/gone', [1], [1])]),
  );
  const after = readRun(
    write('after.jsonl', [figure('part/a', [3], [2]), figure('part/new', [1], [1])]),
  );
  const text = comparison(before, after, 'text');
  t.match(text, /part\/a +ns, p10 +4\.00 +3\.00 +-25 %/);
  t.match(text, /over base +2\.00 \(2\.00–2\.00\) +1\.50 \(1\.50–1\.50\) +-25 %/);
  t.notMatch(text, /gone|new/);
  t.end();
});

test('options', (t) => {
  t.match(options(9, []), { rounds: 9, quick: false });
  t.equal(options(9, ['--quick']).rounds, 3);
  t.equal(options(9, ['--quick', '--rounds', '5']).rounds, 5);
  const filtered = options(9, ['--filter', 'hit/(xdp|tc)']);
  t.ok(filtered.wants('datapath/hit/tc/encap'));
  t.notOk(filtered.wants('datapath/walk/tc'));
  t.throws(() => options(9, ['--rounds', '0']), RangeError);
  t.throws(() => options(9, ['--frobnicate']), TypeError);
  t.end();
});
