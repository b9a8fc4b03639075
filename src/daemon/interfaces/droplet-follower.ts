// SPDX-License-Identifier: Apache-2.0
/**
 * Droplets' devices: finds them, tells their index and MTU, checks that they carry the
 * droplet's addresses. Devices are the operator's: the only thing changed is that a veth used
 * with XDP (a lab's wire) gets its checksum and segmentation offloads switched off, as a frame
 * that crosses it must be as on a real wire; that is restored in the end.
 */
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';
import { canonicalAddress } from '../../base/net.js';
import { errorText } from '../../base/errors.js';
import type { DesiredDroplet, DropletFact } from '../calc/output.js';
import type { Link, Netlink, NetlinkEvent } from '../ports/netlink.js';
import { InterfaceError } from './errors.js';
import { KeyedQueue } from './keyed-queue.js';

const WIRE_OFFLOADS = ['tx-checksum', 'tso'] as const;
type WireOffload = (typeof WIRE_OFFLOADS)[number];

export interface DropletFollowerDeps {
  readonly netlink: Netlink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onFact: (fact: DropletFact) => void;
  /** undefined: the complaint is over. */
  readonly onProblem: (droplet: string, problem: string | undefined) => void;
}

interface Followed {
  desired: DesiredDroplet | undefined;
  ifindex: number | undefined;
  /** Offloads we switched off, on which device. */
  switched: { ifindex: number; features: WireOffload[] } | undefined;
}

export class DropletFollower {
  readonly #followed = new Map<string, Followed>();
  readonly #queue: KeyedQueue;

  constructor(private readonly deps: DropletFollowerDeps) {
    this.#queue = new KeyedQueue(
      {
        clock: deps.clock,
        work: (droplet) => this.#look(droplet),
        onError: (droplet, error) => {
          this.#failed(droplet, error);
        },
      },
      { retryMinMs: 100, retryMaxMs: 5000 },
    );
  }

  /** Droplets of this host; undefined ends one. */
  apply(droplets: ReadonlyMap<string, DesiredDroplet | undefined>): void {
    for (const [droplet, desired] of droplets) {
      const one = this.#followed.get(droplet);
      if (one !== undefined) one.desired = desired;
      else if (desired !== undefined) {
        this.#followed.set(droplet, { desired, ifindex: undefined, switched: undefined });
      } else continue;
      this.#queue.add(droplet);
    }
  }

  onEvent(event: NetlinkEvent): void {
    for (const [droplet, one] of this.#followed) {
      const touched =
        event.type === 'overrun' ||
        event.type === 'address' ||
        (event.type === 'link' &&
          (event.link.ifindex === one.ifindex || event.link.name === one.desired?.device)) ||
        (event.type === 'link-gone' && event.ifindex === one.ifindex);
      if (touched) this.#queue.add(droplet);
    }
  }

  /** Undoes what was switched. */
  async purge(): Promise<void> {
    this.apply(new Map([...this.#followed.keys()].map((droplet) => [droplet, undefined])));
    await this.settled();
  }

  settled(): Promise<void> {
    return this.#queue.idle();
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  async #look(droplet: string): Promise<void> {
    const one = this.#followed.get(droplet);
    if (one === undefined) return;
    const { desired } = one;
    if (desired === undefined) {
      await this.#restore(one);
      this.#followed.delete(droplet);
      this.deps.onProblem(droplet, undefined);
      this.deps.onFact({ droplet, device: undefined });
      return;
    }
    const link = await this.deps.netlink.linkByName(desired.device);
    if (link === undefined) {
      throw new InterfaceError('DEVICE_NOT_FOUND', `there is no device ${desired.device}`, {
        object: `Droplet/${droplet}`,
        field: 'spec.device',
      });
    }
    if (one.switched !== undefined && one.switched.ifindex !== link.ifindex) {
      one.switched = undefined; // another device by the same name
    }
    if (link.kind === 'veth' && desired.hook === 'xdp') await this.#makeWire(one, link);
    else await this.#restore(one);
    one.ifindex = link.ifindex;
    this.deps.onFact({ droplet, device: { ifindex: link.ifindex, mtu: link.mtu } });
    this.deps.onProblem(droplet, await this.#missingAddress(desired, link));
  }

  async #missingAddress(desired: DesiredDroplet, link: Link): Promise<string | undefined> {
    const present = new Set(
      (await this.deps.netlink.addresses()).map(({ address }) => canonicalAddress(address)),
    );
    const missing = desired.addresses.filter((address) => !present.has(address));
    if (!link.up) return `device ${link.name} is down`;
    return missing.length === 0
      ? undefined
      : `no device of this host has the address ${missing.join(', ')}`;
  }

  async #makeWire(one: Followed, link: Link): Promise<void> {
    if (one.switched !== undefined) return;
    const features: WireOffload[] = [];
    for (const feature of WIRE_OFFLOADS) {
      if (await this.deps.netlink.setOffload(link.ifindex, feature, false)) features.push(feature);
    }
    one.switched = { ifindex: link.ifindex, features };
  }

  async #restore(one: Followed): Promise<void> {
    const { switched } = one;
    one.switched = undefined;
    if (switched === undefined) return;
    const links = await this.deps.netlink.links();
    if (!links.some((link) => link.ifindex === switched.ifindex)) return;
    for (const feature of switched.features) {
      await this.deps.netlink.setOffload(switched.ifindex, feature, true);
    }
  }

  #failed(droplet: string, error: unknown): void {
    const one = this.#followed.get(droplet);
    this.deps.log.warn({ droplet, error: errorText(error) }, 'droplet not ready');
    this.deps.onProblem(droplet, errorText(error));
    if (one !== undefined) one.ifindex = undefined;
    this.deps.onFact({ droplet, device: undefined });
  }
}
