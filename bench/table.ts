// SPDX-License-Identifier: Apache-2.0
/**
 * A run's JSON lines as tables.
 *
 * usage: table.ts [--markdown] [--goals] FILE          the run, or its goals alone
 *        table.ts [--markdown] --compare BEFORE AFTER  what became of each figure
 */
import { parseArgs } from 'node:util';
import { readRun } from './lib/journal.js';
import { comparison, goalTable, report } from './lib/report.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    markdown: { type: 'boolean', default: false },
    goals: { type: 'boolean', default: false },
    compare: { type: 'boolean', default: false },
  },
});
const format = values.markdown ? 'markdown' : 'text';
const [first, second] = positionals;
if (first === undefined || (second === undefined) === values.compare) {
  console.error('usage: table.ts [--markdown] [--goals] FILE | --compare BEFORE AFTER');
  process.exit(2);
}
const run = readRun(first);
if (second !== undefined) console.log(comparison(run, readRun(second), format));
else console.log(values.goals ? goalTable(run.figures, format) : report(run, format));
