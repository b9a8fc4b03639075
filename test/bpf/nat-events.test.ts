// SPDX-License-Identifier: Apache-2.0
/** Port blocks that change hands are told, each once, and what is not told is counted. */
import { test } from 'tap';
import { decode, NAT_EVENT_KIND, natEvent, type NatEvent } from '../../src/maps/index.js';
import { addressFromBytes, formatAddress } from '../../src/base/net.js';
import { kernel } from '../support/kernel/index.js';
import * as p from '../support/packet/index.js';
import { HOOKS, isolate } from '../support/rig.js';
import { INSIDE, Place, PUBLIC, turn } from './nat-place.js';

isolate();

const LIMIT = { timeout: 240_000 };
const text = (bytes: Uint8Array): string => formatAddress(addressFromBytes(bytes));

function eventsOf(place: Place): NatEvent[] {
  return place.rig
    .map('nat_event')
    .drain()
    .map((record) => decode(natEvent, record));
}

function lost(place: Place): number {
  const bytes = place.rig.map('nat_lost').lookup(place.rig.key(0))!;
  return Number(place.rig.layouts.decode('nat_lost_val', bytes).events);
}

/** The gateway's quarantine, seconds. */
function quarantine(place: Place, seconds: number): void {
  const bytes = place.rig.map('nat_gw').lookup(place.rig.key(1))!;
  const value = { ...place.rig.layouts.decode('nat_gw_val', bytes), quarantine: seconds };
  place.rig.write({ map: 'nat_gw', key: 1, struct: 'nat_gw_val', value });
}

for (const hook of HOOKS)
  // @rfc 6888 REQ-12
  // @rfc 6888 REQ-14
  test(`${hook}: a block that is taken, used and given back`, LIMIT, async (t) => {
    const place = new Place(hook, { blockSize: 64, maxBlocks: 2 });
    quarantine(place, 0);
    const before = kernel.now();
    const port = place.port('a', 5000);
    for (let i = 1; i < 32; i++) place.port('a', 5000 + 2 * i);
    const [taken, ...more] = eventsOf(place);
    t.equal(more.length, 0, 'one for 32 mappings');
    if (!taken) throw new Error('no event');
    t.equal(taken.kind, NAT_EVENT_KIND.TAKEN);
    t.ok(taken.time_ns >= before && taken.time_ns <= kernel.now());
    t.equal(taken.first, port & ~63);
    t.equal(taken.last, port | 63);
    t.equal(text(taken.addr), PUBLIC);
    t.equal(text(taken.inside), INSIDE.a);
    t.same([taken.vni, taken.sub, taken.owner, taken.family], [100, 1, 1, 4]);
    place.port('a', 6000);
    const second = eventsOf(place);
    t.equal(second.length, 1, 'the next block');
    t.not(second[0]?.block, taken.block);
    const bytes = place.rig.map('nat_block').lookup(place.rig.key(taken.block))!;
    t.equal(
      place.rig.layouts.decode('nat_block_val', bytes).owner,
      1,
      'the block names its gateway',
    );

    place.idle(300);
    await turn(place);
    await turn(place);
    const back = eventsOf(place);
    t.same(
      new Set(back.map(({ block }) => block)),
      new Set([taken.block, second[0]?.block]),
      'both are given back with their last mapping',
    );
    t.ok(back.every(({ kind, sub }) => kind === NAT_EVENT_KIND.GIVEN_BACK && sub === 1));
    t.equal(back.length, 2, 'once');
    t.equal(lost(place), 0);
    place.rig.close();
  });

test('blocks of another gateway are left to it', (t) => {
  const place = new Place('xdp', { blockSize: 1024, maxBlocks: 4 });
  // all but one of the address's blocks above the low ports are the other's
  for (let n = 1; n < 64; n++)
    if (n !== 40)
      place.rig.write({
        map: 'nat_block',
        key: 1 + n,
        struct: 'nat_block_val',
        value: { lease: 0n, used: [0, 0, 0, 0, 0, 0], owner: 2 },
      });
  t.equal(place.port('a', 5000) >> 10, 40);
  t.equal(place.udp('b', 5000), 'NAT_EXHAUSTED');
  place.rig.close();
  t.end();
});

test('a ring that nobody reads: what is lost is counted, translation goes on', LIMIT, (t) => {
  const place = new Place(
    'xdp',
    { blockSize: 64, maxBlocks: 8 },
    { maxEntries: { nat_event: 4096 } },
  );
  let taken = 0;
  for (const who of ['a', 'b', 'x'] as const)
    for (let i = 0; i < 8 * 64; i++) {
      // TCP and UDP, even and odd: all of a block
      const layer =
        i % 2
          ? p.udp({ sport: 3000 + i, dport: 53 })
          : p.tcp({ sport: 3000 + i, dport: 80, flags: 'S' });
      if (typeof place.map(who, layer) === 'object') taken++;
    }
  t.equal(taken, 3 * 8 * 64, 'all are mapped');
  const blocks = place.values('nat_map', 'nat_map_val').map(({ value }) => value.block as number);
  const told = eventsOf(place).length;
  t.equal(told + lost(place), new Set(blocks).size, 'told or counted');
  place.rig.close();
  t.end();
});
