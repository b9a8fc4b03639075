// SPDX-License-Identifier: Apache-2.0
/**
 * Follows the way to each VTEP: the kernel's route, the next hop's MAC. The kernel is asked to
 * keep the next hops resolved, since no packet of ours ever makes it do so.
 */
import type { Logger } from '../../base/log.js';
import type { Clock, Timer } from '../../base/time.js';
import type { UnderlayFact } from '../calc/output.js';
import type { Link, Neighbour, Netlink, NetlinkEvent } from '../ports/netlink.js';
import type { NeighbourManager } from './shared-neighbours.js';

export interface UnderlayFollowerDeps {
  readonly netlink: Pick<Netlink, 'links' | 'lookupRoute' | 'neighbours'>;
  readonly neighbours: NeighbourManager;
  readonly clock: Clock;
  readonly log: Logger;
  /** Addresses of the droplet on a device; undefined: there is none on it. */
  readonly dropletAddresses: (ifindex: number) => readonly string[] | undefined;
  readonly onFact: (fact: UnderlayFact) => void;
}

export interface UnderlayFollowerOptions {
  readonly debounceMs?: number;
  /** Everything is looked at again this often, in case an event was lost. */
  readonly slowMs?: number;
  /** The same while a next hop is unresolved. */
  readonly unresolvedMs?: number;
}

interface Hop {
  readonly ifindex: number;
  readonly gateway: string;
}

type Way = UnderlayFact['way'];

function hopId({ ifindex, gateway }: Hop): string {
  return `${ifindex} ${gateway}`;
}

function sameWay(a: Way, b: Way): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export class UnderlayFollower {
  /** Followed VTEPs, and what was reported last; null: nothing yet. */
  readonly #vteps = new Map<string, Way | null>();
  readonly #managed = new Map<string, Hop>();
  readonly #unresolved = new Set<string>();
  #debounce: Timer | undefined;
  #slow: Timer | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(
    private readonly deps: UnderlayFollowerDeps,
    private readonly opts: UnderlayFollowerOptions = {},
  ) {}

  follow(vtep: string, wanted: boolean): void {
    if (wanted === this.#vteps.has(vtep)) return;
    if (wanted) this.#vteps.set(vtep, null);
    else {
      this.#vteps.delete(vtep);
      this.deps.onFact({ vtep, way: undefined });
    }
    this.refresh();
  }

  /** Looks at everything again, soon. */
  refresh(): void {
    if (this.#stopped || this.#debounce !== undefined) return;
    this.#debounce = this.deps.clock.after(this.opts.debounceMs ?? 10, () => {
      this.#debounce = undefined;
      void this.evaluate();
    });
  }

  /** Looks at everything now. Resolves when all ways are reported. */
  async evaluate(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  onEvent(event: NetlinkEvent): void {
    if (this.#vteps.size === 0 && this.#managed.size === 0) return;
    if (event.type === 'neighbour') {
      const { ifindex, address } = event.neighbour;
      if (!this.#managed.has(hopId({ ifindex, gateway: address }))) return;
    } else if (event.type === 'neighbour-gone') {
      // Whoever deleted it took our wish to have it resolved along.
      if (!this.#managed.delete(hopId({ ifindex: event.ifindex, gateway: event.address }))) return;
    }
    this.refresh();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#debounce?.cancel();
    this.#slow?.cancel();
    this.#again = false;
    await this.#running;
  }

  /** The kernel need not keep anything resolved for us any more. */
  async release(): Promise<void> {
    for (const { ifindex, gateway } of this.#managed.values()) {
      await this.deps.neighbours.unmanageNeighbour(ifindex, gateway);
    }
    this.#managed.clear();
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        await this.#evaluateAll();
      } catch (error) {
        this.deps.log.error({ err: error }, 'underlay not read');
      }
    }
    if (this.#stopped) return;
    const unresolved = [...this.#vteps.values()].some((way) => !way);
    this.#slow?.cancel();
    this.#slow = this.deps.clock.after(
      unresolved ? (this.opts.unresolvedMs ?? 1000) : (this.opts.slowMs ?? 30_000),
      () => {
        // A failed entry is not tried again by itself on kernels that do not manage neighbours.
        for (const id of this.#unresolved) this.#managed.delete(id);
        void this.evaluate();
      },
    );
  }

  async #evaluateAll(): Promise<void> {
    const { netlink } = this.deps;
    const links = new Map((await netlink.links()).map((link) => [link.ifindex, link]));
    this.#unresolved.clear();
    const hops = new Map<string, Hop & { readonly mtu: number | undefined }>();
    for (const vtep of [...this.#vteps.keys()]) {
      const route = await netlink.lookupRoute(vtep);
      if (route === undefined || this.deps.dropletAddresses(route.ifindex) === undefined) continue;
      hops.set(vtep, route);
      await this.#manage(route);
    }
    // Read behind the requests, so that what they resolved at once is seen.
    const neighbours = new Map(
      (await netlink.neighbours()).map((one) => [
        hopId({ ifindex: one.ifindex, gateway: one.address }),
        one,
      ]),
    );
    for (const vtep of [...this.#vteps.keys()]) {
      const hop = hops.get(vtep);
      this.#report(
        vtep,
        hop && this.#way(vtep, hop, links.get(hop.ifindex), neighbours.get(hopId(hop))),
      );
    }
    await this.#unmanage(new Set([...hops.values()].map(hopId)));
  }

  #way(
    vtep: string,
    hop: Hop & { readonly mtu: number | undefined },
    link: Link | undefined,
    neighbour: Neighbour | undefined,
  ): Way {
    if (link?.up !== true || neighbour?.valid !== true || neighbour.mac === undefined) {
      this.#unresolved.add(hopId(hop));
      return undefined;
    }
    const ipv6 = vtep.includes(':');
    const source = this.deps
      .dropletAddresses(hop.ifindex)
      ?.find((address) => address.includes(':') === ipv6);
    if (source === undefined) return undefined;
    return {
      ifindex: hop.ifindex,
      smac: link.mac,
      dmac: neighbour.mac,
      source,
      mtu: Math.min(link.mtu, hop.mtu ?? link.mtu),
    };
  }

  #report(vtep: string, way: Way): void {
    const before = this.#vteps.get(vtep);
    // Not followed any more, or nothing new.
    if (before === undefined && !this.#vteps.has(vtep)) return;
    if (before !== null && sameWay(before, way)) return;
    this.#vteps.set(vtep, way);
    this.deps.log.info({ vtep, way }, way === undefined ? 'VTEP unreachable' : 'VTEP reachable');
    this.deps.onFact({ vtep, way });
  }

  async #manage({ ifindex, gateway }: Hop): Promise<void> {
    const id = hopId({ ifindex, gateway });
    if (this.#managed.has(id)) return;
    this.#managed.set(id, { ifindex, gateway });
    try {
      await this.deps.neighbours.manageNeighbour(ifindex, gateway);
    } catch (error) {
      this.#managed.delete(id);
      this.deps.log.warn({ ifindex, gateway, err: error }, 'next hop cannot be resolved');
    }
  }

  async #unmanage(used: ReadonlySet<string>): Promise<void> {
    for (const [id, { ifindex, gateway }] of this.#managed) {
      if (used.has(id)) continue;
      this.#managed.delete(id);
      await this.deps.neighbours.unmanageNeighbour(ifindex, gateway);
    }
  }
}
