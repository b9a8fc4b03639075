// SPDX-License-Identifier: Apache-2.0
/**
 * Follows the devices of this host's droplets. They are the operator's: nothing of them is
 * changed but what the programs need of a veth, see prepare().
 */
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';
import type { DesiredDroplet, DropletFact } from '../calc/output.js';
import type { Link, Netlink, NetlinkEvent } from '../ports/netlink.js';
import {
  restoreDevice,
  switchBack,
  switchGroOn,
  switchOff,
  takeAllMulticast,
} from './borrowed-device.js';
import type { RestoreBook } from './restore-book.js';
import { WorkQueue } from './work-queue.js';

/** What became of a droplet's device. */
export interface DropletState {
  readonly desired: DesiredDroplet;
  /** undefined: it is not there. */
  readonly link: Link | undefined;
  /** Why the droplet cannot work; undefined when all is well. */
  readonly problem: { readonly reason: string; readonly message: string } | undefined;
}

export interface DropletFollowerDeps {
  readonly netlink: Netlink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly book: RestoreBook;
  readonly onFact: (fact: DropletFact) => void;
  /** undefined: the droplet has gone. */
  readonly onState: (droplet: string, state: DropletState | undefined) => void;
}

const POLL_MS = 5000;

export class DropletFollower {
  readonly #desired = new Map<string, DesiredDroplet>();
  readonly #states = new Map<string, DropletState>();
  readonly #queue: WorkQueue;

  constructor(private readonly deps: DropletFollowerDeps) {
    this.#queue = new WorkQueue(
      { clock: deps.clock, work: (name) => this.#work(name) },
      { minBackoffMs: 100, maxBackoffMs: 5000 },
    );
  }

  want(droplet: string, desired: DesiredDroplet | undefined): void {
    if (desired === undefined) this.#desired.delete(droplet);
    else this.#desired.set(droplet, desired);
    this.#queue.add(droplet);
  }

  settled(): Promise<void> {
    return this.#queue.idle();
  }

  /** The droplet on a device. */
  byIfindex(ifindex: number): DropletState | undefined {
    for (const state of this.#states.values()) if (state.link?.ifindex === ifindex) return state;
    return undefined;
  }

  /** Devices of droplets that lead outside. */
  outside(): number[] {
    const all = [...this.#states.values()].filter(({ desired }) => desired.outside);
    return all.flatMap(({ link }) => (link === undefined ? [] : [link.ifindex]));
  }

  /** Names of the devices in use. */
  names(): string[] {
    return [...this.#desired.values()].map((desired) => desired.device);
  }

  onEvent(event: NetlinkEvent): void {
    for (const [name, desired] of this.#desired) {
      const link = this.#states.get(name)?.link;
      const concerned =
        event.type === 'overrun' ||
        event.type === 'address' ||
        (event.type === 'link-gone' && event.ifindex === link?.ifindex) ||
        (event.type === 'link' &&
          (event.link.name === desired.device || event.link.ifindex === link?.ifindex));
      if (concerned) this.#queue.add(name);
    }
  }

  async stop(): Promise<void> {
    await this.#queue.stop();
  }

  async #work(name: string): Promise<'failed' | number | undefined> {
    const desired = this.#desired.get(name);
    const before = this.#states.get(name);
    try {
      if (before?.link !== undefined && before.desired.device !== desired?.device) {
        await restoreDevice(this.deps, before.link.ifindex);
      }
      if (desired === undefined) {
        this.#states.delete(name);
        this.#queue.forget(name);
        this.deps.onFact({ droplet: name, device: undefined });
        this.deps.onState(name, undefined);
        return undefined;
      }
      const link = await this.deps.netlink.linkByName(desired.device);
      if (link !== undefined) await this.#prepare(desired, link);
      this.#set(name, { desired, link, problem: await this.#problem(desired, link) });
      return link === undefined ? POLL_MS : undefined;
    } catch (error) {
      this.deps.log.error({ droplet: name, err: error }, 'droplet not followed');
      if (desired !== undefined) {
        const problem = { reason: 'DeviceFailed', message: errorText(error) };
        this.#set(name, { desired, link: undefined, problem });
      }
      return 'failed';
    }
  }

  #set(name: string, state: DropletState): void {
    this.#states.set(name, state);
    const { link } = state;
    this.deps.onFact({
      droplet: name,
      device: link && { ifindex: link.ifindex, mtu: link.mtu, mac: link.mac },
    });
    this.deps.onState(name, state);
  }

  /**
   * Neighbour discovery for addresses that are not the host's comes as multicast.
   * The other end of a veth under XDP gets frames as they are in memory: a checksum that the
   * NIC should complete, or segments that it should cut, would arrive undone. One under tc
   * merges what it receives only when told to; a NIC does so unless somebody switched it off.
   */
  async #prepare(desired: DesiredDroplet, link: Link): Promise<void> {
    await takeAllMulticast(this.deps, link, desired.allMulticast);
    if (link.kind !== 'veth') return;
    for (const feature of ['tx-checksum', 'tso'] as const) {
      if (desired.hook === 'xdp') await switchOff(this.deps, link, feature);
      else await switchBack(this.deps, link, feature);
    }
    if (desired.hook !== 'xdp') await switchGroOn(this.deps, link);
  }

  async #problem(
    desired: DesiredDroplet,
    link: Link | undefined,
  ): Promise<DropletState['problem']> {
    if (link === undefined) {
      return {
        reason: 'DeviceMissing',
        message: `there is no device ${desired.device} on this host`,
      };
    }
    if (!link.up) return { reason: 'DeviceDown', message: `device ${link.name} is down` };
    const there = new Set<string>();
    for (const { ifindex, address } of await this.deps.netlink.addresses()) {
      if (ifindex === link.ifindex) there.add(address);
    }
    const missing = desired.addresses.filter((address) => !there.has(address));
    if (missing.length === 0) return undefined;
    return {
      reason: 'AddressMissing',
      message: `device ${link.name} does not have ${missing.join(', ')}: other hosts cannot reach it`,
    };
  }
}
