// SPDX-License-Identifier: Apache-2.0
/**
 * The ways to VTEPs: asks the kernel's routing for each, has it keep the next hop's neighbour
 * resolved (so that it stays so while no daemon runs), and tells device and MACs. A way that is
 * lost is told lost only after a grace period: a neighbour that is flushed and found again a
 * moment later should cost no packet.
 */
import type { Logger } from '../../base/log.js';
import type { Clock, Timer } from '../../base/time.js';
import { canonicalAddress } from '../../base/net.js';
import { errorText } from '../../base/errors.js';
import type { UnderlayFact } from '../calc/output.js';
import type { Link, Neighbour, Netlink, NetlinkEvent } from '../ports/netlink.js';
import { KeyedQueue } from './keyed-queue.js';

const DEBOUNCE_MS = 10;
const GRACE_MS = 2000;
const RESYNC_MS = 30_000;

export interface UnderlayFollowerDeps {
  readonly netlink: Netlink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onFact: (fact: UnderlayFact) => void;
}

interface Followed {
  /** "ifindex/gateway" we asked the kernel to keep resolved. */
  managed: { ifindex: number; gateway: string } | undefined;
  told: string | undefined;
  grace: Timer | undefined;
}

const neighbourKey = (ifindex: number, address: string): string =>
  `${ifindex}/${canonicalAddress(address)}`;

export class UnderlayFollower {
  readonly #followed = new Map<string, Followed>();
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #links = new Map<number, Link>();
  readonly #queue: KeyedQueue;
  #debounce: Timer | undefined;
  #resync: Timer | undefined;
  #loaded = false;
  #stale = true;

  constructor(private readonly deps: UnderlayFollowerDeps) {
    this.#queue = new KeyedQueue(
      {
        clock: deps.clock,
        work: (vtep) => this.#look(vtep),
        onError: (vtep, error) => {
          deps.log.warn({ vtep, error: errorText(error) }, 'way to a VTEP not found');
        },
      },
      { retryMinMs: 100, retryMaxMs: 5000 },
    );
  }

  start(): void {
    // events are the rule; this catches what an event did not tell
    this.#resync ??= this.deps.clock.every(RESYNC_MS, () => {
      this.#stale = true;
      this.#lookAtAll();
    });
  }

  /** VTEPs to follow (true) or not any more (false). */
  apply(vteps: ReadonlyMap<string, boolean>): void {
    for (const [vtep, follow] of vteps) {
      if (follow) {
        if (!this.#followed.has(vtep)) {
          this.#followed.set(vtep, { managed: undefined, told: undefined, grace: undefined });
        }
        this.#queue.add(vtep);
      } else if (this.#followed.has(vtep)) {
        const one = this.#followed.get(vtep);
        one?.grace?.cancel();
        this.#followed.delete(vtep);
        this.#queue.forget(vtep);
        if (one?.managed !== undefined) void this.#unmanage(one.managed);
      }
    }
  }

  onEvent(event: NetlinkEvent): void {
    switch (event.type) {
      case 'neighbour': {
        const { neighbour } = event;
        const key = neighbourKey(neighbour.ifindex, neighbour.address);
        this.#neighbours.set(key, neighbour);
        this.#lookAtUsersOf(key);
        break;
      }
      case 'neighbour-gone': {
        const key = neighbourKey(event.ifindex, event.address);
        this.#neighbours.delete(key);
        this.#lookAtUsersOf(key, true);
        break;
      }
      case 'link':
        this.#links.set(event.link.ifindex, event.link);
        this.#lookSoon();
        break;
      case 'link-gone':
        this.#links.delete(event.ifindex);
        this.#lookSoon();
        break;
      case 'overrun':
        this.#stale = true;
        this.#lookSoon();
        break;
      case 'address':
      case 'route':
        this.#lookSoon();
        break;
    }
  }

  /** Resolves when every VTEP was looked at once. */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  async stop(): Promise<void> {
    this.#debounce?.cancel();
    this.#resync?.cancel();
    for (const one of this.#followed.values()) one.grace?.cancel();
    await this.#queue.stop();
  }

  #lookSoon(): void {
    this.#debounce ??= this.deps.clock.after(DEBOUNCE_MS, () => {
      this.#debounce = undefined;
      this.#lookAtAll();
    });
  }

  #lookAtAll(): void {
    for (const vtep of this.#followed.keys()) this.#queue.add(vtep);
  }

  #lookAtUsersOf(key: string, gone = false): void {
    for (const [vtep, one] of this.#followed) {
      if (one.managed === undefined) continue;
      if (neighbourKey(one.managed.ifindex, one.managed.gateway) !== key) continue;
      // the kernel forgot it: ask again
      if (gone) one.managed = undefined;
      this.#queue.add(vtep);
    }
  }

  async #load(): Promise<void> {
    if (this.#loaded && !this.#stale) return;
    this.#stale = false;
    this.#links.clear();
    this.#neighbours.clear();
    for (const link of await this.deps.netlink.links()) this.#links.set(link.ifindex, link);
    for (const neighbour of await this.deps.netlink.neighbours()) {
      this.#neighbours.set(neighbourKey(neighbour.ifindex, neighbour.address), neighbour);
    }
    this.#loaded = true;
  }

  async #look(vtep: string): Promise<void> {
    await this.#load();
    const one = this.#followed.get(vtep);
    if (one === undefined) return;
    const route = await this.deps.netlink.lookupRoute(vtep);
    if (this.#followed.get(vtep) !== one) return;
    const link = route === undefined ? undefined : this.#links.get(route.ifindex);
    if (route === undefined || link?.up !== true) {
      this.#lost(vtep, one);
      return;
    }
    const { managed } = one;
    if (managed?.ifindex !== route.ifindex || managed.gateway !== route.gateway) {
      one.managed = { ifindex: route.ifindex, gateway: route.gateway };
      await this.deps.netlink.manageNeighbour(route.ifindex, route.gateway);
      if (managed !== undefined) await this.#unmanage(managed);
    }
    const neighbour = this.#neighbours.get(neighbourKey(route.ifindex, route.gateway));
    if (neighbour?.valid !== true || neighbour.mac === undefined) {
      this.#lost(vtep, one);
      return;
    }
    this.#tell(vtep, one, {
      ifindex: route.ifindex,
      smac: link.mac,
      dmac: neighbour.mac,
      source: route.source ?? '',
      mtu: Math.min(route.mtu ?? link.mtu, link.mtu),
    });
  }

  #lost(vtep: string, one: Followed): void {
    if (one.told === undefined) {
      this.#tell(vtep, one, undefined);
      return;
    }
    one.grace ??= this.deps.clock.after(GRACE_MS, () => {
      one.grace = undefined;
      if (this.#followed.get(vtep) !== one) return;
      this.deps.log.warn({ vtep }, 'way to a VTEP lost');
      this.#tell(vtep, one, undefined);
    });
  }

  #tell(vtep: string, one: Followed, way: UnderlayFact['way']): void {
    one.grace?.cancel();
    one.grace = undefined;
    const text = way === undefined ? undefined : JSON.stringify(way);
    if (text === one.told && text !== undefined) return;
    one.told = text;
    this.deps.onFact({ vtep, way });
  }

  async #unmanage(managed: { ifindex: number; gateway: string }): Promise<void> {
    const users = [...this.#followed.values()].some(
      (one) => one.managed?.ifindex === managed.ifindex && one.managed.gateway === managed.gateway,
    );
    if (users) return;
    try {
      await this.deps.netlink.unmanageNeighbour(managed.ifindex, managed.gateway);
    } catch (error) {
      // the device may be gone, and the neighbour with it
      this.deps.log.debug({ ...managed, error: errorText(error) }, 'neighbour not released');
    }
  }
}
