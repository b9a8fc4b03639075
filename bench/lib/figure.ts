// SPDX-License-Identifier: Apache-2.0
/** What a bench produces: figures, each a number of series measured in turn. */
import { ratios, summarize, type Summary } from './stats.js';

/** What a series is held against. */
export interface Comparison {
  /** What the ratio says, in a few words. */
  readonly name: string;
  /** The series that is the baseline. */
  readonly to: string;
  /** A series taken off both sides first: what they carry besides the work. */
  readonly less?: string;
}

export interface Figure {
  /** part/what/…: stable, as goals and comparisons of runs go by it. */
  readonly id: string;
  readonly unit: string;
  readonly better: 'smaller' | 'larger';
  /** Rounds by series; `own` is the figure itself. */
  readonly series: Readonly<Record<string, readonly number[]>>;
  readonly compare: readonly Comparison[];
}

export const OWN = 'own';

/** @throws RangeError when the figure has no such series */
export function series(figure: Figure, name: string): readonly number[] {
  const values = figure.series[name];
  if (!values) throw new RangeError(`${figure.id} has no series ${name}`);
  return values;
}

export function ownSummary(figure: Figure): Summary {
  return summarize(series(figure, OWN));
}

export function ratioSummary(figure: Figure, comparison: Comparison): Summary {
  const less = comparison.less === undefined ? undefined : series(figure, comparison.less);
  return summarize(ratios(series(figure, OWN), series(figure, comparison.to), less));
}

/** One pass of a measurement; the value is in the figure's unit. */
export type Probe<T = number> = () => T | Promise<T>;

/**
 * Runs all probes once a round, one after the other, the order reversed every second round. The
 * first round warms up and is not kept.
 */
export async function inTurn<T = number>(
  rounds: number,
  probes: Readonly<Record<string, Probe<T>>>,
): Promise<Record<string, T[]>> {
  const names = Object.keys(probes);
  const out = Object.fromEntries(names.map((name) => [name, [] as T[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const value = await probes[name]!();
      if (round > 0) out[name]!.push(value);
    }
  }
  return out;
}
