// SPDX-License-Identifier: Apache-2.0
/** What policies say changes at once: a daemon may die before any write. */
import fc from 'fast-check';
import { test } from 'tap';
import { silentLogger } from '../../../src/base/log.js';
import { parseAddress, parsePrefix, prefixContains } from '../../../src/base/net.js';
import { TABLE_NAMES, type Delta, type Upsert } from '../../../src/daemon/calc/output.js';
import { Driver, driverMaps } from '../../../src/daemon/datapath/driver.js';
import { decodeKey } from '../../../src/daemon/datapath/keys.js';
import { decode, MAPS } from '../../../src/maps/index.js';
import { FakeMap } from './fake-map.js';

const RUNS = Number(process.env.TRANSIT_RUNS ?? 15);
const ARRAY =
  /^(nh|nh_group|timeout|vpc_gen|ep_stats|limit|nat_(ext|ext_of|gw|sub)|pol_(prog|ep|epoch))$/;

class Killed extends Error {}

/** Batches are written one by one, and may be cut anywhere. */
class SlowMap extends FakeMap {
  /** Deletes all of a batch or nothing, arrays too: one that goes on has to know. */
  whole = false;

  override updateBatch(keys: Uint8Array, values: Uint8Array, count: number): void {
    if (this.whole && values.every((byte) => byte === 0)) {
      super.updateBatch(keys, values, count);
      return;
    }
    for (let i = 0; i < count; i++)
      this.update(
        keys.slice(i * this.keySize, (i + 1) * this.keySize),
        values.slice(i * this.valueSize, (i + 1) * this.valueSize),
      );
  }

  override deleteBatch(keys: Uint8Array, count: number): number {
    if (this.whole) return super.deleteBatch(keys, count);
    let there = 0;
    for (let i = 0; i < count; i++)
      if (this.delete(keys.slice(i * this.keySize, (i + 1) * this.keySize))) there++;
    return there;
  }
}

/** Maps that outlive daemons. */
class Kernel {
  readonly maps = new Map<string, SlowMap>();
  /** Writes until the daemon dies. */
  left = Infinity;
  writes: string[] = [];

  map(name: keyof typeof MAPS): SlowMap {
    const { key, value } = MAPS[name];
    const made =
      this.maps.get(name) ??
      new SlowMap({
        name,
        keySize: key.size,
        valueSize: value.size,
        array: ARRAY.test(name),
        maxEntries: ARRAY.test(name) ? 5 : 32,
        onWrite: (what) => {
          if (this.left-- <= 0) throw new Killed();
          this.writes.push(what);
        },
      });
    this.maps.set(name, made);
    return made;
  }

  copy(): Kernel {
    const out = new Kernel();
    for (const [name, { data }] of this.maps) {
      // the others are the same in all of them
      if (!name.startsWith('pol_')) continue;
      const map = out.map(name as keyof typeof MAPS);
      map.data.clear();
      for (const [key, value] of data) map.data.set(key, value.slice());
    }
    return out;
  }

  get epoch(): number {
    return this.map('pol_epoch').lookup(new Uint8Array(4))?.[0] ?? 0;
  }

  #classes(table: 'pol_host' | 'pol_net' | 'pol_named'): [string, number][] {
    return [...this.map(table).data].map(([key, value]) => [
      decodeKey(table, Uint8Array.from(key.split(',').map(Number))),
      decode(MAPS[table].value, value).class[this.epoch]!,
    ]);
  }

  /** What the programs find, for each thing there may be. */
  state(): Record<string, number | bigint> {
    const out: Record<string, number | bigint> = {};
    const hosts = new Map(this.#classes('pol_host'));
    const nets = this.#classes('pol_net');
    for (const address of ADDRESSES) {
      const around = nets
        .map(([key, number]) => ({ prefix: parsePrefix(key.slice(key.indexOf('/') + 1)), number }))
        .filter(({ prefix }) => prefixContains(prefix, parseAddress(address)))
        .sort((a, b) => b.prefix.length - a.prefix.length);
      out[address] = hosts.get(`100/${address}`) ?? around[0]?.number ?? 0;
    }
    const named = new Map(this.#classes('pol_named'));
    for (const key of NAMED) out[key] = named.get(key) ?? 0;
    for (let index = 1; index < 4; index++) {
      const value = this.map('pol_ep').lookup(Uint8Array.of(index, 0, 0, 0))!;
      out[`ep ${index}`] = decode(MAPS.pol_ep.value, value).of[this.epoch]!;
    }
    return out;
  }

  driver(): Driver {
    return new Driver({
      maps: driverMaps((name) => this.map(name as keyof typeof MAPS)),
      log: silentLogger(),
      pause: () => Promise.resolve(),
      mark: { left: false, set: () => undefined, clear: () => undefined },
    });
  }
}

const ADDRESSES = ['10.0.0.1', '10.0.1.1', '10.1.0.1', '192.0.2.1', '2001:db8::1', 'fd00::1'];
const NETS = ['0.0.0.0/0', '10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/24', '::/0', '2001:db8::/32'];
const NAMED = ['100/10.0.0.1/6/80', '100/10.0.0.1/17/53'];

type Desired = Readonly<Record<string, Upsert>>;

const some = <T>(of: readonly string[], value: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(fc.constantFrom(...of), value), { maxLength: of.length });
const number = fc.nat(3);
const desired = fc
  .record({
    hosts: some(ADDRESSES, number),
    nets: some(NETS, number),
    named: some(NAMED, number),
    eps: some(['1', '2', '3'], fc.tuple(number, number)),
  })
  .map(({ hosts, nets, named, eps }): Desired => {
    const out: Record<string, Upsert> = {};
    const put = (upsert: Upsert): void => {
      out[`${upsert.table} ${upsert.key}`] = upsert;
    };
    for (const [key, value] of hosts)
      put({ table: 'pol_host', key: `100/${key}`, value: { class: value } });
    for (const [key, value] of nets)
      put({ table: 'pol_net', key: `100/${key}`, value: { class: value } });
    for (const [key, value] of named) put({ table: 'pol_named', key, value: { class: value } });
    for (const [key, [ingress, egress]] of eps)
      put({ table: 'pol_ep', key, value: { ingress, egress } });
    return out;
  });

function delta(before: Desired, now: Desired): Delta {
  const changed = Object.entries(now).filter(
    ([id, { value }]) => JSON.stringify(before[id]?.value) !== JSON.stringify(value),
  );
  return {
    upserts: changed.map(([, upsert]) => upsert),
    removals: Object.entries(before).flatMap(([id, { table, key }]) =>
      id in now ? [] : [{ table, key }],
    ),
    touchedVpcs: [3],
    devices: new Map(),
    droplets: new Map(),
    vteps: new Map(),
    findings: [],
    released: [],
  };
}

const text = (state: Record<string, unknown>): string =>
  Object.entries(state)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');

/** Endpoints that go keep their programs until they are gone: either is right. */
function without(state: Record<string, unknown>, before: Desired, now: Desired): string {
  const going = [1, 2, 3].filter((i) => `pol_ep ${i}` in before && !(`pol_ep ${i}` in now));
  const gone = new Set(going.map((i) => `ep ${i}`));
  return text(Object.fromEntries(Object.entries(state).filter(([key]) => !gone.has(key))));
}

async function started(kernel: Kernel, want: Desired): Promise<Driver> {
  const driver = kernel.driver();
  driver.readActual();
  await driver.apply(delta({}, want));
  await driver.sync();
  return driver;
}

/** Whether it got to its end. */
async function killedAfter(kernel: Kernel, left: number, work: () => Promise<unknown>) {
  kernel.left = left;
  try {
    await work();
    return false;
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return true;
  } finally {
    kernel.left = Infinity;
  }
}

function expectOneOf(kernel: Kernel, states: readonly Kernel[], before: Desired, now: Desired) {
  const got = without(kernel.state(), before, now);
  if (!states.some((state) => without(state.state(), before, now) === got))
    throw new Error(`${got} is neither of\n${states.map((k) => text(k.state())).join('\n')}`);
}

test('before or after, whenever the daemon dies', { timeout: 120_000 }, async (t) => {
  await fc.assert(
    fc.asyncProperty(desired, desired, async (first, second) => {
      const kernel = new Kernel();
      await started(kernel, first);
      const base = kernel.copy();
      const end = kernel.copy();
      await (await started(end, first)).apply(delta(first, second));
      const fresh = new Kernel();
      await started(fresh, second);
      if (text(fresh.state()) !== text(end.state())) throw new Error('not what was asked for');
      for (let left = 0; ; left++) {
        const place = base.copy();
        const driver = await started(place, first);
        if (!(await killedAfter(place, left, () => driver.apply(delta(first, second))))) break;
        expectOneOf(place, [base, end], first, second);
        // The next one may die, too.
        const seen = place.copy();
        for (let next = 0; ; next++) {
          const again = place.copy();
          if (!(await killedAfter(again, next, () => started(again, second)))) {
            if (text(again.state()) !== text(end.state())) throw new Error('started wrongly');
            break;
          }
          const before = { ...first, ...second };
          expectOneOf(again, [seen, end], before, second);
        }
      }
    }),
    { numRuns: RUNS },
  );
  t.end();
});

test('one that meets an error goes on', { timeout: 120_000 }, async (t) => {
  await fc.assert(
    fc.asyncProperty(desired, desired, desired, async (first, second, third) => {
      const base = new Kernel();
      await started(base, first);
      const other = new Kernel();
      await started(other, third);
      for (let left = 0; ; left++) {
        const place = base.copy();
        for (const map of place.maps.values()) map.whole = true;
        const driver = await started(place, first);
        const cut = await killedAfter(place, left, () => driver.apply(delta(first, second)));
        await driver.retry();
        await driver.apply(delta(second, third));
        if (text(place.state()) !== text(other.state())) throw new Error(`after ${left}`);
        if (!cut) break;
      }
    }),
    { numRuns: RUNS },
  );
  t.end();
});

test('the epoch turns when it has to, before what policies are about is there', async (t) => {
  const kernel = new Kernel();
  const driver = await started(kernel, {});
  const host = (key: string, value: number): Upsert => ({
    table: 'pol_host',
    key: `100/${key}`,
    value: { class: value },
  });
  const vtep: Upsert = { table: 'vtep', key: '192.0.2.1', value: { nh: 1 } };
  const addr: Upsert = {
    table: 'addr',
    key: '100/10.0.0.1',
    value: { kind: 'remote', mac: '02:00:00:00:00:01', nh: 1, sub: 0 },
  };
  const write = async (now: Delta): Promise<string[]> => {
    kernel.writes = [];
    await driver.apply(now);
    return kernel.writes;
  };
  const nothing = delta({}, {});
  t.same(await write({ ...nothing, upserts: [addr, vtep, host('10.0.0.1', 2)] }), [
    ...['update vtep', 'update pol_host', 'update pol_epoch', 'update addr', 'update pol_host'],
    'update vpc_gen',
  ]);
  t.same(await write({ ...nothing, upserts: [host('10.0.0.1', 2)], touchedVpcs: [] }), []);
  t.same(await write({ ...nothing, removals: [addr, host('10.0.0.1', 2)] }), [
    ...['update pol_host', 'update pol_epoch', 'delete addr', 'delete pol_host', 'update vpc_gen'],
  ]);
  const zero = { ...nothing, upserts: [host('10.0.0.2', 0)] };
  t.same(await write(zero), ['update pol_host', 'update vpc_gen'], 'as if it were not there');
  const ep: Upsert = { table: 'pol_ep', key: '1', value: { ingress: 0, egress: 0 } };
  t.same(await write({ ...nothing, upserts: [ep], touchedVpcs: [] }), [], 'open, as before');
  t.equal(driver.entries('pol_host'), 1);
  t.end();
});

test('what does not fit comes later, with both values', async (t) => {
  const kernel = new Kernel();
  const full: Record<string, Upsert> = {};
  for (let i = 1; i <= 33; i++)
    full[i] = { table: 'pol_host', key: `100/10.0.0.${i}`, value: { class: 1 } };
  const driver = await started(kernel, full);
  t.equal(driver.missing().length, 1);
  const { 1: one, ...rest } = full;
  await driver.apply(delta({ a: one! }, {}));
  t.same(driver.missing(), []);
  t.equal(kernel.map('pol_host').data.size, 32);
  for (const value of kernel.map('pol_host').data.values())
    t.same(decode(MAPS.pol_host.value, value).class, [1, 1]);
  t.equal(Object.keys(rest).length, 32);
  t.ok(TABLE_NAMES.indexOf('pol_ep') < TABLE_NAMES.indexOf('ep'));
  t.end();
});

test('a new block is there when all of it is', async (t) => {
  const kernel = new Kernel();
  const bits = new Uint32Array(16);
  const block = (index: number): Upsert[] => [
    {
      table: 'pol_block',
      key: `${index}`,
      value: { dims: 1, other: Array.from({ length: 8 }, () => bits) },
    },
    ...Array.from({ length: 20 }, (_, i): Upsert => ({
      table: 'pol_row',
      key: `${index}/0/4/${i}`,
      value: { bits },
    })),
  ];
  const both = Object.fromEntries(
    [...block(1), ...block(2)].map((u) => [`${u.table} ${u.key}`, u]),
  );
  const first = Object.fromEntries(block(1).map((u) => [`${u.table} ${u.key}`, u]));
  const driver = await started(kernel, both);
  t.equal(driver.missing().length, 8 + 1);
  t.match(driver.missing().at(-1), { table: 'pol_block', reason: /part of it is not there: / });
  t.equal(kernel.map('pol_block').data.size, 1);
  kernel.writes = [];
  await driver.apply(delta(first, {}));
  t.same(driver.missing(), []);
  t.equal(kernel.map('pol_block').data.size, 1);
  t.equal(kernel.map('pol_row').data.size, 20);
  t.match(kernel.writes.slice(0, 1), ['delete pol_block']);
  t.same(
    kernel.writes.filter((what) => what.startsWith('update pol_')).at(-1),
    'update pol_block',
    'last',
  );
  t.end();
});
