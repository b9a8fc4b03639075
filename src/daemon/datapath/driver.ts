// SPDX-License-Identifier: Apache-2.0
/**
 * The one writer of maps. A delta is written so that what is referred to is there before what
 * refers to it; then removals, the other way round; then the generation of each VPC concerned
 * is raised, which makes every flow record of it walk again. What policies say has two values, of
 * which the other is written and all are turned at once, see two-values.ts.
 *
 * Until sync() deltas are only collected: after a restart desired state grows piece by piece
 * (objects, devices, next hops), and nothing that is still right may be taken away meanwhile.
 */
import type { Logger } from '../../base/log.js';
import { TABLE_NAMES, type Delta, type TableName } from '../calc/output.js';
import type { BpfMap } from '../ports/bpf.js';
import { DeltaTracker } from './delta-tracker.js';
import { encodeValue, endpointOfValue, vpcIndexOf, vpcOfValue } from './encode.js';
import type { FlushMark } from './flush-mark.js';
import { Generations } from './generations.js';
import { decodeKey, encodeKey } from './keys.js';
import { withholdBlocks } from './withhold-blocks.js';
import {
  hasTwoValues,
  TURNS_AFTER,
  TwoValueTables,
  type TwoValueTable,
} from './two-value-tables.js';
import type { TwoValues } from './two-values.js';

/** Beside the tables. */
const OTHER_MAPS = ['vpc_gen', 'ep_stats', 'pol_epoch'] as const;

/** Maps that are written here. */
export type DriverMaps = Readonly<Record<TableName | (typeof OTHER_MAPS)[number], BpfMap>>;

/** All of them, from where they can be had by name. */
export function driverMaps(map: (name: string) => BpfMap): DriverMaps {
  const names = [...TABLE_NAMES, ...OTHER_MAPS] as const;
  return Object.fromEntries(names.map((name) => [name, map(name)])) as DriverMaps;
}

export interface DriverDeps {
  readonly maps: DriverMaps;
  readonly log: Logger;
  readonly pause: () => Promise<void>;
  /** Until no program runs that began before. Default: none runs. */
  readonly grace?: () => Promise<void>;
  readonly mark: FlushMark;
}

/** A desired entry that is not in its map. */
export interface MissingEntry {
  readonly table: TableName;
  /** As in calc/output.ts. */
  readonly key: string;
  readonly reason: string;
}

/** Arrays: an entry is absent when it is zero. */
const ARRAYS: ReadonlySet<TableName> = new Set([
  'nh',
  'nh_group',
  'timeout',
  'limit',
  'nat_ext',
  'nat_ext_of',
  'nat_gw',
  'nat_sub',
  'service_timeout',
  'pol_prog',
]);
/** VPC 0 is there while a VPC meets the outside on this host, or servers may answer to it. */
const OUTSIDE = 0;
const OUTSIDE_KEY = encodeKey('vpc', '0');

type OneValueTable = Exclude<TableName, TwoValueTable>;

export class Driver {
  readonly #trackers: Readonly<
    Record<OneValueTable, DeltaTracker> & Record<TwoValueTable, TwoValues>
  >;
  readonly #twoValues: TwoValueTables;
  readonly #generations: Generations;
  /** Of a delta whose writing was cut short: raised with the next. */
  readonly #owed = new Set<number>();
  #synced = false;

  constructor(private readonly deps: DriverDeps) {
    this.#twoValues = new TwoValueTables(deps);
    const tracker = (table: OneValueTable): DeltaTracker =>
      new DeltaTracker({ map: deps.maps[table], pause: deps.pause }, { array: ARRAYS.has(table) });
    const one = TABLE_NAMES.filter((table): table is OneValueTable => !hasTwoValues(table));
    // The keys are all of them, which fromEntries() cannot know.
    const trackers = Object.fromEntries(one.map((table) => [table, tracker(table)])) as Record<
      OneValueTable,
      DeltaTracker
    >;
    this.#trackers = { ...trackers, ...this.#twoValues.tables };
    this.#generations = new Generations({ map: deps.maps.vpc_gen });
  }

  /** Whether sync() has been done. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Reads what is pinned. */
  readActual(): void {
    this.#twoValues.readEpoch();
    for (const table of TABLE_NAMES) this.#trackers[table].readActual();
    this.#generations.read();
  }

  /** Entries the kernel has, as bytes: what index assignments are adopted from. */
  actual(table: TableName): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    return this.#trackers[table].actual();
  }

  /** How many entries a map has; undefined: it is not one that is written here. */
  entries(map: string): number | undefined {
    const table = TABLE_NAMES.find((name) => name === map);
    return table && this.#trackers[table].present;
  }

  /** Takes a delta over without writing. */
  stage(delta: Delta): void {
    for (const { table, key } of delta.removals)
      this.#trackers[table].remove(encodeKey(table, key));
    for (const upsert of delta.upserts) {
      this.#trackers[upsert.table].set(encodeKey(upsert.table, upsert.key), encodeValue(upsert));
    }
  }

  /** Writes the difference between what was staged and what is there, and nothing else. */
  async sync(): Promise<void> {
    for (const table of TABLE_NAMES) this.#trackers[table].sweep();
    for (const vpc of this.#vpcsOfChanges()) this.#owed.add(vpc);
    if (this.deps.mark.left) for (const vpc of this.#generations.used()) this.#owed.add(vpc);
    const changes = TABLE_NAMES.reduce((sum, table) => sum + this.#trackers[table].pending, 0);
    this.#synced = true;
    await this.#write();
    this.deps.log.info({ changes }, 'maps hold the desired state');
  }

  /** Writes a delta. Before sync() it is only staged. */
  async apply(delta: Delta): Promise<void> {
    this.stage(delta);
    if (!this.#synced) return;
    for (const vpc of delta.touchedVpcs) this.#owed.add(vpc);
    await this.#write();
  }

  /** Tries again what was refused. @returns whether there was any. */
  async retry(): Promise<boolean> {
    const refused = TABLE_NAMES.filter((table) => this.#trackers[table].unwritten().length > 0);
    if (refused.length === 0) return false;
    for (const table of refused) this.#trackers[table].retry();
    await this.#write(true);
    return true;
  }

  /** What should be in the maps and is not. */
  missing(): MissingEntry[] {
    return TABLE_NAMES.flatMap((table) =>
      this.#trackers[table]
        .unwritten()
        .map(({ key, reason }) => ({ table, key: decodeKey(table, key), reason })),
    );
  }

  /** Generation of a VPC as the data path compares it. */
  generation(vpc: number): number {
    return this.#generations.get(vpc);
  }

  /** @param late entries are tried again that were refused before */
  async #write(late = this.#someRefused()): Promise<void> {
    const goneEndpoints = this.#endpointsGoing();
    const outside = this.#trackers.vpc.desired(OUTSIDE_KEY) !== undefined;
    const changed = outside !== this.#generations.get(OUTSIDE) > 0;
    const work =
      changed || this.#owed.size > 0 || TABLE_NAMES.some((table) => this.#trackers[table].pending);
    if (!work) return;
    this.deps.mark.set();
    // What says that there is an outside goes before what is there.
    if (!outside) this.#generations.closeOutside();
    let written = await this.#upsert();
    let removed = 0;
    for (const table of [...TABLE_NAMES].reverse()) {
      removed += await this.#trackers[table].writeDeletes();
    }
    // What did not fit may fit now.
    if (removed > 0 && this.#someRefused(true)) {
      written += await this.#upsert();
      await this.#twoValues.settle();
    }
    // An entry that comes late concerns a VPC whose generation was raised without it.
    if (late && written > 0) for (const vpc of this.#allVpcs()) this.#owed.add(vpc);
    if (!outside) this.#owed.delete(OUTSIDE);
    else if (changed) this.#owed.add(OUTSIDE);
    this.#generations.raise(this.#owed);
    this.#owed.clear();
    this.deps.mark.clear();
    this.#clearCounters(goneEndpoints);
  }

  /** @param pending count those that are about to be tried again, too */
  #someRefused(pending = false): boolean {
    return TABLE_NAMES.some((table) => {
      const tracker = this.#trackers[table];
      return tracker.unwritten().length > 0 || (pending && tracker.pending > 0);
    });
  }

  async #upsert(): Promise<number> {
    let written = 0;
    for (const table of TABLE_NAMES) {
      const tracker = this.#trackers[table];
      const before = tracker.unwritten().length;
      if (table === 'pol_block') withholdBlocks(this.#trackers);
      written += await tracker.writeUpserts();
      // What policies say is in force before the devices and addresses they are about are there.
      // Who still reads by the epoch before must not find the values of the next.
      if (table === TURNS_AFTER && this.#twoValues.turn()) await this.deps.grace?.();
      const refused = tracker.unwritten();
      if (refused.length <= before) continue;
      this.deps.log.error(
        { map: table, entries: refused.length, reason: refused[0]?.reason },
        'entries do not fit',
      );
    }
    return written;
  }

  #allVpcs(): Set<number> {
    const out = new Set<number>();
    const { vpc } = this.#trackers;
    for (const { value } of vpc.desiredEntries()) out.add(vpcOfValue('vpc', value));
    for (const { value } of vpc.actual()) out.add(vpcOfValue('vpc', value));
    return out;
  }

  /** VPCs that pending writes concern; all of them for tables that belong to none. */
  #vpcsOfChanges(): Set<number> {
    const out = new Set<number>();
    const byVni = new Map<string, number>();
    const { vpc } = this.#trackers;
    for (const entries of [vpc.actual(), vpc.desiredEntries()]) {
      for (const { key, value } of entries) {
        byVni.set(decodeKey('vpc', key), vpcOfValue('vpc', value));
      }
    }
    for (const table of TABLE_NAMES) {
      for (const { key, value } of this.#trackers[table].changes()) {
        const index = vpcIndexOf(table, key, value, byVni);
        if (index === 'all') return this.#allVpcs();
        if (index !== undefined) out.add(index);
      }
    }
    for (const index of this.#peersOf(out, byVni)) out.add(index);
    return out;
  }

  /** VPCs that are peered with these: their records may hold what these say. */
  #peersOf(vpcs: ReadonlySet<number>, byVni: ReadonlyMap<string, number>): Set<number> {
    const out = new Set<number>();
    for (const { key } of this.#trackers.nat_prefix.actual()) {
      const [from, to] = decodeKey('nat_prefix', key)
        .split('/', 2)
        .map((vni) => byVni.get(vni));
      if (from !== undefined && to !== undefined && vpcs.has(from)) out.add(to);
    }
    return out;
  }

  /** Indexes of endpoints that no device will have any more. */
  #endpointsGoing(): number[] {
    const { ep } = this.#trackers;
    const going = new Set<number>();
    // also where a device stays and its endpoint becomes another
    for (const { value } of ep.leaving()) going.add(endpointOfValue(value));
    if (going.size === 0) return [];
    for (const { value } of ep.desiredEntries()) going.delete(endpointOfValue(value));
    return [...going];
  }

  /** The next endpoint with this index starts to count at 0. */
  #clearCounters(endpoints: readonly number[]): void {
    const map = this.deps.maps.ep_stats;
    for (const index of endpoints) {
      const key = new Uint8Array(new Uint32Array([index]).buffer);
      map.update(key, new Uint8Array(map.valueSize));
    }
  }
}
