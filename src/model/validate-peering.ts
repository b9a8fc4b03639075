// SPDX-License-Identifier: Apache-2.0
/**
 * Rules of Peerings, and of what must keep away from them. A prefix that a VPC sees of another is as much its
 * own as a subnet is: nothing else of the VPC may be there.
 */
import {
  lastAddress,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  unusableReason,
} from '../base/net.js';
import type { ExposedPrefix, PeeringSide, TypedObject } from './objects.js';
import { isMasqueraded, visiblePrefix } from './prefixes.js';
import { MAX_POOL_ADDRESSES } from './public-addresses.js';
import { peeredKey, seenBy } from './validate-claims-peering.js';
import type { Rule, RuleContext } from './validate-context.js';
import { objectId, type ObjectId } from './validate-facts.js';
import type { StateTables } from './validate-tables.js';

/** Peerings of a VPC, other than an object that is one. */
export function* peeringsOf(
  tables: StateTables,
  vpc: string,
  self?: ObjectId,
): Generator<[ObjectId, TypedObject<'Peering'>]> {
  for (const id of tables.owners(peeredKey(vpc))) {
    const object = id === self ? undefined : tables.get(id);
    if (object?.kind === 'Peering') yield [id, object];
  }
}

/** A Peering whose other VPC shows a prefix that overlaps this one; undefined: none. */
export function seenOverlap(
  vpc: string,
  prefix: string,
  { tables, blames }: RuleContext,
  overlaps: (seen: string) => boolean = (seen) =>
    prefixesOverlap(parsePrefix(seen), parsePrefix(prefix)),
): string | undefined {
  for (const [id, peering] of peeringsOf(tables, vpc)) {
    if (!blames(id)) continue;
    const seen = seenBy(vpc, peering).find((one) => overlaps(one.prefix));
    if (seen !== undefined) return `${seen.prefix} of Vpc/${seen.of}, seen through ${id}`;
  }
  return undefined;
}

/** A Route must not take away part of what a Peering shows; a shorter one may contain it. */
export function routeTakesSeen(
  vpc: string,
  prefix: string,
  context: RuleContext,
): string | undefined {
  const route = parsePrefix(prefix);
  return seenOverlap(vpc, prefix, context, (seen) => {
    const shown = parsePrefix(seen);
    // equal ones are a conflict of claims
    return shown.length < route.length && prefixContains(shown, route.address);
  });
}

function checkPrefix(text: string, field: string, { report }: RuleContext): boolean {
  const prefix = parsePrefix(text);
  const reason =
    prefix.length === 0
      ? 'it is everything'
      : (unusableReason(prefix.address) ?? unusableReason(lastAddress(prefix)));
  if (reason !== undefined) report(field, `${text} cannot be exposed: ${reason}`);
  return reason === undefined;
}

/** What is exposed, by itself and against the rest of its side. */
function checkSide(side: PeeringSide, at: number, context: RuleContext): boolean {
  const { report } = context;
  let good = true;
  const before: { readonly exposed: ExposedPrefix; readonly at: number }[] = [];
  for (const [i, exposed] of side.expose.entries()) {
    const field = `spec.sides[${at}].expose[${i}]`;
    good = checkPrefix(exposed.prefix, `${field}.prefix`, context) && good;
    if (exposed.as !== undefined) {
      const [from, to] = [parsePrefix(exposed.prefix), parsePrefix(exposed.as)];
      good = checkPrefix(exposed.as, `${field}.as`, context) && good;
      const sameFamily = from.address.family === to.address.family;
      if (sameFamily && isMasqueraded(exposed)) {
        const count = 2n ** BigInt((to.address.family === 4 ? 32 : 128) - to.length);
        if (count > BigInt(MAX_POOL_ADDRESSES)) {
          report(
            `${field}.as`,
            `${exposed.as} has ${count} addresses, must have at most ${MAX_POOL_ADDRESSES} with nat masquerade`,
          );
          good = false;
        }
      } else if (!sameFamily || from.length !== to.length) {
        report(
          `${field}.as`,
          `${exposed.as} must be ${sameFamily ? 'as long as' : 'of the family of'} ${exposed.prefix}`,
        );
        good = false;
      }
    }
    if (isMasqueraded(exposed) && exposed.as === undefined) {
      report(`${field}.as`, 'is missing: nat masquerade needs the addresses to be shared');
      good = false;
    }
    if (!isMasqueraded(exposed) && exposed.pool !== undefined)
      report(`${field}.pool`, 'is for nat masquerade only');
    for (const other of before) {
      const place = `spec.sides[${at}].expose[${other.at}]`;
      if (prefixesOverlap(parsePrefix(exposed.prefix), parsePrefix(other.exposed.prefix)))
        report(`${field}.prefix`, `${exposed.prefix} overlaps ${other.exposed.prefix} of ${place}`);
      const [mine, theirs] = [visiblePrefix(exposed), visiblePrefix(other.exposed)];
      if (
        (exposed.as ?? other.exposed.as) !== undefined &&
        prefixesOverlap(parsePrefix(mine), parsePrefix(theirs))
      )
        report(
          `${field}.${exposed.as === undefined ? 'prefix' : 'as'}`,
          `${mine} overlaps ${theirs} of ${place}`,
        );
    }
    before.push({ exposed, at: i });
  }
  return good;
}

/** What a VPC sees against what it has: subnets, routes, and what it sees of other peers. */
function checkSeen(
  vpc: string,
  object: TypedObject<'Peering'>,
  self: ObjectId,
  { tables, blames, report }: RuleContext,
): void {
  const routes: { readonly id: ObjectId; readonly prefix: string }[] = [];
  for (const id of tables.referrers(objectId('Vpc', vpc))) {
    const other = tables.get(id);
    if (other?.kind === 'Route' && blames(id)) routes.push({ id, prefix: other.spec.prefix });
  }
  for (const { prefix, field } of seenBy(vpc, object)) {
    const seen = parsePrefix(prefix);
    for (const owner of tables.subnetsOverlapping(vpc, seen)) {
      if (!blames(owner)) continue;
      report(field, `${prefix} overlaps ${owner} in Vpc/${vpc}, which is to see it: use as`);
      break;
    }
    const route = routes.find(({ prefix: text }) => {
      const other = parsePrefix(text);
      return other.length > seen.length && prefixContains(seen, other.address);
    });
    if (route !== undefined)
      report(field, `${prefix} contains ${route.prefix} of ${route.id} in Vpc/${vpc}`);
    for (const [id, peering] of peeringsOf(tables, vpc, self)) {
      if (!blames(id)) continue;
      const same = seenBy(vpc, peering).find((one) =>
        prefixesOverlap(parsePrefix(one.prefix), seen),
      );
      // equal ones are a conflict of claims
      if (same !== undefined && same.prefix !== prefix)
        report(field, `${prefix} overlaps ${same.prefix} of Vpc/${same.of} at ${id} in Vpc/${vpc}`);
    }
  }
}

/** What a VPC only sees itself is not its to expose: no peering leads through another. */
function checkNotBorrowed(
  side: PeeringSide,
  at: number,
  self: ObjectId,
  { tables, blames, report }: RuleContext,
): void {
  for (const [i, { prefix }] of side.expose.entries()) {
    for (const [id, peering] of peeringsOf(tables, side.vpc, self)) {
      const seen = seenBy(side.vpc, peering).find((one) =>
        prefixesOverlap(parsePrefix(one.prefix), parsePrefix(prefix)),
      );
      if (seen === undefined || !blames(id)) continue;
      report(
        `spec.sides[${at}].expose[${i}].prefix`,
        `${prefix} overlaps ${seen.prefix} of Vpc/${seen.of}, which Vpc/${side.vpc} sees through ${id}: no peering leads through another`,
      );
    }
  }
}

/** The same from the other side: what another Peering exposes is not to be what this one shows. */
function checkNotLent(
  vpc: string,
  object: TypedObject<'Peering'>,
  self: ObjectId,
  { tables, blames, report }: RuleContext,
): void {
  for (const { prefix, field } of seenBy(vpc, object)) {
    for (const [id, peering] of peeringsOf(tables, vpc, self)) {
      if (!blames(id)) continue;
      const lent = peering.spec.sides
        .filter((side) => side.vpc === vpc)
        .flatMap(({ expose }) => expose)
        .find((one) => prefixesOverlap(parsePrefix(one.prefix), parsePrefix(prefix)));
      if (lent !== undefined)
        report(
          field,
          `${prefix} overlaps ${lent.prefix}, which Vpc/${vpc} exposes through ${id}: no peering leads through another`,
        );
    }
  }
}

/** Who translates with state, and that somebody can begin. */
function checkMasquerade({ spec }: TypedObject<'Peering'>, { report }: RuleContext): void {
  const at = spec.sides.map(({ expose }) => expose.findIndex(isMasqueraded));
  const [first = -1, second = -1] = at;
  if (first >= 0 && second >= 0)
    report(
      `spec.sides[1].expose[${second}].nat`,
      `masquerade, as spec.sides[0].expose[${first}] has: neither could open a connection to the other; make one of them static`,
    );
  const any = first >= 0 || second >= 0;
  if (any && spec.host === undefined)
    report('spec.host', 'is missing: nat masquerade needs a host that keeps the connections');
  if (!any && spec.host !== undefined)
    report('spec.host', 'is for nat masquerade only: static prefixes are translated everywhere');
}

export const peeringRules: Rule<'Peering'> = (object, context) => {
  const { spec, metadata } = object;
  const self = objectId('Peering', metadata.name);
  const names = spec.sides.map(({ vpc }) => vpc);
  if (names[0] === names[1]) {
    context.report('spec.sides[1].vpc', `Vpc/${names[0] ?? ''} is given twice: must be two Vpcs`);
    return;
  }
  checkMasquerade(object, context);
  const good = spec.sides.map((side, i) => checkSide(side, i, context)).every(Boolean);
  if (!good) return;
  for (const [i, side] of spec.sides.entries()) {
    checkSeen(side.vpc, object, self, context);
    checkNotBorrowed(side, i, self, context);
    checkNotLent(side.vpc, object, self, context);
  }
};
