// SPDX-License-Identifier: Apache-2.0
/** Rounds summed up. Machines drift, so what counts is the ratio of neighbours in time. */

export interface Summary {
  readonly min: number;
  /** 10th percentile: what the machine does when it is left alone. */
  readonly p10: number;
  readonly median: number;
  readonly max: number;
}

/**
 * By the nearest rank; fraction 0..1.
 * @throws RangeError when there is no value
 */
export function percentile(sorted: readonly number[], fraction: number): number {
  const value = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('no values');
  return value;
}

/** @throws RangeError when there is nothing to sum up, or something that is no number. */
export function summarize(values: readonly number[]): Summary {
  if (!values.every(Number.isFinite)) throw new RangeError('a value is not a finite number');
  const sorted = [...values].sort((a, b) => a - b);
  const upper = percentile(sorted, 0.5 + 0.5 / Math.max(1, sorted.length));
  return {
    min: percentile(sorted, 0),
    p10: percentile(sorted, 0.1),
    median: (percentile(sorted, 0.5) + upper) / 2,
    max: percentile(sorted, 1),
  };
}

/**
 * Each round's value by the same round's baseline; `less`, what both carry besides the work that
 * is compared, is taken off both first.
 * @throws RangeError when the rounds do not pair up
 */
export function ratios(
  values: readonly number[],
  baseline: readonly number[],
  less?: readonly number[],
): number[] {
  if (values.length !== baseline.length || (less && less.length !== values.length)) {
    throw new RangeError('series of different lengths');
  }
  return values.map((value, i) => {
    const off = less?.[i] ?? 0;
    return (value - off) / ((baseline[i] ?? NaN) - off);
  });
}

const DIGITS = 3;

export function shortNumber(value: number): string {
  return Math.abs(value) >= 1000 ? value.toFixed(0) : value.toPrecision(DIGITS);
}

/** "median (min–max)". */
export function shortSummary(summary: Summary): string {
  return `${shortNumber(summary.median)} (${shortNumber(summary.min)}–${shortNumber(summary.max)})`;
}
