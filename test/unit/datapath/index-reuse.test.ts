// SPDX-License-Identifier: Apache-2.0
/** Indexes that mappings still name, in this run of the daemon and in the next. */
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import {
  Calculator,
  IndexAllocator,
  INDEX_SPACES,
  TABLE_NAMES,
  type IndexLimits,
  type Upsert,
} from '../../../src/daemon/calc/index.js';
import { adoptIndexes } from '../../../src/daemon/datapath/adopt.js';
import { Driver, driverMaps } from '../../../src/daemon/datapath/driver.js';
import { IndexReuse } from '../../../src/daemon/datapath/index-reuse.js';
import { ABI, encode, MAPS, type NatLease } from '../../../src/maps/index.js';
import type { StoredObject } from '../../../src/model/index.js';
import { droplet, HOST, kernelRoute, object, PORT, tell } from '../../calc/support.js';
import { FakeMap } from './fake-map.js';

const LIMIT = 4;
const limits = Object.fromEntries(INDEX_SPACES.map((space) => [space, LIMIT])) as IndexLimits;

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** Maps, with those that only the programs write. */
class Kernel {
  readonly maps = new Map<string, FakeMap>();

  map(name: keyof typeof MAPS): FakeMap {
    const { key, value } = MAPS[name];
    const array =
      /^(nh|nh_group|timeout|vpc_gen|ep_stats|limit|limit_use|nat_(ext|ext_of|gw|sub|lease|block)|pol_(prog|ep|hit|epoch))$/;
    const maxEntries = name === 'nat_block' ? LIMIT * ABI.NAT_EXT_BLOCKS + 1 : 4 * LIMIT + 1;
    const made =
      this.maps.get(name) ??
      new FakeMap({
        name,
        keySize: key.size,
        valueSize: value.size,
        array: array.test(name),
        maxEntries,
      });
    this.maps.set(name, made);
    return made;
  }

  /** An endpoint holds a block of an address, with so many mappings. */
  lease(sub: number, ext: number, mappings: number, listed = mappings > 0): void {
    const block = 1 + (ext - 1) * ABI.NAT_EXT_BLOCKS + 5;
    const refused = { refused_quota: 0, refused_pool: 0, refused_table: 0 };
    const last = { refused_s: 0, refused_reason: 0, pairs: 0 };
    const empty = { ext: 0, mappings: 0, ...refused, ...last, low: [0, 0] };
    const none = { ...empty, block: new Array<number>(ABI.NAT_BLOCKS_MAX).fill(0) } as NatLease;
    const v4 = { ...none, ext, mappings, block: [listed ? block : 0, 0, 0, 0, 0, 0, 0, 0] };
    this.map('nat_lease').update(u32(sub), encode(MAPS.nat_lease.value, { v4, v6: none }));
    const held = new Uint8Array(this.map('nat_block').valueSize);
    const lease = mappings > 0 ? (BigInt(sub) << 32n) | BigInt(mappings) : 0n;
    new DataView(held.buffer).setBigUint64(0, lease, true);
    this.map('nat_block').update(u32(block), held);
  }
}

const vpc = object('Vpc', 'v', { vni: 7, outside: { host: HOST } });
const net = object('Subnet', 's', { vpc: 'v', ipv4: { prefix: '10.0.0.0/24' } });
const near = object('Droplet', 'd', { host: HOST, device: 'eth0', addresses: ['192.0.2.1'] });
const far = object('Droplet', 'r', { host: 'h2', device: 'eth0', addresses: ['192.0.2.2'] });
const endpoint = (last: number): StoredObject =>
  object('Endpoint', `e${last}`, {
    host: 'h2',
    vpc: 'v',
    subnet: 's',
    addresses: [`10.0.0.${last}`],
  });
const nat = (...addresses: string[]): StoredObject =>
  object('NatGateway', 'n', { sources: [{ vpc: 'v' }], addresses });

/** One run of the daemon, as far as indexes go. */
class Run {
  readonly indexes = new IndexAllocator({ limits });
  readonly calculator = new Calculator({ indexes: this.indexes }, { host: HOST, vxlanPort: PORT });
  readonly driver: Driver;
  readonly reuse: IndexReuse;

  constructor(kernel: Kernel) {
    const map = (name: string): FakeMap => kernel.map(name as keyof typeof MAPS);
    this.driver = new Driver({
      maps: driverMaps(map),
      log: silentLogger(),
      pause: () => Promise.resolve(),
      mark: { left: false, set: () => undefined, clear: () => undefined },
    });
    const maps = {
      nat_lease: map('nat_lease'),
      nat_block: map('nat_block'),
      limit_use: map('limit_use'),
      service_use: map('service_use'),
      pol_hit: map('pol_hit'),
    };
    this.reuse = new IndexReuse({ indexes: this.indexes, maps });
  }

  async start(objects: readonly StoredObject[]): Promise<void> {
    this.driver.readActual();
    adoptIndexes(this.driver, this.indexes, objects, HOST, this.reuse.inUse());
    tell(this.calculator, droplet('d', 2));
    tell(this.calculator, kernelRoute('0.0.0.0/0', 2, '203.0.113.1', 1400));
    this.change(objects);
    await this.driver.apply(this.calculator.flush());
    const unclaimed = this.indexes.releaseUnclaimed();
    await this.driver.sync();
    for (const { space, key } of unclaimed) this.reuse.free(space, key);
  }

  change(objects: readonly StoredObject[], gone: readonly StoredObject[] = []): void {
    const change = (o: StoredObject, here: boolean) => ({
      kind: o.kind,
      name: o.metadata.name,
      object: here ? o : undefined,
    });
    this.calculator.objects([
      ...gone.map((o) => change(o, false)),
      ...objects.map((o) => change(o, true)),
    ]);
  }

  async flush(): Promise<void> {
    const delta = this.calculator.flush();
    for (const { space, key } of delta.released) this.indexes.release(space, key);
    await this.driver.apply(delta);
    for (const { space, key } of delta.released) this.reuse.free(space, key);
  }
}

const contents = (kernel: Kernel): unknown =>
  TABLE_NAMES.map((name) => [name, [...kernel.map(name).data].map(([k, v]) => `${k}=${v.join()}`)]);

test('an index waits until its leases and blocks are empty', async (t) => {
  const kernel = new Kernel();
  const run = new Run(kernel);
  await run.start([vpc, net, near, far, endpoint(5), nat('203.0.113.8', '203.0.113.9')]);
  t.equal(run.indexes.peek('sub', '7/10.0.0.5'), 1);
  t.equal(run.indexes.peek('ext', '203.0.113.9'), 2);
  kernel.lease(1, 2, 3);
  run.change([endpoint(6), nat('203.0.113.8', '203.0.113.10')], [endpoint(5)]);
  await run.flush();
  t.equal(run.reuse.waiting, 2);
  t.equal(run.indexes.peek('sub', '7/10.0.0.6'), 2);
  t.equal(run.indexes.peek('ext', '203.0.113.10'), 3);
  run.reuse.look();
  t.equal(run.reuse.waiting, 2);

  run.change([endpoint(5)]);
  await run.flush();
  t.equal(run.indexes.peek('sub', '7/10.0.0.5'), 1, 'the same endpoint has its mappings back');
  run.change([], [endpoint(5)]);
  await run.flush();

  kernel.lease(1, 2, 0, true);
  run.reuse.look();
  t.equal(run.reuse.waiting, 0, 'what the list says is a hint');
  t.notOk(
    kernel
      .map('nat_lease')
      .lookup(u32(1))
      ?.some((byte) => byte !== 0),
    'cleared',
  );
  run.change([endpoint(7)]);
  await run.flush();
  t.equal(run.indexes.peek('sub', '7/10.0.0.7'), 1);
});

test('the next run takes over what is there, and writes nothing', async (t) => {
  const kernel = new Kernel();
  const objects = [vpc, net, near, far, endpoint(5), endpoint(6)];
  const pool = nat('203.0.113.8', '203.0.113.9');
  const first = new Run(kernel);
  // Indexes in an order that a run from scratch would not give.
  await first.start([...objects.slice(0, 4), endpoint(6), nat('203.0.113.9')]);
  first.change([endpoint(5), pool]);
  await first.flush();
  const before = contents(kernel);
  kernel.lease(3, 4, 1);
  const writes = [...kernel.maps.values()].map((map) => map.writes);
  const second = new Run(kernel);
  await second.start([...objects, pool]);
  t.same(contents(kernel), before);
  const again = [...kernel.maps.values()].map((map) => map.writes);
  t.same(
    again.map((n, i) => n - (writes[i] ?? 0)),
    again.map(() => 0),
  );
  t.equal(second.indexes.peek('sub', '7/10.0.0.6'), 1);
  t.equal(second.indexes.peek('ext', '203.0.113.9'), 1);
  t.equal(second.indexes.peek('nexthop', 'outside/2/203.0.113.1/1400'), 1 + 1);
  t.equal(second.reuse.waiting, 2, 'an endpoint and an address of an earlier run');
  second.change([endpoint(7)]);
  await second.flush();
  t.equal(second.indexes.peek('sub', '7/10.0.0.7'), 4, 'not the one that mappings name');
  kernel.lease(3, 4, 0);
  second.reuse.look();
  t.equal(second.reuse.waiting, 0);
});

test('numbers of policies that maps name are not given again', async (t) => {
  const kernel = new Kernel();
  const first = new Run(kernel);
  await first.start([]);
  const bits = new Uint32Array(16);
  const upserts: Upsert[] = [
    {
      table: 'pol_block',
      key: '1',
      value: { dims: 0, other: Array.from({ length: 8 }, () => bits) },
    },
    { table: 'pol_row', key: '1/3/0/2', value: { bits } },
    { table: 'pol_port', key: '1/2/80/16', value: { class: 3 } },
    { table: 'pol_rule', key: '1/0', value: { action: 'allow', hit: 2 } },
    { table: 'pol_prog', key: '1', value: { vni: 7, blocks: [{ block: 1, first: true }] } },
    { table: 'pol_host', key: '7/10.0.0.5', value: { class: 1 } },
    { table: 'pol_ep', key: '3', value: { ingress: 1, egress: 0 } },
  ];
  const nothing = first.calculator.flush();
  await first.driver.apply({ ...nothing, upserts });
  kernel.map('pol_hit').update(u32(2), Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0));
  const second = new Run(kernel);
  second.driver.readActual();
  adoptIndexes(second.driver, second.indexes, [], HOST);
  t.equal(second.indexes.polBlock('new'), 2);
  t.equal(second.indexes.polProgram('new'), 2);
  t.equal(second.indexes.rule('new'), 1);
  t.equal(second.indexes.rule('newer'), 3, 'not the one that counts for another');
  t.equal(second.indexes.polClass('new'), 3);
  const unclaimed = second.indexes.releaseUnclaimed();
  await second.driver.sync();
  for (const { space, key } of unclaimed) second.reuse.free(space, key);
  t.equal(kernel.map('pol_block').data.size, 0);
  t.equal(kernel.map('pol_host').data.size, 0);
  t.same(kernel.map('pol_hit').lookup(u32(2)), new Uint8Array(8), 'the next rule begins at zero');
  t.equal(second.indexes.polBlock('newer'), 1);
});
