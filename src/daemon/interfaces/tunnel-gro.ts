// SPDX-License-Identifier: Apache-2.0
/**
 * Has the kernel merge TCP inside the tunnel (GRO) before a transit program on tc sees it. The
 * kernel does so for packets to a UDP port that a VXLAN device listens on; this keeps a device of
 * that kind which takes and sends nothing, as long as a droplet is on tc. Without it traffic goes
 * on as before, only slower.
 */
import { createHash } from 'node:crypto';
import { errorText } from '../../base/errors.js';
import type { Logger } from '../../base/log.js';
import type { Clock } from '../../base/time.js';
import type { Netlink, NetlinkEvent } from '../ports/netlink.js';
import { WorkQueue } from './work-queue.js';

/** Why nothing is merged; undefined when it is. */
export type TunnelGroState = { readonly reason: string; readonly message: string } | undefined;

export interface TunnelGroDeps {
  readonly netlink: Netlink;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onState: (state: TunnelGroState) => void;
}

export interface TunnelGroOptions {
  readonly instance: string;
  readonly vxlanPort: number;
  /** false: never makes a device. */
  readonly enabled: boolean;
}

/** The one piece of work there is. */
const WORK = 'device';
/** For as long as nobody has asked. */
export const TUNNEL_GRO_PENDING: TunnelGroState = {
  reason: 'Pending',
  message: 'the daemon has not come to it yet',
};
const OFF: TunnelGroState = {
  reason: 'SwitchedOff',
  message: 'datapath.tunnelGro is false: packets of the tunnel are not merged',
};

export class TunnelGro {
  /** Made by us, unless it has another's alias. */
  readonly name: string;
  readonly #alias: string;
  readonly #users = new Set<string>();
  readonly #queue: WorkQueue;
  /** The device that listens. */
  #ifindex: number | undefined;
  #complaint: string | undefined;

  constructor(
    private readonly deps: TunnelGroDeps,
    private readonly opts: TunnelGroOptions,
  ) {
    const { instance } = opts;
    // Instances in one namespace each have their own: the kernel lets them share the port.
    this.name = `tg${createHash('sha256').update(instance).digest('hex').slice(0, 10)}`;
    // An endpoint's name has no slash.
    this.#alias = `transit:${instance}:/vxlan-gro`;
    this.#queue = new WorkQueue(
      { clock: deps.clock, work: () => this.#work() },
      { minBackoffMs: 1000, maxBackoffMs: 60_000 },
    );
  }

  /** Whether a droplet needs it. */
  want(droplet: string, wanted: boolean): void {
    if (this.#users.has(droplet) === wanted) return;
    if (wanted) this.#users.add(droplet);
    else this.#users.delete(droplet);
    this.#queue.add(WORK);
  }

  /** Whether the device should be there. */
  get wanted(): boolean {
    return this.opts.enabled && this.#users.size > 0;
  }

  settled(): Promise<void> {
    return this.#queue.idle();
  }

  onEvent(event: NetlinkEvent): void {
    if (!this.wanted) return;
    const concerned =
      event.type === 'overrun' ||
      (event.type === 'link-gone' && event.ifindex === this.#ifindex) ||
      (event.type === 'link' && event.link.ifindex === this.#ifindex && !event.link.up);
    if (concerned) this.#queue.add(WORK);
  }

  async stop(): Promise<void> {
    await this.#queue.stop();
  }

  async #work(): Promise<'failed' | undefined> {
    const { netlink, log } = this.deps;
    try {
      if (!this.wanted) {
        await this.#remove();
        this.deps.onState(this.opts.enabled ? TUNNEL_GRO_PENDING : OFF);
        return undefined;
      }
      const { name } = this;
      const port = this.opts.vxlanPort;
      const link = await netlink.ensureVxlanListener({ name, port, alias: this.#alias });
      if (link.ifindex !== this.#ifindex) {
        log.info({ device: link.name, port, own: link.alias === this.#alias }, 'tunnel GRO is on');
      }
      this.#ifindex = link.ifindex;
      this.#complaint = undefined;
      this.deps.onState(undefined);
      return undefined;
    } catch (error) {
      const message = errorText(error);
      if (message !== this.#complaint) log.warn({ err: error }, 'no tunnel GRO');
      this.#complaint = message;
      this.#ifindex = undefined;
      this.deps.onState({ reason: 'NoListener', message });
      return 'failed';
    }
  }

  async #remove(): Promise<void> {
    this.#ifindex = undefined;
    const link = await this.deps.netlink.linkByName(this.name);
    if (link?.alias === this.#alias) await this.deps.netlink.deleteLink(link.ifindex);
  }
}
