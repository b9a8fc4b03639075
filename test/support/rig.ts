// SPDX-License-Identifier: Apache-2.0
/**
 * The programs in a world of their own: one test file runs in its own network and mount
 * namespace, with its own maps, devices that only lend their names, and all four programs
 * loaded. A packet goes in by BPF_PROG_TEST_RUN; what happened is read from the verdict, the
 * bytes and the counters.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Layouts, type Value } from './btf.js';
import { isRemote, kernel } from './kernel/index.js';
import { Programs, type Gso, type LoadSettings, type TestMap } from './programs.js';
import { entries, indexes, nexthopValue, type Entry, type Indexes, type World } from './world.js';

export type Hook = 'xdp' | 'tc';
/** alg has one hook: packets come back from the daemon on its own device. */
export type ProgramName = 'agent' | 'transit' | 'alg';
export type Verdict = 'sent' | 'passed' | 'dropped';

export const HOOKS: readonly Hook[] = ['xdp', 'tc'];
export const OBJECTS = [
  'transit_xdp',
  'transit_tc',
  'agent_xdp',
  'agent_tc',
  'alg',
  'age',
  'judge',
] as const;

const BUILD = fileURLToPath(new URL('../../build/bpf/', import.meta.url));
const EP_COUNTERS = [
  'tx_packets',
  'rx_packets',
  'tx_drops',
  'rx_drops',
  'tx_bytes',
  'rx_bytes',
] as const;
const INNER = 'TRANSIT_TEST_ISOLATED';

/** Verdicts by their numbers in linux/bpf.h and linux/pkt_cls.h. */
export const VERDICTS: Readonly<Record<Hook, ReadonlyMap<number, Verdict>>> = {
  xdp: new Map([
    [1, 'dropped'],
    [2, 'passed'],
    [3, 'sent'],
    [4, 'sent'],
  ]),
  tc: new Map([
    [2, 'dropped'],
    [0, 'passed'],
    [0xffffffff, 'passed'],
    [7, 'sent'],
  ]),
};

/** The numbers of an enum that a header lists as NAME(what, number, "text"). */
export function numbered(header: string, macro: string): [string, number][] {
  const url = new URL(`../../bpf/include/transit/${header}`, import.meta.url);
  const entries = readFileSync(url, 'utf8').matchAll(/\b([A-Z]+)\(([A-Z_0-9]+), (\d+),/g);
  return [...entries]
    .filter((m) => m[1] === macro)
    .map((m): [string, number] => [m[2] ?? '', Number(m[3])]);
}

export function objectPath(name: string): string {
  return `${BUILD}${name}.o`;
}

/**
 * Runs the calling file again in namespaces of its own. To be called first in a test file:
 * in the outer process it does not return.
 */
export function isolate(): void {
  if (isRemote) return; // all that is made is made in the guest
  if (process.env[INNER]) {
    execFileSync('mount', ['-t', 'bpf', 'bpf', '/sys/fs/bpf']);
    return;
  }
  const run = spawnSync(
    'unshare',
    ['--net', '--mount', '--fork', process.execPath, ...process.execArgv, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [INNER]: '1' } },
  );
  process.exit(run.status ?? 1);
}

export interface Counts {
  readonly received: number;
  readonly sent: number;
  readonly passed: number;
  readonly punted: number;
  readonly generated: number;
  readonly dropped: number;
  /** Reasons counted, by name. */
  readonly drops: Readonly<Record<string, number>>;
  /** Nodes visited, by name. */
  readonly nodes: Readonly<Record<string, number>>;
}

export type EndpointCounts = Readonly<Record<(typeof EP_COUNTERS)[number], number>>;

export interface Outcome {
  readonly verdict: Verdict;
  readonly data: Uint8Array;
  /** The reason counted, when exactly one was. */
  readonly reason: string | undefined;
  readonly counts: Counts;
  /** Counters that changed, by endpoint. */
  readonly endpoints: Readonly<Record<string, Partial<EndpointCounts>>>;
}

export interface RigSettings extends LoadSettings {
  /** false: the wheel stands still, and with it the clock. */
  readonly ageing?: boolean;
}

export class Rig {
  readonly programs = new Programs();
  readonly layouts = new Layouts(objectPath('agent_tc'));
  readonly index: Indexes;
  private readonly reasons = numbered('reasons.h', 'REASON');
  private readonly nodes = numbered('nodes.h', 'NODE');
  private readonly generations = new Map<string, number>();

  constructor(
    readonly world: World,
    settings: RigSettings = {},
    objects: readonly string[] = OBJECTS.map(objectPath),
  ) {
    this.index = indexes(world, makeDevices(['droplet', ...Object.keys(world.endpoints)]));
    for (const object of objects) this.programs.load(object, settings);
    for (const entry of entries(world, this.index)) this.write(entry);
    if (settings.ageing === false) this.seed();
    else this.programs.programs.get('age_start')?.run(new Uint8Array(64), 0);
  }

  /** What the start of ageing does besides: without a seed no flow has a name. */
  private seed(): void {
    const seed = this.map('flow_seed');
    seed.update(this.key(0), randomBytes(seed.valueSize));
  }

  map(name: string): TestMap {
    const map = this.programs.maps.get(name);
    if (!map) throw new Error(`no map ${name}`);
    return map;
  }

  key(entry: Entry['key']): Uint8Array {
    if (typeof entry !== 'number') return this.layouts.encode(entry.struct, entry.value);
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, entry, true);
    return key;
  }

  write(entry: Entry): void {
    this.map(entry.map).update(this.key(entry.key), this.layouts.encode(entry.struct, entry.value));
  }

  /** Changes some members of a VTEP's next hop, as the daemon does when a neighbour moves. */
  patchNexthop(name: string, changes: Readonly<Record<string, Value>>): void {
    const droplet = this.index.devices.get('droplet') ?? 0;
    const value = { ...(nexthopValue(this.world, name, droplet) as object), ...changes };
    const key = this.index.nexthops.get(name) ?? 0;
    this.write({ map: 'nh', key, struct: 'nh_val', value });
  }

  /** Makes every record of the VPC (or of all) walk again. */
  raiseGeneration(vpc?: string): void {
    for (const [name, index] of this.index.vpcs) {
      if (vpc !== undefined && vpc !== name) continue;
      const generation = (this.generations.get(name) ?? 0) + 1;
      this.generations.set(name, generation);
      this.map('vpc_gen').update(this.key(index), this.key(generation));
    }
  }

  /** Sums over CPUs and over both hooks or one of them. */
  counts(program: ProgramName, hook: Hook): Counts {
    return this.countsOf(this.map('counters').lookup(this.slotKey(program, hook)));
  }

  private slotKey(program: ProgramName, hook: Hook): Uint8Array {
    if (program === 'alg') return this.key(4);
    return this.key((program === 'transit' ? 0 : 2) + (hook === 'xdp' ? 0 : 1));
  }

  private countsOf(value: Uint8Array | undefined): Counts {
    const sum = this.sums(value, 'counters_val');
    const named = (values: readonly number[], names: readonly [string, number][]): object =>
      Object.fromEntries(names.flatMap(([name, i]) => (values[i] ? [[name, values[i]]] : [])));
    const drop = sum.get('drop') ?? [];
    const first = (name: string): number => sum.get(name)?.[0] ?? 0;
    return {
      received: first('received'),
      sent: first('sent'),
      passed: first('passed'),
      punted: first('punted'),
      generated: first('generated'),
      dropped: drop.reduce((a, b) => a + b, 0),
      drops: named(drop, this.reasons) as Record<string, number>,
      nodes: named(sum.get('node') ?? [], this.nodes) as Record<string, number>,
    };
  }

  endpointCounts(name: string): EndpointCounts {
    return this.endpointCountsOf(this.map('ep_stats').lookup(this.endpointKey(name)));
  }

  private endpointKey(name: string): Uint8Array {
    return this.key(this.index.endpoints.get(name) ?? 0);
  }

  private endpointCountsOf(value: Uint8Array | undefined): EndpointCounts {
    const sum = this.sums(value, 'ep_stats_val');
    return Object.fromEntries(EP_COUNTERS.map((c) => [c, sum.get(c)?.[0] ?? 0])) as Record<
      (typeof EP_COUNTERS)[number],
      number
    >;
  }

  /**
   * Runs a program on a frame without looking at counters. from: an endpoint, or 'droplet'; first:
   * see TestProgram.run.
   */
  inject(
    program: ProgramName,
    hook: Hook,
    from: string,
    frame: Uint8Array,
    gso?: Gso,
    first?: number,
  ): { verdict: Verdict; data: Uint8Array } {
    const name = program === 'alg' ? program : `${hook}_${program}`;
    const device = this.index.devices.get(from);
    if (device === undefined) throw new Error(`no device ${from}`);
    const result = this.programs.programs.get(name)!.run(frame, device, 1, { gso, first });
    const verdict = VERDICTS[program === 'alg' ? 'tc' : hook].get(result.verdict);
    if (!verdict) throw new Error(`${name} returned ${result.verdict}`);
    return { verdict, data: result.data };
  }

  run(
    program: ProgramName,
    hook: Hook,
    from: string,
    frame: Uint8Array,
    gso?: Gso,
    first?: number,
  ): Outcome {
    const names = [...this.index.endpoints.keys()];
    const before = this.everyCount(program, hook, names);
    const { verdict, data } = this.inject(program, hook, from, frame, gso, first);
    const after = this.everyCount(program, hook, names);
    const counts = difference(after.counts, before.counts);
    const endpoints: Record<string, Partial<EndpointCounts>> = {};
    names.forEach((name, i) => {
      const changed = numbers(after.endpoints[i]!, before.endpoints[i]!);
      if (Object.keys(changed).length > 0) endpoints[name] = changed;
    });
    const reasons = Object.keys(counts.drops);
    return {
      verdict,
      data,
      reason: reasons.length === 1 ? reasons[0] : undefined,
      counts,
      endpoints,
    };
  }

  close(): void {
    this.programs.close();
  }

  /** One question to the kernel, which may be far. */
  private everyCount(
    program: ProgramName,
    hook: Hook,
    names: readonly string[],
  ): { readonly counts: Counts; readonly endpoints: readonly EndpointCounts[] } {
    const stats = this.map('ep_stats');
    const [counts, ...endpoints] = kernel.lookupMany([
      this.map('counters').request(this.slotKey(program, hook)),
      ...names.map((name) => stats.request(this.endpointKey(name))),
    ]);
    return {
      counts: this.countsOf(counts),
      endpoints: endpoints.map((value) => this.endpointCountsOf(value)),
    };
  }

  /** Sums of the values of all CPUs. */
  private sums(bytes: Uint8Array | undefined, struct: string): Map<string, number[]> {
    if (!bytes) throw new Error(`no entry of ${struct}`);
    const step = (this.layouts.size(struct) + 7) & ~7;
    const out = new Map<string, number[]>();
    for (let at = 0; at < bytes.length; at += step) {
      const value = this.layouts.decode(struct, bytes.subarray(at, at + step));
      for (const [name, v] of Object.entries(value)) {
        const list = (Array.isArray(v) ? (v as bigint[]) : [v as bigint]).map(Number);
        out.set(
          name,
          list.map((n, i) => n + (out.get(name)?.[i] ?? 0)),
        );
      }
    }
    return out;
  }
}

function numbers(after: object, before: object): Record<string, number> {
  const old = new Map(Object.entries(before) as [string, number][]);
  return Object.fromEntries(
    (Object.entries(after) as [string, number][])
      .map(([name, value]): [string, number] => [name, value - (old.get(name) ?? 0)])
      .filter(([, value]) => value !== 0),
  );
}

function difference(after: Counts, before: Counts): Counts {
  return {
    received: after.received - before.received,
    sent: after.sent - before.sent,
    passed: after.passed - before.passed,
    punted: after.punted - before.punted,
    generated: after.generated - before.generated,
    dropped: after.dropped - before.dropped,
    drops: numbers(after.drops, before.drops),
    nodes: numbers(after.nodes, before.nodes),
  };
}

interface Link {
  readonly ifname: string;
  readonly ifindex: number;
}

/** A run needs an ifindex that exists; nothing is ever sent. Both ends of each pair serve. */
export function makeDevices(names: readonly string[]): Map<string, number> {
  const links = (): Link[] => JSON.parse(kernel.command('ip', '-j', 'link')) as Link[];
  const there = new Set(links().map((l) => l.ifname));
  for (let i = 0; i < names.length; i += 2) {
    if (there.has(`t${i}`)) continue; // of an earlier rig of the same file
    kernel.command(...`ip link add t${i} type veth peer name t${i + 1}`.split(' '));
  }
  const made = links();
  return new Map(names.map((name, i) => [name, made.find((l) => l.ifname === `t${i}`)!.ifindex]));
}
