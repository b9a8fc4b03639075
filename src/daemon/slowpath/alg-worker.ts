// SPDX-License-Identifier: Apache-2.0
/**
 * The thread that serves ALGs: it waits for packets on the daemon's device, and its calls block.
 * See alg-gateway.ts for the other side.
 */
import { join } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { LibbpfLoader } from '../kernel/libbpf/index.js';
import { TapPort } from '../kernel/tap/tap.js';
import type { BpfObject } from '../ports/bpf.js';
import { AlgEngine } from './alg-engine.js';
import { SharedCounts } from './counts.js';
import { AlgMaps } from './kernel-maps.js';

/** What the main thread hands over. */
export interface AlgWorkerData {
  readonly tapFd: number;
  readonly stopFd: number;
  readonly ifindex: number;
  /** Where maps are pinned. */
  readonly mapDir: string;
  /** Where the program alg_expect is pinned. */
  readonly programDir: string;
  readonly counts: SharedArrayBuffer;
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

function run(data: AlgWorkerData, replaced: () => string | undefined): void {
  const loader = new LibbpfLoader();
  const expect = new ExpectProgram(loader, data.programDir);
  const maps = new AlgMaps(
    (name) => loader.openPinnedMap(join(data.mapDir, name)),
    () => expect.program,
  );
  const engine = new AlgEngine({ kernel: maps, counts: new SharedCounts(data.counts) });
  const tap = new TapPort(data.tapFd, data.stopFd);
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
    const frames = tap.read(WAIT_MS);
    if (frames === undefined) break;
    const now = performance.now() / 1000;
    for (const frame of frames) for (const out of engine.take(frame, now)) tap.write(out);
  }
  maps.alive(0);
}

const port = parentPort;
if (port) {
  run(workerData as AlgWorkerData, () => {
    const message = receiveMessageOnPort(port) as { message: NewPrograms } | undefined;
    return message?.message.programDir;
  });
}
