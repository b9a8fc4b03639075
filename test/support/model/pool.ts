// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses that endpoints share at a peer, by what RFC 4787 and 6888 ask of a mapping: the same for
 * an inside address and port whatever the receiver, one address for an endpoint, parity and range
 * kept, ports from blocks that only it has, nobody let in but whom the filtering names. Ports are
 * chosen at random, so the model is told each that is new and says what is wrong with it.
 */

export type Protocol = 'tcp' | 'udp' | 'echo';
export type Filtering = 'endpoint' | 'address' | 'address-port';

export interface Socket {
  readonly address: string;
  /** Of an echo the identifier. */
  readonly port: number;
}

export interface PoolRules {
  readonly addresses: readonly string[];
  readonly blockSize: number;
  /** An endpoint's, for ports from 1024 on. */
  readonly maxBlocks: number;
  readonly filtering: Filtering;
}

const text = ({ address, port }: Socket): string => `${address} ${port}`;

function added(map: Map<string, Set<string>>, key: string, value: string): Set<string> {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(value));
  return set;
}

/** One pool: of one VPC in one other. */
export class PoolModel {
  readonly #outside = new Map<string, Socket>();
  readonly #inside = new Map<string, Socket>();
  readonly #bound = new Map<string, string>();
  readonly #holders = new Map<string, string>();
  /** Blocks of an endpoint. */
  readonly #blocks = new Map<string, Set<string>>();
  /** Ports in use of a block, by protocol and, but of echoes, parity. */
  readonly #used = new Map<string, Set<string>>();
  readonly #sent = new Set<string>();

  constructor(private readonly rules: PoolRules) {}

  /** The mapping that an inside address and port has; undefined: it gets one, or none. */
  mapped(protocol: Protocol, from: Socket): Socket | undefined {
    return this.#outside.get(`${protocol} ${text(from)}`);
  }

  /** Whether a new mapping must be refused: all blocks are there, and full. */
  isFull(protocol: Protocol, { address, port }: Socket): boolean {
    const blocks = [...(this.#blocks.get(address) ?? [])];
    if (blocks.length < this.rules.maxBlocks) return false;
    const { blockSize } = this.rules;
    const room = protocol === 'echo' ? blockSize : blockSize / 2;
    return blocks.every((block) => {
      const used = this.#used.get(`${block} ${this.#class(protocol, port)}`);
      return (used?.size ?? 0) >= room;
    });
  }

  /** A packet left as `as`. @returns what is wrong with that */
  sent(protocol: Protocol, from: Socket, to: Socket, as: Socket): string[] {
    const known = this.mapped(protocol, from);
    const wrong = known === undefined ? this.#isNew(protocol, from, as) : [];
    if (known !== undefined && text(known) !== text(as))
      wrong.push(`${text(from)} is ${text(known)} already, not ${text(as)}`);
    this.#sent.add(`${protocol} ${text(from)} ${to.address}`);
    this.#sent.add(`${protocol} ${text(from)} ${text(to)}`);
    return wrong;
  }

  /** Where a packet to the pool goes, or why nowhere. */
  arrives(protocol: Protocol, from: Socket, to: Socket): Socket | 'NO_MAPPING' | 'FILTERED' {
    const inside = this.#inside.get(`${protocol} ${text(to)}`);
    if (inside === undefined) return 'NO_MAPPING';
    // an echo has one identifier, that of who asked
    const other = protocol === 'echo' ? { ...from, port: inside.port } : from;
    const { filtering } = this.rules;
    const permitted =
      filtering === 'endpoint' ||
      (filtering === 'address' && this.#sent.has(`${protocol} ${text(inside)} ${from.address}`)) ||
      this.#sent.has(`${protocol} ${text(inside)} ${text(other)}`);
    return permitted ? inside : 'FILTERED';
  }

  #class(protocol: Protocol, port: number): string {
    return protocol === 'echo' ? protocol : `${protocol} ${port % 2}`;
  }

  #isNew(protocol: Protocol, from: Socket, as: Socket): string[] {
    const wrong: string[] = [];
    const { addresses, blockSize, maxBlocks } = this.rules;
    const key = `${protocol} ${text(as)}`;
    if (this.isFull(protocol, from)) wrong.push(`${text(from)} has no port left`);
    if (!addresses.includes(as.address)) wrong.push(`${as.address} is not of the pool`);
    if (this.#inside.has(key)) wrong.push(`${key} is another's`);
    const bound = this.#bound.get(from.address) ?? as.address;
    if (bound !== as.address) wrong.push(`${from.address} has ${bound}, and now ${as.address}`);
    if (protocol !== 'echo' && as.port % 2 !== from.port % 2) wrong.push(`${key}: parity`);
    if (as.port < 1024) wrong.push(`${key}: range`);
    const block = `${as.address} ${Math.floor(as.port / blockSize)}`;
    const holder = this.#holders.get(block) ?? from.address;
    if (holder !== from.address) wrong.push(`${key} is in a block of ${holder}`);
    if (added(this.#blocks, from.address, block).size > maxBlocks)
      wrong.push(`${from.address} has too many blocks`);
    this.#bound.set(from.address, bound);
    this.#holders.set(block, holder);
    added(this.#used, `${block} ${this.#class(protocol, from.port)}`, key);
    this.#inside.set(key, from);
    this.#outside.set(`${protocol} ${text(from)}`, as);
    return wrong;
  }
}
