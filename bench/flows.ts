// SPDX-License-Identifier: Apache-2.0
/**
 * The hit path with many connections, each packet of one picked at random: then memory decides,
 * not instructions. Baselines, with as many entries and the same picks: one look-up in a hash of
 * the flow record's key and value size, and the minimal programs.
 *
 * usage: flows.ts [--rounds N] [--filter RE] [--quick]
 */
import { isolate } from '../test/support/rig.js';
import { inTurn, type Probe } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { Loops, PATHS, pathName, runsOnce, type Path } from './lib/loops.js';
import { options } from './lib/options.js';
import { hasMinimal, hitProbe, overWork, yardstickProbe, type Slices } from './lib/paths.js';

isolate();
const opts = options(11);
/** Connections: each is two records, and two entries of the hash. */
const SIZES = opts.quick ? [1000, 100_000] : [1000, 100_000, 1_000_000];
const SLICES: Slices = opts.quick
  ? { loop: 20_000, single: 1000 }
  : { loop: 100_000, single: 5000 };
/** The flow table is this much larger than what is in it. */
const ROOM = 1.05;

const journal = new Journal('flows');
/** The record's key is the same whatever the outer family is. */
const paths = PATHS.filter((p) => p.outer !== 6);
const idOf = (path: Path, size: number): string => `flows/hit/${pathName(path)}/${size}`;

for (const size of SIZES) {
  const wanted = paths.filter((p) => opts.wants(idOf(p, size)));
  // paths that share records share a table, so that no table holds more than is said
  const groups = [false, true].flatMap((near) =>
    ([4, 6] as const).map((inner) =>
      wanted.filter((p) => (p.kind === 'near') === near && p.inner === inner),
    ),
  );
  for (const group of groups) {
    if (group.length === 0) continue;
    const loops = new Loops(Math.ceil(size * 2 * ROOM));
    loops.fillHash(size);
    loops.fillMinimal(size, group[0]!.kind === 'near');
    for (const path of group) {
      loops.learn(path, size);
      const probes: Record<string, Probe> = {
        own: hitProbe(loops, path, SLICES, size),
        nothing: yardstickProbe(loops, path, 'nothing', SLICES, size),
        lookup: yardstickProbe(loops, path, 'lookup', SLICES, size),
      };
      if (!runsOnce(path)) probes.read = yardstickProbe(loops, path, 'read', SLICES, size);
      if (hasMinimal(path) && !runsOnce(path)) {
        probes.minimal = yardstickProbe(loops, path, 'minimal', SLICES, size);
      }
      const series = await inTurn(opts.rounds, probes);
      journal.write({
        id: idOf(path, size),
        unit: 'ns',
        better: 'smaller',
        series,
        compare: [
          ...(series.minimal ? overWork('over the same work by hand', 'minimal') : []),
          ...(series.read ? overWork('over one look-up and reading what it finds', 'read') : []),
          ...overWork('over one look-up', 'lookup'),
        ],
      });
    }
    loops.close();
  }
}
process.exit(0);
