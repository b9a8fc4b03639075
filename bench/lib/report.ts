// SPDX-License-Identifier: Apache-2.0
/** Runs as tables for people: plain text, or Markdown for docs/performance.md. */
import { ratioSummary, series, type Comparison, type Figure } from './figure.js';
import { GOALS, judge, type Verdict } from './goals.js';
import type { Run } from './journal.js';
import { shortNumber, shortSummary, summarize } from './stats.js';

export type Format = 'text' | 'markdown';

/** Columns as wide as their widest cell. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  format: Format,
): string {
  const widths = header.map((head, i) =>
    Math.max(head.length, 3, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const cells = (row: readonly string[]): string[] =>
    widths.map((width, i) => (row[i] ?? '').padEnd(width));
  const line = (row: readonly string[]): string =>
    format === 'markdown' ? `| ${cells(row).join(' | ')} |` : cells(row).join('  ').trimEnd();
  const rule = widths.map((width) => '-'.repeat(width));
  return [header, ...(format === 'markdown' ? [rule] : []), ...rows].map(line).join('\n');
}

const title = (text: string, format: Format): string =>
  format === 'markdown' ? `### ${text}` : text;

/** Figures of one part: a line for each comparison, the figure itself on its first. */
function partTable(figures: readonly Figure[], format: Format): string {
  const rows = figures.flatMap((figure) => {
    const own = summarize(series(figure, 'own'));
    const name = figure.id.slice(figure.id.indexOf('/') + 1);
    const head = [name, figure.unit, shortNumber(own.p10), shortSummary(own)];
    const versus = (c: Comparison): string[] => [
      c.name,
      shortSummary(summarize(series(figure, c.to))),
      shortSummary(ratioSummary(figure, c)),
    ];
    if (figure.compare.length === 0) return [head];
    return figure.compare.map((c, i) => [...(i === 0 ? head : ['', '', '', '']), ...versus(c)]);
  });
  const header = ['figure', 'unit', 'p10', 'median (min–max)', 'compared', 'baseline', 'ratio'];
  return table(header, rows, format);
}

function goalRow({ goal, state, worst, count }: Verdict): string[] {
  const unit = goal.unit === undefined ? '' : ` ${goal.unit}`;
  const limit = `${goal.limit[0]} ${goal.limit[1]}${unit}`;
  if (!worst)
    return [
      goal.what,
      goal.baseline,
      '–',
      limit,
      `not measured: ${goal.missing ?? 'not in this run'}`,
    ];
  const of = count > 1 ? `, worst of ${count}: ${worst.id.slice(worst.id.indexOf('/') + 1)}` : '';
  return [goal.what, goal.baseline, `${shortSummary(worst.value)}${of}`, limit, state];
}

export function goalTable(figures: readonly Figure[], format: Format): string {
  const rows = GOALS.map((goal) => goalRow(judge(goal, figures)));
  return table(['what', 'baseline', 'figure', 'goal', 'state'], rows, format);
}

function machine({ header, parts }: Run): string {
  const loads = parts.map((part) => `${part.part} ${shortNumber(part.load1)}`).join(', ');
  return (
    `${header.date}, commit ${header.commit}, Linux ${header.kernel}, ` +
    `${header.cpus} × ${header.cpu}; load average when a part began: ${loads}`
  );
}

/** The whole run: the machine, each part, and the goals. */
export function report(run: Run, format: Format): string {
  const out = [machine(run)];
  for (const part of new Set(run.figures.map((f) => f.id.slice(0, f.id.indexOf('/'))))) {
    const figures = run.figures.filter((f) => f.id.startsWith(`${part}/`));
    out.push('', title(part, format), '', partTable(figures, format));
  }
  out.push('', title('Goals', format), '', goalTable(run.figures, format));
  return out.join('\n');
}

/** A line a figure, with the strictest of its comparisons: the last one. */
function briefTable(figures: readonly Figure[], format: Format): string {
  const rows = figures.map((figure) => {
    const compared = figure.compare.at(-1);
    return [
      figure.id.slice(figure.id.indexOf('/') + 1),
      figure.unit,
      shortSummary(summarize(series(figure, 'own'))),
      compared ? shortSummary(ratioSummary(figure, compared)) : '–',
      compared?.name ?? '–',
    ];
  });
  return table(['figure', 'unit', 'median (min–max)', 'ratio', 'which is'], rows, format);
}

/** The goals, and a line for each figure. */
export function brief(run: Run, format: Format): string {
  const parts = [...new Set(run.figures.map((f) => f.id.slice(0, f.id.indexOf('/'))))];
  return [
    machine(run),
    '',
    goalTable(run.figures, format),
    ...parts.flatMap((part) => {
      const figures = run.figures.filter((f) => f.id.startsWith(`${part}/`));
      return ['', title(part, format), '', briefTable(figures, format)];
    }),
  ].join('\n');
}

/** Replaces what stands between <!-- bench:name --> and <!-- /bench:name -->. @throws Error */
export function embed(document: string, name: string, text: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [document.indexOf(open), document.indexOf(close)];
  if (from < 0 || to < from) throw new Error(`the document has no ${open} … ${close}`);
  return `${document.slice(0, from + open.length)}\n\n${text}\n\n${document.slice(to)}`;
}

/** What became of each figure that both runs have. */
export function comparison(before: Run, after: Run, format: Format): string {
  const rows = after.figures.flatMap((now) => {
    const then = before.figures.find((f) => f.id === now.id);
    if (!then) return [];
    const [a, b] = [then, now].map((f) => summarize(series(f, 'own')));
    if (!a || !b) return [];
    const change = (x: number, y: number): string => `${((y / x - 1) * 100).toFixed(0)} %`;
    const own = [
      now.id,
      `${now.unit}, p10`,
      shortNumber(a.p10),
      shortNumber(b.p10),
      change(a.p10, b.p10),
    ];
    const compared = now.compare.flatMap((c) => {
      if (!then.compare.some((other) => other.name === c.name)) return [];
      const [x, y] = [ratioSummary(then, c), ratioSummary(now, c)];
      return [['', c.name, shortSummary(x), shortSummary(y), change(x.median, y.median)]];
    });
    return [own, ...compared];
  });
  const label = (run: Run): string => `${run.header.commit} ${run.header.date.slice(0, 16)}`;
  return table(['figure', 'of', label(before), label(after), 'change'], rows, format);
}
