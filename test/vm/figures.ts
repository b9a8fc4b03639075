// SPDX-License-Identifier: Apache-2.0
/**
 * Loads every object under every combination of settings given, by the daemon's own loader, and
 * writes what the kernel says of each program, one JSON line each. Runs on the host and in guests.
 *
 * usage: node figures.js COMBINATIONS.json OUT.jsonl
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { release } from 'node:os';
import koffi from 'koffi';
import { KernelProgram } from '../../src/daemon/kernel/libbpf/program.js';
import { LibbpfLoader } from '../../src/daemon/kernel/libbpf/index.js';
import { objectPath, OBJECTS } from '../support/rig.js';
import type { Rodata } from './settings.js';

/** What one kernel says of one program under one combination of settings. */
export interface Figure {
  readonly kernel: string;
  readonly object: string;
  readonly program: string;
  readonly settings: Rodata;
  /** Instructions that the verifier went through. */
  readonly verifiedInsns: number;
  /** Program after the verifier's rewriting, bytes. */
  readonly xlatedBytes: number;
  /** Machine code, bytes. */
  readonly jitedBytes: number;
  /** Time of opening and loading the whole object. */
  readonly objectLoadMs: number;
}

/** Maps of one load, which the daemon does not share between objects either. */
const WALK = ['scratch', 'scratch_walk', 'scratch_pol'];
const FORWARDING = ['stages', ...WALK, 'scratch_nat', 'scratch_plan'];
const PRIVATE_MAPS: Readonly<Partial<Record<string, readonly string[]>>> = {
  age: [],
  alg: [...FORWARDING, 'scratch_expect'],
  judge: WALK,
};
/** Of struct bpf_prog_info in linux/bpf.h: stable, since user space reads it. */
const INFO = { bytes: 232, jited: 16, xlated: 20, verified: 216 } as const;

const infoByFd = koffi
  .load('libbpf.so.1')
  .func('int bpf_obj_get_info_by_fd(int fd, void *info, uint32_t *length)');

function sizes(program: KernelProgram) {
  const info = new Uint8Array(INFO.bytes);
  const error = infoByFd(program.fd, info, Uint32Array.of(info.length)) as number;
  if (error !== 0) throw new Error(`information about ${program.name}: ${error}`);
  const view = new DataView(info.buffer);
  return {
    verifiedInsns: view.getUint32(INFO.verified, true),
    xlatedBytes: view.getUint32(INFO.xlated, true),
    jitedBytes: view.getUint32(INFO.jited, true),
  };
}

function* load(loader: LibbpfLoader, object: string, settings: Rodata): Generator<Figure> {
  const started = performance.now();
  const loaded = loader.load({
    path: objectPath(object),
    pinDir: '/sys/fs/bpf/figures',
    rodata: settings,
    privateMaps: PRIVATE_MAPS[object] ?? FORWARDING,
  });
  const objectLoadMs = Math.round((performance.now() - started) * 10) / 10;
  for (const [name, program] of loaded.programs) {
    if (!(program instanceof KernelProgram)) throw new Error(`${name} is not of this kernel`);
    const figures = sizes(program);
    yield { kernel: release(), object, program: name, settings, ...figures, objectLoadMs };
  }
  loaded.close();
}

function main(combinations: string, out: string): void {
  execFileSync('mount', ['-t', 'bpf', 'bpf', '/sys/fs/bpf']);
  const loader = new LibbpfLoader();
  writeFileSync(out, '');
  for (const settings of JSON.parse(readFileSync(combinations, 'utf8')) as Rodata[]) {
    for (const object of OBJECTS) {
      try {
        for (const figure of load(loader, object, settings)) {
          appendFileSync(out, `${JSON.stringify(figure)}\n`);
        }
      } catch (error) {
        const log = error instanceof Error && 'log' in error ? String(error.log) : '';
        const tail = log.trimEnd().split('\n').slice(-15).join('\n');
        console.error(`${object}.o with ${JSON.stringify(settings)}: ${String(error)}\n${tail}`);
        process.exitCode = 1;
      }
    }
  }
}

if (process.argv[2] !== undefined && process.argv[3] !== undefined) {
  main(process.argv[2], process.argv[3]);
}
