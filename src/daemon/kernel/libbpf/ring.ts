// SPDX-License-Identifier: Apache-2.0
/** Ring buffer records on the main thread, read by a worker (ring-worker.ts). */
import { closeSync } from 'node:fs';
import { startWorker } from '../worker.js';
import { check } from './check.js';
import type { KernelMap } from './map.js';
import { ring as native } from './native.js';
import type { RingWorkerData } from './ring-worker.js';

/** Records laid out by native/bpf_ring.c: length, data, padding to four bytes. */
function eachRecord(batch: Uint8Array, onRecord: (data: Uint8Array) => void): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.length);
  for (let at = 0; at < batch.length;) {
    const length = view.getUint32(at, true);
    onRecord(batch.subarray(at + 4, at + 4 + length));
    at += 4 + ((length + 3) & ~3);
  }
}

/**
 * Starts reading. map must stay open until stop() has resolved. onError gets what ended the
 * reading before stop(); without it, that is an uncaught exception.
 * @throws BpfError BPF_CALL
 */
export function consumeRing(
  map: KernelMap,
  onRecord: (data: Uint8Array) => void,
  onError?: (error: unknown) => void,
): { stop(): Promise<void> } {
  const stopFd = check(native.stopOpen(), 'eventfd', `map ${map.name}`);
  const shared = new Int32Array(new SharedArrayBuffer(8)); // see RingWorkerData
  const data: RingWorkerData = { mapFd: map.fd, mapName: map.name, stopFd, shared };
  const worker = startWorker(import.meta.url, 'ring-worker', data);
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      closeSync(stopFd);
      resolve();
    });
  });
  let running = true;
  void ended.then(() => {
    running = false;
  });
  worker.on('message', (batch: Uint8Array) => {
    eachRecord(batch, onRecord);
    Atomics.sub(shared, 0, 1);
    Atomics.notify(shared, 0);
  });
  if (onError) worker.on('error', onError);
  return {
    async stop(): Promise<void> {
      Atomics.store(shared, 1, 1);
      if (running) check(native.stopSignal(stopFd), 'eventfd_write', `map ${map.name}`);
      await ended;
    },
  };
}
