// SPDX-License-Identifier: Apache-2.0
/**
 * Deterministic translation (RFC 7422): an inside address has its public address and port blocks by
 * arithmetic, and a public address and port their inside address, without any state.
 *
 * The addresses of the source subnets are counted through, subnet by subnet in the order in which
 * the gateway lists them. Each public address, in ascending order, serves as many of them as its
 * blocks from port 1024 allow, less those left to overflow.
 */
import { addressAt, compareBytes, formatAddress, parseAddress, parsePrefix } from '../base/net.js';
import { NAT_DEFAULTS } from './defaults.js';
import type { NatGatewaySpec } from './objects.js';
import { expandPool } from './public-addresses.js';

/** Ports of an address, and those below that are not given out by arithmetic. */
const PORTS = 65536;
const LOW_PORTS = 1024;

export const DETERMINISTIC_DEFAULTS = { blocks: 1, overflow: 0 } as const;

/** Addresses of a VPC that have ports by arithmetic. */
export interface FixedSubnet {
  /** Name of the Vpc. */
  readonly vpc: string;
  /** IPv4. */
  readonly prefix: string;
}

/** All that the arithmetic needs. */
export interface FixedPlan {
  readonly subnets: readonly FixedSubnet[];
  /** Public ones, in ascending order. */
  readonly addresses: readonly string[];
  /** Ports. */
  readonly blockSize: number;
  /** Of an inside address. */
  readonly blocks: number;
  /** Of a public address: left to whoever needs more. */
  readonly overflow: number;
}

/** Where an inside address's ports are. */
export interface FixedPlace {
  /** Position in plan.addresses. */
  readonly position: number;
  /** Number of the first block. */
  readonly block: number;
}

/** Whose a public port is. */
export interface FixedHolder {
  readonly vpc: string;
  readonly inside: string;
  /** Ports. */
  readonly first: number;
  readonly last: number;
}

/** A pool's addresses, each once, in ascending order. */
export function sortedPool(addresses: readonly string[]): string[] {
  return [...new Set(expandPool(addresses))]
    .map((text) => ({ text, bytes: parseAddress(text).bytes }))
    .sort((a, b) => compareBytes(a.bytes, b.bytes))
    .map(({ text }) => text);
}

/**
 * The plan of a gateway; undefined: it is not deterministic.
 * @param prefixOf IPv4 prefix of a Subnet; those without one have no part in it
 */
export function fixedPlan(
  spec: NatGatewaySpec,
  prefixOf: (subnet: string) => string | undefined,
): FixedPlan | undefined {
  if (spec.deterministic === undefined) return undefined;
  return {
    subnets: spec.sources.flatMap(({ vpc, subnets = [] }) =>
      subnets.flatMap((name) => {
        const prefix = prefixOf(name);
        return prefix === undefined ? [] : [{ vpc, prefix }];
      }),
    ),
    addresses: sortedPool(spec.addresses ?? []).filter((address) => !address.includes(':')),
    blockSize: spec.blockSize ?? NAT_DEFAULTS.blockSize,
    blocks: spec.deterministic.blocks ?? DETERMINISTIC_DEFAULTS.blocks,
    overflow: spec.deterministic.overflow ?? DETERMINISTIC_DEFAULTS.overflow,
  };
}

/** Blocks of a public address above the low ports. */
export function blocksOfAddress({ blockSize }: Pick<FixedPlan, 'blockSize'>): number {
  return (PORTS - LOW_PORTS) / blockSize;
}

/** Inside addresses that one public address serves. */
export function servedByAddress(plan: FixedPlan): number {
  return Math.max(0, Math.floor((blocksOfAddress(plan) - plan.overflow) / plan.blocks));
}

/** Blocks of each public address that are given out by arithmetic. */
export function fixedBlocks(plan: FixedPlan): number {
  return servedByAddress(plan) * plan.blocks;
}

function sizeOf({ prefix }: FixedSubnet): number {
  return 2 ** (32 - parsePrefix(prefix).length);
}

/** Inside addresses there are. */
export function insideCount({ subnets }: Pick<FixedPlan, 'subnets'>): number {
  return subnets.reduce((sum, subnet) => sum + sizeOf(subnet), 0);
}

function numberOf(address: string): number {
  const { bytes } = parseAddress(address);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(bytes.length - 4);
}

/** Where an inside address has its ports; undefined: the plan does not know it, or is too small. */
export function fixedPlace(plan: FixedPlan, vpc: string, inside: string): FixedPlace | undefined {
  if (inside.includes(':')) return undefined;
  const served = servedByAddress(plan);
  let before = 0;
  for (const subnet of plan.subnets) {
    const size = sizeOf(subnet);
    const offset = numberOf(inside) - numberOf(subnet.prefix.slice(0, subnet.prefix.indexOf('/')));
    if (subnet.vpc !== vpc || offset < 0 || offset >= size) {
      before += size;
      continue;
    }
    const index = before + offset;
    const position = served === 0 ? Infinity : Math.floor(index / served);
    if (position >= plan.addresses.length) return undefined;
    const block = LOW_PORTS / plan.blockSize + (index % served) * plan.blocks;
    return { position, block };
  }
  return undefined;
}

/** Whose a public address's port is; undefined: nobody's by arithmetic. */
export function fixedHolder(
  plan: FixedPlan,
  address: string,
  port: number,
): FixedHolder | undefined {
  const position = plan.addresses.indexOf(address);
  const served = servedByAddress(plan);
  const ports = plan.blocks * plan.blockSize;
  const range = Math.floor((port - LOW_PORTS) / ports);
  if (position < 0 || port < LOW_PORTS || range >= served) return undefined;
  let index = position * served + range;
  for (const subnet of plan.subnets) {
    const size = sizeOf(subnet);
    if (index < size) {
      const first = LOW_PORTS + range * ports;
      const inside = formatAddress(addressAt(parsePrefix(subnet.prefix), BigInt(index)));
      return { vpc: subnet.vpc, inside, first, last: first + ports - 1 };
    }
    index -= size;
  }
  return undefined;
}
