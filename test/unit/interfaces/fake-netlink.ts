// SPDX-License-Identifier: Apache-2.0
/** A kernel in memory: links, namespaces, routes, neighbours. */
import type {
  KernelRoute,
  Link,
  LinkSettings,
  Neighbour,
  Netlink,
  NetlinkEvent,
  RouteLookup,
  VethSpec,
  VxlanListenerSpec,
} from '../../../src/daemon/ports/netlink.js';

class Refusal extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export class FakeNetlink implements Netlink {
  readonly byIndex = new Map<number, Link>();
  readonly namespaces = new Set<string>();
  readonly offloads = new Map<string, boolean>();
  readonly routes = new Map<string, RouteLookup>();
  readonly known = new Map<string, Neighbour>();
  readonly managed: string[] = [];
  /** Asked to be resolved once. */
  readonly asked: string[] = [];
  /** The main table. */
  mainTable: KernelRoute[] = [];
  local: { ifindex: number; address: string; prefixLength: number }[] = [];
  /** What was asked, in order. */
  readonly calls: string[] = [];
  fail: Error | undefined;
  #next = 1;
  #listener: (event: NetlinkEvent) => void = () => undefined;

  add(link: Partial<Link> & { readonly name: string }): Link {
    const made: Link = {
      ifindex: this.#next++,
      kind: '',
      mac: '02:00:00:00:00:aa',
      mtu: 1500,
      up: true,
      allMulticast: false,
      running: true,
      peerIfindex: undefined,
      peerElsewhere: false,
      alias: undefined,
      ...link,
    };
    this.byIndex.set(made.ifindex, made);
    return made;
  }

  emit(event: NetlinkEvent): void {
    this.#listener(event);
  }

  /** The device goes, whoever did it. */
  lose(ifindex: number): void {
    const link = this.byIndex.get(ifindex);
    this.byIndex.delete(ifindex);
    if (link) this.emit({ type: 'link-gone', ifindex, name: link.name });
  }

  links(): Promise<Link[]> {
    return Promise.resolve([...this.byIndex.values()]);
  }

  linkByName(name: string): Promise<Link | undefined> {
    return Promise.resolve([...this.byIndex.values()].find((link) => link.name === name));
  }

  async ensureVeth(spec: VethSpec): Promise<Link> {
    this.calls.push(`veth ${spec.name}`);
    await Promise.resolve();
    if (this.fail) throw this.fail;
    if (spec.netns !== undefined && !this.namespaces.has(spec.netns))
      throw new Refusal('NETNS_NOT_FOUND', `no ${spec.netns}`);
    const there = await this.linkByName(spec.name);
    if (there && there.alias !== spec.alias) throw new Refusal('DEVICE_EXISTS', 'not ours');
    const link = there
      ? { ...there, up: true, mtu: spec.mtu }
      : this.add({
          name: spec.name,
          kind: 'veth',
          mtu: spec.mtu,
          alias: spec.alias,
          peerElsewhere: true,
        });
    this.byIndex.set(link.ifindex, link);
    this.emit({ type: 'link', link });
    return link;
  }

  async ensureVxlanListener(spec: VxlanListenerSpec): Promise<Link> {
    this.calls.push(`vxlan ${spec.port}`);
    await Promise.resolve();
    if (this.fail) throw this.fail;
    const there = await this.linkByName(spec.name);
    if (there) return there;
    return this.add({ name: spec.name, kind: 'vxlan', alias: spec.alias });
  }

  deleteLink(ifindex: number): Promise<void> {
    this.calls.push(`delete ${this.byIndex.get(ifindex)?.name ?? ''}`);
    this.lose(ifindex);
    return Promise.resolve();
  }

  setLink(ifindex: number, change: LinkSettings): Promise<void> {
    this.calls.push(`set ${ifindex} ${JSON.stringify(change)}`);
    const link = this.byIndex.get(ifindex);
    if (link) {
      const now = { ...link, ...change };
      this.byIndex.set(ifindex, now);
      this.emit({ type: 'link', link: now });
    }
    return Promise.resolve();
  }

  setOffload(ifindex: number, feature: string, on: boolean): Promise<boolean> {
    const id = `${ifindex} ${feature}`;
    const was = this.offloads.get(id) ?? true;
    this.offloads.set(id, on);
    return Promise.resolve(was);
  }

  addresses() {
    return Promise.resolve(this.local);
  }

  lookupRoute(destination: string): Promise<RouteLookup | undefined> {
    return Promise.resolve(this.routes.get(destination));
  }

  neighbours(): Promise<Neighbour[]> {
    return Promise.resolve([...this.known.values()]);
  }

  manageNeighbour(ifindex: number, address: string): Promise<void> {
    this.managed.push(`+${ifindex} ${address}`);
    return Promise.resolve();
  }

  unmanageNeighbour(ifindex: number, address: string): Promise<void> {
    this.managed.push(`-${ifindex} ${address}`);
    return Promise.resolve();
  }

  routesOver(ifindex: number, limit: number): Promise<{ routes: KernelRoute[]; total: number }> {
    const routes = this.mainTable.filter((route) => route.hops.some((h) => h.ifindex === ifindex));
    const first = [...routes].sort((a, b) => a.length - b.length).slice(0, limit);
    return Promise.resolve({ routes: first, total: routes.length });
  }

  resolveNeighbour(ifindex: number, address: string): Promise<void> {
    this.asked.push(`${ifindex} ${address}`);
    return Promise.resolve();
  }

  monitor(onEvent: (event: NetlinkEvent) => void): Promise<void> {
    this.#listener = onEvent;
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
