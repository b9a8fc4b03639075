// SPDX-License-Identifier: Apache-2.0
/**
 * The thread that waits for ring buffer records and posts them in batches. Its calls block, so
 * it does nothing else. See ring.ts for the other side.
 */
import { constants } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { callError } from './check.js';
import { ring as native, system } from './native.js';

/** What the main thread hands over. */
export interface RingWorkerData {
  readonly mapFd: number;
  readonly mapName: string;
  readonly stopFd: number;
  /** Words: batches posted and not yet taken; not zero when the reader should end. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

/** Bytes of one batch. */
const ROOM = 256 * 1024;
/** Batches that may wait: then records stay in the kernel's ring, which counts what it loses. */
const PENDING_MAX = 16;
/** A blocking call delays the end of the process by at most this. */
const WAIT_MS = 250;

function run(data: RingWorkerData, post: (batch: Uint8Array<ArrayBuffer>) => void): void {
  const object = `map ${data.mapName}`;
  const ring = native.open(data.mapFd, data.stopFd);
  if (ring === null) throw callError('ring_buffer__new', object, system.errno());
  const room = new Uint8Array(ROOM);
  try {
    for (;;) {
      const bytes = native.read(ring, room, room.length, WAIT_MS);
      if (bytes === -constants.errno.ECANCELED) return;
      if (bytes < 0) throw callError('ring_buffer__consume', object, -bytes);
      if (bytes === 0) continue;
      Atomics.add(data.shared, 0, 1);
      post(room.slice(0, bytes));
      for (;;) {
        const pending = Atomics.load(data.shared, 0);
        if (pending < PENDING_MAX || Atomics.load(data.shared, 1) !== 0) break;
        Atomics.wait(data.shared, 0, pending, WAIT_MS);
      }
    }
  } finally {
    native.close(ring);
  }
}

const port = parentPort;
if (port) {
  run(workerData as RingWorkerData, (batch) => {
    port.postMessage(batch, [batch.buffer]);
  });
}
