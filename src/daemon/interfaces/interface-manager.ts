// SPDX-License-Identifier: Apache-2.0
/**
 * Keeps the devices of local endpoints: makes veth pairs, adopts existing devices, follows what
 * the kernel says of them and reports. A device is ours only by its alias; nothing else is ever
 * deleted. Stopping leaves everything in place.
 */
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';
import type { DesiredDevice, DeviceFact } from '../calc/output.js';
import type { Link, Netlink, NetlinkEvent } from '../ports/netlink.js';
import { prepareDevice, restoreDevice } from './borrowed-device.js';
import type { RestoreBook } from './restore-book.js';
import { WorkQueue } from './work-queue.js';

/** What became of an endpoint's device. */
export type DeviceState =
  | { readonly state: 'ready'; readonly link: Link; readonly spec: DesiredDevice['spec'] }
  | { readonly state: 'waiting'; readonly reason: string; readonly message: string };

export interface InterfaceManagerDeps {
  readonly netlink: Netlink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly book: RestoreBook;
  readonly onFact: (fact: DeviceFact) => void;
  /** undefined: the endpoint has no device any more. */
  readonly onState: (endpoint: string, state: DeviceState | undefined) => void;
}

export interface InterfaceManagerOptions {
  readonly instance: string;
  readonly minBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** How often a missing namespace is looked for. */
  readonly pollMs?: number;
}

/** Ethernet's MTU less VXLAN over IPv4: for a host without a droplet yet. */
const FALLBACK_MTU = 1450;

interface Known {
  readonly spec: DesiredDevice['spec'];
  readonly link: Link;
}

function code(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

export class InterfaceManager {
  readonly #desired = new Map<string, DesiredDevice['spec']>();
  /** Devices that are there, by endpoint. */
  readonly #known = new Map<string, Known>();
  /** Specs that work was begun on, whether or not a device came of it. */
  readonly #begun = new Map<string, DesiredDevice['spec']>();
  /** Last fact of each endpoint, as text: only news are told. */
  readonly #told = new Map<string, string>();
  readonly #queue: WorkQueue;

  constructor(
    private readonly deps: InterfaceManagerDeps,
    private readonly opts: InterfaceManagerOptions,
  ) {
    this.#queue = new WorkQueue(
      { clock: deps.clock, work: (endpoint) => this.#work(endpoint) },
      { minBackoffMs: opts.minBackoffMs ?? 100, maxBackoffMs: opts.maxBackoffMs ?? 5000 },
    );
  }

  /** undefined: the endpoint has gone. */
  want(endpoint: string, device: DesiredDevice | undefined): void {
    if (device === undefined) this.#desired.delete(endpoint);
    else this.#desired.set(endpoint, device.spec);
    this.#queue.add(endpoint);
  }

  /** Resolves when every device was made or is waiting for something. */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  /**
   * Deletes what an earlier run made for endpoints that are not desired any more.
   * @param keep name of a device of ours that is no endpoint's
   */
  async sweep(keep?: string): Promise<void> {
    const prefix = this.#alias('');
    for (const link of await this.deps.netlink.links()) {
      if (link.alias?.startsWith(prefix) !== true || link.name === keep) continue;
      const spec = this.#desired.get(link.alias.slice(prefix.length));
      if (spec?.kind === 'veth' && spec.name === link.name) continue;
      this.deps.log.info({ device: link.name, alias: link.alias }, 'deleting a stale device');
      await this.deps.netlink.deleteLink(link.ifindex);
    }
  }

  /** Names of the devices in use. */
  names(): string[] {
    return [...this.#desired.values()].map((spec) => spec.name);
  }

  /** Takes the kernel's word. */
  onEvent(event: NetlinkEvent): void {
    if (event.type === 'overrun') {
      for (const endpoint of this.#desired.keys()) this.#queue.add(endpoint);
    }
    if (event.type === 'link-gone') this.#gone(event.ifindex);
    if (event.type === 'link') this.#changed(event.link);
  }

  async stop(): Promise<void> {
    await this.#queue.stop();
  }

  #alias(endpoint: string): string {
    return `transit:${this.opts.instance}:${endpoint}`;
  }

  #gone(ifindex: number): void {
    for (const [endpoint, known] of this.#known) {
      if (known.link.ifindex !== ifindex) continue;
      this.#lost(endpoint, 'DeviceGone', `device ${known.spec.name} is gone`);
      this.deps.book.forget(ifindex);
      if (this.#desired.has(endpoint)) this.#queue.add(endpoint);
    }
  }

  #changed(link: Link): void {
    for (const [endpoint, spec] of this.#desired) {
      if (spec.name !== link.name && this.#known.get(endpoint)?.link.ifindex !== link.ifindex) {
        continue;
      }
      const known = this.#known.get(endpoint)?.link;
      const same =
        known?.ifindex === link.ifindex &&
        known.name === link.name &&
        known.up === link.up &&
        known.running === link.running &&
        known.mtu === link.mtu;
      // Our own changes come back as events, too.
      if (!same) this.#queue.add(endpoint);
    }
  }

  #tell(fact: DeviceFact): void {
    const text = JSON.stringify(fact);
    if (this.#told.get(fact.endpoint) === text) return;
    if (this.#desired.has(fact.endpoint)) this.#told.set(fact.endpoint, text);
    else this.#told.delete(fact.endpoint);
    this.deps.onFact(fact);
  }

  /** The device is not there, or not usable. */
  #lost(endpoint: string, reason: string, message: string): void {
    if (this.#known.delete(endpoint)) {
      this.deps.log.warn({ endpoint, reason }, 'endpoint has lost its device');
    }
    this.#tell({ endpoint, device: undefined });
    this.deps.onState(endpoint, { state: 'waiting', reason, message });
  }

  async #work(endpoint: string): Promise<'failed' | number | undefined> {
    const spec = this.#desired.get(endpoint);
    try {
      await this.#release(endpoint, spec);
      if (spec === undefined) {
        this.#queue.forget(endpoint);
        this.#tell({ endpoint, device: undefined });
        this.deps.onState(endpoint, undefined);
        return undefined;
      }
      this.#begun.set(endpoint, spec);
      const link = await (spec.kind === 'veth'
        ? this.#ensureVeth(endpoint, spec)
        : this.#adopt(spec));
      if (link === undefined) {
        this.#lost(endpoint, 'DeviceMissing', `there is no device ${spec.name} on this host`);
        return this.opts.pollMs ?? 1000; // events tell; this is for the case of a lost one
      }
      this.#ready(endpoint, { spec, link });
      return undefined;
    } catch (error) {
      const missing = code(error) === 'NETNS_NOT_FOUND';
      if (spec === undefined) this.deps.log.error({ endpoint, err: error }, 'device not released');
      else if (missing) {
        this.#lost(
          endpoint,
          'NamespaceMissing',
          `network namespace ${spec.netns ?? ''} does not exist yet`,
        );
      } else {
        this.deps.log.error({ endpoint, device: spec.name, err: error }, 'device not ready');
        this.#lost(endpoint, 'DeviceFailed', errorText(error));
      }
      return missing ? (this.opts.pollMs ?? 1000) : 'failed';
    }
  }

  #ready(endpoint: string, now: Known): void {
    const before = this.#known.get(endpoint);
    this.#known.set(endpoint, now);
    const { ifindex, mtu, kind, peerElsewhere } = now.link;
    if (before?.link.ifindex !== ifindex) {
      this.deps.log.info({ endpoint, device: now.link.name, ifindex }, 'device is ready');
    }
    const vethPeer = kind === 'veth' && peerElsewhere;
    this.#tell({ endpoint, device: { ifindex, mtu, vethPeer } });
    this.deps.onState(endpoint, { state: 'ready', ...now });
  }

  #ensureVeth(endpoint: string, spec: DesiredDevice['spec']): Promise<Link> {
    return this.deps.netlink.ensureVeth({
      name: spec.name,
      peerName: spec.peer,
      netns: spec.netns,
      peerMac: spec.mac,
      mtu: spec.mtu ?? FALLBACK_MTU,
      addresses: spec.addresses,
      gateways: spec.gateways,
      alias: this.#alias(endpoint),
      // Packets of the tunnel come in by an XDP redirect, which needs the peer's NAPI.
      peerGro: true,
      // XDP has no place for "checksum to be completed".
      peerTxChecksum: spec.hook === 'tc',
    });
  }

  async #adopt(spec: DesiredDevice['spec']): Promise<Link | undefined> {
    const link = await this.deps.netlink.linkByName(spec.name);
    if (link === undefined) return undefined;
    const changed = await prepareDevice(this.deps, link, spec.mtu);
    return changed ? this.deps.netlink.linkByName(spec.name) : link;
  }

  /** Lets go of a device that the endpoint has no more use for. */
  async #release(endpoint: string, next: DesiredDevice['spec'] | undefined): Promise<void> {
    const spec = this.#begun.get(endpoint);
    if (spec === undefined || (next?.kind === spec.kind && next.name === spec.name)) return;
    const link = await this.deps.netlink.linkByName(spec.name);
    if (link !== undefined && spec.kind === 'existing') {
      await restoreDevice(this.deps, link.ifindex);
    } else if (link?.alias === this.#alias(endpoint)) {
      await this.deps.netlink.deleteLink(link.ifindex);
    }
    this.#begun.delete(endpoint);
    this.#known.delete(endpoint);
  }
}
