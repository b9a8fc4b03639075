// SPDX-License-Identifier: Apache-2.0
/**
 * A block of rules as the maps have it: for each dimension and value the rules that a packet with
 * this value meets there. The packet's rules are the intersection; see docs/design/policy.md.
 */
import { ABI, POL_DIM } from '../../../maps/index.js';
import { noBits, type Bits } from './bits.js';
import type { Draft } from './cut.js';
import type { Place, PlaceSide } from './places.js';
import { asksPorts, portRows, type PortClass } from './port-ranges.js';
import { asksProtocol, otherProtocols, protocolRows } from './protocol-rows.js';
import { addressRows, namedRows, type SetRows } from './set-rows.js';
import type { SetId } from './types.js';

/** One of POL_DIM. */
export type Dimension = number;

/** Rules of a value. */
export interface BlockRow {
  readonly dim: Dimension;
  /** Of POL_PROTO: 4 or 6; else 0. */
  readonly family: 0 | 4 | 6;
  readonly value: number;
  readonly bits: Bits;
}

export interface CompiledBlock {
  readonly name: string;
  /** 1 << dimension that a rule asks for, one at least; 1 << POL_RANGES + dimension where ports have classes; POL_PORTS_FIRST. */
  readonly dims: number;
  /** Rules of values without row: by dimension, then POL_PROTO of IPv6. Eight. */
  readonly other: readonly Bits[];
  /** But for those of classes of sets, see classRows(). */
  readonly rows: readonly BlockRow[];
  readonly ports: readonly (PortClass & { readonly dim: Dimension })[];
  /** By place. */
  readonly rules: readonly Pick<Place, 'action' | 'identity'>[];
  /** All that its rules name: a class with none of these has no row here. */
  readonly sets: ReadonlySet<SetId>;
  /** Dimensions of classes. */
  readonly byClass: ReadonlyMap<Dimension, SetRows>;
}

const SIDES = [
  { of: 'source', ports: POL_DIM.SPORT, addresses: POL_DIM.SRC, named: POL_DIM.NSRC },
  { of: 'destination', ports: POL_DIM.DPORT, addresses: POL_DIM.DST, named: POL_DIM.NDST },
] as const;

export function compileBlock({ name, places }: Pick<Draft, 'name' | 'places'>): CompiledBlock {
  const other = Array.from({ length: ABI.POL_OTHERS }, noBits);
  const rows: BlockRow[] = [];
  const ports: (PortClass & { readonly dim: Dimension })[] = [];
  const byClass = new Map<Dimension, SetRows>();
  let dims = 0;
  // One at least, whose rows say which places there are.
  if (places.some(asksProtocol) || !places.some(asksMore)) {
    dims |= 1 << POL_DIM.PROTO;
    other[POL_DIM.PROTO] = otherProtocols(places, 4);
    other[ABI.POL_PROTO6] = otherProtocols(places, 6);
    rows.push(...protocolRows(places).map((row) => ({ dim: POL_DIM.PROTO, ...row })));
  }
  for (const dimensions of SIDES) {
    const sides = places.map((place) => place[dimensions.of]);
    if (sides.some(asksPorts)) {
      const dim = dimensions.ports;
      const found = portRows(sides);
      dims |= 1 << dim;
      if (found.ranges.length > 0) dims |= 1 << (ABI.POL_RANGES + dim);
      other[dim] = found.other;
      const row = (value: number, bits: Bits): BlockRow => ({ dim, family: 0, value, bits });
      rows.push(...found.exact.map(({ port, bits }) => row(port, bits)));
      rows.push(...found.classes.map((bits, i) => row(ABI.POL_RANGE | (i + 1), bits)));
      ports.push(...found.ranges.map((range) => ({ dim, ...range })));
    }
    for (const { dim, asks, rowsOf } of [
      { dim: dimensions.addresses, asks: asksAddress, rowsOf: addressRows },
      { dim: dimensions.named, asks: asksNamed, rowsOf: namedRows },
    ]) {
      if (!sides.some(asks)) continue;
      const found = rowsOf(sides);
      dims |= 1 << dim;
      other[dim] = found.other;
      byClass.set(dim, found);
    }
  }
  if (portsFirst(other[POL_DIM.DPORT], rows, byClass)) dims |= ABI.POL_PORTS_FIRST;
  return {
    name,
    dims: dims >>> 0,
    other,
    rows,
    ports,
    rules: places.map(({ action, identity }) => ({ action, identity })),
    sets: new Set([...byClass.values()].flatMap(({ sets }) => [...sets])),
    byClass,
  };
}

/** Whether no rule is met without its destination port, and ports tell rules apart better than sets. */
function portsFirst(
  other: Bits | undefined,
  rows: readonly BlockRow[],
  byClass: ReadonlyMap<Dimension, SetRows>,
): boolean {
  const ports = rows.filter(({ dim }) => dim === POL_DIM.DPORT).length;
  const sets = [POL_DIM.SRC, POL_DIM.DST].map((dim) => new Set(byClass.get(dim)?.sets).size);
  return ports > Math.max(...sets) && other?.every((word) => word === 0) === true;
}

/** Rows of a class in a block; none where it has none of the sets that the block names. */
export function classRows(
  block: Pick<CompiledBlock, 'byClass'>,
  sets: ReadonlySet<SetId>,
): { readonly dim: Dimension; readonly bits: Bits }[] {
  return [...block.byClass].flatMap(([dim, rows]) => {
    const bits = rows.rowOf(sets);
    return bits === undefined ? [] : [{ dim, bits }];
  });
}

/** Whether it asks for anything but the protocol. */
function asksMore({ source, destination }: Place): boolean {
  return [source, destination].some(
    (side) => asksPorts(side) || asksAddress(side) || asksNamed(side),
  );
}

function asksAddress({ sets, notSets }: PlaceSide): boolean {
  return sets.length > 0 || notSets.length > 0;
}

function asksNamed({ named, notNamed }: PlaceSide): boolean {
  return named !== undefined || notNamed.length > 0;
}
