// SPDX-License-Identifier: Apache-2.0
/**
 * What holds for an address or a net without entry of its own: the longest entry of map pol_net
 * around it. An entry that comes or goes takes its place or leaves it to that one.
 */
import { decode, encode, MAPS } from '../../maps/index.js';
import type { Absent } from './two-values.js';

/** A class by the key of a net, as bytes. */
type Lookup = (key: Uint8Array) => Uint8Array | undefined;

/** prefixlen of a net covers VNI (24) and family (8). */
const NET_KEY_BITS = 32;
const ADDRESS_BITS = 128;
/** ::ffff:0:0/96 is IPv4. */
const V4_PREFIX = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255);

interface Place {
  readonly vni: Uint8Array;
  readonly family: number;
  readonly addr: Uint8Array;
}

export class NetCover {
  /** Lengths of nets that ever were there, longest first. */
  #lengths: number[] = [];

  /** There is a net with this key. */
  note(key: Uint8Array): void {
    const { prefixlen } = decode(MAPS.pol_net.key, key);
    if (!this.#lengths.includes(prefixlen))
      this.#lengths = [...this.#lengths, prefixlen].sort((a, b) => b - a);
  }

  /** For entries of pol_host. */
  hosts(before: Lookup, after: Lookup): Absent {
    const of =
      (lookup: Lookup) =>
      (key: Uint8Array): Uint8Array | undefined => {
        if (this.#lengths.length === 0) return undefined;
        const { vni, addr } = decode(MAPS.pol_host.key, key);
        const place = {
          vni: Uint8Array.of(vni >> 16, vni >> 8, vni),
          family: V4_PREFIX.every((byte, i) => byte === addr[i]) ? 4 : 6,
          addr,
        };
        return this.#find(place, NET_KEY_BITS + ADDRESS_BITS, lookup);
      };
    return { before: of(before), after: of(after) };
  }

  /** For entries of pol_net: the next one around each. */
  nets(before: Lookup, after: Lookup): Absent {
    const of =
      (lookup: Lookup) =>
      (key: Uint8Array): Uint8Array | undefined => {
        const { prefixlen, ...place } = decode(MAPS.pol_net.key, key);
        return this.#find(place, prefixlen - 1, lookup);
      };
    return { before: of(before), after: of(after) };
  }

  /** @param longest prefixlen that may be found */
  #find({ vni, family, addr }: Place, longest: number, lookup: Lookup): Uint8Array | undefined {
    for (const prefixlen of this.#lengths) {
      if (prefixlen > longest) continue;
      const net = masked(addr, prefixlen - NET_KEY_BITS);
      const found = lookup(encode(MAPS.pol_net.key, { prefixlen, vni, family, addr: net }));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function masked(addr: Uint8Array, bits: number): Uint8Array {
  return addr.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));
}
