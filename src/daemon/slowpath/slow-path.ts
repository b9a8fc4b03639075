// SPDX-License-Identifier: Apache-2.0
/**
 * What the data path cannot do by itself: packets of ALGs, and fragments that come before their
 * first one. While the host has an endpoint, or a VPC meets the outside on it, there is a device
 * to which the data path hands them, and a thread that serves it (slow-worker.ts).
 */
import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import type { Component } from '../../base/lifecycle.js';
import type { Logger } from '../../base/log.js';
import type { Clock, Timer } from '../../base/time.js';
import type { StoredObject } from '../../model/index.js';
import type { Attachments, Programs } from '../datapath/index.js';
import { ring } from '../kernel/libbpf/native.js';
import { closeTap, openTap } from '../kernel/tap/tap.js';
import { startWorker } from '../kernel/worker.js';
import type { AlgCounts, FragmentCounts } from '../ports/datapath-view.js';
import type { Store } from '../ports/store.js';
import { ALG_COUNTS, bytesOf, FRAGMENT_COUNTS, SharedCounts } from './counts.js';
import type { NewPrograms, SlowWorkerData } from './slow-worker.js';
import { needsSlowPath } from './wanted.js';

export interface SlowPathDeps {
  readonly store: Pick<Store, 'list' | 'revision' | 'watch'>;
  readonly programs: Programs;
  readonly attachments: Attachments;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface SlowPathOptions {
  readonly instance: string;
  readonly host: string;
  readonly pinDir: string;
}

/** What failed is tried again this often. */
const RETRY_MS = 5000;
const OWNER = 'SlowPath';

interface Running {
  readonly worker: Worker;
  readonly ended: Promise<void>;
  readonly tapFd: number;
  readonly stopFd: number;
}

export class SlowPath implements Component {
  readonly #device: string;
  readonly #memory = {
    algs: new SharedArrayBuffer(bytesOf(ALG_COUNTS)),
    fragments: new SharedArrayBuffer(bytesOf(FRAGMENT_COUNTS)),
  };
  readonly #algs = new SharedCounts(this.#memory.algs, ALG_COUNTS);
  readonly #fragments = new SharedCounts(this.#memory.fragments, FRAGMENT_COUNTS);
  /** Objects that need it, as "Endpoint/web-1". */
  readonly #needs = new Set<string>();
  #running: Running | undefined;
  /** One start or stop at a time. */
  #work: Promise<void> = Promise.resolve();
  #unwatch: (() => void) | undefined;
  #retry: Timer | undefined;
  #stopped = false;

  constructor(
    private readonly deps: SlowPathDeps,
    private readonly opts: SlowPathOptions,
  ) {
    // instances in one namespace each have their own
    this.#device = `ta${createHash('sha256').update(opts.instance).digest('hex').slice(0, 10)}`;
  }

  start(_signal: AbortSignal): Promise<void> {
    const { store, clock } = this.deps;
    this.#unwatch = store.watch(store.revision, (changes) => {
      for (const { kind, name, object } of changes) this.#note(kind, name, object);
      this.#look();
    });
    this.#retry = clock.every(RETRY_MS, () => {
      this.#look();
    });
    for (const object of store.list()) this.#note(object.kind, object.metadata.name, object);
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
  algs(): AlgCounts {
    return this.#algs.read();
  }

  /** What was counted since the daemon's start. */
  fragments(): FragmentCounts {
    return this.#fragments.read();
  }

  /** The programs were replaced. */
  reloaded(): void {
    const message: NewPrograms = { programDir: this.deps.programs.build.algDir };
    this.#running?.worker.postMessage(message);
  }

  #note(kind: string, name: string, object: StoredObject | undefined): void {
    if (needsSlowPath(object, this.opts.host)) this.#needs.add(`${kind}/${name}`);
    else this.#needs.delete(`${kind}/${name}`);
  }

  #look(): void {
    this.#work = this.#work.then(async () => {
      const wanted = !this.#stopped && this.#needs.size > 0;
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
      log.error(
        { device: this.#device, err: error },
        'no device for ALGs and early fragments: tried again',
      );
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
    const data: SlowWorkerData = {
      tapFd: tap.fd,
      stopFd,
      ifindex: tap.ifindex,
      mapDir: join(this.opts.pinDir, 'maps'),
      programDir: programs.build.algDir,
      counts: this.#memory,
    };
    const worker = startWorker(import.meta.url, 'slow-worker', data);
    worker.on('error', (error) => {
      log.error(
        { err: error },
        'the thread for ALGs and early fragments has failed: it is started again',
      );
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
    log.info({ device: this.#device, ifindex: tap.ifindex }, 'serving ALGs and early fragments');
  }

  async #end(running: Running): Promise<void> {
    ring.stopSignal(running.stopFd);
    await running.ended;
  }

  #gone(running: Running): void {
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#algs.set('connections', 0);
    this.#fragments.set('held', 0);
    this.#fragments.set('heldBytes', 0);
    this.deps.attachments.want(OWNER, undefined);
    closeTap(running.tapFd);
    closeSync(running.stopFd);
  }
}
