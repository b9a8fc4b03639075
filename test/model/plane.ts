// SPDX-License-Identifier: Apache-2.0
/**
 * The real data plane of one hook: compiled programs on real maps, configured the product's own way
 * (calculation, driver). No ageing runs: the clock stands still at zero.
 */
import { createHash } from 'node:crypto';
import { ABI, heldTag } from '../../src/maps/index.js';
import { silentLogger } from '../../src/base/log.js';
import { Calculator, IndexAllocator, TABLE_NAMES } from '../../src/daemon/calc/index.js';
import { DROPLET_MAC, limits } from '../calc/support.js';
import { IndexReuse } from '../../src/daemon/datapath/index-reuse.js';
import { Driver } from '../../src/daemon/datapath/index.js';
import type { BpfMap } from '../../src/daemon/ports/bpf.js';
import { Programs, type TestMap } from '../support/programs.js';
import { numbered, VERDICTS, type Hook, type Verdict } from '../support/rig.js';
import { WAN_MAC } from './arrivals.js';
import { forgetTranslation } from './nat-state.js';
import { OutsideFacts } from './outside-facts.js';
import { WAN_MTU } from './outside.js';
import type { Packet } from './packets.js';
import { HOST, OUTSIDE, type Change } from './scene.js';

/** Arrays that the daemon writes, but for the generations and counters. */
const ARRAYS = [
  ...['nh', 'nh_group', 'timeout', 'limit'],
  ...['nat_ext', 'nat_ext_of', 'nat_gw', 'nat_sub', 'service_timeout'],
  ...['pol_prog', 'pol_ep'],
];
const HASHES = TABLE_NAMES.filter((name) => !ARRAYS.includes(name));
const SMALL = 64;
const PROGRAMS = 127;
/** Room for records and for first fragments. */
export interface Room {
  readonly flows: number;
  readonly fragments: number;
}
const ALL: Room = { flows: 110, fragments: 60 };
/** Small tables are filled by some histories. */
const FEW: Room = { flows: 24, fragments: 3 };
const AGE_NODES = 4096;
const PUBLIC_ADDRESSES = 15;
const MAPPINGS = 1024;
/** Of tables that are no arrays: to look through an empty table takes as long as it is large. */
const ROWS = 512;
const NAMES = { drop: numbered('reasons.h', 'REASON'), node: numbered('nodes.h', 'NODE') };
export const NODE_NAMES: ReadonlySet<string> = new Set(NAMES.node.map(([name]) => name));
/** struct counters_val: six sums, then drops, then nodes. */
const FIRST_DROP = 6;
const FIRST_NODE = FIRST_DROP + 64;
const COUNTERS = FIRST_NODE + 40;
const SUMS = ['received', '', 'sent', 'passed', 'punted', 'generated'];

/** The driver's view of a map. */
export function port(map: TestMap): BpfMap {
  const batch = (keys: Uint8Array, count: number, each: (i: number, key: Uint8Array) => void) => {
    for (let i = 0; i < count; i++) each(i, keys.slice(i * map.keySize, (i + 1) * map.keySize));
  };
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
      batch(keys, count, (i, key) => {
        map.update(key, values.slice(i * map.valueSize, (i + 1) * map.valueSize));
      });
    },
    deleteBatch: (keys, count) => {
      let there = 0;
      batch(keys, count, (_, key) => {
        if (map.delete(key)) there++;
      });
      return there;
    },
    entries: () => ({ keys: new Uint8Array(), values: new Uint8Array(), count: 0 }),
    count: () => map.keys().length,
    close: () => undefined,
  };
}

const LOG = silentLogger();

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

export interface Ran {
  readonly verdict: Verdict;
  readonly data: Uint8Array;
  /** What was counted, as sorted text. */
  readonly counted: string;
  /** Where it was redirected to, when that is noted. */
  readonly redirect: { readonly ifindex: number; readonly peer: boolean } | undefined;
}

export class Plane {
  private readonly programs = new Programs();
  private readonly ports: Record<string, BpfMap>;
  /** Of the build that notes redirects: test/fuzz/bpf/record.h. */
  private readonly note: TestMap | undefined;
  private readonly before: Record<'agent' | 'transit', number[]>;
  private indexes!: IndexAllocator;
  private calculator!: Calculator;
  private driver!: Driver;
  private outside!: OutsideFacts;
  private reuse!: IndexReuse;

  constructor(
    readonly hook: Hook,
    directory: string,
    private readonly devices: ReadonlyMap<string, number>,
  ) {
    const maxEntries = {
      ...Object.fromEntries(HASHES.map((name) => [name, ROWS])),
      flow: ALL.flows,
      frag: ALL.fragments,
      age_node: AGE_NODES,
      nat: AGE_NODES,
      nat_ext: PUBLIC_ADDRESSES + 1,
      nat_block: 1 + PUBLIC_ADDRESSES * ABI.NAT_EXT_BLOCKS,
      nat_lease: SMALL,
      nat_map: MAPPINGS,
      ...Object.fromEntries(
        [
          ...ARRAYS.filter((name) => name !== 'nat_ext'),
          ...['vpc_gen', 'icmp_limit', 'ep_stats'],
        ].map((name) => [name, SMALL]),
      ),
      pol_prog: PROGRAMS + 1,
      pol_hit: ROWS + 1,
      limit: 2 * SMALL,
      limit_use: 2 * SMALL,
    };
    const settings = { maxEntries, rodata: { cfg_age_nodes: AGE_NODES } };
    for (const what of ['agent', 'transit'])
      this.programs.load(`${directory}/${what}_${hook}.o`, settings);
    // has tables that no other program reads; it does not run here
    this.programs.load(`${directory}/../bpf/age.o`, settings);
    this.note = this.programs.maps.get('fuzz_redirect');
    this.ports = Object.fromEntries(
      [
        ...TABLE_NAMES,
        'vpc_gen',
        'ep_stats',
        'pol_epoch',
        'limit_use',
        'nat_lease',
        'nat_block',
      ].map((name) => [name, port(this.map(name))]),
    );
    // made by the ageing program, which does not run here: any numbers do that are not related
    const seed = Array.from({ length: 12 }, (_, i) =>
      createHash('sha256').update(`${i}`).digest().readBigUInt64LE(),
    );
    this.map('flow_seed').update(u32(0), new Uint8Array(BigUint64Array.from(seed).buffer));
    this.before = { agent: this.counters('agent'), transit: this.counters('transit') };
  }

  /**
   * Forgets everything.
   * @param translates then no table is full: that would hide what became of a mapping
   * @param daemon its device, when it runs
   * @returns the room there is
   */
  async reset(translates: boolean, daemon?: number): Promise<Room> {
    const room = translates ? ALL : FEW;
    for (const name of [...HASHES, 'flow', 'frag']) this.map(name).clear();
    for (const name of [...ARRAYS, 'vpc_gen', 'icmp_limit', 'ep_stats', 'limit_use'])
      this.map(name).fill(
        name === 'nat_ext' ? PUBLIC_ADDRESSES + 1 : name.startsWith('limit') ? 48 : 24,
      );
    // what nobody's packet is named takes the room away
    this.map('flow').fill(ALL.flows - room.flows);
    this.map('frag').fill(ALL.fragments - room.fragments);
    this.map('pol_prog').fill(PROGRAMS + 1);
    forgetTranslation((name) => this.map(name), 24);
    this.map('age').update(u32(0), new Uint8Array(this.map('age').valueSize));
    // alive at second zero, where the clock stands
    this.map('alg_dev').update(u32(0), new Uint8Array(Uint32Array.of(daemon ?? 0, 0).buffer));
    const policies = { polBlock: ROWS, polProgram: PROGRAMS, polClass: 2 ** 20, rule: ROWS };
    this.indexes = new IndexAllocator({ limits: { ...limits(SMALL - 1), ...policies } });
    const { indexes } = this;
    this.calculator = new Calculator({ indexes }, { host: HOST, vxlanPort: 4789 });
    this.driver = new Driver({
      maps: this.ports as never,
      log: LOG,
      pause: () => Promise.resolve(),
      mark: { left: false, set: () => undefined, clear: () => undefined },
    });
    this.driver.readActual();
    await this.driver.sync();
    const wire = this.device('wire');
    this.calculator.droplet({
      droplet: HOST,
      device: { ifindex: wire, mtu: 1500, mac: DROPLET_MAC },
    });
    const wan = { ifindex: this.device('wan'), mtu: WAN_MTU, mac: WAN_MAC };
    this.calculator.droplet({ droplet: OUTSIDE, device: wan });
    this.outside = new OutsideFacts(wan.ifindex);
    this.reuse = new IndexReuse({ indexes, maps: this.ports as never });
    return room;
  }

  /** As the daemon does it: calculation, maps, generations, indexes. */
  async change(change: Change): Promise<void> {
    this.calculator.objects(change.objects);
    for (const [endpoint, choice] of Object.entries(change.devices)) {
      const device = choice && {
        ifindex: this.device(choice.slot),
        mtu: choice.mtu,
        vethPeer: choice.vethPeer,
      };
      this.calculator.device({ endpoint, device });
    }
    for (const [vtep, choice] of Object.entries(change.ways)) {
      const way = choice && { ...choice, ifindex: this.device('wire') };
      this.calculator.underlay({ vtep, way });
    }
    for (const fact of this.outside.apply(change)) this.calculator.outside(fact);
    const delta = this.calculator.flush();
    for (const { space, key } of delta.released) this.indexes.release(space, key);
    await this.driver.apply(delta);
    for (const { space, key } of delta.released) this.reuse.free(space, key);
    this.reuse.look();
    const [missing] = this.driver.missing();
    if (missing) throw new Error(`an entry does not fit: ${JSON.stringify(missing)}`);
  }

  run(from: Packet['from'], frame: Uint8Array): Ran {
    const what = typeof from === 'string' ? 'transit' : 'agent';
    const { note } = this;
    note?.update(u32(0), new Uint8Array(note.valueSize));
    const ifindex = this.device(from);
    const result = this.programs.programs.get(`${this.hook}_${what}`)!.run(frame, ifindex);
    const verdict = VERDICTS[this.hook].get(result.verdict);
    if (!verdict) throw new Error(`verdict ${result.verdict}`);
    const now = this.counters(what);
    const counted = describe(now, this.before[what]);
    this.before[what] = now;
    const data = counted.includes('punted') ? result.data.slice(heldTag.size) : result.data;
    return { verdict, data, counted, redirect: note && redirectOf(note) };
  }

  /** Counters of the endpoint with these first address and VNI: packets, bytes, drops. */
  endpoint(identity: string): readonly number[] {
    const bytes = this.map('ep_stats').lookup(u32(this.indexes.endpoint(identity)))!;
    const sums = sum(bytes, 6);
    return sums.slice(0, 5);
  }

  device(which: Packet['from']): number {
    return this.devices.get(typeof which === 'string' ? which : `d${which}`) ?? 0;
  }

  /** Where packets enter that come by a device. */
  entryOf(ifindex: number): Packet['from'] | undefined {
    const name = [...this.devices].find(([, number]) => number === ifindex)?.[0];
    if (name === 'wire' || name === 'wan') return name;
    return name === undefined ? undefined : Number(name.slice(1));
  }

  close(): void {
    this.programs.close();
  }

  private map(name: string): TestMap {
    const map = this.programs.maps.get(name);
    if (!map) throw new Error(`no map ${name}`);
    return map;
  }

  private counters(what: 'agent' | 'transit'): number[] {
    const slot = (what === 'transit' ? 0 : 2) + (this.hook === 'xdp' ? 0 : 1);
    return sum(this.map('counters').lookup(u32(slot))!, COUNTERS);
  }
}

/** struct redirect_val of test/fuzz/bpf/record.h. */
function redirectOf(note: TestMap): NonNullable<Ran['redirect']> {
  const [, ifindex = 0, peer = 0] = new Uint32Array(note.lookup(u32(0))!.buffer);
  return { ifindex, peer: peer === 1 };
}

/** Of all CPUs; no test counts beyond 32 bits. */
function sum(bytes: Uint8Array, count: number): number[] {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const out = new Array<number>(count).fill(0);
  for (let cpu = 0; cpu < words.length; cpu += 2 * count)
    for (let i = 0; i < count; i++) out[i]! += words[cpu + 2 * i]!;
  return out;
}

const LABELS: readonly string[] = Array.from({ length: COUNTERS }, (_, i) => {
  if (i < FIRST_DROP) return SUMS[i] ?? '';
  const list = i < FIRST_NODE ? NAMES.drop : NAMES.node;
  const number = i < FIRST_NODE ? i - FIRST_DROP : i - FIRST_NODE;
  const name = list.find(([, n]) => n === number)?.[0] ?? `${number}`;
  return i < FIRST_NODE ? `drop ${name}` : name;
});

function describe(now: readonly number[], before: readonly number[]): string {
  const out: string[] = [];
  for (let i = 0; i < COUNTERS; i++) {
    const change = now[i]! - before[i]!;
    if (change !== 0 && LABELS[i] !== '')
      out.push(change === 1 ? LABELS[i]! : `${LABELS[i]!} ${change}`);
  }
  return out.sort().join(', ');
}
