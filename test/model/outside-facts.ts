// SPDX-License-Identifier: Apache-2.0
/** The kernel's routes and neighbours outside, told to the calculation as the daemon's follower does. */
import type { OutsideFact, OutsideRoute } from '../../src/daemon/calc/index.js';
import { PrefixTable } from '../../src/daemon/interfaces/outside-routes.js';
import { WAN_MAC } from './arrivals.js';
import { OUTSIDE, type Change, type OutsideRouteChoice } from './scene.js';

export class OutsideFacts {
  private readonly routes = new Map<string, OutsideRouteChoice>();
  private readonly neighbours = new Map<string, string>();
  /** Without a droplet that leads outside nothing is followed. */
  private followed = false;
  private told = new Map<string, OutsideFact>();

  constructor(private readonly ifindex: number) {}

  /** What there is to tell after a change. */
  apply(change: Change): OutsideFact[] {
    for (const [prefix, route] of Object.entries(change.outsideRoutes ?? {}))
      if (route) this.routes.set(prefix, route);
      else this.routes.delete(prefix);
    for (const [address, mac] of Object.entries(change.neighbours ?? {}))
      if (mac === undefined) this.neighbours.delete(address);
      else this.neighbours.set(address, mac);
    for (const { name, object } of change.objects)
      if (name === OUTSIDE) this.followed = object !== undefined;
    const now = this.followed ? this.facts() : new Map<string, OutsideFact>();
    const gone = [...this.told].filter(([key]) => !now.has(key)).map(([, fact]) => without(fact));
    const changed = [...now].filter(
      ([key, fact]) => JSON.stringify(this.told.get(key)) !== JSON.stringify(fact),
    );
    this.told = now;
    return [...changed.map(([, fact]) => fact), ...gone];
  }

  private facts(): Map<string, OutsideFact> {
    const { ifindex } = this;
    const out = new Map<string, OutsideFact>();
    const routes = new Map<string, OutsideRoute>();
    for (const [prefix, { via, mtu }] of this.routes) {
      const route: OutsideRoute =
        via === undefined
          ? { kind: 'onlink', ifindex, mtu }
          : { kind: 'nexthop', ifindex, gateway: via, mtu };
      routes.set(prefix, route);
      out.set(prefix, { prefix, route });
    }
    const table = new PrefixTable(routes);
    for (const [address, dmac] of this.neighbours) {
      const route = table.match(address);
      const onlinkMtu = route?.kind === 'onlink' ? route.mtu : undefined;
      out.set(address, { ifindex, address, neighbour: { smac: WAN_MAC, dmac, onlinkMtu } });
    }
    return out;
  }
}

function without(fact: OutsideFact): OutsideFact {
  if ('prefix' in fact) return { ...fact, route: undefined };
  return { ...fact, neighbour: undefined };
}
