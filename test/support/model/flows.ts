// SPDX-License-Identifier: Apache-2.0
/**
 * Flow records: what a walk left behind, one per direction. A record never changes what happens to
 * a packet, only how much work finds it out: so the model keeps of a record just what decides
 * whether it may be used, and always walks.
 */
import type { Address, Mac } from './bytes.js';
import type { FlowIdentity } from './hash.js';
import type { Frame, IpPacket } from './parse.js';

/** Where a packet entered: an endpoint's device, or the tunnel with a VNI. */
export type Scope = `device ${number}` | `tunnel ${number}`;

export interface FlowRecord {
  readonly vni: number;
  /** Of the VPC at the walk. */
  readonly generation: number;
  /** Frames must carry these MACs. */
  readonly dst: Mac;
  readonly src: Mac;
  /** The TTL is decremented. */
  readonly routed: boolean;
  /** The VTEP it is for, of a record for packets out of the tunnel. */
  readonly from?: Address;
}

/** Identity of a flow where it enters. */
export function flowKey(scope: Scope, flow: FlowIdentity): string {
  const { src, dst, sport, dport, protocol } = flow;
  return `${scope} ${src} ${dst} ${sport} ${dport} ${protocol}`;
}

/** The same flow the other way. */
export function reversed(flow: FlowIdentity): FlowIdentity {
  const { src, dst, sport, dport, protocol } = flow;
  return { src: dst, dst: src, sport: dport, dport: sport, protocol };
}

export class FlowTable {
  private readonly records = new Map<string, FlowRecord>();

  constructor(private readonly capacity: number) {}

  /** @returns false when a new record finds no room: nothing is evicted. */
  commit(scope: Scope, flow: FlowIdentity, record: FlowRecord): boolean {
    const key = flowKey(scope, flow);
    if (!this.records.has(key) && this.records.size >= this.capacity) return false;
    this.records.set(key, record);
    return true;
  }

  /** The record, if it may be used for this packet as it is. Every exception walks. */
  find(scope: Scope, frame: Frame, ip: IpPacket, generation: number): FlowRecord | undefined {
    const record = this.records.get(flowKey(scope, ip));
    if (record?.generation !== generation) return undefined;
    if (record.dst !== frame.dst || record.src !== frame.src) return undefined;
    // the walk remembers a first fragment's ports, and knows both directions of what a reset ends
    if (ip.fragment?.first || ip.reset) return undefined;
    if (record.routed && ip.ttl <= 1) return undefined;
    return record;
  }
}

/** Later fragments have no ports: they take those of the first, which must have come before. */
export class FragmentTable {
  private readonly seen = new Map<
    string,
    { readonly sport: number; readonly dport: number; readonly protocol: number }
  >();

  constructor(private readonly capacity: number) {}

  /** @returns false when there is no room. */
  remember(scope: Scope, ip: IpPacket): boolean {
    const key = fragmentKey(scope, ip);
    if (!this.seen.has(key) && this.seen.size >= this.capacity) return false;
    const { sport, dport, protocol } = ip;
    this.seen.set(key, { sport, dport, protocol });
    return true;
  }

  /** Gives a later fragment its ports and protocol. @returns false when the first is unknown. */
  complete(scope: Scope, ip: IpPacket): boolean {
    const first = this.seen.get(fragmentKey(scope, ip));
    if (!first) return false;
    Object.assign(ip, first);
    return true;
  }
}

function fragmentKey(scope: Scope, ip: IpPacket): string {
  return `${scope} ${ip.src} ${ip.dst} ${ip.fragment?.id ?? 0} ${ip.fragment?.protocol ?? 0}`;
}
