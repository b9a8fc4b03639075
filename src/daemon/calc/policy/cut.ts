// SPDX-License-Identifier: Apache-2.0
/**
 * Cuts the ordered rules of a program into blocks. Where a cut goes is decided by the rules
 * around it alone, not by how many come before: a rule that is put in or taken out changes the
 * block that it is in, and behind that the cuts are found again where they were.
 */
import { createHash } from 'node:crypto';
import { ABI } from '../../../maps/index.js';
import { conditionText, placesOf, placeText, type Place } from './places.js';
import type { ResolvedProgram, ResolvedTier } from './types.js';

/** Places that a block has at least, but for the last of its tier. */
const LEAST = 320;
/** One of so many rules, by its content, ends a block that has enough places: about 400 in all. */
const ENDS = 96;
const NAME_LENGTH = 32;

/** A block's rules and its name, which its content and VNI say. */
export interface Draft {
  readonly name: string;
  readonly places: readonly Place[];
  /** The first of its tier. */
  readonly first: boolean;
}

export type CutProgram =
  | { readonly kind: 'blocks'; readonly blocks: readonly Draft[] }
  /** More blocks than a program may have: of 400 rules on average. */
  | { readonly kind: 'too-many-rules'; readonly blocks: number; readonly limit: number };

/** @param vni the VPC whose addresses the rules mean */
export function cutProgram(program: ResolvedProgram, vni: number): CutProgram {
  const blocks = program.flatMap((tier) =>
    cutTier(tier).map((places, i): Draft => ({
      name: nameOf(places, vni),
      places,
      first: i === 0,
    })),
  );
  const limit = ABI.POL_BLOCKS;
  return blocks.length > limit
    ? { kind: 'too-many-rules', blocks: blocks.length, limit }
    : { kind: 'blocks', blocks };
}

function cutTier(tier: ResolvedTier): Place[][] {
  const out: Place[][] = [];
  let block: Place[] = [];
  const end = (): void => {
    if (block.length > 0) out.push(block);
    block = [];
  };
  for (const rule of tier) {
    const places = placesOf(rule);
    if (block.length + places.length > ABI.POL_RULES) end();
    block.push(...places);
    if (block.length >= LEAST && isEnd(places)) end();
  }
  end();
  return out;
}

/** Not by its identity: that counts the rules before it in its policy. */
function isEnd(places: readonly Place[]): boolean {
  return hash(places.map(conditionText).join(' ')) % ENDS === 0;
}

/** FNV-1a with a final mix, 32 bits: spread is all that is asked of it. */
function hash(text: string): number {
  let out = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) out = Math.imul(out ^ text.charCodeAt(i), 0x01000193);
  out = Math.imul(out ^ (out >>> 16), 0x85ebca6b);
  return (out ^ (out >>> 13)) >>> 0;
}

function nameOf(places: readonly Place[], vni: number): string {
  const content = createHash('sha256').update(`${vni}`);
  for (const place of places) content.update('\n').update(placeText(place));
  return content.digest('hex').slice(0, NAME_LENGTH);
}
