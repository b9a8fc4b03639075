// SPDX-License-Identifier: Apache-2.0
/**
 * From changes to the data path: objects and facts go into the calculation, what it gives goes
 * to the driver, the devices and the programs. One flush at a time; what comes meanwhile is in
 * the next one. A flush is a portion: many changes, or one that concerns many objects, take
 * several, and the event loop runs between them.
 */
import { errorText } from '../base/errors.js';
import type { Component } from '../base/lifecycle.js';
import type { Logger } from '../base/log.js';
import type { Clock, Timer } from '../base/time.js';
import { ChangeQueue } from './change-queue.js';
import type { Calculator, Delta, IndexAllocator, ObjectChange } from './calc/index.js';
import {
  adoptIndexes,
  missingByObject,
  type Attachments,
  type Driver,
  type IndexReuse,
  type Names,
  type Programs,
  type StatusBoard,
} from './datapath/index.js';
import {
  restoreUnused,
  type DeviceState,
  type DropletFollower,
  type DropletState,
  type InterfaceManager,
  type OutsideFollower,
  type RestoreBook,
  type TunnelGro,
  type UnderlayFollower,
} from './interfaces/index.js';
import type { Netlink, NetlinkEvent } from './ports/netlink.js';
import type { Store } from './ports/store.js';

export interface PipelineDeps {
  readonly store: Store;
  readonly netlink: Netlink;
  readonly calculator: Calculator;
  readonly indexes: IndexAllocator;
  readonly reuse: IndexReuse;
  readonly programs: Programs;
  readonly driver: Driver;
  readonly attachments: Attachments;
  readonly interfaces: InterfaceManager;
  readonly droplets: DropletFollower;
  readonly tunnelGro: TunnelGro;
  readonly underlay: UnderlayFollower;
  readonly outside: OutsideFollower;
  readonly book: RestoreBook;
  readonly status: StatusBoard;
  readonly names: Names;
  readonly clock: Clock;
  /** Lets the event loop run. */
  readonly pause: () => Promise<void>;
  readonly log: Logger;
}

/** What failed is tried again this often. */
const RETRY_MS = 5000;
/** Indexes of what went are looked at again this often. */
const REUSE_MS = 10_000;
/** Objects of a large set that one flush takes, and that it computes: some milliseconds. */
const PORTION = 256;
/** Facts that change the wishes that lead to facts: MTU, then device, then way. */
const SETTLE_ROUNDS = 4;

export class Pipeline implements Component {
  #unwatch: (() => void) | undefined;
  #retry: Timer | undefined;
  #reuse: Timer | undefined;
  /** Objects handed to the calculation since the last flush. */
  #fresh: ObjectChange[] = [];
  #queue: ChangeQueue;
  #appliedRevision = 0;
  #dirty = false;
  #flushing: Promise<void> | undefined;
  #scheduled = false;
  #stopped = false;
  #failure: string | undefined = 'the first synchronisation is under way';
  readonly #ifindexes = new Map<string, number>();

  constructor(
    private readonly deps: PipelineDeps,
    private readonly opts: { readonly host: string },
  ) {
    this.#queue = new ChangeQueue(deps, { revision: 0 });
  }

  /** Revision of the store that the data path has. */
  get appliedRevision(): number {
    return this.#appliedRevision;
  }

  /** Why the data path does not follow the store; undefined when it does. */
  get problem(): string | undefined {
    return this.#failure;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { deps } = this;
    const objects = deps.store.list();
    deps.driver.readActual();
    const leftovers = deps.reuse.inUse();
    const adopted = adoptIndexes(deps.driver, deps.indexes, objects, this.opts.host, leftovers);
    deps.log.info({ objects: objects.length, indexes: adopted }, 'state taken over');
    await deps.netlink.monitor((event) => {
      this.#onEvent(event);
    });
    const { revision } = deps.store;
    this.#queue = new ChangeQueue(deps, { revision });
    this.#take(
      objects.map((object) => ({ kind: object.kind, name: object.metadata.name, object })),
    );
    this.#unwatch = deps.store.watch(revision, (changes) => {
      this.#queue.push(changes);
      this.wake();
    });
    // Facts that come while the maps are being written wait for it, as in any flush.
    this.#flushing = this.#firstSync(signal, revision).finally(() => {
      this.#flushing = undefined;
    });
    await this.#flushing;
    if (this.#dirty) this.wake();
    this.#retry = deps.clock.every(RETRY_MS, () => {
      void this.#retryFailed();
    });
    this.#reuse = deps.clock.every(REUSE_MS, () => {
      deps.reuse.look();
    });
  }

  /** Leaves the data path as it is. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch?.();
    this.#retry?.cancel();
    this.#reuse?.cancel();
    await this.#flushing;
    await this.deps.interfaces.stop();
    await this.deps.droplets.stop();
    await this.deps.tunnelGro.stop();
    await this.deps.underlay.stop();
    await this.deps.outside.stop();
  }

  /** Facts or objects came: a flush will follow. */
  wake(): void {
    this.#dirty = true;
    if (this.#scheduled || this.#stopped || !this.deps.driver.synced) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flushing ??= this.#flushAll().finally(() => {
        this.#flushing = undefined;
        // What came while the promise settled must not wait for the next event.
        if (this.#dirty) this.wake();
      });
    });
  }

  /** An endpoint's device is ready, waits, or is of no interest any more (undefined). */
  onDevice(endpoint: string, state: DeviceState | undefined): void {
    const owner = `Endpoint/${endpoint}`;
    const link = state?.state === 'ready' ? state.link : undefined;
    this.#nameDevice(owner, link, endpoint);
    this.deps.attachments.want(
      owner,
      link && state?.state === 'ready'
        ? {
            role: 'agent',
            hook: state.spec.hook,
            ifindex: link.ifindex,
            device: link.name,
            mtu: link.mtu,
            allowGeneric: false,
          }
        : undefined,
    );
    this.deps.status.device(endpoint, state);
  }

  /** The same for a droplet. */
  onDroplet(droplet: string, state: DropletState | undefined): void {
    const owner = `Droplet/${droplet}`;
    const link = state?.link;
    this.#nameDevice(owner, link);
    this.deps.attachments.want(
      owner,
      link && {
        role: 'transit',
        hook: state.desired.hook,
        ifindex: link.ifindex,
        device: link.name,
        mtu: link.mtu,
        allowGeneric: state.desired.allowGeneric,
      },
    );
    this.deps.tunnelGro.want(droplet, link !== undefined && state?.desired.hook === 'tc');
    this.deps.status.droplet(droplet, state);
    this.deps.underlay.refresh();
    this.deps.outside.refresh();
  }

  /** Loads what is on disk and puts it in place of what runs. */
  reload(): Promise<void> {
    this.deps.programs.load();
    if (this.deps.attachments.refresh()) this.deps.programs.sweep();
    return Promise.resolve();
  }

  #nameDevice(
    owner: string,
    link: { readonly ifindex: number; readonly name: string } | undefined,
    endpoint?: string,
  ): void {
    const before = this.#ifindexes.get(owner);
    if (before !== undefined && before !== link?.ifindex) this.deps.names.dropDevice(before);
    if (link === undefined) this.#ifindexes.delete(owner);
    else {
      this.#ifindexes.set(owner, link.ifindex);
      this.deps.names.setDevice(link.ifindex, link.name, endpoint);
    }
  }

  #take(changes: readonly ObjectChange[]): void {
    this.deps.calculator.objects(changes);
    this.#fresh.push(...changes);
  }

  #onEvent(event: NetlinkEvent): void {
    if (this.#stopped) return;
    this.deps.interfaces.onEvent(event);
    this.deps.droplets.onEvent(event);
    this.deps.tunnelGro.onEvent(event);
    this.deps.underlay.onEvent(event);
    this.deps.outside.onEvent(event);
  }

  /**
   * After a restart everything is there. Nothing is written until all devices and next hops were
   * looked at, so that the first write is the difference and not a detour.
   */
  async #firstSync(signal: AbortSignal, revision: number): Promise<void> {
    const { deps } = this;
    const released: Delta['released'][number][] = [];
    // Droplets first: they decide the MTU of the devices that are made next.
    const first = await this.#stage(released);
    for (const [name, droplet] of first.droplets) deps.droplets.want(name, droplet);
    await deps.droplets.settled();
    const second = await this.#stage(released);
    this.#dispatch({
      ...second,
      findings: [...first.findings, ...second.findings],
      devices: new Map([...first.devices, ...second.devices]),
      vteps: new Map([...first.vteps, ...second.vteps]),
    });
    for (let round = 0; round < SETTLE_ROUNDS; round++) {
      await deps.droplets.settled();
      await deps.interfaces.settled();
      await deps.underlay.evaluate();
      await deps.outside.evaluate();
      signal.throwIfAborted();
      if (!this.#dirty) break;
      this.#dispatch(await this.#stage(released));
    }
    released.push(...deps.indexes.releaseUnclaimed());
    await deps.driver.sync();
    for (const { space, key } of released) deps.reuse.free(space, key);
    this.#applied(this.#fresh.length, revision);
    await deps.tunnelGro.settled();
    await deps.interfaces.sweep(deps.tunnelGro.wanted ? deps.tunnelGro.name : undefined);
    await restoreUnused(deps, new Set([...deps.interfaces.names(), ...deps.droplets.names()]));
    const links = await deps.netlink.links();
    deps.attachments.sweep(links.map((link) => link.ifindex));
    if (deps.attachments.all().every(({ error }) => error === undefined)) deps.programs.sweep();
  }

  /** Takes a delta over while nothing is written yet. */
  async #stage(released: Delta['released'][number][]): Promise<Delta> {
    this.#dirty = false;
    const delta = this.deps.calculator.flush();
    this.#release(delta);
    released.push(...delta.released);
    await this.deps.driver.apply(delta);
    return delta;
  }

  async #flushAll(): Promise<void> {
    while (this.#dirty && !this.#stopped) {
      try {
        await this.#flush();
        await this.deps.pause();
      } catch (error) {
        this.#failure = errorText(error);
        this.deps.log.error({ err: error }, 'flush failed');
        return;
      }
    }
  }

  async #flush(): Promise<void> {
    const { deps } = this;
    // A change can concern many objects: these come first, lest they become ever more.
    this.#take(this.#queue.take(deps.calculator.dirty ? 0 : PORTION));
    const delta = deps.calculator.flush(2 * PORTION);
    this.#dirty = !this.#queue.empty || deps.calculator.dirty;
    // Objects whose computation is still to come are not in the maps yet.
    const count = deps.calculator.dirty ? 0 : this.#fresh.length;
    const revision = deps.calculator.dirty ? this.#appliedRevision : this.#queue.revision;
    this.#release(delta);
    try {
      await deps.driver.apply(delta);
    } finally {
      // Told once only: the driver keeps what it could not write, devices are kept by nobody.
      this.#dispatch(delta);
    }
    for (const { space, key } of delta.released) deps.reuse.free(space, key);
    this.#applied(count, revision);
  }

  #release({ released }: Delta): void {
    for (const { space, key } of released) this.deps.indexes.release(space, key);
  }

  /** Hands the delta's wishes to those who fulfil them. */
  #dispatch(delta: Delta): void {
    const { deps } = this;
    for (const finding of delta.findings) deps.status.finding(finding);
    for (const [name, droplet] of delta.droplets) deps.droplets.want(name, droplet);
    for (const [name, device] of delta.devices) deps.interfaces.want(name, device);
    for (const [vtep, wanted] of delta.vteps) deps.underlay.follow(vtep, wanted);
  }

  /** The maps hold what these objects say. */
  #applied(count: number, revision: number): void {
    const { deps } = this;
    for (const { kind, name, object } of this.#fresh.splice(0, count)) {
      deps.status.applied(kind, name, object?.metadata.generation);
    }
    const missing = deps.driver.missing();
    deps.status.missing(missingByObject(missing, deps.store, deps.names, this.opts.host));
    if (this.#appliedRevision !== revision) {
      deps.log.info({ revision }, 'revision applied');
    }
    this.#appliedRevision = revision;
    this.#failure = undefined;
  }

  async #retryFailed(): Promise<void> {
    if (this.#stopped || this.#flushing !== undefined) return;
    const { deps } = this;
    for (const { error } of deps.attachments.all()) {
      if (error === undefined) continue;
      if (deps.attachments.refresh()) deps.programs.sweep();
      break;
    }
    if (this.#failure !== undefined) this.wake();
    else if (deps.driver.missing().length > 0) {
      this.#flushing = deps.driver
        .retry()
        .then(() => {
          this.#applied(0, this.#appliedRevision);
        })
        .catch((error: unknown) => {
          deps.log.error({ err: error }, 'retry failed');
        })
        .finally(() => {
          this.#flushing = undefined;
          if (this.#dirty) this.wake();
        });
      await this.#flushing;
    }
  }
}
