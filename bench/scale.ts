// SPDX-License-Identifier: Apache-2.0
/**
 * What size costs: memory of an entry, time of writing it, and a packet's walk with as many
 * routes or addresses in the table, its destination picked from all of them at random. What a
 * packet costs with many flows is bench/flows.ts'.
 *
 * Memory is what the kernel says of the map ("memlock"). Tables of flows are taken up whole when
 * they are made, so theirs is of a table made for that many; the others grow with what is in
 * them.
 *
 * usage: scale.ts [--rounds N] [--filter RE] [--quick]
 */
import { isolate } from '../test/support/rig.js';
import { encodeValue } from '../src/daemon/datapath/encode.js';
import { encodeKey } from '../src/daemon/datapath/keys.js';
import { inTurn } from './lib/figure.js';
import { Journal } from './lib/journal.js';
import { Loops, PATHS } from './lib/loops.js';
import {
  ADDRESS_BASE,
  ROUTE_BASE,
  ROUTE_STRIDE,
  upsert,
  writeByC,
  writeByDriver,
  type Table,
} from './lib/map-writes.js';
import { options } from './lib/options.js';
import { A, frame, GATEWAY_MAC, REMOTE } from './lib/world.js';

isolate();
const opts = options(7);
const FLOWS = opts.quick ? [100_000] : [100_000, 1_000_000];
const SIZES: Readonly<Record<Table, readonly number[]>> = {
  route: opts.quick ? [1000, 10_000] : [1000, 10_000, 100_000, 1_000_000],
  addr: opts.quick ? [1000, 10_000] : [1000, 10_000, 100_000],
};
const PLURAL: Readonly<Record<Table, string>> = { route: 'routes', addr: 'addresses' };
/** Packets of a slice of walks, and the flow table that all rounds of them fit in. */
const WALKS = 10_000;
const RECORDS = 2 ** 19;
/** The first path: XDP agent, IPv4 in IPv4. */
const path = PATHS[0]!;

const journal = new Journal('scale');
const smaller = { better: 'smaller' } as const;

/** Records and their ageing nodes, of both directions. */
for (const size of FLOWS) {
  const id = `scale/flows/memory/${size}`;
  if (!opts.wants(id)) continue;
  const loops = new Loops(size * 2);
  const bytes = ['flow', 'age_node'].map((name) => loops.rig.map(name).memoryBytes());
  const own = [bytes.reduce((a, b) => a + b, 0) / size];
  journal.write({ id, unit: 'bytes', ...smaller, series: { own }, compare: [] });
  loops.close();
}

async function writes(table: Table, size: number): Promise<void> {
  const id = `scale/${PLURAL[table]}/write/${size}`;
  if (!opts.wants(id)) return;
  const perEntry = (ms: number): number => (ms * 1e6) / size;
  const series = await inTurn(opts.rounds, {
    own: async () => perEntry(await writeByDriver(table, size)),
    c: () => perEntry(writeByC(table, size)),
  });
  const compare = [{ name: 'to C with batch calls', to: 'c' }];
  journal.write({ id, unit: 'ns', ...smaller, series, compare });
}

/** The walk among `size` entries, and among one, in turn on the same table. */
async function walks(table: Table, size: number): Promise<void> {
  const id = `scale/${PLURAL[table]}/walk/${size}`;
  const memory = `scale/${PLURAL[table]}/memory/${size}`;
  if (!opts.wants(id) && !opts.wants(memory)) return;
  const loops = new Loops(RECORDS, { maxEntries: { [table]: size + 64 } });
  const map = loops.rig.map(table);
  const before = map.memoryBytes();
  for (let i = 0; i < size; i++) {
    const entry = upsert(table, i, loops.rig.index.nexthops.get('v4') ?? 0);
    map.update(encodeKey(table, entry.key), encodeValue(entry));
  }
  if (opts.wants(memory)) {
    const own = [(map.memoryBytes() - before) / size];
    journal.write({ id: memory, unit: 'bytes', ...smaller, series: { own }, compare: [] });
  }
  if (opts.wants(id)) {
    const base = table === 'route' ? ROUTE_BASE + 1 : ADDRESS_BASE;
    const stride = table === 'route' ? ROUTE_STRIDE : 1;
    const bytes = frame(4, A, { mac: GATEWAY_MAC, address: REMOTE[4].address });
    const walk = (count: number) => (): number => {
      loops.targets(base, stride, count);
      return loops.through(path, 'WALK', WALKS, () =>
        loops.slice('xdp_walk_target_44', bytes, loops.entry(path), WALKS, 'new'),
      );
    };
    const series = await inTurn(opts.rounds, {
      own: walk(size),
      one: walk(1),
      nothing: () => loops.slice('xdp_nothing_target_44', bytes, loops.entry(path), WALKS, 1),
    });
    const compare = [{ name: 'over always the same one', to: 'one', less: 'nothing' }];
    journal.write({ id, unit: 'ns', ...smaller, series, compare });
  }
  loops.close();
}

for (const table of ['route', 'addr'] as const) {
  for (const size of SIZES[table]) {
    await writes(table, size);
    await walks(table, size);
  }
}
process.exit(0);
