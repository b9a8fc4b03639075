// SPDX-License-Identifier: Apache-2.0
/**
 * How long one change takes from the client's request until the map shows it: idle, and while
 * 100,000 objects are being applied. A change every 20 ms whether the one before is done or not,
 * as clients do not wait for each other; the map is looked at every millisecond.
 *
 * usage: latency.ts [--rounds N] [--filter RE] [--quick]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeKey } from '../src/daemon/datapath/keys.js';
import { LibbpfLoader } from '../src/daemon/kernel/libbpf/index.js';
import type { BpfMap } from '../src/daemon/ports/bpf.js';
import { isolate } from '../test/support/rig.js';
import {
  BenchDaemon,
  largeConfiguration,
  makeDroplet,
  patiently,
  REMOTE_VTEP,
} from './lib/daemon.js';
import { Journal } from './lib/journal.js';
import { options } from './lib/options.js';
import { percentile } from './lib/stats.js';

isolate();
const opts = options(5);
const ENDPOINTS = opts.quick ? 10_000 : 100_000;
const ROUTES = ENDPOINTS / 10;
const DIR = 'build/bench/latency';
const ROUTE_MAP = '/sys/fs/bpf/transit/bench/maps/route';
const EVERY_MS = 20;
const LOOK_MS = 1;
/** Changes of an idle round. */
const CHANGES = opts.quick ? 100 : 400;
/** Routes that are changed one after the other: more than are ever under way at once. */
const CHANGED = 2000;

const prefix = (i: number): string => `10.200.${i >> 8}.${i & 255}/32`;

interface Waiting {
  readonly since: number;
  readonly key: Uint8Array;
  /** Whether the map shall say blackhole. */
  readonly blackhole: boolean;
}

/** enum route_kind: the first byte of struct route_val. */
const BLACKHOLE = 4;

function route(i: number, blackhole: boolean): object {
  const spec = { vpc: 'red', prefix: prefix(i) };
  return {
    kind: 'Route',
    metadata: { name: `change-${i}` },
    spec: blackhole ? { ...spec, blackhole } : { ...spec, nexthops: [{ vtep: REMOTE_VTEP }] },
  };
}

/** Changes routes until told to stop; answers how long each change took, ms. */
class Changes {
  #latencies: number[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #answers: Promise<unknown>[] = [];
  #next = 0;

  constructor(
    private readonly daemon: BenchDaemon,
    private readonly map: BpfMap,
  ) {}

  /** @param more whether another change shall be made */
  async run(more: (made: number) => boolean): Promise<number[]> {
    this.#latencies = [];
    const start = performance.now();
    for (let made = 0; more(made); made++) {
      this.#change();
      // at fixed times: a slow answer does not make the next change later
      while (performance.now() < start + (made + 1) * EVERY_MS) await this.#look();
    }
    while (this.#waiting.size > 0) await this.#look();
    await Promise.all(this.#answers);
    return this.#latencies;
  }

  #change(): void {
    const i = this.#next++ % CHANGED;
    // each route is made as a blackhole, given a next hop, and so on
    const blackhole = Math.floor((this.#next - 1) / CHANGED) % 2 === 0;
    const key = encodeKey('route', `100/${prefix(i)}`);
    this.#waiting.add({ since: performance.now(), key, blackhole });
    const body = route(i, blackhole);
    const params = { kind: 'routes', name: `change-${i}` };
    const answer = patiently(() => this.daemon.client.call('put', { params, body }));
    answer.catch(() => undefined); // thrown where all are waited for
    this.#answers.push(answer);
  }

  async #look(): Promise<void> {
    await sleep(LOOK_MS);
    for (const w of this.#waiting) {
      const value = this.map.lookup(w.key);
      if (value === undefined || (value[0] === BLACKHOLE) !== w.blackhole) continue;
      this.#latencies.push(performance.now() - w.since);
      this.#waiting.delete(w);
    }
  }
}

const journal = new Journal('latency');
mkdirSync('build/bench', { recursive: true });
const [base, large] = [`${DIR}-base.json`, `${DIR}-large.json`];
const objects = largeConfiguration(ENDPOINTS, ROUTES);
const write = (file: string, items: readonly object[]): void => {
  writeFileSync(file, JSON.stringify({ kind: 'List', items }));
};
// what routes refer to is there from the start
write(
  base,
  objects.filter((o) => ['Vpc', 'Droplet'].includes((o as { kind: string }).kind)),
);
write(large, objects);
makeDroplet();

const rounds: Record<'idle' | 'loading', number[][]> = { idle: [], loading: [] };
const wants = (what: string): boolean => opts.wants(`latency/${what}/p99`);
for (let round = 0; round < opts.rounds; round++) {
  const daemon = await BenchDaemon.start(DIR, ENDPOINTS, ROUTES + CHANGED);
  try {
    await daemon.apply(base);
    await daemon.programmed();
    const map = new LibbpfLoader().openPinnedMap(ROUTE_MAP);
    const changes = new Changes(daemon, map);
    if (wants('idle')) {
      // the first changes meet code that has not run yet
      await changes.run((made) => made < 50);
      rounds.idle.push(await changes.run((made) => made < CHANGES));
    }
    if (wants('loading')) {
      let loaded = false;
      const load = daemon
        .apply(large)
        .then(() => daemon.programmed())
        .finally(() => (loaded = true));
      rounds.loading.push(await changes.run(() => !loaded));
      await load;
    }
    map.close();
  } finally {
    await daemon.stop();
  }
}
for (const [what, lists] of Object.entries(rounds)) {
  if (lists.length === 0) continue;
  for (const [name, fraction] of [
    ['p50', 0.5],
    ['p99', 0.99],
    ['max', 1],
  ] as const) {
    const own = lists.map((list) =>
      percentile(
        list.toSorted((a, b) => a - b),
        fraction,
      ),
    );
    const id = `latency/${what}/${name}`;
    journal.write({ id, unit: 'ms', better: 'smaller', series: { own }, compare: [] });
  }
}
process.exit(0);
