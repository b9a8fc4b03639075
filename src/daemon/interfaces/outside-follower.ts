// SPDX-License-Identifier: Apache-2.0
/**
 * Follows the outside: the kernel's routes over this host's droplets that lead there, their next
 * hops, and the neighbours on their links. Next hops are handed to the kernel to keep resolved;
 * neighbours are taken as the kernel learns them, or has to be asked for them (punt()).
 */
import type { Logger } from '../../base/log.js';
import type { Clock, Timer } from '../../base/time.js';
import type { OutsideFact, OutsideNeighbour } from '../calc/output.js';
import type { KernelRoute, Neighbour, Netlink, NetlinkEvent } from '../ports/netlink.js';
import {
  outsideRoutes,
  PrefixTable,
  type OutsideDevice,
  type RoutesByPrefix,
} from './outside-routes.js';
import { PuntResolver } from './punt-resolver.js';
import type { NeighbourManager } from './shared-neighbours.js';

export interface OutsideFollowerDeps {
  readonly netlink: Pick<Netlink, 'links' | 'routesOver' | 'neighbours' | 'resolveNeighbour'>;
  readonly neighbours: NeighbourManager;
  readonly clock: Clock;
  readonly log: Logger;
  /** Indexes of the devices of this host's droplets that lead outside. */
  readonly devices: () => readonly number[];
  readonly onFact: (fact: OutsideFact) => void;
  /** What is not followed, and why; undefined: all is. */
  readonly onProblem: (
    problem: { readonly reason: string; readonly message: string } | undefined,
  ) => void;
}

export interface OutsideFollowerOptions {
  readonly maxRoutes?: number;
  readonly maxNexthops?: number;
  readonly debounceMs?: number;
  /** Everything is looked at again this often, in case an event was lost. */
  readonly slowMs?: number;
  /** Unresolved next hops are asked for this often. */
  readonly unresolvedMs?: number;
}

const MAX_ROUTES = 10_000;
const MAX_NEXTHOPS = 1024;
/** Reading may take this part of the time: tables with very many routes change all the time. */
const REST_FACTOR = 4;

interface Hop {
  readonly ifindex: number;
  readonly address: string;
}

function hopId({ ifindex, address }: Hop): string {
  return `${ifindex} ${address}`;
}

/** Of one host: broadcast and multicast are not, and zeros are nobody's. */
function isUnicast(mac: string): boolean {
  return (parseInt(mac.slice(0, 2), 16) & 1) === 0 && mac !== '00:00:00:00:00:00';
}

export class OutsideFollower {
  #devices: ReadonlyMap<number, OutsideDevice> = new Map();
  #table = new PrefixTable(new Map());
  /** Routers of the routes. */
  #hops: ReadonlyMap<string, Hop> = new Map();
  readonly #managed = new Map<string, Hop>();
  #resolved: ReadonlySet<string> = new Set();
  /** Facts as they were told last, as text. */
  readonly #told = new Map<string, { readonly text: string; readonly gone: OutsideFact }>();
  readonly #punts: PuntResolver;
  #problem: string | undefined;
  #routesStale = true;
  #debounce: Timer | undefined;
  #slow: Timer | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;
  /** Not before this moment (monotonic) are routes read again. */
  #restUntil = 0;

  constructor(
    private readonly deps: OutsideFollowerDeps,
    private readonly opts: OutsideFollowerOptions = {},
  ) {
    this.#punts = new PuntResolver({
      clock: deps.clock,
      log: deps.log,
      resolve: (ifindex, address) => deps.netlink.resolveNeighbour(ifindex, address),
    });
  }

  /** Droplets changed: looks at everything again, soon. */
  refresh(): void {
    this.#routesStale = true;
    this.#schedule();
  }

  /** Looks at everything now. Resolves when all facts are told. */
  async evaluate(): Promise<void> {
    this.#routesStale = true;
    await this.#evaluate();
  }

  /** A packet was dropped as its next hop on the link is not known. */
  punt(address: string): void {
    if (this.#stopped || this.#devices.size === 0) return;
    const route = this.#table.match(address);
    // A router is asked for as long as it does not answer; see #run().
    if (route?.kind !== 'onlink') return;
    if (this.#resolved.has(hopId({ ifindex: route.ifindex, address }))) return;
    this.#punts.add(route.ifindex, address);
  }

  onEvent(event: NetlinkEvent): void {
    if (this.#devices.size === 0 && this.deps.devices().length === 0) return;
    if (event.type === 'neighbour') {
      if (!this.#devices.has(event.neighbour.ifindex)) return;
    } else if (event.type === 'neighbour-gone') {
      if (!this.#devices.has(event.ifindex)) return;
      // Whoever deleted it took our wish to have it resolved along.
      this.#managed.delete(hopId(event));
    } else if (event.type === 'link') {
      if (!this.#devices.has(event.link.ifindex)) return;
      this.#routesStale = true;
    } else {
      this.#routesStale = true;
    }
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#debounce?.cancel();
    this.#slow?.cancel();
    this.#again = false;
    await this.#running;
  }

  #schedule(): void {
    if (this.#stopped || this.#debounce !== undefined) return;
    const rest = this.#routesStale ? this.#restUntil - this.deps.clock.monotonic() : 0;
    this.#debounce = this.deps.clock.after(Math.max(this.opts.debounceMs ?? 10, rest), () => {
      this.#debounce = undefined;
      void this.#evaluate();
    });
  }

  async #evaluate(): Promise<void> {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        if (this.#routesStale) await this.#readRoutes();
        await this.#readNeighbours();
      } catch (error) {
        this.#routesStale = true;
        this.deps.log.error({ err: error }, 'the outside is not read');
      }
    }
    this.#slow?.cancel();
    if (this.#stopped || this.#devices.size === 0) return;
    const unresolved = [...this.#hops.keys()].filter((id) => !this.#resolved.has(id));
    this.#slow = this.deps.clock.after(
      unresolved.length > 0 ? (this.opts.unresolvedMs ?? 1000) : (this.opts.slowMs ?? 30_000),
      () => {
        // A failed entry is not tried again by itself on kernels that do not manage neighbours.
        for (const id of unresolved) this.#managed.delete(id);
        this.#routesStale ||= unresolved.length === 0;
        void this.#evaluate();
      },
    );
  }

  async #readRoutes(): Promise<void> {
    const { netlink, clock } = this.deps;
    const started = clock.monotonic();
    const limit = this.opts.maxRoutes ?? MAX_ROUTES;
    this.#routesStale = false;
    const wanted = new Set(this.deps.devices());
    const links = wanted.size === 0 ? [] : await netlink.links();
    this.#devices = new Map(
      links
        .filter(({ ifindex, up }) => up && wanted.has(ifindex))
        .map(({ ifindex, mac, mtu }) => [ifindex, { ifindex, mac, mtu }]),
    );
    const read: KernelRoute[] = [];
    let total = 0;
    for (const ifindex of this.#devices.keys()) {
      const { routes, total: there } = await netlink.routesOver(ifindex, limit);
      read.push(...routes);
      total += there;
    }
    const routes = outsideRoutes(read, this.#devices, limit);
    const { hops, left } = this.#hopsOf(routes);
    for (const prefix of left) routes.delete(prefix);
    for (const [prefix, route] of routes)
      this.#tell(`route ${prefix}`, { prefix, route }, { prefix, route: undefined });
    for (const [id, { gone }] of this.#told)
      if ('prefix' in gone && !routes.has(gone.prefix)) this.#tell(id, gone, gone);
    this.#table = new PrefixTable(routes);
    this.#hops = hops;
    this.#restUntil = clock.monotonic() + REST_FACTOR * (clock.monotonic() - started);
    const beyond = Math.max(0, total - limit) + left.length;
    this.#report(
      beyond === 0
        ? undefined
        : `the kernel has ${total} routes over droplets that lead outside: ${beyond} of the ` +
            `longest prefixes are not followed`,
    );
  }

  /** The routers of the routes, and the prefixes whose router is one too many. */
  #hopsOf(routes: RoutesByPrefix): { hops: Map<string, Hop>; left: string[] } {
    const hops = new Map<string, Hop>();
    const left: string[] = [];
    const limit = this.opts.maxNexthops ?? MAX_NEXTHOPS;
    for (const [prefix, route] of routes) {
      if (route.kind === 'onlink') continue;
      const hop = { ifindex: route.ifindex, address: route.gateway };
      const id = hopId(hop);
      if (hops.has(id)) continue;
      if (hops.size < limit) hops.set(id, hop);
      else left.push(prefix);
    }
    return { hops, left };
  }

  async #readNeighbours(): Promise<void> {
    for (const [id, hop] of this.#hops) await this.#manage(id, hop);
    // Read behind the requests, so that what they resolved at once is seen.
    const neighbours = this.#devices.size === 0 ? [] : await this.deps.netlink.neighbours();
    const now = new Map<string, { readonly hop: Hop; readonly neighbour: OutsideNeighbour }>();
    for (const one of neighbours) {
      const neighbour = this.#judge(one);
      const hop = { ifindex: one.ifindex, address: one.address };
      if (neighbour !== undefined) now.set(hopId(hop), { hop, neighbour });
    }
    for (const [id, { hop, neighbour }] of now)
      this.#tell(`neighbour ${id}`, { ...hop, neighbour }, { ...hop, neighbour: undefined });
    for (const [id, { gone }] of this.#told)
      if ('address' in gone && !now.has(hopId(gone))) this.#tell(id, gone, gone);
    this.#resolved = new Set(now.keys());
    for (const [id, hop] of this.#managed) {
      if (this.#hops.has(id)) continue;
      this.#managed.delete(id);
      await this.deps.neighbours.unmanageNeighbour(hop.ifindex, hop.address);
    }
  }

  /** A neighbour that packets may be sent to; undefined: it is none of ours, or not resolved. */
  #judge({ ifindex, address, mac, valid }: Neighbour): OutsideNeighbour | undefined {
    const device = this.#devices.get(ifindex);
    // The kernel has entries for its own addresses and for broadcast, too.
    if (device === undefined || !valid || mac === undefined) return undefined;
    if (!isUnicast(mac) || mac === device.mac) return undefined;
    const route = this.#table.match(address);
    const onlink = route?.kind === 'onlink' && route.ifindex === ifindex;
    if (!onlink && !this.#hops.has(hopId({ ifindex, address }))) return undefined;
    return { smac: device.mac, dmac: mac, onlinkMtu: onlink ? route.mtu : undefined };
  }

  async #manage(id: string, { ifindex, address }: Hop): Promise<void> {
    if (this.#managed.has(id)) return;
    this.#managed.set(id, { ifindex, address });
    try {
      await this.deps.neighbours.manageNeighbour(ifindex, address);
    } catch (error) {
      this.#managed.delete(id);
      this.deps.log.warn({ ifindex, address, err: error }, 'next hop cannot be resolved');
    }
  }

  /** @param gone the same fact without anything in it: it is what is told when the thing goes */
  #tell(id: string, fact: OutsideFact, gone: OutsideFact): void {
    const text = JSON.stringify(fact);
    if (this.#told.get(id)?.text === text) return;
    if (fact === gone) this.#told.delete(id);
    else this.#told.set(id, { text, gone });
    this.deps.onFact(fact);
  }

  #report(message: string | undefined): void {
    if (message === this.#problem) return;
    this.#problem = message;
    if (message !== undefined) this.deps.log.warn(message);
    this.deps.onProblem(message === undefined ? undefined : { reason: 'TooManyRoutes', message });
  }
}
