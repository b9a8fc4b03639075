// SPDX-License-Identifier: Apache-2.0
/** The specs of the kinds that policies are made of, as the API stores them. */

export type RuleAction = 'allow' | 'deny' | 'pass' | 'log';

export type RuleProtocol = 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmpv6' | number;

export interface RuleIcmp {
  readonly type: number;
  readonly code?: number;
}

/** All that is said must be met, and nothing of what is denied. */
export interface PolicyRuleSide {
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly selector?: string;
  readonly notSelector?: string;
  /** Numbers, ranges "a-b", names of endpoints' ports. */
  readonly ports?: readonly (number | string)[];
  readonly notPorts?: readonly (number | string)[];
}

export interface PolicyRule {
  readonly action: RuleAction;
  readonly ipVersion?: 4 | 6;
  readonly protocol?: RuleProtocol;
  readonly notProtocol?: RuleProtocol;
  readonly icmp?: RuleIcmp;
  readonly notIcmp?: RuleIcmp;
  readonly source?: PolicyRuleSide;
  readonly destination?: PolicyRuleSide;
}

export interface ProfileSpec {
  /** Inherited by endpoints that name the profile. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

export interface TierSpec {
  /** Default: last. */
  readonly order?: number;
  readonly defaultAction?: 'deny' | 'pass';
}

export interface PolicySpec {
  /** Default: each VPC by itself. */
  readonly vpc?: string;
  readonly tier?: string;
  /** Default: last. */
  readonly order?: number;
  readonly selector?: string;
  readonly types?: readonly ('ingress' | 'egress')[];
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

export interface NetworkSetSpec {
  /** Default: each VPC by itself. */
  readonly vpc?: string;
  readonly nets: readonly string[];
}
