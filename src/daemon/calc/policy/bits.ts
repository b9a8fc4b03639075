// SPDX-License-Identifier: Apache-2.0
/** Sets of a block's rules by their place, as the maps have them: 512 bits. */
import { ABI } from '../../../maps/index.js';

const WORD = 32;

/** 16 words of 32 bits; place p is bit p % 32 of word p / 32. */
export type Bits = Uint32Array;

export function noBits(): Bits {
  return new Uint32Array(ABI.POL_RULES / WORD);
}

/** The places for which `test` holds. */
export function bitsOf<T>(items: readonly T[], test: (item: T) => boolean): Bits {
  const out = noBits();
  for (const [place, item] of items.entries()) if (test(item)) setBit(out, place);
  return out;
}

export function setBit(bits: Bits, place: number): void {
  const word = Math.floor(place / WORD);
  bits[word] = (bits[word] ?? 0) | (1 << (place % WORD));
}

export function clearBit(bits: Bits, place: number): void {
  const word = Math.floor(place / WORD);
  bits[word] = (bits[word] ?? 0) & ~(1 << (place % WORD));
}

/** Adds what the other has. */
export function join(bits: Bits, other: Bits | undefined): void {
  if (other === undefined) return;
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] ?? 0) | (other[i] ?? 0);
}

/** Takes away what the other has. */
export function subtract(bits: Bits, other: Bits | undefined): void {
  if (other === undefined) return;
  for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] ?? 0) & ~(other[i] ?? 0);
}

/** Equal sets have equal text. */
export function bitsText(bits: Bits): string {
  return bits.join();
}
