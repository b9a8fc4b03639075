// SPDX-License-Identifier: Apache-2.0
/**
 * One port dimension of a block: which rules a port meets. Ports that a rule names singly have
 * rows of their own; the rest is cut where any range begins or ends, and what meets the same rules
 * has the same class.
 */
import { portPrefixes } from '../port-prefixes.js';
import { bitsOf, bitsText, clearBit, setBit, type Bits } from './bits.js';
import type { PlaceSide } from './places.js';
import type { PortRange } from './types.js';

const LAST_PORT = 65_535;

/** Ports with this prefix have the class, unless a longer prefix or a row of its own says otherwise. */
export interface PortClass {
  readonly port: number;
  /** 0..16 */
  readonly bits: number;
  /** From 1. */
  readonly class: number;
}

export interface PortRows {
  /** Rules of ports that have neither row nor class, and of packets without ports. */
  readonly other: Bits;
  readonly exact: readonly { readonly port: number; readonly bits: Bits }[];
  readonly ranges: readonly PortClass[];
  /** Rules of class 1, 2, … */
  readonly classes: readonly Bits[];
}

/** Whether a side asks for numbers of ports. */
export function asksPorts(side: PlaceSide): boolean {
  return side.ports !== undefined || side.notPorts.length > 0;
}

export function portRows(sides: readonly PlaceSide[]): PortRows {
  const segments = segmentsOf(sides);
  const other = bitsOf(sides, (side) => side.ports === undefined);
  const { ranges, classes } = classify(segments, bitsText(other));
  return {
    other,
    exact: segments.flatMap(({ from, bits, single }) => (single ? [{ port: from, bits }] : [])),
    ranges,
    classes,
  };
}

/** Consecutive ports that meet the same rules. */
interface Segment {
  readonly from: number;
  readonly to: number;
  readonly bits: Bits;
  /** One port that a rule names. */
  readonly single: boolean;
}

/** All ports, in their order. */
function segmentsOf(sides: readonly PlaceSide[]): Segment[] {
  const events = new Map<number, { readonly enter: number[]; readonly leave: number[] }>();
  const at = (port: number): { readonly enter: number[]; readonly leave: number[] } => {
    const known = events.get(port) ?? { enter: [], leave: [] };
    events.set(port, known);
    return known;
  };
  const singles = new Set<number>();
  at(0);
  for (const [place, side] of sides.entries()) {
    for (const { from, to } of [...(side.ports ?? []), ...side.notPorts])
      if (from === to) singles.add(from);
    for (const { from, to } of allowed(side)) {
      at(from).enter.push(place);
      at(to + 1).leave.push(place);
    }
  }
  for (const port of singles) {
    at(port);
    at(port + 1);
  }
  const starts = [...events.keys()].filter((port) => port <= LAST_PORT).sort((a, b) => a - b);
  const bits = bitsOf(sides, () => false);
  return starts.map((from, i): Segment => {
    const { enter, leave } = at(from);
    for (const place of leave) clearBit(bits, place);
    for (const place of enter) setBit(bits, place);
    const to = (starts[i + 1] ?? LAST_PORT + 1) - 1;
    return { from, to, bits: bits.slice(), single: singles.has(from) };
  });
}

/** @param other text of the rules of ports without class */
function classify(
  segments: readonly Segment[],
  other: string,
): Pick<PortRows, 'ranges' | 'classes'> {
  const byRules = new Map<string, number>();
  const classes: Bits[] = [];
  const ranges: PortClass[] = [];
  let open: { readonly from: number; to: number; readonly rules: string } | undefined;
  const close = (): void => {
    if (open === undefined) return;
    const { from: first, to: last, rules } = open;
    const number = byRules.get(rules) ?? 0;
    for (const prefix of portPrefixes({ first, last })) ranges.push({ ...prefix, class: number });
    open = undefined;
  };
  for (const { from, to, bits, single } of segments) {
    // Found by its own row: a range may go on behind it.
    if (single) continue;
    const rules = bitsText(bits);
    if (open?.rules === rules) {
      open.to = to;
      continue;
    }
    close();
    if (rules === other) continue;
    if (!byRules.has(rules)) byRules.set(rules, classes.push(bits));
    open = { from, to, rules };
  }
  close();
  return { ranges, classes };
}

/** Ports that a side may have, in their order, without gaps of nothing between two. */
function allowed(side: PlaceSide): PortRange[] {
  let out = merged(side.ports ?? [{ from: 0, to: LAST_PORT }]);
  for (const { from, to } of side.notPorts)
    out = out.flatMap((range) => [
      ...(range.from < from ? [{ from: range.from, to: Math.min(range.to, from - 1) }] : []),
      ...(range.to > to ? [{ from: Math.max(range.from, to + 1), to: range.to }] : []),
    ]);
  return out;
}

function merged(ranges: readonly PortRange[]): PortRange[] {
  const out: { readonly from: number; to: number }[] = [];
  for (const { from, to } of [...ranges].sort((a, b) => a.from - b.from)) {
    const last = out.at(-1);
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to);
    else out.push({ from, to });
  }
  return out;
}
