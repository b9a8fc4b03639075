// SPDX-License-Identifier: Apache-2.0
/**
 * What rules cost the first packet of a connection: the walk of an endpoint with so many, of which
 * the last is the one it meets. `nets`: the others are about other nets, so that a block costs one
 * look-up; `ports`: about other ports of the same net, so that it costs all.
 *
 * usage: policy.ts [--rounds N] [--filter RE] [--quick]
 */
import { HOOKS, isolate } from '../test/support/rig.js';
import { inTurn } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { loopName, Loops, pathFrame, type Path } from './lib/loops.js';
import { options } from './lib/options.js';
import { policies, VARIETIES, type Variety } from './lib/policies.js';

isolate();
const opts = options(7);
const SIZES = opts.quick ? [10, 10_000] : [10, 100, 1000, 10_000];
const FEW = 10;
/** Packets of a slice; the flow table takes those of all rounds. */
const WALKS = opts.quick ? 1000 : 4000;
const RECORDS = 2 ** 20;

const journal = new Journal('policy');

async function walks(path: Path, variety: Variety): Promise<void> {
  const id = (size: number): string => `policy/walk/${path.hook}/${variety}/${size}`;
  const wanted = [0, ...SIZES].filter((size) => opts.wants(id(size)));
  if (wanted.length === 0) return;
  const loops = new Loops(RECORDS, { hooks: [path.hook] });
  const choose = policies(loops, variety, SIZES);
  const bytes = pathFrame(path);
  const walk = (size: number) => (): number => {
    choose(size);
    return loops.through(path, 'WALK', WALKS, () =>
      loops.slice(loopName('walk', path), bytes, loops.entry(path), WALKS, 'new'),
    );
  };
  const probes = [0, ...SIZES].map((size) => [`${size}`, walk(size)] as const);
  const series = await inTurn(opts.rounds, {
    ...Object.fromEntries(probes),
    nothing: () => loops.slice(loopName('nothing', path), bytes, loops.entry(path), WALKS, 1),
  });
  for (const size of wanted)
    journal.write({
      ...{ id: id(size), unit: 'ns', better: 'smaller' },
      series: { own: series[size]!, few: series[FEW]!, nothing: series.nothing! },
      compare: [{ name: `over ${FEW} rules`, to: 'few', less: 'nothing' }],
    });
  loops.close();
}

for (const hook of HOOKS)
  for (const variety of VARIETIES) await walks({ hook, kind: 'near', outer: 0, inner: 4 }, variety);
process.exit(0);
