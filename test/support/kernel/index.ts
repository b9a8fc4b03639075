// SPDX-License-Identifier: Apache-2.0
import { LocalKernel } from './local.js';
import type { Kernel } from './port.js';
import { RemoteKernel } from './remote.js';

/** A pipe to a guest, as QEMU names it: PATH.in and PATH.out. */
const pipe = process.env.TRANSIT_TEST_KERNEL;

/** Whether tests run here and programs elsewhere. */
export const isRemote = pipe !== undefined;

/** The kernel that the tests of this process use. */
export const kernel: Kernel = pipe === undefined ? new LocalKernel() : new RemoteKernel(pipe);

/** Waits until the kernel has been up for longer: programs know no time before. */
export function upFor(seconds: number): void {
  const up = Number(kernel.now() / 1_000_000_000n);
  if (up <= seconds) kernel.command('sleep', String(seconds - up + 1));
}

export type * from './port.js';
