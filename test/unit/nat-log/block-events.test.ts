// SPDX-License-Identifier: Apache-2.0
/** From the ring and the maps to the log: names, times, and what happened while nobody looked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { test, type Test } from 'tap';
import { parseAddress } from '../../../src/base/net.js';
import type { Clock } from '../../../src/base/time.js';
import { BlockEvents, BlockLog, blockEvents, whoAt } from '../../../src/daemon/nat-log/index.js';
import { natTables } from '../../../src/daemon/datapath/index.js';
import { ABI, encode, MAPS, NAT_EVENT_KIND, natEvent, TypedMap } from '../../../src/maps/index.js';
import type { StoredObject } from '../../../src/model/index.js';
import { FakeMap } from '../datapath/fake-map.js';
import { make } from '../model/fixtures.js';

const T0 = Date.parse('2026-11-27T12:00:00Z');
const bytes = (text: string): Uint8Array => parseAddress(text).bytes;
const BLOCK = 1 + 2 * ABI.NAT_EXT_BLOCKS + 4;

class World {
  readonly dir: string;
  now = T0;
  readonly #maps = new Map<string, FakeMap>();
  objects: StoredObject[] = [
    make('Vpc', 'blue', { vni: 100, outside: { host: 'h' } }),
    make('Subnet', 's', { vpc: 'blue', ipv4: { prefix: '10.0.0.0/24' } }),
    make('Endpoint', 'web', { host: 'h', vpc: 'blue', subnet: 's', addresses: ['10.0.0.5'] }),
    make('NatGateway', 'ng', { sources: [{ vpc: 'blue' }], addresses: ['203.0.113.1'] }),
  ];
  #onRecord: ((record: Uint8Array) => void) | undefined;
  log!: BlockLog;

  constructor(t: Test) {
    this.dir = mkdtempSync(join(tmpdir(), 'transit-events-'));
    t.teardown(() => {
      rmSync(this.dir, { recursive: true });
    });
    this.typed(MAPS.nat_ext).set(3, { addr: bytes('203.0.113.1'), gw: 2 });
    this.typed(MAPS.nat_gw).set(2, {
      filtering: 0,
      block_size: 512,
      max_blocks: 4,
      quarantine: 120,
      ext4: 1,
      ext4_count: 1,
      ext6: 0,
      ext6_count: 0,
      fixed_blocks: 0,
      owner: 1,
      algs: 0,
    });
    this.typed(MAPS.addr).set(
      { vni: 100, addr: bytes('10.0.0.5') },
      {
        kind: 1,
        flags: 0,
        mac: new Uint8Array(6),
        ep: 1,
        ifindex: 1,
        mtu: 1500,
        nh: 0,
        sub: 7,
      },
    );
    this.typed(MAPS.nat_sub).set(7, { gw: 2, fixed: 0, fixed_count: 0 });
  }

  readonly map = (name: string): FakeMap => {
    const { key, value } = (
      MAPS as unknown as Record<string, { key: { size: number }; value: { size: number } }>
    )[name] ?? { key: { size: 0 }, value: { size: 0 } };
    const map =
      this.#maps.get(name) ?? new FakeMap({ name, keySize: key.size, valueSize: value.size });
    this.#maps.set(name, map);
    return map;
  };

  typed<K, V>(codecs: ConstructorParameters<typeof TypedMap<K, V>>[1]): TypedMap<K, V> {
    return new TypedMap<K, V>(this.map(codecs.name), codecs);
  }

  /** A daemon that starts on this log. */
  async start(): Promise<BlockEvents> {
    const never = { cancel: (): void => undefined };
    const clock: Clock = {
      now: () => this.now,
      monotonic: () => this.now - T0,
      after: () => never,
      every: () => never,
    };
    this.log = new BlockLog(
      { clock },
      { dir: this.dir, days: 30, maxBytes: 2 ** 30, segmentBytes: 2 ** 20 },
    );
    const events = new BlockEvents(
      {
        loader: {
          consumeRing: (_map, onRecord) => {
            this.#onRecord = onRecord;
            return { stop: () => Promise.resolve() };
          },
        },
        programs: { map: this.map },
        objects: this.store,
        blocks: this.log,
        clock,
        log: pino({ level: 'silent' }),
        monotonicNs: () => BigInt(this.now - T0) * 1_000_000n,
      },
      { host: 'h' },
    );
    await events.start(new AbortController().signal);
    return events;
  }

  readonly store = {
    get: (kind: string, name: string) =>
      this.objects.find((object) => object.kind === kind && object.metadata.name === name),
    list: (kind?: string) => this.objects.filter((object) => object.kind === kind),
  } as never;

  /** An event of the programs, seconds after T0. */
  async event(kind: 'TAKEN' | 'GIVEN_BACK', seconds: number, sub = 7): Promise<void> {
    const taken = kind === 'TAKEN';
    this.#onRecord?.(
      encode(natEvent, {
        time_ns: BigInt(seconds) * 1_000_000_000n,
        block: BLOCK,
        sub,
        vni: taken ? 100 : 0,
        owner: taken ? 1 : 0,
        first: taken ? 2048 : 0,
        last: taken ? 2559 : 0,
        kind: NAT_EVENT_KIND[kind],
        family: taken ? 4 : 0,
        addr: taken ? bytes('203.0.113.1') : new Uint8Array(16),
        inside: taken ? bytes('10.0.0.5') : new Uint8Array(16),
      }),
    );
    await turn();
    await turn();
  }

  lease(sub: number): void {
    const lease = sub === 0 ? 0n : (BigInt(sub) << 32n) | 1n;
    this.typed(MAPS.nat_block).set(BLOCK, { lease, used: [1, 0, 0, 0, 0, 0], owner: 1 });
  }

  who(seconds: number, port = 2100) {
    const tables = natTables(this.map, this.store);
    return whoAt(tables, this.log, { address: '203.0.113.1', port }, T0 + seconds * 1000).holders;
  }
}

test('a block that is taken and given back', async (t) => {
  const world = new World(t);
  const events = await world.start();
  world.now = T0 + 60_000;
  await world.event('TAKEN', 10);
  await world.event('GIVEN_BACK', 20);
  t.match(world.who(15), [
    {
      state: 'held',
      vpc: 'blue',
      endpoint: 'web',
      address: '10.0.0.5',
      via: 'NatGateway/ng',
      first: 2048,
      last: 2559,
      owner: 'h',
      since: '2026-11-27T12:00:10.000Z',
      after: undefined,
    },
  ]);
  t.same(world.who(25), []);
  t.same(world.who(15, 2560), []);
  const list = blockEvents(world.log, { limit: 1 });
  t.match(list, { truncated: true, events: [{ event: 'given-back', endpoint: 'web' }] });
  await events.stop();
});

test('what happened while no daemon ran, and what the ring could not keep', async (t) => {
  const world = new World(t);
  const first = await world.start();
  world.now = T0 + 10_000;
  await world.event('TAKEN', 10);
  world.lease(7);
  first.compare();
  t.equal(world.log.holds.size, 1, 'the maps say the same: nothing is written');
  t.equal([...world.log.records(0, Infinity)].length, 1);
  await first.stop();

  // given back, and taken by another whom nobody knows
  world.lease(9);
  world.now = T0 + 100_000;
  const second = await world.start();
  second.compare();
  t.match(
    world.who(50),
    [
      { state: 'held', endpoint: 'web' },
      {
        state: 'held',
        endpoint: '',
        since: '2026-11-27T12:01:40.000Z',
        after: '2026-11-27T12:00:10.000Z',
      },
    ],
    'one of the two, it is not known until when',
  );
  t.match(world.who(100), [{ endpoint: '', after: '2026-11-27T12:00:10.000Z' }]);

  world.now = T0 + 200_000;
  world.typed(MAPS.nat_lost).set(0, { events: 3n });
  world.lease(0);
  second.look();
  t.same(world.who(200), []);
  const [back, lost] = blockEvents(world.log, { limit: 2 }).events;
  t.match(lost, { event: 'lost', count: 3 });
  t.match(back, { event: 'given-back', time: '2026-11-27T12:03:20.000Z' });
  await second.stop();
});

test('arithmetic: the one of then answers, and its blocks are not logged', async (t) => {
  const world = new World(t);
  const gateway = (addresses: string[]) =>
    make('NatGateway', 'ng', {
      sources: [{ vpc: 'blue', subnets: ['s'] }],
      addresses,
      deterministic: {},
    });
  const others = world.objects.filter(({ kind }) => kind !== 'NatGateway');
  world.objects = [...others, gateway(['203.0.113.1', '203.0.113.2', '203.0.113.3'])];
  world.lease(7);
  world.typed(MAPS.nat_sub).set(7, { gw: 2, fixed: BLOCK, fixed_count: 1 });
  const events = await world.start();
  events.compare();
  t.same(
    [...world.log.records(0, Infinity)].map(({ event }) => event),
    ['plan'],
  );
  world.now = T0 + 50_000;
  world.objects = [...others, gateway(['203.0.113.0', '203.0.113.1', '203.0.113.2'])];
  events.look();
  events.look();
  const port = 1024 + 512 * 5;
  t.match(world.who(10, port), [
    { state: 'fixed', endpoint: 'web', address: '10.0.0.5', first: port },
  ]);
  t.match(world.who(60, port), [{ state: 'fixed', endpoint: '', address: '10.0.0.131' }]);
  world.objects = others;
  events.look();
  t.same(world.who(60, port), []);
  await events.stop();
});
