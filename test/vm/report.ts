// SPDX-License-Identifier: Apache-2.0
/** What people read: the table of figures, and of a failed step the lines that matter. */
import { existsSync, readFileSync } from 'node:fs';
import { lineOf, type Budget } from './budget.js';
import type { Figure } from './figures.js';

/** The last lines of a file. */
export function tail(path: string, lines: number): string {
  if (!existsSync(path)) return `(no ${path})`;
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

/** Failed tests with the file they are in, and the log's end when there are none. */
export function failures(series: string, step: string, path: string): string {
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  const out: string[] = [];
  let file = '';
  lines.forEach((line, i) => {
    file = /^# file (\S+)/.exec(line)?.[1] ?? file;
    if (/^ *not ok/.test(line)) {
      out.push(file, ...lines.slice(i, i + 12).map((text) => text.slice(0, 200)));
    }
  });
  const shown = out.length > 0 ? out.slice(0, 80).join('\n') : tail(path, 30);
  return `--- ${series}: ${step} failed\n${shown}`;
}

/** One line a program; of each kernel the largest figures over all settings. */
export function table(figures: readonly Figure[], budget: Budget): string {
  const kernels = [...new Set(figures.map((f) => f.kernel))];
  const rows: string[][] = [
    ['', ...kernels.flatMap((k) => [k, '', '', '']), 'limit', ''],
    [
      'object/program',
      ...kernels.flatMap(() => ['verified', 'xlated', 'jited', 'load ms']),
      'verified',
      'xlated',
    ],
  ];
  for (const line of new Set(figures.map(lineOf))) {
    const own = figures.filter((f) => lineOf(f) === line);
    const cells = kernels.flatMap((kernel) => {
      const here = own.filter((f) => f.kernel === kernel);
      const most = (what: (f: Figure) => number): string =>
        here.length === 0 ? '-' : String(Math.max(...here.map(what)));
      return [
        most((f) => f.verifiedInsns),
        most((f) => f.xlatedBytes),
        most((f) => f.jitedBytes),
        most((f) => Math.round(f.objectLoadMs)),
      ];
    });
    const limits = budget.programs[line];
    rows.push([
      line,
      ...cells,
      String(limits?.verifiedInsns ?? '-'),
      String(limits?.xlatedBytes ?? '-'),
    ]);
  }
  const widths = (rows[1] ?? []).map((_, i) =>
    // a kernel's name spans its columns
    Math.max(...rows.slice(1).map((row) => (row[i] ?? '').length)),
  );
  const render = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  const head = [' '.repeat(widths[0] ?? 0)];
  [...kernels, 'limit'].forEach((name, k) => {
    const columns = widths.slice(1 + 4 * k, 5 + 4 * k);
    const width = columns.reduce((a, b) => a + b + 2, -2);
    head.push(name.slice(0, width).padEnd(width));
  });
  return [head.join('  ').trimEnd(), ...rows.slice(1).map(render)].join('\n');
}
