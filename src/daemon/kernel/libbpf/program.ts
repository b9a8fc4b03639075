// SPDX-License-Identifier: Apache-2.0
/** A loaded program: what the kernel says of it, and test runs. */
import { closeSync } from 'node:fs';
import type { BpfProgram, TestRunOptions, TestRunResult } from '../../ports/bpf.js';
import { check } from './check.js';
import { program as native } from './native.js';

/** A program may grow the frame: two tunnels' headers fit. */
const GROWTH = 256;
/** Words of struct transit_test_run, native/bpf_info.c. */
const RUN_WORDS = 8;
/** struct transit_prog_info, native/bpf_info.c. */
const INFO = { id: 0, type: 4, verifiedInsns: 8, tag: 12, name: 20, bytes: 36 } as const;

function programInfo(fd: number, name: string): Uint8Array<ArrayBuffer> {
  const info = new Uint8Array(INFO.bytes);
  check(native.info(fd, info), 'bpf_obj_get_info_by_fd', `program ${name}`);
  return info;
}

/** The kernel's number of the program behind fd. name is for the error. */
export function programId(fd: number, name: string): number {
  return new DataView(programInfo(fd, name).buffer).getUint32(INFO.id, true);
}

export class KernelProgram implements BpfProgram {
  readonly name: string;
  readonly id: number;
  /** enum bpf_prog_type. */
  readonly type: number;
  readonly tag: string;
  readonly verifiedInsns: number | undefined;
  /** Ours until close(). */
  readonly fd: number;
  #open = true;

  /** Takes fd over. name is the full one: the kernel keeps 15 characters. */
  constructor(fd: number, name: string) {
    this.fd = fd;
    this.name = name;
    const info = programInfo(fd, name);
    const view = new DataView(info.buffer);
    this.id = view.getUint32(INFO.id, true);
    this.type = view.getUint32(INFO.type, true);
    this.tag = Buffer.from(info.subarray(INFO.tag, INFO.name)).toString('hex');
    const verified = view.getUint32(INFO.verifiedInsns, true);
    this.verifiedInsns = verified === 0 ? undefined : verified;
  }

  testRun(options: TestRunOptions): TestRunResult {
    const out = new Uint8Array(options.data.length + GROWTH);
    const run = Uint32Array.of(
      this.type,
      options.ifindex ?? 0,
      options.gsoSize ?? 0,
      options.gsoSegs ?? 0,
      options.repeat ?? 1,
      0,
      0,
      out.length,
    );
    const result = native.testRun(this.fd, options.data, options.data.length, out, run);
    check(result, 'bpf_prog_test_run_opts', `program ${this.name}`);
    const [verdict = 0, durationNs = 0, length = 0] = run.subarray(RUN_WORDS - 3);
    return { verdict, durationNs, data: out.subarray(0, length) };
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.fd);
  }
}
