// SPDX-License-Identifier: Apache-2.0
/** What the log of port blocks holds: one JSON object a line. Destinations are in none (RFC 6888 REQ-12). */
import type { FixedPlan } from '../../model/index.js';

/** An endpoint's block of ports of a public address. */
export interface Hold {
  /** Index of nat_block. */
  readonly block: number;
  /** Index of nat_sub. */
  readonly sub: number;
  /** Public. */
  readonly address: string;
  /** Ports. */
  readonly first: number;
  readonly last: number;
  /** Name of the Vpc; empty: not known any more. */
  readonly vpc: string;
  /** Name of the Endpoint; empty: not known any more. */
  readonly endpoint: string;
  /** Source of the packet for which it was taken; empty: not known. */
  readonly inside: string;
  /** Name of the NatGateway; empty: not known any more. */
  readonly gateway: string;
  /** Host that gave it out. */
  readonly owner: string;
}

interface Timed {
  /** RFC 3339, UTC. */
  readonly time: string;
  /** It happened between this and `time`: found later. */
  readonly after?: string;
}

export type BlockRecord =
  | (Timed & Hold & { readonly event: 'taken' | 'given-back' })
  /** At the beginning of a segment: taken at `since`, and still held. */
  | (Timed & Hold & { readonly event: 'held'; readonly since: string })
  /** Ports by arithmetic from now on; no plan: not any more. */
  | (Timed & { readonly event: 'plan'; readonly gateway: string; readonly plan?: FixedPlan })
  /** Events that found no room in the ring: what is true was read from the maps. */
  | (Timed & { readonly event: 'lost'; readonly count: number });

/** A record; undefined: the line is none, as one that a crash of the machine cut short. */
export function parseRecord(line: string): BlockRecord | undefined {
  try {
    const value = JSON.parse(line) as BlockRecord | null;
    return typeof value === 'object' && typeof value?.time === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The endpoint's part of a record. */
export function holdOf(record: Hold): Hold {
  const { block, sub, address, first, last, vpc, endpoint, inside, gateway, owner } = record;
  return { block, sub, address, first, last, vpc, endpoint, inside, gateway, owner };
}
