// SPDX-License-Identifier: Apache-2.0
/**
 * Flow records: what a walk left behind, one per direction. A record never changes what happens to
 * a packet, only how much work finds it out: so the model keeps of a record just what decides
 * whether it may be used, and always walks.
 */
import type { Address, Mac } from './bytes.js';
import type { FlowIdentity } from './hash.js';
import type { Mapping } from './mappings.js';
import type { Frame, IpPacket } from './parse.js';
import type { Translation } from './translation.js';

/** Where a packet entered: an endpoint's device, the tunnel with a VNI, or from outside. */
export type Scope = `device ${number}` | `tunnel ${number}` | 'outside';

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
  /**
   * How its packets are translated. That is more than a conclusion: it lasts as long as the
   * connection, whatever the generation.
   */
  readonly translation?: Translation;
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

/** Both directions of a conversation; a direction has one record. */
interface Connection {
  opened: string | undefined;
  reply: string | undefined;
}

interface Stored extends FlowRecord {
  readonly connection: Connection;
  /** Of the direction that did not open the connection. */
  readonly isReply: boolean;
}

export interface Entry {
  readonly scope: Scope;
  readonly flow: FlowIdentity;
  readonly record: FlowRecord;
}

export class FlowTable {
  private readonly records = new Map<string, Stored>();

  constructor(private readonly capacity: number) {}

  /**
   * Stores the records of both directions, the reply's first: there is never a forward record without
   * room for its reply. A connection that is known stays the same one, whatever names its directions
   * have now.
   * @returns false when a new record finds no room: nothing is evicted.
   */
  commit(forward: Entry, reply: Entry | undefined): boolean {
    const key = flowKey(forward.scope, forward.flow);
    const other = reply && flowKey(reply.scope, reply.flow);
    const old = this.records.get(key);
    const known = old ?? (other === undefined ? undefined : this.records.get(other));
    const isReply = old ? old.isReply : known ? !known.isReply : false;
    const connection = known?.connection ?? { opened: undefined, reply: undefined };
    if (reply && other !== undefined) {
      if (!this.put(other, { ...reply.record, connection, isReply: !isReply })) return false;
      this.name(connection, !isReply, other);
    }
    if (!this.put(key, { ...forward.record, connection, isReply })) return false;
    this.name(connection, isReply, key);
    return true;
  }

  /** Whether a connection goes from a mapping to an address outside. */
  writesTo(mapping: Mapping, address: Address): boolean {
    return [...this.records.values()].some(({ translation: t }) => {
      if (t?.source?.kind !== 'mapping' || t.destination) return false;
      return t.source.mapping === mapping && t.after.dst === address;
    });
  }

  /** Whether a packet goes against the direction in which its connection was opened. */
  isReply(
    forward: Pick<Entry, 'scope' | 'flow'>,
    reply: Pick<Entry, 'scope' | 'flow'> | undefined,
  ): boolean {
    const old = this.records.get(flowKey(forward.scope, forward.flow));
    if (old || !reply) return old?.isReply ?? false;
    const other = this.records.get(flowKey(reply.scope, reply.flow));
    return other ? !other.isReply : false;
  }

  private put(key: string, record: Stored): boolean {
    if (!this.records.has(key) && this.records.size >= this.capacity) return false;
    this.records.set(key, record);
    return true;
  }

  /** A direction's record under another name goes: nothing would look after it. */
  private name(connection: Connection, isReply: boolean, key: string): void {
    const before = isReply ? connection.reply : connection.opened;
    const gone = before !== key && before !== undefined && this.records.get(before);
    if (gone && gone.connection === connection) this.records.delete(before);
    if (isReply) connection.reply = key;
    else connection.opened = key;
  }

  /** What is known of a connection's translation, from whatever generation. */
  translation(scope: Scope, flow: FlowIdentity): Translation | undefined {
    return this.records.get(flowKey(scope, flow))?.translation;
  }

  /** The record, if it may be used for this packet as it is. Every exception walks. */
  find(scope: Scope, frame: Frame, ip: IpPacket, generation: number): FlowRecord | undefined {
    const record = this.records.get(flowKey(scope, ip));
    if (record?.generation !== generation) return undefined;
    if (record.dst !== frame.dst || record.src !== frame.src) return undefined;
    // the walk remembers a first fragment's ports
    if (ip.fragment?.first) return undefined;
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
