// SPDX-License-Identifier: Apache-2.0
/**
 * What translation costs a packet: each way through a gateway over the plain hit path, with one
 * connection; out of the gateway with many, each packet of one at random; and the first packet of
 * a connection that needs a mapping.
 *
 * usage: nat.ts [--rounds N] [--filter RE] [--quick]
 */
import { HOOKS, isolate } from '../test/support/rig.js';
import { inTurn, type Comparison } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { FRESH_OBJECTS, Loops } from './lib/loops.js';
import { options } from './lib/options.js';
import {
  addOutside,
  addSources,
  outgoing,
  outside,
  slice,
  ways,
  type Way,
  WORLD_HOST,
} from './lib/translated.js';
import { A, B } from './lib/world.js';

isolate();
const opts = options(21);
const LOOP = opts.quick ? 10_000 : 50_000;
const SINGLE = opts.quick ? 1000 : 4000;
const FAMILIES = [4, 6] as const;
/** Connections, each with a mapping of its own. */
const SIZES = opts.quick ? [1000, 100_000] : [1000, 100_000, 1_000_000];
const SOURCES = 256;
const XDP_AGENT = { hooks: ['xdp'], objects: ['yardstick', 'fresh_agent'] } as const;
const MANY_ROUNDS = Math.min(opts.rounds, 11);

const journal = new Journal('nat');
const HIT: readonly Comparison[] = [
  { name: 'over the plain hit path', to: 'plain', less: 'nothing' },
  { name: 'over the same way untranslated', to: 'exempt', less: 'nothing' },
];

async function hits(): Promise<void> {
  const id = (way: Way): string => `nat/hit/${way.hook}/${way.name}/${way.kind}`;
  const loops = new Loops(65_536, { objects: FRESH_OBJECTS });
  addOutside(loops.rig, outside(1));
  for (const hook of HOOKS)
    for (const family of FAMILIES)
      for (const way of ways(loops, hook, family)) {
        if (!opts.wants(id(way))) continue;
        const packets = way.once ? SINGLE : LOOP;
        const bare = loops.bare(hook);
        const device = loops.device(way.own.device);
        const series = await inTurn(opts.rounds, {
          own: () => slice(loops, way, way.own, packets),
          plain: () => slice(loops, way, way.plain, packets),
          exempt: () => slice(loops, way, way.exempt, packets),
          nothing: () => {
            if (!way.once) return loops.slice(way.nothing, way.own.frame, device, packets, 1);
            const times = Array.from(
              { length: packets },
              () => bare.run(way.own.frame, device).durationNs,
            ).sort((a, b) => a - b);
            return times[Math.floor(packets / 2)]!;
          },
        });
        const figure = {
          id: id(way),
          unit: 'ns',
          series,
          compare: way.kind === '64' ? HIT.slice(0, 1) : HIT,
        };
        journal.write({ ...figure, better: 'smaller' });
      }
  loops.close();
}

/** The first packets of as many connections, then packets of any of them. */
async function many(family: 4 | 6, size: number): Promise<void> {
  const hit = `nat/many/xdp/out/v${family}/${size}`;
  const walk = `nat/walk/xdp/out/v${family}/${size}`;
  const memory = `nat/memory/v${family}/${size}`;
  if (![hit, walk, memory].some((id) => opts.wants(id))) return;
  const entries = Math.ceil(size * 2 * 1.05);
  const loops = new Loops(entries, {
    ...XDP_AGENT,
    maxEntries: { nat_map: entries, addr: 16_384 },
  });
  addOutside(loops.rig, outside(32));
  const { base } = addSources(loops, family, SOURCES);
  const frame = outgoing(family, A, WORLD_HOST[family]);
  const device = loops.device('a');
  const through = (
    node: 'FLOW' | 'WALK',
    loop: string,
    packets: number,
    flows: number | 'new',
  ): number => {
    const count = (): number => {
      const { nodes, dropped } = loops.rig.counts('agent', 'xdp');
      return (nodes[node] ?? 0) - dropped;
    };
    const before = count();
    loops.targets(base, 1, SOURCES);
    const ns = loops.slice(loop, frame, device, packets, flows);
    if (count() - before !== packets) {
      const { drops } = loops.rig.counts('agent', 'xdp');
      throw new Error(`${loop}: ${count() - before} of ${packets}, ${JSON.stringify(drops)}`);
    }
    return ns;
  };
  // by portions, so that a table's filling can be seen in the rounds
  const portion = Math.ceil(size / 10);
  loops.startAt(0);
  const walks: number[] = [];
  while (loops.next < size) {
    const packets = Math.min(portion, size - loops.next);
    walks.push(through('WALK', `xdp_fresh_new_0${family}`, packets, 'new'));
  }
  if (opts.wants(walk)) {
    const series = { own: walks };
    journal.write({ id: walk, unit: 'ns', better: 'smaller', series, compare: [] });
  }
  if (opts.wants(memory)) {
    const bytes = ['flow', 'age_node', 'nat', 'nat_map'].map((m) => loops.rig.map(m).memoryBytes());
    const own = [bytes.reduce((a, b) => a + b, 0) / size];
    journal.write({ id: memory, unit: 'bytes', better: 'smaller', series: { own }, compare: [] });
  }
  if (opts.wants(hit)) {
    loops.fillHash(size);
    const series = await inTurn(MANY_ROUNDS, {
      own: () => through('FLOW', `xdp_fresh_agent_0${family}`, LOOP, size),
      lookup: () => loops.slice(`xdp_lookup_0${family}`, frame, device, LOOP, size),
      nothing: () => through0(loops, `xdp_fresh_nothing_0${family}`, frame, size),
    });
    const compare = [{ name: 'over one look-up', to: 'lookup', less: 'nothing' }];
    journal.write({ id: hit, unit: 'ns', better: 'smaller', series, compare });
  }
  loops.close();
}

function through0(loops: Loops, loop: string, frame: Uint8Array, size: number): number {
  return loops.slice(loop, frame, loops.device('a'), LOOP, size);
}

/** A new connection of a known mapping, and of none, over one that needs neither. */
function walks(): void {
  for (const family of FAMILIES) {
    const id = `nat/new/xdp/out/v${family}`;
    if (!opts.wants(id)) continue;
    const series: Record<string, number[]> = { own: [], plain: [], hit: [], nothing: [] };
    for (let round = 0; round < Math.min(opts.rounds, 7); round++) {
      const loops = new Loops(2 ** 19, {
        ...XDP_AGENT,
        maxEntries: { nat_map: 2 ** 18, nat: 2 ** 19 + 16_384 },
      });
      addOutside(loops.rig, outside(32));
      const { base } = addSources(loops, family, SOURCES);
      const packets = 20_000;
      const device = loops.device('a');
      loops.targets(base, 1, SOURCES);
      loops.startAt(0);
      const frames = {
        own: outgoing(family, A, WORLD_HOST[family]),
        plain: outgoing(family, A, B.address[family]),
      };
      for (const [name, frame] of Object.entries(frames)) {
        loops.startAt(0);
        const ns = loops.slice(`xdp_fresh_new_0${family}`, frame, device, packets, 'new');
        series[name]!.push(ns);
      }
      series.hit!.push(loops.slice(`xdp_fresh_agent_0${family}`, frames.own, device, packets, 1));
      series.nothing!.push(
        loops.slice(`xdp_fresh_nothing_0${family}`, frames.own, device, packets, 1),
      );
      loops.close();
    }
    const compare = [
      { name: 'over the translated hit path', to: 'hit', less: 'nothing' },
      { name: 'over the first packet of a plain connection', to: 'plain', less: 'nothing' },
    ];
    journal.write({ id, unit: 'ns', better: 'smaller', series, compare });
  }
}

await hits();
walks();
for (const family of FAMILIES) for (const size of SIZES) await many(family, size);
process.exit(0);
