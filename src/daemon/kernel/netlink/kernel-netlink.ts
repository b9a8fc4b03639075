// SPDX-License-Identifier: Apache-2.0
/** The port Netlink on the kernel, for the namespace of the thread that makes the object. */
import { setImmediate as turn } from 'node:timers/promises';
import { formatNeighbor } from 'netlink/dist/rt/gen_structs.js';
import type { Logger } from '../../../base/log.js';
import { canonicalAddress } from '../../../base/net.js';
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
} from '../../ports/netlink.js';
import { loadNativeNet, type NativeNet } from '../netns/index.js';
import { formatAddressQuery, parseAddressRecord } from './address-codec.js';
import * as e from './errno.js';
import { isKernelError, NetlinkError } from './errors.js';
import { Ethtool } from './ethtool.js';
import { loadLibc, type Libc } from './libc.js';
import { formatLinkQuery, parseLink, publicLink, type LinkRecord } from './link-codec.js';
import { deleteLink, findLink, linkChange } from './link-requests.js';
import { NLM_F_CREATE, NLM_F_REPLACE } from './message.js';
import { MonitorKeeper } from './monitor-keeper.js';
import {
  formatManagedNeighbour,
  formatNeighbourQuery,
  formatProbedNeighbour,
  parseNeighbour,
  publicNeighbour,
  type NeighbourRecord,
} from './neighbour-codec.js';
import { formatRouteQuery, parseRouteLookup } from './route-codec.js';
import { readRoutesOver } from './route-table.js';
import { makeNetlinkSocket, NetlinkSocket } from './socket.js';
import { ensureVeth } from './veth.js';
import { ensureVxlanListener } from './vxlan.js';
import {
  RTM_DELNEIGH,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWNEIGH,
} from './rtm.js';

/** Room for some 10,000 notifications, as they come when many devices or routes change at once. */
const MONITOR_BUFFER_BYTES = 8 * 1024 * 1024;

export interface KernelNetlinkOptions {
  /** Path of libtransit_native.so. */
  readonly nativeLibrary?: string;
  /** Receive buffer of the monitor's socket, as the kernel counts it. */
  readonly monitorBufferBytes?: number;
}

export class KernelNetlink implements Netlink {
  private readonly libc: Libc;
  private readonly native: NativeNet;
  private readonly socket: NetlinkSocket;
  private readonly monitors: MonitorKeeper;

  /** @throws NetlinkError when the kernel gives no socket. */
  constructor(deps: { readonly log: Logger }, opts: KernelNetlinkOptions = {}) {
    this.libc = loadLibc();
    this.native = loadNativeNet(opts.nativeLibrary);
    this.socket = new NetlinkSocket(this.libc, makeNetlinkSocket(this.libc));
    this.monitors = new MonitorKeeper(
      { libc: this.libc, log: deps.log },
      { bufferBytes: opts.monitorBufferBytes ?? MONITOR_BUFFER_BYTES },
    );
  }

  links(): Promise<Link[]> {
    return soon(() => this.records().map(publicLink));
  }

  linkByName(name: string): Promise<Link | undefined> {
    return soon(() => {
      const link = findLink(this.socket, { name });
      return link && publicLink(link);
    });
  }

  async ensureVeth(spec: VethSpec): Promise<Link> {
    await turn(); // many in a row must not hold up everything else
    return publicLink(
      ensureVeth({ libc: this.libc, native: this.native, socket: this.socket }, spec),
    );
  }

  async ensureVxlanListener(spec: VxlanListenerSpec): Promise<Link> {
    await turn();
    return publicLink(ensureVxlanListener(this.socket, spec, () => this.records()));
  }

  async deleteLink(ifindex: number): Promise<void> {
    await turn();
    deleteLink(this.socket, ifindex, `device ${ifindex}`);
  }

  setLink(ifindex: number, change: LinkSettings): Promise<void> {
    return soon(() => {
      this.socket.request(linkChange({ ifindex, name: `device ${ifindex}` }, change));
    });
  }

  setOffload(
    ifindex: number,
    feature: 'gro' | 'tx-checksum' | 'tso',
    on: boolean,
  ): Promise<boolean> {
    return soon(() => {
      const { name } = this.requireLink(ifindex, `switch ${feature} of`);
      const ethtool = Ethtool.open(this.libc, this.native);
      try {
        return ethtool.set(name, feature, on);
      } finally {
        ethtool.close();
      }
    });
  }

  addresses(): Promise<{ ifindex: number; address: string; prefixLength: number }[]> {
    return soon(() =>
      this.table(RTM_GETADDR, formatAddressQuery(), parseAddressRecord).map(
        ({ ifindex, address, prefixLength }) => ({ ifindex, address, prefixLength }),
      ),
    );
  }

  lookupRoute(destination: string): Promise<RouteLookup | undefined> {
    return soon(() => {
      const canonical = canonicalAddress(destination);
      try {
        const answer = this.socket.request({
          type: RTM_GETROUTE,
          payload: formatRouteQuery(canonical),
          operation: 'look up route to',
          object: canonical,
        });
        return answer && parseRouteLookup(answer.payload, canonical);
      } catch (error) {
        // IPv4 says so by an error: no route, unreachable, prohibit; EINVAL is blackhole.
        const unreachable = isKernelError(error, e.ENETUNREACH, e.EHOSTUNREACH, e.EACCES);
        const blackhole =
          isKernelError(error, e.EINVAL) && error.details['explanation'] === undefined;
        if (unreachable || blackhole) return undefined;
        throw error;
      }
    });
  }

  routesOver(ifindex: number, limit: number): Promise<{ routes: KernelRoute[]; total: number }> {
    return readRoutesOver(this.libc, ifindex, limit);
  }

  neighbours(): Promise<Neighbour[]> {
    return soon(() =>
      this.table(RTM_GETNEIGH, formatNeighbor({}), parseNeighbour).map(publicNeighbour),
    );
  }

  manageNeighbour(ifindex: number, address: string): Promise<void> {
    return soon(() => {
      // Managing would take an administrator's permanent entry back to dynamic.
      if (this.findNeighbour(ifindex, address)?.permanent === true) return;
      const request = {
        type: RTM_NEWNEIGH,
        flags: NLM_F_CREATE | NLM_F_REPLACE,
        operation: 'manage neighbour',
        object: `${address} on device ${ifindex}`,
      };
      try {
        this.socket.request({ ...request, payload: formatManagedNeighbour(ifindex, address) });
      } catch (error) {
        if (!isKernelError(error, e.EINVAL, e.EOPNOTSUPP)) throw error;
        this.socket.request({ ...request, payload: formatProbedNeighbour(ifindex, address) });
      }
    });
  }

  unmanageNeighbour(ifindex: number, address: string): Promise<void> {
    return soon(() => {
      const entry = this.findNeighbour(ifindex, address);
      // Only what a program put there; the others have owners of their own.
      if (entry?.external !== true || entry.permanent) return;
      try {
        this.socket.request({
          type: RTM_DELNEIGH,
          payload: formatNeighbourQuery(ifindex, address),
          operation: 'delete neighbour',
          object: `${address} on device ${ifindex}`,
        });
      } catch (error) {
        if (!isKernelError(error, e.ENOENT, e.ENODEV)) throw error;
      }
    });
  }

  resolveNeighbour(ifindex: number, address: string): Promise<void> {
    return soon(() => {
      this.socket.request({
        type: RTM_NEWNEIGH,
        flags: NLM_F_CREATE,
        payload: formatProbedNeighbour(ifindex, address),
        operation: 'resolve neighbour',
        object: `${address} on device ${ifindex}`,
      });
    });
  }

  monitor(onEvent: (event: NetlinkEvent) => void): Promise<void> {
    return this.monitors.follow(onEvent);
  }

  async close(): Promise<void> {
    await this.monitors.close();
    this.socket.close();
  }

  private records(): LinkRecord[] {
    return this.table(RTM_GETLINK, formatLinkQuery({}), parseLink);
  }

  private table<T>(type: number, payload: Buffer, parse: (payload: Buffer) => T | undefined): T[] {
    const request = { type, payload, operation: 'read table', object: `of type ${type}` };
    return this.socket
      .dump(request)
      .map((message) => parse(message.payload))
      .filter((entry) => entry !== undefined);
  }

  private requireLink(ifindex: number, operation: string): LinkRecord {
    const link = findLink(this.socket, { ifindex });
    if (link) return link;
    const object = `device ${ifindex}`;
    throw new NetlinkError('DEVICE_NOT_FOUND', `${operation} ${object}: there is none`, {
      operation,
      object,
    });
  }

  private findNeighbour(ifindex: number, address: string): NeighbourRecord | undefined {
    try {
      const answer = this.socket.request({
        type: RTM_GETNEIGH,
        payload: formatNeighbourQuery(ifindex, address),
        operation: 'read neighbour',
        object: `${address} on device ${ifindex}`,
      });
      return answer && parseNeighbour(answer.payload);
    } catch (error) {
      if (isKernelError(error, e.ENOENT, e.ENODEV, e.ENXIO)) return undefined;
      throw error;
    }
  }
}

/** The port is asynchronous, the kernel is not: what throws rejects. */
function soon<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(work());
  });
}
