// SPDX-License-Identifier: Apache-2.0
/** Entries of the tables of policies, as the rest of calc/output.ts: indexes and plain data. */
import type { Bits } from './bits.js';
import type { ResolvedRule } from './types.js';

export interface PolBlockEntry {
  /** See compile.ts. */
  readonly dims: number;
  readonly other: readonly Bits[];
}

export interface PolProgEntry {
  readonly vni: number;
  /** In order; first: of its tier. */
  readonly blocks: readonly { readonly block: number; readonly first: boolean }[];
}

/** Programs of an endpoint; 0: open. */
export interface PolEpEntry {
  readonly ingress: number;
  readonly egress: number;
}

/** 0: in no set. */
export interface PolClassEntry {
  readonly class: number;
}

/** Tables by map name; keys are text: see each line. */
export interface PolicyEntries {
  /** key: index. */
  readonly pol_block: PolBlockEntry;
  /** key: "block/dimension/family/value". */
  readonly pol_row: { readonly bits: Bits };
  /** key: "block/dimension/port/bits of the port". */
  readonly pol_port: { readonly class: number };
  /** key: "block/place". */
  readonly pol_rule: { readonly action: ResolvedRule['action']; readonly hit: number };
  /** key: index. */
  readonly pol_prog: PolProgEntry;
  /** key: "VNI/address". */
  readonly pol_host: PolClassEntry;
  /** key: "VNI/prefix/length". */
  readonly pol_net: PolClassEntry;
  /** key: "VNI/address/protocol/port". */
  readonly pol_named: PolClassEntry;
  /** key: index of the endpoint. */
  readonly pol_ep: PolEpEntry;
}

export type PolicyTable = keyof PolicyEntries;

/** What is referred to before what refers to it; a block when all of it is there. */
export const POLICY_TABLES = [
  'pol_row',
  'pol_port',
  'pol_rule',
  'pol_block',
  'pol_prog',
  'pol_host',
  'pol_net',
  'pol_named',
  'pol_ep',
] as const satisfies readonly PolicyTable[];
