// SPDX-License-Identifier: Apache-2.0
/** What the monitor's two threads tell each other. */

/** What the worker is started with. */
export interface MonitorWorkerData {
  readonly fd: number;
  /** Becomes readable when the worker must end. */
  readonly stopFd: number;
  /** The words PENDING and STOP. */
  readonly shared: SharedArrayBuffer;
}

/** What the worker posts: datagrams end to end, or that some were lost. */
export type MonitorPost = Uint8Array | 'overrun';

/** Number of posts not yet taken. */
export const PENDING = 0;
/** Not 0: the worker must end. */
export const STOP = 1;
/** Bytes of the shared words. */
export const SHARED_BYTES = 8;
