// SPDX-License-Identifier: Apache-2.0
/**
 * A gateway as it runs: programs of one hook with ageing on real maps, and the daemon's calculation
 * that configures them, which can be restarted. Objects and facts go in as in production.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '../../src/base/log.js';
import {
  Calculator,
  IndexAllocator,
  TABLE_NAMES,
  type Delta,
} from '../../src/daemon/calc/index.js';
import { adoptIndexes } from '../../src/daemon/datapath/adopt.js';
import { Driver } from '../../src/daemon/datapath/index.js';
import { IndexReuse } from '../../src/daemon/datapath/index-reuse.js';
import type { BpfMap } from '../../src/daemon/ports/bpf.js';
import type { StoredObject } from '../../src/model/index.js';
import { ABI, decode, encode, MAPS, type AgeVal } from '../../src/maps/index.js';
import { HOST, limits, PORT, tell, type Fact } from '../calc/support.js';
import { Layouts } from './btf.js';
import { kernel, upFor } from './kernel/index.js';
import { Programs, type LoadSettings, type TestMap } from './programs.js';
import { objectPath, VERDICTS, type Hook, type Verdict } from './rig.js';

/** All of the wheel's 512 lists but the next second's. */
const BEHIND = 511;
const INDEXES = 63;
const ADDRESSES = 15;
const KERNEL_MAPS = [
  'vpc_gen',
  'ep_stats',
  'pol_epoch',
  'pol_hit',
  'nat_lease',
  'nat_block',
  'limit_use',
  'service_use',
];

export function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

/** A map as the daemon sees it. */
export function bpfMap(map: TestMap): BpfMap {
  return {
    name: map.name,
    id: 0,
    type: 0,
    keySize: map.keySize,
    valueSize: map.perCpu ? map.lookup(new Uint8Array(map.keySize))!.length : map.valueSize,
    maxEntries: map.maxEntries,
    perCpu: map.perCpu,
    lookup: (key) => map.lookup(key),
    update: (key, value) => {
      map.update(key, value);
    },
    delete: (key) => map.delete(key),
    updateBatch: (keys, values, count) => {
      map.updateMany(keys, values, count);
    },
    deleteBatch: (keys, count) => {
      const each = Array.from({ length: count }, (_, i) =>
        keys.slice(i * map.keySize, (i + 1) * map.keySize),
      );
      return each.filter((key) => map.delete(key)).length;
    },
    entries: () => {
      const rows = map.entries();
      return {
        keys: Uint8Array.from(Buffer.concat(rows.map(([key]) => key))),
        values: Uint8Array.from(Buffer.concat(rows.map(([, value]) => value))),
        count: rows.length,
      };
    },
    count: () => map.keys().length,
    close: () => undefined,
  };
}

export class Gateway {
  readonly programs = new Programs();
  readonly layouts = new Layouts(objectPath('agent_tc'));
  private readonly ports: Record<string, BpfMap>;
  private objects: readonly StoredObject[] = [];
  private indexes!: IndexAllocator;
  private calculator!: Calculator;
  private driver!: Driver;
  private reuse!: IndexReuse;

  constructor(
    readonly hook: Hook,
    private readonly facts: readonly Fact[],
    private readonly settings: LoadSettings,
  ) {
    const nodes = 8192;
    const small = Object.fromEntries(
      [...TABLE_NAMES, ...KERNEL_MAPS].map((name) => [name, INDEXES + 1]),
    );
    this.settings = {
      rodata: { ...settings.rodata, cfg_age_nodes: nodes },
      maxEntries: {
        ...small,
        age_node: nodes,
        nat: nodes,
        nat_block: 1 + ADDRESSES * ABI.NAT_EXT_BLOCKS,
        limit: 2 * (INDEXES + 1),
        limit_use: 2 * (INDEXES + 1),
        port_fwd: 256,
        addr: 256,
        route: 256,
        ...settings.maxEntries,
      },
    };
    this.load();
    this.ports = Object.fromEntries(
      [...TABLE_NAMES, ...KERNEL_MAPS].map((name) => [name, bpfMap(this.map(name))]),
    );
  }

  /** Loads programs, or others in their place, which find the maps as they are. */
  load(): void {
    for (const what of ['agent', 'transit'])
      this.programs.load(objectPath(`${what}_${this.hook}`), this.settings);
    this.programs.load(objectPath('age'), this.settings);
    this.startAgeing();
  }

  private startAgeing(): void {
    this.programs.programs.get('age_start')!.run(new Uint8Array(64), 0);
  }

  private age(): AgeVal {
    return decode(MAPS.age.value, this.map('age').lookup(u32(0))!);
  }

  /** Seconds of the clock map. */
  now(): number {
    return decode(MAPS.clock.value, this.map('clock').lookup(u32(0))!).now_s;
  }

  /**
   * The wheel looks at everything now: it is put back by nearly a turn, and catches up. Writing
   * stops its timer, so it is not written at the turn of a second, when the timer runs.
   */
  async turn(): Promise<void> {
    const ms = (): number => Number((kernel.now() / 1_000_000n) % 1000n);
    upFor(BEHIND);
    while (ms() < 200 || ms() > 800) await delay(20);
    const value = { ...this.age(), cursor_s: this.now() - BEHIND };
    this.map('age').update(u32(0), encode(MAPS.age.value, value));
    this.startAgeing();
    while (this.age().cursor_s < this.now() - 1) await delay(20);
  }

  /** A daemon that knows nothing but the objects and what is in the maps. */
  async restart(): Promise<void> {
    this.indexes = new IndexAllocator({ limits: limits(INDEXES) });
    this.calculator = new Calculator({ indexes: this.indexes }, { host: HOST, vxlanPort: PORT });
    this.driver = new Driver({
      maps: this.ports as never,
      log: silentLogger(),
      pause: () => Promise.resolve(),
      mark: { left: false, set: () => undefined, clear: () => undefined },
    });
    this.reuse = new IndexReuse({ indexes: this.indexes, maps: this.ports as never });
    this.driver.readActual();
    const leftovers = this.reuse.inUse();
    adoptIndexes(this.driver, this.indexes, this.objects, HOST, leftovers);
    for (const fact of this.facts) tell(this.calculator, fact);
    this.tellObjects(this.objects, []);
    await this.driver.apply(this.calculator.flush());
    const unclaimed = this.indexes.releaseUnclaimed();
    await this.driver.sync();
    for (const { space, key } of unclaimed) this.reuse.free(space, key);
  }

  /** Goes over to these objects. */
  async configure(objects: readonly StoredObject[]): Promise<void> {
    const before = this.objects;
    this.objects = objects;
    this.tellObjects(
      objects.filter((o) => !before.includes(o)),
      before.filter((o) => !objects.some((n) => same(n, o))),
    );
    const delta: Delta = this.calculator.flush();
    for (const { space, key } of delta.released) this.indexes.release(space, key);
    await this.driver.apply(delta);
    for (const { space, key } of delta.released) this.reuse.free(space, key);
    this.reuse.look();
    if (this.driver.missing().length > 0) throw new Error('an entry does not fit');
  }

  /** Indexes that wait for the state that names them to go. */
  waiting(): number {
    this.reuse.look();
    return this.reuse.waiting;
  }

  private tellObjects(there: readonly StoredObject[], gone: readonly StoredObject[]): void {
    const change = (o: StoredObject, object: StoredObject | undefined) => ({
      kind: o.kind,
      name: o.metadata.name,
      object,
    });
    this.calculator.objects([
      ...gone.map((o) => change(o, undefined)),
      ...there.map((o) => change(o, o)),
    ]);
  }

  run(
    program: 'agent' | 'transit',
    ifindex: number,
    frame: Uint8Array,
  ): { verdict: Verdict; data: Uint8Array } {
    const result = this.programs.programs.get(`${this.hook}_${program}`)!.run(frame, ifindex);
    const verdict = VERDICTS[this.hook].get(result.verdict);
    if (verdict === undefined) throw new Error(`verdict ${result.verdict}`);
    return { verdict, data: result.data };
  }

  map(name: string): TestMap {
    const map = this.programs.maps.get(name);
    if (map === undefined) throw new Error(`no map ${name}`);
    return map;
  }

  close(): void {
    this.programs.close();
  }
}

function same(a: StoredObject, b: StoredObject): boolean {
  return a.kind === b.kind && a.metadata.name === b.metadata.name;
}
