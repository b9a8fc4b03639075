// SPDX-License-Identifier: Apache-2.0
/**
 * What one packet costs: on the hit path with one flow, on the walk with a new flow each time,
 * and when it is dropped; each hook, each family, each kind of delivery. See bench/lib/loops.ts
 * for how a packet is repeated, and docs/performance.md for what the figures mean.
 *
 * usage: datapath.ts [--rounds N] [--filter RE] [--quick]
 */
import { isolate, type Hook } from '../test/support/rig.js';
import { inTurn, type Probe } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { Loops, PATHS, pathName, PROGRAM, type Kind } from './lib/loops.js';
import { options } from './lib/options.js';
import {
  bareProbe,
  hasMinimal,
  hitProbe,
  OVER_BARE,
  overWork,
  walkProbe,
  yardstickProbe,
  type Slices,
} from './lib/paths.js';
import { A, B, frame, REMOTE, tunnel, type Family } from './lib/world.js';

isolate();
const opts = options(21);
const HIT: Slices = opts.quick ? { loop: 10_000, single: 1000 } : { loop: 50_000, single: 4000 };
const WALK: Slices = opts.quick ? { loop: 5000, single: 1000 } : { loop: 20_000, single: 2000 };
/** Records of a table that is walked into until half of it is used, then made anew. */
const WALK_RECORDS = 2 ** 20;

const journal = new Journal('datapath');

async function hits(): Promise<void> {
  const wanted = PATHS.filter((p) => opts.wants(`datapath/hit/${pathName(p)}`));
  if (wanted.length === 0) return;
  const loops = new Loops();
  loops.fillMinimal(1, true);
  loops.fillMinimal(1, false);
  loops.routeByKernel();
  for (const path of wanted) {
    loops.learn(path, 1);
    const probes: Record<string, Probe> = {
      own: hitProbe(loops, path, HIT, 1),
      bare: bareProbe(loops, path, HIT),
      nothing: yardstickProbe(loops, path, 'nothing', HIT, 1),
    };
    if (path.kind === 'near' && path.hook === 'xdp') {
      probes.fib = yardstickProbe(loops, path, 'fib', HIT, 1);
    }
    if (hasMinimal(path)) probes.minimal = yardstickProbe(loops, path, 'minimal', HIT, 1);
    journal.write({
      id: `datapath/hit/${pathName(path)}`,
      unit: 'ns',
      better: 'smaller',
      series: await inTurn(opts.rounds, probes),
      compare: [
        OVER_BARE,
        ...(probes.fib ? overWork("over forwarding by the kernel's routes", 'fib') : []),
        ...(hasMinimal(path) ? overWork('over the same work by hand', 'minimal') : []),
      ],
    });
  }
  loops.close();
}

/**
 * All paths within one round, on one table, so that it is equally full for each; a new table
 * when half of it is used.
 */
async function walks(): Promise<void> {
  const wanted = PATHS.filter((p) => p.outer !== 6 && opts.wants(`datapath/walk/${pathName(p)}`));
  if (wanted.length === 0) return;
  const figures = new Map<string, Record<string, number[]>>();
  const perRound = wanted.length * 2 * WALK.loop;
  const roundsPerTable = Math.max(1, Math.floor(WALK_RECORDS / 4 / perRound));
  let rounds = opts.rounds;
  while (rounds > 0) {
    const loops = new Loops(WALK_RECORDS);
    const now = Math.min(rounds, roundsPerTable);
    for (const path of wanted) loops.learn(path, 1);
    loops.startAt(1);
    for (const path of wanted) {
      const part = await inTurn(now, {
        own: walkProbe(loops, path, WALK),
        hit: hitProbe(loops, path, WALK, 1),
        nothing: yardstickProbe(loops, path, 'nothing', WALK, 1),
        ...(path.hook === 'xdp'
          ? { inserts: yardstickProbe(loops, path, 'insert', WALK, 'new') }
          : {}),
      });
      const all = figures.get(pathName(path)) ?? {};
      for (const [name, values] of Object.entries(part)) (all[name] ??= []).push(...values);
      figures.set(pathName(path), all);
    }
    loops.close();
    rounds -= now;
  }
  for (const [name, series] of figures) {
    const compare = [
      ...(series.inserts ? overWork('over two inserts', 'inserts') : []),
      ...overWork('over the hit path', 'hit'),
    ];
    const id = `datapath/walk/${name}`;
    journal.write({ id, unit: 'ns', better: 'smaller', series, compare });
  }
}

interface Drop {
  readonly name: string;
  readonly reason: string;
  readonly kind: Kind;
  readonly frame: (family: Family) => Uint8Array;
}

const station = (address4: string, address6: string): typeof A => ({
  ...A,
  address: { 4: address4, 6: address6 },
});

/** What an attacker, or a broken workload, can send as fast as it likes. */
const DROPS: readonly Drop[] = [
  {
    name: 'spoofed-mac',
    reason: 'SPOOFED_MAC',
    kind: 'encap',
    frame: (f) => frame(f, { ...A, mac: B.mac }, REMOTE[4]),
  },
  {
    name: 'spoofed-address',
    reason: 'SPOOFED_IP',
    kind: 'encap',
    frame: (f) => frame(f, station('10.1.0.99', 'fd01::99'), REMOTE[4]),
  },
  {
    name: 'no-route',
    reason: 'NO_ROUTE',
    kind: 'encap',
    frame: (f) =>
      frame(f, A, { mac: '02:54:00:00:00:64', address: { 4: '198.51.100.1', 6: 'fd99::1' } }),
  },
  {
    name: 'unknown-vtep',
    reason: 'UNKNOWN_VTEP',
    kind: 'decap',
    frame: (f) => tunnel(4, frame(f, REMOTE[4], A), { src: '192.0.2.99' }),
  },
  {
    name: 'unknown-vni',
    reason: 'UNKNOWN_VPC',
    kind: 'decap',
    frame: (f) => tunnel(4, frame(f, REMOTE[4], A), { vni: 4711 }),
  },
  {
    name: 'no-endpoint',
    reason: 'HOST_UNREACHABLE',
    kind: 'decap',
    frame: (f) => tunnel(4, frame(f, REMOTE[4], station('10.1.0.99', 'fd01::99'))),
  },
];

function dropProbe(loops: Loops, hook: Hook, drop: Drop, family: Family): Probe {
  const program = PROGRAM[drop.kind];
  const bytes = drop.frame(family);
  const device = loops.device(drop.kind === 'decap' ? 'droplet' : 'a');
  const loaded = loops.program(`${hook}_${program}`);
  return () => {
    loops.tick();
    const before = loops.rig.counts(program, hook).drops[drop.reason] ?? 0;
    const { durationNs } = loaded.run(bytes, device, HIT.loop);
    const dropped = (loops.rig.counts(program, hook).drops[drop.reason] ?? 0) - before;
    if (dropped !== HIT.loop) throw new Error(`${drop.name}: ${dropped} dropped for that reason`);
    return durationNs;
  };
}

async function drops(): Promise<void> {
  const loops = new Loops();
  for (const hook of ['xdp', 'tc'] as const) {
    for (const drop of DROPS) {
      for (const family of [4, 6] as const) {
        const id = `datapath/drop/${hook}/${drop.name}/v${family}`;
        if (!opts.wants(id)) continue;
        const bare = loops.bare(hook);
        const series = await inTurn(opts.rounds, {
          own: dropProbe(loops, hook, drop, family),
          bare: () => bare.run(drop.frame(family), loops.device('a'), HIT.loop).durationNs,
        });
        journal.write({ id, unit: 'ns', better: 'smaller', series, compare: [OVER_BARE] });
      }
    }
  }
  loops.close();
}

await hits();
await walks();
await drops();
process.exit(0);
