// SPDX-License-Identifier: Apache-2.0
/**
 * The daemon's part in ALGs: while a NatGateway of this host has one, there is a device to which
 * the data path hands packets, and a thread that serves it (alg-worker.ts). Without any it costs
 * nothing.
 */
import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Component } from '../../base/lifecycle.js';
import type { Logger } from '../../base/log.js';
import type { Clock, Timer } from '../../base/time.js';
import type { Attachments, Programs } from '../datapath/index.js';
import { ring } from '../kernel/libbpf/native.js';
import { closeTap, openTap } from '../kernel/tap/tap.js';
import { startWorker } from '../kernel/worker.js';
import type { AlgCounts } from '../ports/datapath-view.js';
import type { Store } from '../ports/store.js';
import type { AlgWorkerData, NewPrograms } from './alg-worker.js';
import { COUNT_BYTES, SharedCounts } from './counts.js';
import { hasAlgs } from './wanted.js';

export interface AlgGatewayDeps {
  readonly store: Pick<Store, 'list' | 'get' | 'revision' | 'watch'>;
  readonly programs: Programs;
  readonly attachments: Attachments;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface AlgGatewayOptions {
  readonly instance: string;
  readonly host: string;
  readonly pinDir: string;
}

/** What failed is tried again this often. */
const RETRY_MS = 5000;
const OWNER = 'Alg';

interface Running {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  readonly tapFd: number;
  readonly stopFd: number;
}

export class AlgGateway implements Component {
  readonly #device: string;
  readonly #memory = new SharedArrayBuffer(COUNT_BYTES);
  readonly #counts = new SharedCounts(this.#memory);
  #running: Running | undefined;
  /** One start or stop at a time. */
  #work: Promise<void> = Promise.resolve();
  #unwatch: (() => void) | undefined;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(
    private readonly deps: AlgGatewayDeps,
    private readonly opts: AlgGatewayOptions,
  ) {
    // instances in one namespace each have their own
    this.#device = `ta${createHash('sha256').update(opts.instance).digest('hex').slice(0, 10)}`;
  }

  start(_signal: AbortSignal): Promise<void> {
    const { store, clock } = this.deps;
    this.#unwatch = store.watch(store.revision, (changes) => {
      if (changes.some(({ kind }) => kind === 'NatGateway' || kind === 'Vpc')) this.#look();
    });
    this.#retry = clock.every(RETRY_MS, () => {
      this.#look();
    });
    this.#look();
    return this.#work;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch?.();
    this.#retry?.cancel();
    this.#look();
    await this.#work;
  }

  /** What was counted since the daemon's start. */
  counts(): AlgCounts {
    return this.#counts.read();
  }

  /** The programs were replaced. */
  reloaded(): void {
    const message: NewPrograms = { programDir: this.deps.programs.build.algDir };
    this.#running?.worker.postMessage(message);
  }

  #look(): void {
    this.#work = this.#work.then(async () => {
      const wanted = !this.#stopped && hasAlgs(this.deps.store, this.opts.host);
      if (wanted && this.#running === undefined) this.#begin();
      else if (!wanted && this.#running !== undefined) await this.#end(this.#running);
    });
  }

  #begin(): void {
    const { log, programs, attachments } = this.deps;
    let tap: ReturnType<typeof openTap>;
    try {
      tap = openTap(this.#device);
    } catch (error) {
      log.error({ device: this.#device, err: error }, 'no device for FTP and TFTP: tried again');
      return;
    }
    const state = attachments.want(OWNER, {
      role: 'alg',
      hook: 'tc',
      ifindex: tap.ifindex,
      device: this.#device,
      mtu: 0,
      allowGeneric: false,
    });
    const stopFd = ring.stopOpen();
    if (state?.error !== undefined || stopFd < 0) {
      attachments.want(OWNER, undefined);
      closeTap(tap.fd);
      return;
    }
    const data: AlgWorkerData = {
      tapFd: tap.fd,
      stopFd,
      ifindex: tap.ifindex,
      mapDir: join(this.opts.pinDir, 'maps'),
      programDir: programs.build.algDir,
      counts: this.#memory,
    };
    const worker = startWorker(import.meta.url, 'alg-worker', data);
    worker.on('error', (error) => {
      log.error({ err: error }, 'the thread for FTP and TFTP has failed: it is started again');
    });
    const ended = new Promise<void>((resolve) => {
      worker.once('exit', () => {
        resolve();
      });
    });
    const running: Running = { worker, ended, tapFd: tap.fd, stopFd };
    this.#running = running;
    void ended.then(() => {
      this.#gone(running);
    });
    log.info({ device: this.#device, ifindex: tap.ifindex }, 'serving FTP and TFTP');
  }

  async #end(running: Running): Promise<void> {
    ring.stopSignal(running.stopFd);
    await running.ended;
  }

  #gone(running: Running): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#counts.set('connections', 0);
    this.deps.attachments.want(OWNER, undefined);
    closeTap(running.tapFd);
    closeSync(running.stopFd);
  }
}
