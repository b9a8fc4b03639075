// SPDX-License-Identifier: Apache-2.0
/** What is shown of quotas: rows of endpoints, and conditions while something was refused lately. */
import { test } from 'tap';
import { parseAddress } from '../../../src/base/net.js';
import { LimitStatus } from '../../../src/daemon/datapath/limit-status.js';
import { limitUse } from '../../../src/daemon/datapath/limit-use.js';
import {
  MAPS,
  REASON,
  TypedMap,
  type LimitUseVal,
  type MapCodecs,
  type NatLease,
} from '../../../src/maps/index.js';
import type { StoredObject } from '../../../src/model/index.js';
import { make } from '../model/fixtures.js';
import { FakeMap } from './fake-map.js';

const at = { host: 'h', vpc: 'blue', subnet: 's' };
const NAMED = {
  web: make('Endpoint', 'web', { ...at, addresses: ['10.0.0.5'] }),
  far: make('Endpoint', 'far', { ...at, addresses: ['10.0.0.6'] }),
  idle: make('Endpoint', 'idle', { ...at, addresses: ['10.0.0.7'] }),
  elsewhere: make('Endpoint', 'elsewhere', { ...at, addresses: ['10.0.0.8'] }),
  ng: make('NatGateway', 'ng', { sources: [{ vpc: 'blue' }], addresses: ['203.0.113.1'] }),
};
const OBJECTS: readonly StoredObject[] = [
  make('Vpc', 'blue', { vni: 100, outside: { host: 'h' } }),
  ...Object.values(NAMED),
];
const STORE = {
  get: (kind: string, name: string) =>
    OBJECTS.find((object) => object.kind === kind && object.metadata.name === name),
  list: (kind?: string) => OBJECTS.filter((object) => object.kind === kind),
};
const NOTHING: LimitUseVal = {
  opened: { connections: 0, half_open: 0 },
  accepted: { connections: 0, half_open: 0 },
  bucket: 0n,
  refused_connections: 0n,
  refused_half_open: 0n,
  refused_rate: 0n,
  refused_s: 0,
  refused_now: 0,
  refused_reason: 0,
};
const NO_LEASE: NatLease = {
  ext: 1,
  mappings: 0,
  refused_quota: 0,
  refused_pool: 0,
  refused_table: 0,
  refused_s: 0,
  refused_reason: 0,
  pairs: 0,
  block: [0, 0, 0, 0, 0, 0, 0, 0],
  low: [0, 0],
};

/** web is here with index 3; far is of another host, with index 5 of those served here. */
class World {
  readonly #maps = new Map<string, FakeMap>();
  monotonic = 0;
  readonly status = new LimitStatus({
    map: (name) => this.map(name),
    objects: STORE,
    clock: { monotonic: () => this.monotonic } as never,
  });

  constructor() {
    this.set(MAPS.clock, 0, { now_s: 1000 });
    this.addr('10.0.0.5', 3, 0);
    this.addr('10.0.0.6', 0, 5);
    this.addr('10.0.0.7', 4, 0);
    this.addr('10.0.0.8', 0, 0);
    this.set(MAPS.nat_sub, 5, { gw: 2, fixed: 0, fixed_count: 0 });
    this.set(MAPS.nat_ext, 1, { addr: parseAddress('203.0.113.1').bytes, gw: 2 });
    this.set(MAPS.nat_lease, 5, { v4: NO_LEASE, v6: NO_LEASE });
    this.set(MAPS.limit, 6, { connections: 10, half_open: 4, rate: 2, burst: 3 });
  }

  map(name: string): FakeMap {
    const codecs = (MAPS as unknown as Record<string, MapCodecs<never, never>>)[name];
    if (codecs === undefined) throw new Error(`no map ${name}`);
    const made =
      this.#maps.get(name) ??
      new FakeMap({ name, keySize: codecs.key.size, valueSize: codecs.value.size });
    this.#maps.set(name, made);
    return made;
  }

  set<K, V>(codecs: MapCodecs<K, V>, key: K, value: V): void {
    new TypedMap(this.map(codecs.name), codecs).set(key, value);
  }

  private addr(text: string, ep: number, sub: number): void {
    const entry = { kind: 1, flags: 0, mac: new Uint8Array(6), ep, ifindex: 1, mtu: 1500, nh: 0 };
    this.set(MAPS.addr, { vni: 100, addr: parseAddress(text).bytes }, { ...entry, sub });
  }

  use(account: number, over: Partial<LimitUseVal>): void {
    this.set(MAPS.limit_use, account, { ...NOTHING, ...over });
  }
}

test('rows of those that have or were refused connections', (t) => {
  const w = new World();
  t.same(
    limitUse((name) => w.map(name), STORE),
    { endpoints: [] },
  );
  w.use(6, {
    opened: { connections: 9, half_open: 1 },
    accepted: { connections: 2, half_open: 0 },
  });
  w.use(11, { refused_rate: 4n, refused_s: 990, refused_reason: REASON.CONN_RATE });
  w.use(8, {});
  t.same(limitUse((name) => w.map(name), STORE).endpoints, [
    {
      vpc: 'blue',
      endpoint: 'web',
      here: true,
      opened: { connections: 9, halfOpen: 1 },
      accepted: { connections: 2, halfOpen: 0 },
      limits: { connections: 10, halfOpen: 4, newPerSecond: 2, burst: 3 },
      refusedConnections: 0,
      refusedHalfOpen: 0,
      refusedRate: 0,
    },
    {
      vpc: 'blue',
      endpoint: 'far',
      here: false,
      opened: { connections: 0, halfOpen: 0 },
      accepted: { connections: 0, halfOpen: 0 },
      limits: { connections: 0, halfOpen: 0, newPerSecond: 0, burst: 0 },
      refusedConnections: 0,
      refusedHalfOpen: 0,
      refusedRate: 4,
      lastRefusal: { reason: 'CONN_RATE', secondsAgo: 10 },
    },
  ]);
  t.end();
});

test('conditions: for a minute after a refusal', (t) => {
  const w = new World();
  const { web, far, elsewhere, ng } = NAMED;
  t.same(w.status.of(web), { refusal: undefined });
  t.same(w.status.of(ng), { refusal: undefined });
  t.equal(w.status.of(elsewhere), undefined, 'no condition where nothing is counted');
  for (const [reason, word] of [
    [REASON.CONN_QUOTA, 'ConnectionQuota'],
    [REASON.HALF_OPEN_QUOTA, 'HalfOpenQuota'],
    [REASON.CONN_RATE, 'ConnectionRate'],
  ] as const) {
    w.use(6, { refused_s: 940, refused_reason: reason });
    t.equal(w.status.of(web)?.refusal?.reason, word);
  }
  w.use(6, { refused_s: 939, refused_reason: REASON.CONN_QUOTA });
  t.same(w.status.of(web), { refusal: undefined }, 'a minute later');

  const refused = (reason: number): void => {
    const v6 = { ...NO_LEASE, refused_s: 999, refused_reason: reason };
    w.set(MAPS.nat_lease, 5, { v4: NO_LEASE, v6 });
    w.monotonic += 1000;
  };
  refused(REASON.NAT_QUOTA);
  t.match(w.status.of(far)?.refusal, { reason: 'PortQuota' });
  t.same(w.status.of(ng), { refusal: undefined }, 'which is not the pool’s affair');
  refused(REASON.NAT_EXHAUSTED);
  t.match(w.status.of(far)?.refusal, { reason: 'PoolExhausted' });
  t.match(w.status.of(ng)?.refusal, { reason: 'PoolExhausted', message: /endpoint far: / });
  refused(REASON.NAT_TABLE_FULL);
  t.match(w.status.of(ng)?.refusal, { reason: 'TableFull', message: /maxMappings/ });
  t.same(w.status.of(web), { refusal: undefined }, 'another endpoint has nothing to do with it');
  t.end();
});
