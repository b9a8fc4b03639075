// SPDX-License-Identifier: Apache-2.0
/** TCP sequence numbers: 32 bits that wrap around (RFC 9293 s3.4). */

export function add(seq: number, n: number): number {
  return (seq + n) >>> 0;
}

/** a - b as the nearer way round: negative when a is before b. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}

export function isBefore(a: number, b: number): boolean {
  return distance(a, b) < 0;
}

export function later(a: number, b: number): number {
  return isBefore(a, b) ? b : a;
}
