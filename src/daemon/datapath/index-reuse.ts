// SPDX-License-Identifier: Apache-2.0
/**
 * Indexes of endpoints, of public addresses and of services outlive their keys: connections and
 * mappings that the programs made name them until they have aged. Such an index stays reserved, and
 * comes back to
 * its key when that comes back; to another it is given only when nothing is left of it.
 */
import { ABI, decode, encode, MAPS, type LimitCount, type NatLease } from '../../maps/index.js';
import { accountOf, type IndexAllocator, type IndexSpace } from '../calc/index.js';
import type { BpfMap } from '../ports/bpf.js';
import type { RuleHits } from './rule-hits.js';

export interface IndexReuseDeps {
  readonly indexes: Pick<IndexAllocator, 'peek' | 'free'>;
  readonly maps: {
    readonly nat_lease: BpfMap;
    readonly nat_block: BpfMap;
    readonly limit_use: BpfMap;
    readonly service_use: BpfMap;
  };
  /** What rules have counted; without: it is left to the next rule with the index. */
  readonly hits?: Pick<RuleHits, 'clear'>;
}

interface Waiting {
  readonly space: IndexSpace;
  readonly key: string;
  /** How often it was released. */
  times: number;
}

export class IndexReuse {
  readonly #waiting = new Map<string, Waiting>();

  constructor(private readonly deps: IndexReuseDeps) {}

  /** Indexes that wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The generation after the key's release was raised. */
  free(space: IndexSpace, key: string): void {
    if (space !== 'sub' && space !== 'ext' && space !== 'endpoint' && space !== 'service') {
      this.#free(space, key);
      return;
    }
    const id = `${space} ${key}`;
    const known = this.#waiting.get(id) ?? { space, key, times: 0 };
    known.times++;
    this.#waiting.set(id, known);
    this.#look(id, known);
  }

  /** Nothing names it any more. */
  #free(space: IndexSpace, key: string): void {
    const { indexes, hits } = this.deps;
    const index = space === 'rule' ? indexes.peek(space, key) : undefined;
    indexes.free(space, key);
    if (index !== undefined && indexes.peek(space, key) === undefined) hits?.clear(index);
  }

  /** Looks again at those that wait. */
  look(): void {
    for (const [id, waiting] of this.#waiting) this.#look(id, waiting);
  }

  /** Indexes that the programs' state names, whoever they belong to. */
  *inUse(): Generator<{ readonly space: IndexSpace; readonly index: number }> {
    const { nat_lease: leases, nat_block: blocks } = this.deps.maps;
    const { keys, values, count } = leases.entries();
    const keyView = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    for (let i = 0; i < count; i++) {
      const index = keyView.getUint32(4 * i, true);
      const value = values.subarray(i * leases.valueSize, (i + 1) * leases.valueSize);
      if (value.some((byte) => byte !== 0) && this.#leased(index, value))
        yield { space: 'sub', index };
    }
    yield* this.#charged();
    const all = blocks.entries();
    const valueView = new DataView(all.values.buffer, all.values.byteOffset);
    const blockKeys = new DataView(all.keys.buffer, all.keys.byteOffset, all.keys.byteLength);
    const addresses = new Set<number>();
    for (let i = 0; i < all.count; i++) {
      // struct nat_block_val begins with the lease
      if (valueView.getBigUint64(i * blocks.valueSize, true) === 0n) continue;
      addresses.add(addressOfBlock(blockKeys.getUint32(4 * i, true)));
    }
    for (const index of addresses) yield { space: 'ext', index };
    const services = this.deps.maps.service_use.entries();
    const serviceKeys = new DataView(services.keys.buffer, services.keys.byteOffset);
    for (let i = 0; i < services.count; i++) {
      const index = serviceKeys.getUint32(4 * i, true);
      if (index !== 0 && this.#served(index)) yield { space: 'service', index };
    }
  }

  /** Indexes whose accounts have connections. */
  *#charged(): Generator<{ readonly space: IndexSpace; readonly index: number }> {
    const { limit_use: uses } = this.deps.maps;
    const { keys, values, count } = uses.entries();
    const keyView = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    for (let i = 0; i < count; i++) {
      const account = keyView.getUint32(4 * i, true);
      const value = values.subarray(i * uses.valueSize, (i + 1) * uses.valueSize);
      if (account > 1 && value.some((byte) => byte !== 0) && hasConnections(value))
        yield { space: account & 1 ? 'sub' : 'endpoint', index: account >>> 1 };
    }
  }

  #look(id: string, { space, key, times }: Waiting): void {
    const index = this.deps.indexes.peek(space, key);
    if (index !== undefined && this.#busy(space, index)) return;
    this.#waiting.delete(id);
    for (let i = 0; i < times; i++) this.deps.indexes.free(space, key);
    if (space === 'ext' || index === undefined) return;
    // Hints and counters of the endpoint that had it. One that has come back keeps its own.
    if (this.deps.indexes.peek(space, key) !== undefined) return;
    const { nat_lease: leases, limit_use: uses, service_use: services } = this.deps.maps;
    if (space === 'service')
      services.update(encode(MAPS.service_use.key, index), new Uint8Array(services.valueSize));
    if (space === 'sub')
      leases.update(encode(MAPS.nat_lease.key, index), new Uint8Array(leases.valueSize));
    if (space === 'sub' || space === 'endpoint') {
      const account = encode(MAPS.limit_use.key, accountOf(space, index));
      uses.update(account, new Uint8Array(uses.valueSize));
    }
  }

  #busy(space: IndexSpace, index: number): boolean {
    if (space === 'service') return this.#served(index);
    if (space === 'sub' || space === 'endpoint') {
      const account = encode(MAPS.limit_use.key, accountOf(space, index));
      const value = this.deps.maps.limit_use.lookup(account);
      if (value !== undefined && hasConnections(value)) return true;
    }
    if (space === 'endpoint') return false;
    if (space === 'sub') {
      const value = this.deps.maps.nat_lease.lookup(encode(MAPS.nat_lease.key, index));
      return value !== undefined && this.#leased(index, value);
    }
    const first = 1 + (index - 1) * ABI.NAT_EXT_BLOCKS;
    for (let block = first; block < first + ABI.NAT_EXT_BLOCKS; block++)
      if (this.#leaseOf(block) !== 0n) return true;
    return false;
  }

  /** Whether an endpoint holds something. The list of blocks is a hint: a block says whose it is. */
  #leased(sub: number, value: Uint8Array): boolean {
    const { v4, v6 } = decode(MAPS.nat_lease.value, value);
    return [v4, v6].some(
      (lease) =>
        lease.mappings > 0 ||
        blocksOf(lease).some((block) => Number(this.#leaseOf(block) >> 32n) === sub),
    );
  }

  /** Whether connections to a service are there. */
  #served(service: number): boolean {
    const value = this.deps.maps.service_use.lookup(encode(MAPS.service_use.key, service));
    return (
      value !== undefined && decode(MAPS.service_use.value, value).used.some((used) => used > 0)
    );
  }

  #leaseOf(block: number): bigint {
    const value = this.deps.maps.nat_block.lookup(encode(MAPS.nat_block.key, block));
    return value === undefined ? 0n : decode(MAPS.nat_block.value, value).lease;
  }
}

function hasConnections(value: Uint8Array): boolean {
  const { opened, accepted } = decode(MAPS.limit_use.value, value);
  const any = ({ connections, half_open: halfOpen }: LimitCount): boolean =>
    connections > 0 || halfOpen > 0;
  return any(opened) || any(accepted);
}

function blocksOf({ block, low }: NatLease): number[] {
  return [...block, ...low].filter((index) => index !== 0);
}

/** Block n of address e is 1 + (e - 1) * NAT_EXT_BLOCKS + n. */
function addressOfBlock(block: number): number {
  return Math.floor((block - 1) / ABI.NAT_EXT_BLOCKS) + 1;
}
