// SPDX-License-Identifier: Apache-2.0
/** Addresses that endpoints share: of a NatGateway outside, of a Peering in the other VPC. */
import type { IndexUse } from './index-uses.js';
import type { Upsert } from './output.js';
import { entry, indexFor, isProblem, type Context, type Problem } from './unit.js';

/** Number of this host among the gateways that share a pool: it shares none. */
export const OWNER = 1;

export interface Row {
  readonly first: number;
  /** Indexes of nat_ext. */
  readonly members: readonly number[];
}

/** Collects what the pool needs; the first index that cannot be had ends it. */
export class Pool {
  readonly entries: Upsert[] = [];
  readonly uses: IndexUse[] = [];

  constructor(
    private readonly ctx: Context,
    private readonly gw: number,
    private readonly opts: {
      readonly field: string;
      /** VNI of a peered VPC, whose addresses they are. Default: the outside's. */
      readonly outer?: number;
    },
  ) {}

  /** One family's addresses, in a row of nat_ext_of. */
  row(addresses: readonly string[]): Row | Problem {
    if (addresses.length === 0) return { first: 0, members: [] };
    const { field, outer = 0 } = this.opts;
    const members: number[] = [];
    for (const addr of addresses) {
      const key = outer === 0 ? addr : `${outer}/${addr}`;
      const ext = indexFor(this.ctx, 'ext', key, field);
      if (isProblem(ext)) return ext;
      this.uses.push({ space: 'ext', key });
      this.entries.push(entry('nat_ext', ext, { addr, gw: this.gw }));
      if (outer === 0) this.entries.push(entry('addr', `0/${addr}`, { kind: 'public' }));
      members.push(ext);
    }
    const key = members.join(',');
    const first = indexFor(this.ctx, 'extRow', key, field);
    if (isProblem(first)) return first;
    this.uses.push({ space: 'extRow', key });
    for (const [i, ext] of members.entries())
      this.entries.push(entry('nat_ext_of', first + i, { ext }));
    return { first, members };
  }
}
