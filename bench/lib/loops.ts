// SPDX-License-Identifier: Apache-2.0
/**
 * The programs in the loops of bench/bpf, on maps of a chosen size: one slice of many packets by
 * BPF_PROG_TEST_RUN, whose every packet was sent the way it should have been, or an error.
 *
 * The ageing wheel stands still, so that nothing runs between the rounds; the clock is moved by a
 * second before each slice, so that the first packet of each flow writes its time as it would.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseAddress, parseMac } from '../../src/base/net.js';
import { ageNodesFor } from '../../src/daemon/datapath/settings.js';
import type { LoadSettings, TestProgram } from '../../test/support/programs.js';
import { HOOKS, Rig, type Hook, type ProgramName } from '../../test/support/rig.js';
import {
  A,
  B,
  DROPLET_MAC,
  frame,
  PAYLOAD,
  REMOTE,
  tunnel,
  VNI,
  VTEP,
  WORLD,
  type Family,
} from './world.js';

export const BENCH_OBJECTS = ['yardstick', 'minimal', 'loop_agent', 'loop_transit'] as const;
/** For translation, whose loops put more of the packet back. */
export const FRESH_OBJECTS = ['yardstick', 'fresh_agent', 'fresh_transit'] as const;

const UDP_AND_PAYLOAD = 8 + PAYLOAD;
/** The share of single calls that is kept: the slowest were interrupted. */
const KEPT = 0.9;

export type Kind = 'encap' | 'near' | 'decap';

/** One kind of packet on one hook. */
export interface Path {
  readonly hook: Hook;
  readonly kind: Kind;
  /** 0: no tunnel. */
  readonly outer: 0 | Family;
  readonly inner: Family;
}

export const PROGRAM: Readonly<Record<Kind, ProgramName>> = {
  encap: 'agent',
  near: 'agent',
  decap: 'transit',
};

const FAMILIES: readonly Family[] = [4, 6];

export const PATHS: readonly Path[] = (['xdp', 'tc'] as const).flatMap((hook) => [
  ...FAMILIES.flatMap((outer) =>
    FAMILIES.map((inner): Path => ({ hook, kind: 'encap', outer, inner })),
  ),
  ...FAMILIES.map((inner): Path => ({ hook, kind: 'near', outer: 0, inner })),
  ...FAMILIES.flatMap((outer) =>
    FAMILIES.map((inner): Path => ({ hook, kind: 'decap', outer, inner })),
  ),
]);

export const pathName = (p: Path): string =>
  `${p.hook}/${p.kind}/${p.outer === 0 ? '' : `v${p.outer}-`}v${p.inner}`;

/** tc cannot undo these (bench/bpf/loop.h): one packet a call. */
export const runsOnce = (p: Path): boolean =>
  p.hook === 'tc' && (p.kind === 'encap' || (p.kind === 'decap' && p.outer !== p.inner));

/** Entry and frame of a path's packets. */
export function pathFrame(p: Path): Uint8Array {
  if (p.kind === 'near' || p.outer === 0) return frame(p.inner, A, B);
  const remote = REMOTE[p.outer];
  return p.kind === 'encap'
    ? frame(p.inner, A, remote)
    : tunnel(p.outer, frame(p.inner, remote, A));
}

/** Where the innermost ports are: UDP header and payload end the frame. */
const portsOffset = (bytes: Uint8Array): number => bytes.length - UDP_AND_PAYLOAD;

/** As vary_write() in bench/bpf/vary.h. */
function writePorts(bytes: Uint8Array, offset: number, flow: number, swapped: boolean): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset);
  view.setUint16(swapped ? 2 : 0, 0x8000 | (flow & 0x7fff));
  view.setUint16(swapped ? 0 : 2, 0x1000 + (flow >>> 15));
}

export type Flows = number | 'new';

export class Loops {
  readonly rig: Rig;
  /** What further objects are to be loaded with. */
  readonly settings: LoadSettings;
  #next = 0;
  #clock = 1000;
  #targets = { base: 0, stride: 0, count: 0 };
  readonly #learned = new Set<string>();

  /** records: the flow table's size. Other tables and settings as given. */
  constructor(
    readonly records = 262_144,
    more: {
      readonly maxEntries?: Record<string, number>;
      readonly rodata?: Record<string, number>;
      readonly hooks?: readonly Hook[];
      readonly objects?: readonly string[];
    } = {},
  ) {
    const nodes = ageNodesFor(records, more.maxEntries?.nat_map);
    const settings = {
      maxEntries: {
        flow: records,
        age_node: nodes,
        ...(more.maxEntries?.nat_map === undefined ? {} : { nat: nodes }),
        bench_hash: records,
        min_flow: records,
        ...more.maxEntries,
      },
      rodata: { cfg_age_nodes: nodes, ...more.rodata },
    };
    this.settings = settings;
    this.rig = new Rig(WORLD, { ...settings, ageing: false });
    for (const hook of more.hooks ?? HOOKS) {
      for (const object of more.objects ?? BENCH_OBJECTS) {
        this.rig.programs.load(`build/bench/bpf/${object}_${hook}.o`, settings);
      }
    }
  }

  close(): void {
    this.rig.close();
  }

  device(name: string): number {
    return this.rig.index.devices.get(name) ?? 0;
  }

  bare(hook: Hook): TestProgram {
    return this.program(`${hook}_bare`);
  }

  program(name: string): TestProgram {
    const program = this.rig.programs.programs.get(name);
    if (!program) throw new Error(`no program ${name}`);
    return program;
  }

  /** Where packets of a path enter. */
  entry(path: Path): number {
    return this.device(path.kind === 'decap' ? 'droplet' : 'a');
  }

  /**
   * Mean ns of one packet of a loop, which the kernel rounds down. Its flow is picked at random
   * from the first `flows`.
   */
  slice(program: string, bytes: Uint8Array, device: number, repeat: number, flows: Flows): number {
    this.tick();
    this.#aim(flows);
    const loaded = this.program(program);
    const { verdict, durationNs } = loaded.run(bytes, device, repeat);
    if (flows === 'new') this.#next += repeat;
    const sent = program.startsWith('xdp') ? 4 : 7;
    if (verdict !== sent) throw new Error(`${program}: verdict ${verdict}`);
    return durationNs;
  }

  /**
   * The same with one call a packet, which carries the cost of starting the clock. The kernel
   * counts whole ns; the mean is of the fastest 90 %, as the rest was interrupted.
   */
  single(program: string, bytes: Uint8Array, path: Path, repeat: number, flows: Flows): number {
    this.tick();
    const at = portsOffset(bytes);
    const loaded = this.program(program);
    const times: number[] = [];
    for (let i = 0; i < repeat; i++) {
      const flow = flows === 'new' ? this.#next++ : Math.floor(Math.random() * flows);
      writePorts(bytes, at, flow, path.kind === 'decap');
      times.push(loaded.run(bytes, this.entry(path)).durationNs);
    }
    const kept = times.sort((a, b) => a - b).slice(0, Math.ceil(repeat * KEPT));
    return kept.reduce((a, b) => a + b, 0) / kept.length;
  }

  /** Runs a slice and checks that every packet of it passed the node, and none was dropped. */
  through<T>(path: Path, node: 'FLOW' | 'WALK', packets: number, run: () => T): T {
    const before = this.rig.counts(PROGRAM[path.kind], path.hook);
    const out = run();
    const after = this.rig.counts(PROGRAM[path.kind], path.hook);
    const seen = (after.nodes[node] ?? 0) - (before.nodes[node] ?? 0);
    if (seen !== packets || after.dropped !== before.dropped) {
      const drops = JSON.stringify(after.drops);
      throw new Error(`${pathName(path)}: ${seen} of ${packets} through ${node}, drops ${drops}`);
    }
    return out;
  }

  /** Leaves records of the first `flows` connections between a and the path's other end, once. */
  learn(path: Path, flows: number): void {
    // the agent's walk leaves the tunnel's record too; XDP's records serve tc as well
    const way: Path = { ...path, hook: 'xdp', kind: path.kind === 'near' ? 'near' : 'encap' };
    if (this.#learned.has(pathName(way))) return;
    this.#learned.add(pathName(way));
    this.#next = 0;
    this.through(way, 'WALK', flows, () =>
      this.slice(loopName('walk', way), pathFrame(way), this.entry(way), flows, 'new'),
    );
  }

  /** The same for the hash that look-ups are compared with: both directions' entries. */
  fillHash(flows: number): void {
    this.#next = 0;
    this.slice('xdp_insert_04', frame(4, A, B), this.device('a'), flows, 'new');
  }

  /** The same for the minimal programs, IPv4 in IPv4; near: within the host. */
  fillMinimal(flows: number, near: boolean): void {
    const map = this.rig.map('min_action');
    const value = new Uint8Array(map.valueSize);
    const view = new DataView(value.buffer);
    value.set(parseMac(REMOTE[4].mac), 0);
    value.set(parseMac(A.mac), 6);
    value.set(parseMac(VTEP[4].mac), 12);
    value.set(parseMac(DROPLET_MAC), 18);
    value.set(parseAddress(VTEP[4].local).bytes.subarray(12), 24);
    value.set(parseAddress(VTEP[4].address).bytes.subarray(12), 28);
    view.setUint32(32, VNI, true);
    view.setUint32(36, this.device('droplet'), true);
    map.update(new Uint8Array(4), value);
    const there = frame(4, A, REMOTE[4]);
    const back = tunnel(4, frame(4, REMOTE[4], A));
    for (const [program, bytes] of near
      ? ([['xdp_min_learn_04', frame(4, A, B)]] as const)
      : ([
          ['xdp_min_learn_04', there],
          ['xdp_min_learn_44', back],
        ] as const)) {
      this.#next = 0;
      this.slice(program, bytes, this.device('a'), flows, 'new');
    }
  }

  /** Gives the kernel itself what it needs to forward from a to b. */
  routeByKernel(): void {
    const run = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
    const links = JSON.parse(run('-j', 'link')) as { ifindex: number; ifname: string }[];
    const to = links.find((l) => l.ifindex === this.device('b'))!.ifname;
    for (const { ifname } of links) run('link', 'set', ifname, 'up');
    for (const family of [4, 6] as const) {
      writeFileSync(`/proc/sys/net/ipv${family}/conf/all/forwarding`, '1');
      run('route', 'replace', B.address[family], 'dev', to);
      run('neigh', 'replace', B.address[family], 'lladdr', B.mac, 'dev', to);
    }
  }

  /** Starts new flows at a number nobody has used. */
  startAt(flow: number): void {
    this.#next = flow;
  }

  get next(): number {
    return this.#next;
  }

  /** Seconds, as the clock map shows them. */
  get clock(): number {
    return this.#clock;
  }

  tick(): void {
    const value = new Uint8Array(8);
    new DataView(value.buffer).setUint32(0, ++this.#clock, true);
    this.rig.map('clock').update(new Uint8Array(4), value);
  }

  /** Loops that vary the destination take one of `count` addresses, `stride` apart. */
  targets(base: number, stride: number, count: number): void {
    this.#targets = { base, stride, count };
  }

  #aim(flows: Flows): void {
    const value = new Uint8Array(24);
    const view = new DataView(value.buffer);
    view.setUint32(0, flows === 'new' ? 0 : flows, true);
    view.setUint32(4, 1 + Math.floor(Math.random() * 0xfffffffe), true);
    view.setUint32(8, this.#next, true);
    view.setUint32(12, this.#targets.count, true);
    view.setUint32(16, this.#targets.base, true);
    view.setUint32(20, this.#targets.stride, true);
    this.rig.map('bench').update(new Uint8Array(4), value);
  }
}

/** The loop around ours, or around a yardstick, for a path's frames. */
export function loopName(
  what: 'hit' | 'walk' | 'nothing' | 'lookup' | 'read' | 'insert' | 'fib' | 'minimal',
  p: Path,
): string {
  const families = `${p.outer}${p.inner}`;
  if (what === 'hit') return `${p.hook}_${PROGRAM[p.kind]}_${p.kind}_${families}`;
  if (what === 'walk') return `${p.hook}_walk_${p.kind}_${families}`;
  if (what === 'minimal') return `${p.hook}_min_${p.kind}_${p.kind === 'near' ? '04' : '44'}`;
  return `${p.hook}_${what}_${p.kind === 'decap' ? families : `0${p.inner}`}`;
}
