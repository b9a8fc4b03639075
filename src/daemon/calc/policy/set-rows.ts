// SPDX-License-Identifier: Apache-2.0
/** A dimension of a block whose values are classes: lists of sets that an address is in. */
import { bitsOf, join, noBits, setBit, subtract, type Bits } from './bits.js';
import type { PlaceSide } from './places.js';
import type { SetId } from './types.js';

/** What the places of a block ask of a class. */
export interface SetRows {
  /** Rules of classes that have none of the sets. */
  readonly other: Bits;
  /** Undefined: no place asks for sets here; a class without any of the block's: `other`. */
  rowOf(sets: ReadonlySet<SetId>): Bits | undefined;
  /** All that places name. */
  readonly sets: Iterable<SetId>;
}

/** Of addresses: a place asks for all of its sets, and none of others. */
export function addressRows(sides: readonly PlaceSide[]): SetRows {
  const needs = places(sides, ({ sets }) => sets);
  const denies = places(sides, ({ notSets }) => notSets);
  const all = bitsOf(sides, () => true);
  return {
    other: bitsOf(sides, ({ sets }) => sets.length === 0),
    sets: new Set([...needs.keys(), ...denies.keys()]),
    rowOf(sets) {
      if (!meets(sets, needs, denies)) return undefined;
      const row = all.slice();
      for (const [set, bits] of needs) if (!sets.has(set)) subtract(row, bits);
      for (const set of sets) subtract(row, denies.get(set));
      return row;
    },
  };
}

/** Of named ports: a place asks for one of its sets, and none of others. */
export function namedRows(sides: readonly PlaceSide[]): SetRows {
  const takes = places(sides, ({ named }) => named ?? []);
  const denies = places(sides, ({ notNamed }) => notNamed);
  const other = bitsOf(sides, ({ named }) => named === undefined);
  return {
    other,
    sets: new Set([...takes.keys(), ...denies.keys()]),
    rowOf(sets) {
      if (!meets(sets, takes, denies)) return undefined;
      const row = other.slice();
      for (const set of sets) join(row, takes.get(set));
      for (const set of sets) subtract(row, denies.get(set));
      return row;
    },
  };
}

function meets(sets: ReadonlySet<SetId>, ...named: readonly ReadonlyMap<SetId, Bits>[]): boolean {
  for (const set of sets) if (named.some((by) => by.has(set))) return true;
  return false;
}

/** Places by a set that they name. */
function places(
  sides: readonly PlaceSide[],
  setsOf: (side: PlaceSide) => readonly SetId[],
): Map<SetId, Bits> {
  const out = new Map<SetId, Bits>();
  for (const [place, side] of sides.entries())
    for (const set of setsOf(side)) {
      const bits = out.get(set) ?? noBits();
      out.set(set, bits);
      setBit(bits, place);
    }
  return out;
}
