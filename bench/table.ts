// SPDX-License-Identifier: Apache-2.0
/** What every bench shares: medians, a table for people, JSON lines for machines. */
import { appendFileSync, mkdirSync, rmSync } from 'node:fs';
import { cpus, release } from 'node:os';

export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

/** @throws RangeError when there is nothing to sum up. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (i: number): number => {
    const value = sorted[i];
    if (value === undefined) throw new RangeError('no values');
    return value;
  };
  const middle = sorted.length >> 1;
  return {
    min: at(0),
    median: sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2,
    max: at(sorted.length - 1),
  };
}

/** Ratios of rounds: each round's value to the same round's baseline, as machines drift. */
export function ratios(values: readonly number[], baseline: readonly number[]): Summary {
  return summarize(values.map((value, i) => value / (baseline[i] ?? NaN)));
}

const DIGITS = 3;

export function shortNumber(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(DIGITS);
}

/** A row as "median (min–max)". */
export function shortSummary(summary: Summary): string {
  return `${shortNumber(summary.median)} (${shortNumber(summary.min)}–${shortNumber(summary.max)})`;
}

export function printTable(
  title: string,
  header: readonly string[],
  rows: readonly string[][],
): void {
  const widths = header.map((head, i) =>
    Math.max(head.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  console.log(`\n${title}`);
  console.log(line(header));
  for (const row of rows) console.log(line(row));
}

/** Results of one bench as JSON lines under build/bench/. */
export class Journal {
  readonly #path: string;

  constructor(name: string) {
    mkdirSync('build/bench', { recursive: true });
    this.#path = `build/bench/${name}.jsonl`;
    rmSync(this.#path, { force: true });
    this.write({ bench: name, kernel: release(), cpu: cpus()[0]?.model, cpus: cpus().length });
  }

  write(record: Readonly<Record<string, unknown>>): void {
    appendFileSync(
      this.#path,
      `${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`,
    );
  }
}
