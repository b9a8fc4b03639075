// SPDX-License-Identifier: Apache-2.0
/** Claims, references and reads of Peerings, and what a VPC sees of its peer. */
import type { ExposedPrefix, StoredObject, TypedObject } from './objects.js';
import { visiblePrefix } from './prefixes.js';
import { netClaim, vpcReference, type Claim, type Reference } from './validate-facts.js';

/** Peerings of a VPC. Subnets and Routes of it read the key. */
export function peeredKey(vpc: string): string {
  return `peered ${vpc}`;
}

/** A prefix that a VPC sees of another. */
export interface Seen {
  readonly prefix: string;
  /** "spec.sides[0].expose[1].as". */
  readonly field: string;
  /** The VPC it belongs to. */
  readonly of: string;
}

function fieldOf(side: number, index: number, { as }: ExposedPrefix): string {
  return `spec.sides[${side}].expose[${index}].${as === undefined ? 'prefix' : 'as'}`;
}

/** What a VPC sees of its peer. */
export function seenBy(vpc: string, { spec }: TypedObject<'Peering'>): Seen[] {
  return spec.sides.flatMap((side, i) => {
    const peer = spec.sides[1 - i];
    if (peer?.vpc !== vpc) return [];
    return side.expose.map((exposed, j) => ({
      prefix: visiblePrefix(exposed),
      field: fieldOf(i, j, exposed),
      of: side.vpc,
    }));
  });
}

export function peeringClaims(object: TypedObject<'Peering'>): Claim[] {
  const { sides } = object.spec;
  const names = sides.map(({ vpc }) => vpc);
  const what = `the way between Vpc/${names[0] ?? ''} and Vpc/${names[1] ?? ''}`;
  return [
    { key: `peering ${[...names].sort().join(' ')}`, field: 'spec.sides', what, scope: '' },
    ...names.map((vpc, i): Claim => ({
      key: peeredKey(vpc),
      field: `spec.sides[${i}].vpc`,
      what: `Vpc/${vpc}`,
      scope: '',
      shared: true,
    })),
    ...[...new Set(names)].flatMap((vpc) =>
      seenBy(vpc, object).map(({ prefix, field }): Claim => netClaim(vpc, prefix, field)),
    ),
  ];
}

export function peeringReferences({ spec }: TypedObject<'Peering'>): Reference[] {
  return spec.sides.map(({ vpc }, i) => vpcReference(vpc, `spec.sides[${i}].vpc`));
}

/** Whether an object is a Peering's business. */
export function peeringReads(object: StoredObject): string[] {
  return object.kind === 'Subnet' || object.kind === 'Route' ? [peeredKey(object.spec.vpc)] : [];
}
