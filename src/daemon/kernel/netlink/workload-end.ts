// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses and default routes of the workload's end of a pair. What we put there bears our
 * mark; what the workload added itself stays.
 */
import type { VethSpec } from '../../ports/netlink.js';
import { canonicalAddress } from '../../../base/net.js';
import { addressFromWire, interfaceAddress } from './address-bytes.js';
import { formatAddressQuery, formatInterfaceAddress, parseAddressRecord } from './address-codec.js';
import { EADDRNOTAVAIL, ESRCH } from './errno.js';
import { isKernelError } from './errors.js';
import { AF_INET, AF_INET6 } from './libc.js';
import { NLM_F_CREATE, NLM_F_REPLACE } from './message.js';
import { formatDefaultRoute, formatRouteDump, parseOurDefaultRoute } from './route-codec.js';
import type { NetlinkSocket, Request } from './socket.js';
import {
  RTM_DELADDR,
  RTM_DELROUTE,
  RTM_GETADDR,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWROUTE,
} from './rtm.js';

/** Addresses and gateways, read and checked before anything is made. */
export interface WorkloadAddressing {
  readonly addresses: readonly ReturnType<typeof interfaceAddress>[];
  readonly gateways: readonly string[];
}

/** @throws TransitError BAD_ADDRESS */
export function readAddressing(spec: VethSpec): WorkloadAddressing {
  return {
    addresses: spec.addresses.map(interfaceAddress),
    gateways: spec.gateways.map(canonicalAddress),
  };
}

export class WorkloadEnd {
  constructor(
    private readonly socket: NetlinkSocket,
    private readonly opts: {
      readonly ifindex: number;
      /** For errors: "eth0 in netns web". */
      readonly label: string;
    },
  ) {}

  /** Adds everything, in one system call. The device must be up. @throws NetlinkError */
  add(wanted: WorkloadAddressing): void {
    this.socket.batch([
      ...wanted.addresses.map((address) => this.addAddress(address)),
      ...wanted.gateways.map((gateway) => this.addRoute(gateway)),
    ]);
  }

  /** Adds what is missing and removes what is ours and no longer wanted. @throws NetlinkError */
  reconcile(wanted: WorkloadAddressing): void {
    const wantedKeys = new Set(wanted.addresses.map(keyOf));
    const stale = this.addresses().filter((a) => a.ours && !wantedKeys.has(keyOfRecord(a)));
    for (const { address, prefixLength } of stale) {
      const payload = formatInterfaceAddress(
        this.opts.ifindex,
        interfaceAddress(`${address}/${prefixLength}`),
      );
      this.remove(RTM_DELADDR, payload, `remove address ${address} from`);
    }
    // Read again: IPv4's secondary addresses go with their primary.
    const present = new Set(this.addresses().map(keyOfRecord));
    const missing = wanted.addresses.filter((address) => !present.has(keyOf(address)));
    this.socket.batch(missing.map((address) => this.addAddress(address)));

    const routes = [AF_INET, AF_INET6].flatMap((family) => this.routes(family));
    for (const route of routes) {
      if (wanted.gateways.includes(route.gateway)) continue;
      const operation = `remove gateway ${route.gateway} from`;
      this.remove(RTM_DELROUTE, formatDefaultRoute(route), operation);
    }
    const gateways = wanted.gateways.filter((g) => !routes.some((route) => route.gateway === g));
    this.socket.batch(gateways.map((gateway) => this.addRoute(gateway)));
  }

  private addresses() {
    const messages = this.socket.dump({
      type: RTM_GETADDR,
      payload: formatAddressQuery(this.opts.ifindex),
      operation: 'read addresses of',
      object: this.opts.label,
    });
    return messages
      .map((message) => parseAddressRecord(message.payload))
      .filter((a) => a !== undefined)
      .filter((a) => a.ifindex === this.opts.ifindex);
  }

  private routes(family: number) {
    const messages = this.socket.dump({
      type: RTM_GETROUTE,
      payload: formatRouteDump(family),
      operation: 'read routes of',
      object: this.opts.label,
    });
    return messages
      .map((message) => parseOurDefaultRoute(message.payload))
      .filter((r) => r !== undefined)
      .filter((r) => r.ifindex === this.opts.ifindex);
  }

  private addAddress(address: ReturnType<typeof interfaceAddress>): Request {
    return {
      type: RTM_NEWADDR,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      payload: formatInterfaceAddress(this.opts.ifindex, address),
      operation: `add address ${keyOf(address)} to`,
      object: this.opts.label,
    };
  }

  private addRoute(gateway: string): Request {
    return {
      type: RTM_NEWROUTE,
      flags: NLM_F_CREATE | NLM_F_REPLACE,
      payload: formatDefaultRoute({ ifindex: this.opts.ifindex, gateway }),
      operation: `add gateway ${gateway} to`,
      object: this.opts.label,
    };
  }

  /** What is gone already is success. */
  private remove(type: number, payload: Buffer, operation: string): void {
    try {
      this.socket.request({ type, payload, operation, object: this.opts.label });
    } catch (error) {
      if (!isKernelError(error, EADDRNOTAVAIL, ESRCH)) throw error;
    }
  }
}

function keyOf(address: ReturnType<typeof interfaceAddress>): string {
  return `${addressFromWire(address.bytes) ?? ''}/${address.prefixLength}`;
}

function keyOfRecord(record: { readonly address: string; readonly prefixLength: number }): string {
  return `${record.address}/${record.prefixLength}`;
}
