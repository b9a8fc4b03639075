// SPDX-License-Identifier: Apache-2.0
/**
 * Deterministic gateways (RFC 7422 s2): the subnets' addresses, counted through, take turns to have
 * consecutive ports of the public addresses, counted through; the well-known ports are left out, and
 * the last ones of each address may be left for overflow.
 */
import type { TypedObject } from '../../../src/model/index.js';
import { addressOf, bitsOf, familyOf, prefixOf } from './address.js';
import type { Address } from './bytes.js';

export interface FixedPorts {
  readonly address: Address;
  readonly first: number;
  readonly last: number;
}

export interface Fixed {
  /** By endpoint, as the world names it. */
  readonly ports: Map<string, FixedPorts>;
  /** Whether an endpoint may have more than its own. */
  readonly overflows: boolean;
  /** From here on an address's ports are for that. */
  readonly overflowFrom: number;
}

const WELL_KNOWN = 1024;

/**
 * @param subnetOf a Subnet by name
 * @returns undefined when ports are not by arithmetic
 */
export function fixedOf(
  { spec }: TypedObject<'NatGateway'>,
  pool: ReadonlySet<Address>,
  subnetOf: (name: string) => TypedObject<'Subnet'> | undefined,
  endpoints: readonly TypedObject<'Endpoint'>[],
  ownerOf: (endpoint: TypedObject<'Endpoint'>) => string,
): Fixed | undefined {
  const { deterministic } = spec;
  if (!deterministic) return undefined;
  const publics = [...pool].filter((a) => familyOf(a) === 4).sort((a, b) => (a < b ? -1 : 1));
  const size = spec.blockSize ?? 512;
  const width = (deterministic.blocks ?? 1) * size;
  const usable = 65536 - WELL_KNOWN - (deterministic.overflow ?? 0) * size;
  const turns = Math.floor(usable / width);
  // whose turn it is, until everybody had one
  let turn = 0;
  const ports = new Map<string, FixedPorts>();
  for (const { vpc, subnets = [] } of spec.sources) {
    for (const name of subnets) {
      const prefix = subnetOf(name)?.spec.ipv4?.prefix;
      if (prefix === undefined) continue;
      const { bits } = prefixOf(prefix);
      const count = 2 ** (32 - bits.length);
      for (const endpoint of endpoints) {
        if (endpoint.spec.vpc !== vpc || ports.has(ownerOf(endpoint))) continue;
        const inside = endpoint.spec.addresses
          .map(addressOf)
          .find((a) => familyOf(a) === 4 && bitsOf(a).startsWith(bits));
        if (inside === undefined) continue;
        const mine = turn + Number(BigInt(`0b0${bitsOf(inside).slice(bits.length)}`));
        const address = publics[Math.floor(mine / turns)];
        if (address === undefined) continue;
        const first = WELL_KNOWN + (mine % turns) * width;
        ports.set(ownerOf(endpoint), { address, first, last: first + width - 1 });
      }
      turn += count;
    }
  }
  const overflows = (deterministic.overflow ?? 0) > 0;
  return { ports, overflows, overflowFrom: WELL_KNOWN + turns * width };
}
