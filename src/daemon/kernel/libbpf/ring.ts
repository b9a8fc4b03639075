// SPDX-License-Identifier: Apache-2.0
/** Ring buffer records on the main thread, read by a worker (ring-worker.ts). */
import { closeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { check } from './check.js';
import type { KernelMap } from './map.js';
import { ring as native } from './native.js';
import type { RingWorkerData } from './ring-worker.js';

/**
 * The worker's file beside this one: compiled, or TypeScript when tests run the sources. Hooks
 * that read TypeScript do not reach into workers, so that one brings its own.
 */
function startWorker(workerData: RingWorkerData): Worker {
  if (import.meta.url.endsWith('.js')) {
    return new Worker(new URL('./ring-worker.js', import.meta.url), { workerData });
  }
  const tsx = JSON.stringify(import.meta.resolve('tsx/esm/api'));
  const file = JSON.stringify(new URL('./ring-worker.ts', import.meta.url).href);
  const code = `import(${tsx}).then((tsx) => { tsx.register(); return import(${file}); })`;
  return new Worker(code, { eval: true, workerData, execArgv: [] });
}

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
  const worker = startWorker({ mapFd: map.fd, mapName: map.name, stopFd, shared });
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
