// SPDX-License-Identifier: Apache-2.0
/** A range of ports as the fewest prefixes, for a longest-prefix match. */

export interface PortPrefix {
  readonly port: number;
  /** 0..16 */
  readonly bits: number;
}

/** The prefixes that cover the range exactly, ascending; at most 30. */
export function portPrefixes(range: {
  readonly first: number;
  readonly last: number;
}): PortPrefix[] {
  const out: PortPrefix[] = [];
  for (let port = range.first; port <= range.last;) {
    // As large as its alignment and what is left allow.
    let bits = 16;
    while (bits > 0) {
      const size = 1 << (17 - bits);
      if (port % size !== 0 || port + size - 1 > range.last) break;
      bits--;
    }
    out.push({ port, bits });
    port += 1 << (16 - bits);
  }
  return out;
}
