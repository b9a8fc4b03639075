// SPDX-License-Identifier: Apache-2.0
/** What both directions have in common: checks of addresses, and how a decision is carried out. */
import { isGroupMac, isLinkLocal, isMartian, isMulticast } from './address.js';
import type { Mac } from './bytes.js';
import { ETHERNET } from './numbers.js';
import type { Count, Emitted } from './outcome.js';
import type { Frame, IpPacket } from './parse.js';
import { Dropped, type Reason } from './reasons.js';
import { decrementTtl, setMacs } from './rewrite.js';
import type { Destination, Endpoint } from './destination.js';

/** An ICMP error may tell the sender: carries what it needs. */
export class Refused extends Dropped {
  constructor(
    reason: Reason,
    /** Of the path, for TOO_BIG. */
    readonly mtu = 0,
    /** Where the packet was going, as far as that is known. */
    readonly endpoint?: Endpoint,
  ) {
    super(reason);
  }
}

/** Checks that do not depend on who sent the packet. */
export function checkAddresses(frame: Frame, ip: IpPacket): void {
  if (isGroupMac(frame.dst) || isMulticast(ip.dst)) throw new Dropped('MULTICAST');
  if (isMulticast(ip.src) || isMartian(ip.src) || isMartian(ip.dst)) throw new Dropped('MARTIAN');
  if (isLinkLocal(ip.src) || isLinkLocal(ip.dst)) throw new Dropped('LINK_LOCAL');
}

type Reachable = Extract<Destination, { readonly kind: 'local' | 'remote' | 'outside' }>;

/** A destination that packets can be sent to. */
export function reachable(to: Destination): Reachable {
  switch (to.kind) {
    case 'local':
    case 'remote':
    case 'outside':
      return to;
    case 'subnet':
      throw new Refused('HOST_UNREACHABLE');
    case 'blackhole':
      throw new Refused('BLACKHOLE');
    default:
      throw new Refused('NO_ROUTE');
  }
}

/** Routed: one hop less and new MACs. Bridged: as it came. */
export interface Rewrite {
  readonly routed: boolean;
  readonly dst: Mac;
  readonly src: Mac;
}

export function rewritten(frame: Frame, ip: IpPacket, rewrite: Rewrite): Uint8Array {
  const out = Uint8Array.from(frame.bytes);
  if (rewrite.routed) decrementTtl(out, ip.family);
  setMacs(out, rewrite.dst, rewrite.src);
  return out;
}

export function deliver(bytes: Uint8Array, to: Endpoint): Emitted {
  return { bytes, ifindex: to.ifindex, peer: to.vethPeer };
}

export function counted(endpoint: Endpoint, what: Count['what'], ip: IpPacket): Count {
  return { identity: endpoint.identity, what, bytes: ip.length + ETHERNET };
}
