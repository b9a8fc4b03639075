// SPDX-License-Identifier: Apache-2.0
/** Following the kernel's changes: a subscribed socket, and a worker that waits on it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../../../base/log.js';
import type { NetlinkEvent } from '../../ports/netlink.js';
import { kernelError } from './errors.js';
import * as c from './libc.js';
import { parseEvents } from './monitor-events.js';
import {
  PENDING,
  SHARED_BYTES,
  STOP,
  type MonitorPost,
  type MonitorWorkerData,
} from './monitor-protocol.js';
import { makeNetlinkSocket, setIntegerOption } from './socket.js';

/** RTNLGRP_LINK, _NEIGH, _IPV4_IFADDR, _IPV4_ROUTE, _IPV6_IFADDR, _IPV6_ROUTE. */
const GROUPS = [1, 3, 5, 7, 9, 11];
/** struct sockaddr_nl: family u16, pad u16, port u32, groups u32. */
const SOCKADDR_NL_BYTES = 12;

export class LinkMonitor {
  private exited: Promise<unknown> = Promise.resolve();
  private readonly shared = new SharedArrayBuffer(SHARED_BYTES);
  private readonly words = new Int32Array(this.shared);
  private fd = -1;
  private stopFd = -1;

  constructor(
    private readonly deps: {
      readonly libc: c.Libc;
      readonly log: Logger;
      readonly onEvent: (event: NetlinkEvent) => void;
      /** The worker ended by itself: nothing is followed any more. */
      readonly onFailure: (error: unknown) => void;
    },
    private readonly opts: { readonly bufferBytes: number },
  ) {}

  /** Resolves when changes from now on are reported. @throws NetlinkError */
  async start(): Promise<void> {
    try {
      this.fd = this.subscribe();
      this.stopFd = this.deps.libc.eventfd(0, c.EFD_CLOEXEC);
      if (this.stopFd < 0) throw kernelError(this.deps.libc.errno(), 'open', 'eventfd');
      let started = false;
      const worker = startWorker({ fd: this.fd, stopFd: this.stopFd, shared: this.shared });
      this.exited = new Promise((resolve) => worker.once('exit', resolve));
      worker.on('message', (post: MonitorPost) => {
        this.take(post);
      });
      worker.once('error', (error) => {
        if (started && !this.stopping()) this.deps.onFailure(error);
      });
      await once(worker, 'online');
      started = true;
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Resolves when the worker has ended. No event is reported after the call. */
  async stop(): Promise<void> {
    Atomics.store(this.words, STOP, 1);
    Atomics.notify(this.words, PENDING);
    if (this.stopFd >= 0)
      this.deps.libc.write(this.stopFd, Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]), 8);
    await this.exited;
    for (const fd of [this.fd, this.stopFd]) if (fd >= 0) this.deps.libc.close(fd);
    this.fd = -1;
    this.stopFd = -1;
  }

  private stopping(): boolean {
    return Atomics.load(this.words, STOP) !== 0;
  }

  private take(post: MonitorPost): void {
    Atomics.sub(this.words, PENDING, 1);
    Atomics.notify(this.words, PENDING);
    if (post === 'overrun') {
      this.report({ type: 'overrun' });
      return;
    }
    const bytes = Buffer.from(post.buffer, post.byteOffset, post.byteLength);
    for (const event of parseEvents(bytes)) this.report(event);
  }

  private report(event: NetlinkEvent): void {
    if (!this.stopping()) this.deps.onEvent(event);
  }

  private subscribe(): number {
    const { libc, log } = this.deps;
    const fd = makeNetlinkSocket(libc);
    const size = this.opts.bufferBytes;
    // FORCE passes net.core.rmem_max, and needs CAP_NET_ADMIN.
    if (!setIntegerOption(libc, fd, c.SOL_SOCKET, c.SO_RCVBUFFORCE, size)) {
      setIntegerOption(libc, fd, c.SOL_SOCKET, c.SO_RCVBUF, size);
      log.warn({ bufferBytes: size }, 'the monitor buffer is limited by net.core.rmem_max');
    }
    const address = Buffer.alloc(SOCKADDR_NL_BYTES);
    address.writeUInt16LE(c.AF_NETLINK, 0);
    address.writeUInt32LE(
      GROUPS.reduce((mask, group) => mask | (1 << (group - 1)), 0),
      8,
    );
    if (libc.bind(fd, address, SOCKADDR_NL_BYTES) === 0) return fd;
    const errno = libc.errno();
    libc.close(fd);
    throw kernelError(errno, 'subscribe', 'to changes');
  }
}

/** Starts the worker from the compiled file, or from the source when that is what runs. */
function startWorker(workerData: MonitorWorkerData): Worker {
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./monitor-worker.js', import.meta.url), { workerData });
  }
  // Loaders of the main thread are not those of a worker: the source needs its own.
  const source = JSON.stringify(new URL('./monitor-worker.ts', import.meta.url).href);
  const code = `import('tsx/esm/api').then((tsx) => { tsx.register(); return import(${source}); });`;
  return new Worker(code, { eval: true, workerData, execArgv: [] });
}
