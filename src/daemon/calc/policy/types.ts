// SPDX-License-Identifier: Apache-2.0
/** What the parts of the policy calculation hand to each other. See docs/design/policy.md. */

export type Direction = 'ingress' | 'egress';
export const DIRECTIONS = ['ingress', 'egress'] as const satisfies readonly Direction[];

/**
 * A set's name: says its VPC and what it is; equal conditions in a VPC have the same one.
 * "VNI s SELECTOR" (normalised text), "VNI n NET,NET…" (sorted), "VNI p PROTOCOL NAME" (a named
 * port). Compared as text only.
 */
export type SetId = string;

/** A range of ports, both ends included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A side of a rule. All of it must be met. */
export interface ResolvedSide {
  /** The address is in all of these. */
  readonly sets: readonly SetId[];
  /** And in none of these. */
  readonly notSets: readonly SetId[];
  /** Met by a port in one of the ranges, or by address, protocol and port in one of the sets. Undefined: any port. */
  readonly ports?: { readonly ranges: readonly PortRange[]; readonly named: readonly SetId[] };
  /** Not met by any of these. */
  readonly notPorts?: { readonly ranges: readonly PortRange[]; readonly named: readonly SetId[] };
}

export interface IcmpMatch {
  readonly type: number;
  readonly code?: number;
}

export interface ResolvedRule {
  readonly action: 'allow' | 'deny' | 'pass' | 'log';
  /** What its packets are counted under: "Policy/NAME/ingress/0", "Profile/NAME/egress/2", "Tier/NAME/ingress", "Default/ingress". */
  readonly identity: string;
  readonly ipVersion?: 4 | 6;
  /** Number. */
  readonly protocol?: number;
  readonly notProtocol?: number;
  readonly icmp?: IcmpMatch;
  readonly notIcmp?: IcmpMatch;
  readonly source: ResolvedSide;
  readonly destination: ResolvedSide;
}

/** The rules of a tier that apply, its default action included as the last; the profiles are the last tier. */
export type ResolvedTier = readonly ResolvedRule[];

/** What an endpoint has in a direction. Undefined where it is used: open. */
export type ResolvedProgram = readonly ResolvedTier[];
