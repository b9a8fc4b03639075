// SPDX-License-Identifier: Apache-2.0
/**
 * A run's JSON lines as tables. Several files are one run, which was made in pieces.
 *
 * usage: table.ts [--markdown] [--goals | --brief] FILE...  all of the run, its goals, or a line
 *                                                           a figure
 *        table.ts [--markdown] --compare BEFORE AFTER       what became of each figure
 *        table.ts --update SECTION FILE...                  docs/performance.md's before or after
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { readRun, readRuns } from './lib/journal.js';
import { brief, comparison, embed, goalTable, report } from './lib/report.js';

const DOCUMENT = 'docs/performance.md';
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    markdown: { type: 'boolean', default: false },
    goals: { type: 'boolean', default: false },
    brief: { type: 'boolean', default: false },
    compare: { type: 'boolean', default: false },
    update: { type: 'string' },
  },
});
const format = values.markdown ? 'markdown' : 'text';
const [first, second] = positionals;
if (first === undefined || (values.compare && positionals.length !== 2)) {
  console.error('usage: table.ts [OPTION]... FILE...; see its head');
  process.exit(2);
}
if (values.compare && second !== undefined) {
  console.log(comparison(readRun(first), readRun(second), format));
} else {
  const run = readRuns(positionals);
  if (values.update !== undefined) {
    const document = readFileSync(DOCUMENT, 'utf8');
    writeFileSync(DOCUMENT, embed(document, values.update, brief(run, 'markdown')));
  } else if (values.goals) {
    console.log(goalTable(run.figures, format));
  } else {
    console.log((values.brief ? brief : report)(run, format));
  }
}
