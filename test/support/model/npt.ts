// SPDX-License-Identifier: Apache-2.0
/**
 * NPTv6 by the text of RFC 6296: an address of one prefix as the other prefix has it. Written with
 * words and ones' complement as section 3 tells it, for prefixes of one length.
 */
import { addressOf } from './address.js';
import type { Address } from './bytes.js';

export interface PrefixPair {
  /** "fd01:203:405::/48". */
  readonly inside: string;
  readonly outside: string;
}

const WORDS = 8;
const MINUS_ZERO = 0xffff;

function wordsOf(address: Address): number[] {
  return Array.from({ length: WORDS }, (_, i) => parseInt(address.slice(4 * i, 4 * i + 4), 16));
}

function addressFrom(words: readonly number[]): Address {
  return words.map((word) => word.toString(16).padStart(4, '0')).join('');
}

/** RFC 1071: carries come round. */
function add(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >> 16);
}

function sum(words: readonly number[]): number {
  return words.reduce(add, 0);
}

function parse(prefix: string): { readonly words: number[]; readonly length: number } {
  const [text = '', length = ''] = prefix.split('/');
  return { words: wordsOf(addressOf(text)), length: Number(length) };
}

/** s3.4, s3.5: which word takes up the difference; undefined: none can, the packet is dropped. */
function adjusted(words: readonly number[], length: number): number | undefined {
  if (length <= 48) return words[3] === MINUS_ZERO ? undefined : 3;
  // an identifier of zeros is the subnet-router anycast address, one of ones is reserved
  if (words.slice(4).every((word) => word === 0)) return undefined;
  const first = words.findIndex((word, i) => i >= 4 && word !== MINUS_ZERO);
  return first < 0 ? undefined : first;
}

/** s3.1: new prefix, and one word changed so that the sum of all words stays. */
function translate(address: Address, from: string, to: string): Address | undefined {
  const [old, now] = [parse(from), parse(to)];
  const words = wordsOf(address);
  const word = adjusted(words, old.length);
  if (word === undefined) return undefined;
  const bits = (list: readonly number[]): string =>
    list.map((one) => one.toString(2).padStart(16, '0')).join('');
  const moved = bits(now.words).slice(0, now.length) + bits(words).slice(now.length);
  const out = Array.from({ length: WORDS }, (_, i) =>
    parseInt(moved.slice(16 * i, 16 * i + 16), 2),
  );
  const difference = add(sum(old.words), ~sum(now.words) & 0xffff);
  const value = add(words[word] ?? 0, difference);
  out[word] = value === MINUS_ZERO ? 0 : value;
  return addressFrom(out);
}

/** An inside address as the outside sees it. */
export function outwards(pair: PrefixPair, address: Address): Address | undefined {
  return translate(address, pair.inside, pair.outside);
}

/** The inside address behind one of the outside prefix. */
export function inwards(pair: PrefixPair, address: Address): Address | undefined {
  return translate(address, pair.outside, pair.inside);
}
