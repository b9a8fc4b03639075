// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints' devices: makes veth pairs and adopts existing devices, follows what becomes of
 * them, and undoes only what it did. A device it made carries the alias
 * "transit:<instance>:<endpoint>"; nothing without it is ever deleted. Stopping leaves
 * everything as it is.
 */
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';
import { errorText } from '../../base/errors.js';
import type { DesiredDevice, DeviceFact } from '../calc/output.js';
import type { Link, Netlink, NetlinkEvent } from '../ports/netlink.js';
import { InterfaceError } from './errors.js';
import { KeyedQueue } from './keyed-queue.js';

/** MTU of a veth while the droplet's is not known yet: 1500 less VXLAN over IPv6. */
const FALLBACK_MTU = 1430;

export interface DeviceManagerDeps {
  readonly netlink: Netlink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onFact: (fact: DeviceFact) => void;
  /** undefined: the complaint is over. */
  readonly onProblem: (endpoint: string, problem: string | undefined) => void;
}

interface Held {
  desired: DesiredDevice['spec'] | undefined;
  ifindex: number | undefined;
  mtu: number;
  /** What an adopted device had before, to be restored. */
  originalMtu: number | undefined;
  made: boolean;
}

export class DeviceManager {
  readonly #held = new Map<string, Held>();
  readonly #queue: KeyedQueue;

  constructor(
    private readonly deps: DeviceManagerDeps,
    private readonly opts: { readonly instance: string },
  ) {
    this.#queue = new KeyedQueue(
      {
        clock: deps.clock,
        work: (endpoint) => this.#ensure(endpoint),
        onError: (endpoint, error) => {
          this.#failed(endpoint, error);
        },
      },
      // a namespace that is made later should be noticed within a second
      { retryMinMs: 100, retryMaxMs: 1000 },
    );
  }

  alias(endpoint: string): string {
    return `transit:${this.opts.instance}:${endpoint}`;
  }

  /** Devices to have; undefined ends one. */
  apply(devices: ReadonlyMap<string, DesiredDevice | undefined>): void {
    for (const [endpoint, device] of devices) {
      const held = this.#held.get(endpoint);
      if (held !== undefined) held.desired = device?.spec;
      else if (device !== undefined) {
        this.#held.set(endpoint, {
          desired: device.spec,
          ifindex: undefined,
          mtu: 0,
          originalMtu: undefined,
          made: false,
        });
      } else continue;
      this.#queue.add(endpoint);
    }
  }

  /** Deletes devices of ours that no endpoint wants: left by an endpoint deleted while we were away. */
  async sweep(): Promise<void> {
    const prefix = `transit:${this.opts.instance}:`;
    for (const link of await this.deps.netlink.links()) {
      if (link.alias?.startsWith(prefix) !== true) continue;
      if (this.#held.has(link.alias.slice(prefix.length))) continue;
      this.deps.log.info({ device: link.name }, 'deleting a device no endpoint wants');
      await this.deps.netlink.deleteLink(link.ifindex);
    }
  }

  /** Deletes every device that carries our alias and restores adopted ones. */
  async purge(): Promise<void> {
    this.apply(new Map([...this.#held.keys()].map((endpoint) => [endpoint, undefined])));
    await this.settled();
    await this.sweep();
  }

  onEvent(event: NetlinkEvent): void {
    if (event.type === 'overrun') {
      for (const endpoint of this.#held.keys()) this.#queue.add(endpoint);
      return;
    }
    if (event.type === 'link') this.#linkChanged(event.link);
    if (event.type !== 'link-gone') return;
    for (const [endpoint, held] of this.#held) {
      if (held.ifindex === event.ifindex) this.#queue.add(endpoint);
    }
  }

  /** Resolves when every device was looked at once; those that failed are retried later. */
  settled(): Promise<void> {
    return this.#queue.idle();
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #linkChanged(link: Link): void {
    for (const [endpoint, held] of this.#held) {
      const mine = held.ifindex === link.ifindex;
      if (mine ? !link.up || link.mtu !== held.mtu : held.desired?.name === link.name) {
        this.#queue.add(endpoint);
      }
    }
  }

  async #ensure(endpoint: string): Promise<void> {
    const held = this.#held.get(endpoint);
    if (held === undefined) return;
    const { desired } = held;
    if (desired === undefined) {
      await this.#release(endpoint, held);
      return;
    }
    const link =
      desired.kind === 'veth'
        ? await this.#ensureVeth(endpoint, desired, held)
        : await this.#adopt(desired, held);
    held.ifindex = link.ifindex;
    held.mtu = link.mtu;
    this.deps.onProblem(endpoint, undefined);
    this.deps.onFact({
      endpoint,
      device: {
        ifindex: link.ifindex,
        mtu: link.mtu,
        vethPeer: link.kind === 'veth' && link.peerElsewhere,
      },
    });
  }

  async #ensureVeth(endpoint: string, spec: DesiredDevice['spec'], held: Held): Promise<Link> {
    // a renamed endpoint device is a new one: the old must not stay behind
    if (held.made && held.ifindex !== undefined) {
      const links = await this.deps.netlink.links();
      const old = links.find((link) => link.ifindex === held.ifindex);
      if (old !== undefined && old.name !== spec.name) {
        await this.deps.netlink.deleteLink(old.ifindex);
      }
    }
    const link = await this.deps.netlink.ensureVeth({
      name: spec.name,
      peerName: spec.peer,
      netns: spec.netns,
      peerMac: spec.mac,
      mtu: spec.mtu ?? FALLBACK_MTU,
      addresses: spec.addresses,
      gateways: spec.gateways,
      alias: this.alias(endpoint),
      // packets may come in by an XDP redirect, which needs NAPI at the far end
      peerGro: true,
      // XDP sees frames as they are: a checksum left to hardware would stay unfinished
      peerTxChecksum: spec.hook !== 'xdp',
    });
    held.made = true;
    return link;
  }

  async #adopt(spec: DesiredDevice['spec'], held: Held): Promise<Link> {
    const link = await this.deps.netlink.linkByName(spec.name);
    if (link === undefined) {
      throw new InterfaceError('DEVICE_NOT_FOUND', `there is no device ${spec.name}`, {
        object: spec.name,
        field: 'spec.device.name',
      });
    }
    const mtu = spec.mtu !== undefined && spec.mtu !== link.mtu ? spec.mtu : undefined;
    if (mtu !== undefined || !link.up) {
      if (mtu !== undefined) held.originalMtu ??= link.mtu;
      await this.deps.netlink.setLink(link.ifindex, {
        ...(link.up ? {} : { up: true }),
        ...(mtu === undefined ? {} : { mtu }),
      });
    }
    return { ...link, mtu: mtu ?? link.mtu, up: true };
  }

  async #release(endpoint: string, held: Held): Promise<void> {
    const links = await this.deps.netlink.links();
    const link = links.find(
      (one) => one.ifindex === held.ifindex || one.alias === this.alias(endpoint),
    );
    if (link !== undefined) {
      if (link.alias === this.alias(endpoint)) await this.deps.netlink.deleteLink(link.ifindex);
      else if (held.originalMtu !== undefined) {
        await this.deps.netlink.setLink(link.ifindex, { mtu: held.originalMtu });
      }
    }
    // wanted again while we were waiting for the kernel
    if (held.desired !== undefined) {
      held.ifindex = undefined;
      this.#queue.add(endpoint);
      return;
    }
    this.#held.delete(endpoint);
    this.deps.onProblem(endpoint, undefined);
    this.deps.onFact({ endpoint, device: undefined });
  }

  #failed(endpoint: string, error: unknown): void {
    const held = this.#held.get(endpoint);
    this.deps.log.warn({ endpoint, error: errorText(error) }, 'device not ready');
    this.deps.onProblem(endpoint, errorText(error));
    if (held?.desired !== undefined && held.ifindex !== undefined) {
      held.ifindex = undefined;
      this.deps.onFact({ endpoint, device: undefined });
    }
  }
}
