// SPDX-License-Identifier: Apache-2.0
/**
 * The thread that waits for the kernel's notifications. It only receives and posts; the main
 * thread reads them. Foreign calls are synchronous here: asynchronous ones in a worker crash.
 * When the main thread does not keep up, the worker stops receiving, so that what is too much
 * is lost in the kernel, which says so, and not piled up here.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { EAGAIN, EINTR, ENOBUFS, errnoName } from './errno.js';
import { loadLibc, MSG_DONTWAIT, POLLIN } from './libc.js';
import { PENDING, STOP, type MonitorPost, type MonitorWorkerData } from './monitor-protocol.js';

/** Posts the main thread may be behind. */
const MAX_PENDING = 64;
const CHUNK_BYTES = 128 * 1024;
/** More than the longest notification. */
const RESERVE_BYTES = 32 * 1024;
const align = (n: number): number => (n + 3) & ~3;

function run(data: MonitorWorkerData, post: (what: MonitorPost) => void): void {
  const libc = loadLibc();
  const shared = new Int32Array(data.shared);
  const chunk = Buffer.alloc(CHUNK_BYTES);
  const pollFds = Buffer.alloc(16); // two struct pollfd: fd s32, events s16, revents s16
  pollFds.writeInt32LE(data.fd, 0);
  pollFds.writeInt16LE(POLLIN, 4);
  pollFds.writeInt32LE(data.stopFd, 8);
  pollFds.writeInt16LE(POLLIN, 12);

  const deliver = (what: MonitorPost): void => {
    Atomics.add(shared, PENDING, 1);
    post(what);
  };
  const mustEnd = (): boolean => Atomics.load(shared, STOP) !== 0;

  while (!mustEnd()) {
    const pending = Atomics.load(shared, PENDING);
    if (pending >= MAX_PENDING) {
      Atomics.wait(shared, PENDING, pending);
      continue;
    }
    if (libc.poll(pollFds, 2, -1) < 0 && libc.errno() !== EINTR) {
      throw new Error(`poll: ${errnoName(libc.errno())}`);
    }
    let used = 0;
    let overrun = false;
    while (CHUNK_BYTES - used >= RESERVE_BYTES) {
      const n = libc.recv(data.fd, chunk.subarray(used), CHUNK_BYTES - used, MSG_DONTWAIT);
      if (n >= 0) {
        used += align(n);
        continue;
      }
      const errno = libc.errno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN) break;
      if (errno !== ENOBUFS) throw new Error(`recv: ${errnoName(errno)}`);
      overrun = true;
    }
    if (used > 0) deliver(Uint8Array.from(chunk.subarray(0, used)));
    if (overrun) deliver('overrun');
  }
}

const port = parentPort;
if (port) {
  run(workerData as MonitorWorkerData, (what) => {
    port.postMessage(what, typeof what === 'string' ? [] : [what.buffer as ArrayBuffer]);
  });
}
