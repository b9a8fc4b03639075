// SPDX-License-Identifier: Apache-2.0
/**
 * Rules as a block has them: one place for each alternative of numeric and named ports, as the
 * rows of different dimensions can only be met all together.
 */
import type { IcmpMatch, PortRange, ResolvedRule, ResolvedSide, SetId } from './types.js';

/** A side of a place. All of it must be met. */
export interface PlaceSide {
  /** The address is in all of these; sorted. */
  readonly sets: readonly SetId[];
  /** And in none of these; sorted. */
  readonly notSets: readonly SetId[];
  /** The port is in one of these. Undefined: any, and packets without ports. */
  readonly ports: readonly PortRange[] | undefined;
  readonly notPorts: readonly PortRange[];
  /** Address, protocol and port are in one of these. Undefined: any. */
  readonly named: readonly SetId[] | undefined;
  readonly notNamed: readonly SetId[];
}

/** A rule, or one of its alternatives. */
export interface Place {
  readonly action: ResolvedRule['action'];
  readonly identity: string;
  readonly ipVersion: 4 | 6 | undefined;
  readonly protocol: number | undefined;
  readonly notProtocol: number | undefined;
  readonly icmp: IcmpMatch | undefined;
  readonly notIcmp: IcmpMatch | undefined;
  readonly source: PlaceSide;
  readonly destination: PlaceSide;
}

/** Places of a rule in their order: one, two or four. */
export function placesOf(rule: ResolvedRule): Place[] {
  // A packet that two places meet would be logged twice.
  const disjoint = rule.action === 'log';
  const destinations = alternatives(rule.destination, disjoint);
  return alternatives(rule.source, disjoint).flatMap((source) =>
    destinations.map((destination) => ({
      action: rule.action,
      identity: rule.identity,
      ipVersion: rule.ipVersion,
      protocol: rule.protocol,
      notProtocol: rule.notProtocol,
      icmp: rule.icmp,
      notIcmp: rule.notIcmp,
      source,
      destination,
    })),
  );
}

/** What a place asks for; equal text is met by the same packets. */
export function conditionText(place: Place): string {
  const icmp = (match: IcmpMatch | undefined): unknown => match && [match.type, match.code ?? -1];
  // undefined becomes null here
  return JSON.stringify([
    place.ipVersion,
    place.protocol,
    place.notProtocol,
    icmp(place.icmp),
    icmp(place.notIcmp),
    sideContent(place.source),
    sideContent(place.destination),
  ]);
}

/** All of a place. */
export function placeText(place: Place): string {
  return `${place.action} ${JSON.stringify(place.identity)} ${conditionText(place)}`;
}

function sideContent(side: PlaceSide): unknown {
  const ranges = (of: readonly PortRange[]): unknown => of.map(({ from, to }) => [from, to]);
  return [
    side.sets,
    side.notSets,
    side.ports && ranges(side.ports),
    ranges(side.notPorts),
    side.named,
    side.notNamed,
  ];
}

function alternatives(side: ResolvedSide, disjoint: boolean): PlaceSide[] {
  const notPorts = side.notPorts?.ranges ?? [];
  const base: PlaceSide = {
    sets: sorted(side.sets),
    notSets: sorted(side.notSets),
    ports: undefined,
    notPorts: sortedRanges(notPorts),
    named: undefined,
    notNamed: sorted(side.notPorts?.named ?? []),
  };
  if (side.ports === undefined) return [base];
  const numeric: PlaceSide = { ...base, ports: sortedRanges(side.ports.ranges) };
  if (side.ports.named.length === 0) return [numeric];
  const named: PlaceSide = { ...base, named: sorted(side.ports.named) };
  if (side.ports.ranges.length === 0) return [named];
  if (!disjoint) return [numeric, named];
  return [numeric, { ...named, notPorts: sortedRanges([...notPorts, ...side.ports.ranges]) }];
}

function sorted(sets: readonly SetId[]): readonly SetId[] {
  return [...new Set(sets)].sort();
}

function sortedRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  return [...ranges].sort((a, b) => a.from - b.from || a.to - b.to);
}
