// SPDX-License-Identifier: Apache-2.0
/**
 * What a program may cost: test/vm/budget.json has a line for each program, with the largest
 * figures accepted on any kernel and with any settings. Growing beyond is a decision: whoever
 * raises a limit shows it in a diff.
 */
import type { Figure } from './figures.js';

/** Figures that have a limit. */
export const LIMITED = ['verifiedInsns', 'xlatedBytes'] as const;
export type Limits = Readonly<Record<(typeof LIMITED)[number], number>>;

export interface Budget {
  readonly headroomPercent: number;
  /** By object/program. */
  readonly programs: Readonly<Record<string, Limits>>;
}

export const lineOf = (figure: Figure): string => `${figure.object}/${figure.program}`;

/** What is wrong, one sentence each; of each program, kernel and figure the worst only. */
export function judge(figures: readonly Figure[], budget: Budget): string[] {
  const problems: string[] = [];
  const seen = new Set(figures.map(lineOf));
  for (const line of seen) {
    if (!(line in budget.programs)) problems.push(`${line}: the budget has no line for it`);
  }
  for (const [line, limits] of Object.entries(budget.programs)) {
    if (!seen.has(line)) problems.push(`${line}: the budget has a line, but there is no program`);
    const own = figures.filter((figure) => lineOf(figure) === line);
    for (const kernel of new Set(own.map((figure) => figure.kernel))) {
      for (const what of LIMITED) {
        const worst = own
          .filter((figure) => figure.kernel === kernel)
          .reduce((a, b) => (b[what] > a[what] ? b : a));
        if (worst[what] <= limits[what]) continue;
        problems.push(
          `${line} on ${kernel}: ${what} is ${worst[what]}, the limit is ${limits[what]} ` +
            `(settings ${JSON.stringify(worst.settings)})`,
        );
      }
    }
  }
  return problems;
}

/** A budget of the largest figures seen and some headroom, rounded up to hundreds. */
export function budgetFor(figures: readonly Figure[], headroomPercent: number): Budget {
  const programs: Record<string, Limits> = {};
  for (const line of [...new Set(figures.map(lineOf))].sort()) {
    const own = figures.filter((figure) => lineOf(figure) === line);
    const limit = (what: keyof Limits): number => {
      const most = Math.max(...own.map((figure) => figure[what]));
      return Math.ceil((most * (1 + headroomPercent / 100)) / 100) * 100;
    };
    programs[line] = { verifiedInsns: limit('verifiedInsns'), xlatedBytes: limit('xlatedBytes') };
  }
  return { headroomPercent, programs };
}
