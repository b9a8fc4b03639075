// SPDX-License-Identifier: Apache-2.0
/**
 * Mappings of pools: who inside has which public address and port. RFC 4787 REQ-1 to 4 (endpoint
 * independent mapping, paired pooling, no overloading, port ranges and parity), RFC 6888 REQ-4 (limits
 * per endpoint, here blocks of ports). Which port it is the program throws dice for; the model takes
 * its choice and says whether it was a legal one.
 */
import { familyOf } from './address.js';
import type { Address } from './bytes.js';
import type { FixedPorts } from './deterministic.js';
import { PROTOCOL } from './numbers.js';
import type { Inside, Outside, Pool } from './outside.js';
import type { Reason } from './reasons.js';

export interface Mapping {
  /** The endpoint, as the world names it. */
  readonly owner: string;
  readonly protocol: number;
  readonly inside: Inside;
  readonly insidePort: number;
  readonly address: Address;
  readonly port: number;
  /** Protocols without ports: the mapping is for this remote address only. */
  readonly remote: Address | undefined;
  /** Addresses that were sent to (filtering by address). */
  readonly sentTo: Set<Address>;
}

export interface Wanted {
  readonly owner: string;
  readonly pool: Pool;
  readonly protocol: number;
  readonly inside: Inside;
  readonly insidePort: number;
  readonly remote: Address;
  /** Protocols without ports share addresses by who is written to. */
  readonly ported: boolean;
}

export interface Choice {
  readonly address: Address;
  readonly port: number;
}

/** What an endpoint holds of one family's pool. */
interface Lease {
  readonly address: Address;
  readonly blocks: Set<number>;
}

/** Well-known ports stay well-known (RFC 4787 REQ-3). */
const LOW = 1024;
/** Blocks of well-known ports an endpoint may hold. */
const LOW_BLOCKS = 2;

function insideKey(w: Pick<Mapping, 'protocol' | 'inside' | 'insidePort' | 'remote'>): string {
  const { vni, address } = w.inside;
  return `${vni} ${address} ${w.insidePort} ${w.protocol} ${w.remote ?? ''}`;
}

function outsideKey(m: Pick<Mapping, 'protocol' | 'address' | 'port' | 'remote'>): string {
  return `${m.address} ${m.port} ${m.protocol} ${m.remote ?? ''}`;
}

export class Mappings {
  private readonly fromInside = new Map<string, Mapping>();
  private readonly fromOutside = new Map<string, Mapping>();
  private readonly leases = new Map<string, Lease>();
  /** "address block" → owner. */
  private readonly blocks = new Map<string, string>();

  /** Still its inside's, and of an address that its endpoint may use. */
  isAlive(mapping: Mapping, outside: Outside): boolean {
    const { address, protocol, port } = mapping;
    return (
      // what comes to a forwarded port goes where the PortForward says
      !outside.forward(address, protocol, port) &&
      this.fromInside.get(insideKey(mapping)) === mapping &&
      outside.pool(mapping.owner)?.addresses.has(mapping.address) === true
    );
  }

  /** The mapping that a packet from outside meets. */
  ofOutside(
    address: Address,
    port: number,
    protocol: number,
    remote: Address,
    outside: Outside,
  ): Mapping | undefined {
    const found =
      this.fromOutside.get(outsideKey({ address, port, protocol, remote: undefined })) ??
      this.fromOutside.get(outsideKey({ address, port: 0, protocol, remote }));
    return found && this.isAlive(found, outside) ? found : undefined;
  }

  /** The public address an endpoint is bound to. */
  addressOf(wanted: Pick<Wanted, 'owner' | 'pool' | 'inside'>): Address | undefined {
    const own = fixedOf(wanted);
    if (own) return own.address;
    const lease = this.leases.get(leaseKey(wanted.owner, wanted.inside.address));
    return lease && wanted.pool.addresses.has(lease.address) ? lease.address : undefined;
  }

  /** The mapping there is. */
  existing(wanted: Wanted, outside: Outside): Mapping | undefined {
    const remote = wanted.ported ? undefined : wanted.remote;
    const found = this.fromInside.get(insideKey({ ...wanted, remote }));
    return found?.owner === wanted.owner && this.isAlive(found, outside) ? found : undefined;
  }

  /**
   * A new mapping.
   * @param chosen what the program chose, as far as something left
   * @returns a reason when nothing can be had
   */
  create(wanted: Wanted, chosen: Choice | undefined, outside: Outside): Mapping | Reason {
    const choice = this.choose(wanted, chosen, outside);
    if (typeof choice === 'string') return choice;
    const { owner, protocol, inside, insidePort, ported } = wanted;
    const mapping: Mapping = {
      owner,
      protocol,
      inside,
      insidePort,
      ...choice,
      remote: ported ? undefined : wanted.remote,
      sentTo: new Set(),
    };
    this.fromInside.set(insideKey(mapping), mapping);
    this.fromOutside.set(outsideKey(mapping), mapping);
    const blocks = this.held(wanted)?.blocks ?? new Set<number>();
    this.leases.set(leaseKey(owner, inside.address), { address: choice.address, blocks });
    if (ported) {
      const block = Math.floor(choice.port / wanted.pool.blockSize);
      if (!isWithin(fixedOf(wanted), choice.port)) blocks.add(block);
      this.blocks.set(`${choice.address} ${block}`, owner);
    }
    return mapping;
  }

  /** A new mapping that nothing came of, its block and its owner's address with it. */
  discard(mapping: Mapping, blockSize: number): void {
    const { owner, inside, address, port } = mapping;
    this.fromInside.delete(insideKey(mapping));
    this.fromOutside.delete(outsideKey(mapping));
    const key = leaseKey(owner, inside.address);
    const others = [...this.fromOutside.values()].filter(
      (m) => m.owner === owner && m.address === address,
    );
    const block = Math.floor(port / blockSize);
    const inBlock = others.some((m) => m.port > 0 && Math.floor(m.port / blockSize) === block);
    if (port > 0 && !inBlock) {
      this.leases.get(key)?.blocks.delete(block);
      this.blocks.delete(`${address} ${block}`);
    }
    if (others.length === 0) this.leases.delete(key);
  }

  private choose(wanted: Wanted, chosen: Choice | undefined, outside: Outside): Choice | Reason {
    const { pool, inside, protocol, remote } = wanted;
    const bound = this.addressOf(wanted);
    const family = familyOf(inside.address);
    const addresses = [...pool.addresses].filter((a) =>
      bound === undefined ? familyOf(a) === family : a === bound,
    );
    // no address of the family: it has no gateway to speak of
    if (addresses.length === 0) return 'NO_NAT';
    if (!wanted.ported) {
      // nothing is its own by arithmetic, and nothing is for all
      if (pool.fixed?.overflows === false && !fixedOf(wanted)) return 'NAT_QUOTA';
      const free = addresses.filter(
        (address) => !this.fromOutside.has(outsideKey({ address, port: 0, protocol, remote })),
      );
      const address = free.find((a) => a === chosen?.address) ?? free[0];
      return address === undefined ? 'NAT_EXHAUSTED' : { address, port: 0 };
    }
    if (chosen && addresses.includes(chosen.address) && this.isLegal(wanted, chosen, outside))
      return chosen;
    return this.firstLegal(wanted, addresses, outside);
  }

  /** Any choice, to say what was to be expected; or why there is none. */
  private firstLegal(
    wanted: Wanted,
    addresses: readonly Address[],
    outside: Outside,
  ): Choice | Reason {
    const { pool } = wanted;
    const low = isLow(wanted);
    const range = low ? [0, LOW] : [LOW, 0x10000];
    for (const address of addresses)
      for (let port = range[0]!; port < range[1]!; port++)
        if (this.isLegal(wanted, { address, port }, outside)) return { address, port };
    const held = this.blocksOf(wanted, low).length;
    const limit = pool.fixed?.overflows === false ? 0 : limitOf(pool, low);
    return held >= limit ? 'NAT_QUOTA' : 'NAT_EXHAUSTED';
  }

  private isLegal(wanted: Wanted, choice: Choice, outside: Outside): boolean {
    const { pool, insidePort, protocol, owner } = wanted;
    const { address, port } = choice;
    if (port < 1 || port > 0xffff) return false;
    const low = isLow(wanted);
    if (port < LOW !== low) return false;
    if (hasParity(wanted) && (port & 1) !== (insidePort & 1)) return false;
    if (outside.forward(address, protocol, port)) return false;
    if (this.fromOutside.has(outsideKey({ address, port, protocol, remote: undefined })))
      return false;
    const own = fixedOf(wanted);
    if (pool.fixed && !isWithin(own, port)) {
      if (port < pool.fixed.overflowFrom || !pool.fixed.overflows) return false;
      // not before its own are used up
      for (let p = own?.first ?? 0; p <= (own?.last ?? -1); p++)
        if (this.isLegal(wanted, { address, port: p }, outside)) return false;
    }
    const block = Math.floor(port / pool.blockSize);
    const holder = this.blocks.get(`${address} ${block}`);
    if (isWithin(own, port)) return holder === undefined || holder === owner;
    if (holder !== undefined) return holder === owner;
    return this.blocksOf(wanted, low).length < limitOf(pool, low);
  }

  private held(wanted: Pick<Wanted, 'owner' | 'pool' | 'inside'>): Lease | undefined {
    const lease = this.leases.get(leaseKey(wanted.owner, wanted.inside.address));
    return lease && lease.address === this.addressOf(wanted) ? lease : undefined;
  }

  private blocksOf(wanted: Wanted, low: boolean): number[] {
    const blocks = [...(this.held(wanted)?.blocks ?? [])];
    return blocks.filter((block) => block * wanted.pool.blockSize < LOW === low);
  }
}

function leaseKey(owner: string, inside: Address): string {
  return `${owner} ${familyOf(inside)}`;
}

/** The ports that are an endpoint's by arithmetic; of IPv4 only. */
function fixedOf({ owner, pool, inside }: Pick<Wanted, 'owner' | 'pool' | 'inside'>) {
  return familyOf(inside.address) === 4 ? pool.fixed?.ports.get(owner) : undefined;
}

function isWithin(ports: FixedPorts | undefined, port: number): boolean {
  return ports !== undefined && port >= ports.first && port <= ports.last;
}

function limitOf(pool: Pool, low: boolean): number {
  return low ? Math.min(LOW_BLOCKS, pool.blocks) : pool.blocks;
}

/** RFC 4787 REQ-3 and REQ-4 speak of ports; identifiers of echoes have neither range nor parity. */
function hasParity({ protocol }: Wanted): boolean {
  return protocol === PROTOCOL.tcp || protocol === PROTOCOL.udp;
}

function isLow(wanted: Wanted): boolean {
  // ports by arithmetic have no low ones among them
  return wanted.pool.fixed === undefined && wanted.insidePort < LOW && hasParity(wanted);
}
