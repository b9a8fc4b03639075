// SPDX-License-Identifier: Apache-2.0
/**
 * A large configuration: 100,000 endpoints and 10,000 routes in one file, through the CLI, the
 * daemon and into the maps; and the map-writing part alone, against a C program that writes the
 * same number of entries of the same size with batch calls (bench/c/mapwrite.c).
 *
 * usage: config.ts [--rounds N] [--filter RE] [--quick]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { isolate } from '../test/support/rig.js';
import { BenchDaemon, largeConfiguration, makeDroplet } from './lib/daemon.js';
import { inTurn } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { writeByC, writeByDriver, type Table } from './lib/map-writes.js';
import { options } from './lib/options.js';

isolate();

const opts = options(7);
const ENDPOINTS = opts.quick ? 10_000 : 100_000;
const ROUTES = ENDPOINTS / 10;
/** Whole applications of the file: each takes seconds. */
const APPLIES = opts.quick ? 1 : 5;
const DIR = 'build/bench/config';
const ROWS: Readonly<Record<Table, number>> = { addr: ENDPOINTS, route: ROUTES };

interface Whole {
  readonly apply: number;
  readonly programmed: number;
  readonly rssMiB: number;
  readonly peakMiB: number;
}

/** From `transit apply` to the maps that hold everything, ms; a fresh daemon each time. */
async function whole(file: string): Promise<Whole> {
  const daemon = await BenchDaemon.start(DIR, ENDPOINTS, ROUTES);
  try {
    const start = performance.now();
    await daemon.apply(file);
    const apply = performance.now() - start;
    await daemon.programmed();
    return {
      apply,
      programmed: performance.now() - start,
      rssMiB: daemon.memoryMiB('VmRSS'),
      peakMiB: daemon.memoryMiB('VmHWM'),
    };
  } finally {
    await daemon.stop();
  }
}

const journal = new Journal('config');
const smaller = { better: 'smaller' } as const;
for (const table of ['addr', 'route'] as const) {
  const id = `config/write/${table}`;
  if (!opts.wants(id)) continue;
  const series = await inTurn(opts.rounds, {
    own: () => writeByDriver(table, ROWS[table]),
    c: () => writeByC(table, ROWS[table]),
  });
  const compare = [{ name: 'to C with batch calls', to: 'c' }];
  journal.write({ id, unit: 'ms', ...smaller, series, compare });
}

const WHOLE: Readonly<Record<string, { unit: string; of: (w: Whole) => number }>> = {
  'config/apply/answered': { unit: 'ms', of: (w) => w.apply },
  'config/apply/programmed': { unit: 'ms', of: (w) => w.programmed },
  'config/apply/memory-after': { unit: 'MiB', of: (w) => w.rssMiB },
  'config/apply/memory-peak': { unit: 'MiB', of: (w) => w.peakMiB },
};
const wanted = Object.entries(WHOLE).filter(([id]) => opts.wants(id));
if (wanted.length > 0) {
  makeDroplet();
  const file = `${DIR}.json`;
  mkdirSync('build/bench', { recursive: true });
  writeFileSync(
    file,
    JSON.stringify({ kind: 'List', items: largeConfiguration(ENDPOINTS, ROUTES) }),
  );
  const applies: Whole[] = [];
  const c: number[] = [];
  for (let round = 0; round < APPLIES; round++) {
    c.push(writeByC('addr', ENDPOINTS) + writeByC('route', ROUTES));
    applies.push(await whole(file));
  }
  for (const [id, { unit, of }] of wanted) {
    const timed = unit === 'ms';
    journal.write({
      id,
      unit,
      ...smaller,
      series: { own: applies.map(of), ...(timed ? { c } : {}) },
      compare: timed ? [{ name: 'to C with batch calls, maps alone', to: 'c' }] : [],
    });
  }
}
process.exit(0);
