// SPDX-License-Identifier: Apache-2.0
/** What every part of the bench understands on its command line. */
import { parseArgs } from 'node:util';

export interface Options {
  readonly rounds: number;
  /** Shorter slices and fewer rounds: to see that it works, not to quote. */
  readonly quick: boolean;
  /** Measures only figures whose id matches. */
  wants(id: string): boolean;
}

/** @throws TypeError for an option that does not exist, RangeError for a bad number */
export function options(rounds: number, args: readonly string[] = process.argv.slice(2)): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      filter: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const asked = values.rounds === undefined ? (values.quick ? 3 : rounds) : Number(values.rounds);
  if (!Number.isInteger(asked) || asked < 1) throw new RangeError('--rounds takes a number from 1');
  const filter = new RegExp(values.filter ?? '');
  return { rounds: asked, quick: values.quick, wants: (id) => filter.test(id) };
}
