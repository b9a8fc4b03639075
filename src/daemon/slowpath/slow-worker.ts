// SPDX-License-Identifier: Apache-2.0
/**
 * The thread of the slow path: it waits for packets on the daemon's device, and its calls block.
 * See slow-path.ts for the other side.
 */
import { join } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LibbpfLoader } from '../kernel/libbpf/index.js';
import { TapPort } from '../kernel/tap/tap.js';
import type { BpfObject } from '../ports/bpf.js';
import { AlgEngine } from './alg-engine.js';
import { ALG_COUNTS, FRAGMENT_COUNTS, SharedCounts } from './counts.js';
import { FragmentHolder, isFragment } from './fragment-holder.js';
import { SlowPathMaps } from './kernel-maps.js';

/** What the main thread hands over. */
export interface SlowWorkerData {
  readonly tapFd: number;
  readonly stopFd: number;
  readonly ifindex: number;
  /** Where maps are pinned. */
  readonly mapDir: string;
  /** Where the program alg_expect is pinned. */
  readonly programDir: string;
  readonly counts: { readonly algs: SharedArrayBuffer; readonly fragments: SharedArrayBuffer };
}

/** A message to the worker: the programs were replaced. */
export interface NewPrograms {
  readonly programDir: string;
}

const WAIT_MS = 250;
const ALIVE_S = 1;
const SWEEP_S = 30;

/** The program of the build that runs. */
class ExpectProgram {
  #object: BpfObject;

  constructor(
    private readonly loader: LibbpfLoader,
    dir: string,
  ) {
    this.#object = loader.loadPinned(dir);
  }

  get program() {
    const program = this.#object.programs.get('alg_expect');
    if (program === undefined) throw new Error('alg_expect is not pinned');
    return program;
  }

  replace(dir: string): void {
    const before = this.#object;
    this.#object = this.loader.loadPinned(dir);
    before.close();
  }
}

function run(data: SlowWorkerData, replaced: () => string | undefined): void {
  const loader = new LibbpfLoader();
  const expect = new ExpectProgram(loader, data.programDir);
  const maps = new SlowPathMaps(
    (name) => loader.openPinnedMap(join(data.mapDir, name)),
    () => expect.program,
  );
  const tap = new TapPort(data.tapFd, data.stopFd);
  const engine = new AlgEngine({
    kernel: maps,
    counts: new SharedCounts(data.counts.algs, ALG_COUNTS),
  });
  const fragments = new FragmentHolder({
    counts: new SharedCounts(data.counts.fragments, FRAGMENT_COUNTS),
    passed: (id) => maps.hasFirst(id),
    giveBack: (frame) => tap.write(frame),
  });
  let alive = -Infinity;
  let swept = performance.now() / 1000;
  for (;;) {
    const before = performance.now() / 1000;
    if (before - alive >= ALIVE_S) {
      maps.alive(data.ifindex);
      alive = before;
    }
    if (before - swept >= SWEEP_S) {
      engine.sweep();
      swept = before;
    }
    const dir = replaced();
    if (dir !== undefined) expect.replace(dir);
    const wait = Math.min(WAIT_MS, Math.max(0, Math.ceil((fragments.next - before) * 1000)));
    const frames = tap.read(wait);
    if (frames === undefined) break;
    const now = performance.now() / 1000;
    for (const frame of frames) {
      if (isFragment(frame)) fragments.take(frame, now);
      else for (const out of engine.take(frame, now)) tap.write(out);
    }
    fragments.look(now);
  }
  maps.alive(0);
  fragments.close();
}

const port = parentPort;
if (port) {
  run(workerData as SlowWorkerData, () => {
    const message = receiveMessageOnPort(port) as { message: NewPrograms } | undefined;
    return message?.message.programDir;
  });
}
