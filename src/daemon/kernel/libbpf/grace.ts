// SPDX-License-Identifier: Apache-2.0
/** Waits for BPF programs that are running. */
import { setTimeout as sleep } from 'node:timers/promises';
import { grace as native } from './native.js';

/** Where the kernel cannot say: longer than any walk takes, ms. */
const LONG_MS = 50;

/** Until every program that began before the call has ended. */
export async function grace(): Promise<void> {
  const error = await new Promise<number>((resolve, reject) => {
    native.async((failure: Error | null, result: number) => {
      if (failure) reject(failure);
      else resolve(result);
    });
  });
  if (error !== 0) await sleep(LONG_MS);
}
