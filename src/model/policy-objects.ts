// SPDX-License-Identifier: Apache-2.0
/** The kinds that say who may open a connection to whom. See docs/design/policy.md. */

/** Protocols that have a name; others are numbers. */
export type PolicyProtocol = 'tcp' | 'udp' | 'sctp' | 'icmp' | 'icmpv6' | number;

export interface PolicyIcmp {
  readonly type: number;
  readonly code?: number;
}

/** Source or destination of a rule. All that is said must be met. */
export interface PolicySide {
  /** Prefixes. */
  readonly nets?: readonly string[];
  readonly notNets?: readonly string[];
  readonly selector?: string;
  readonly notSelector?: string;
  /** A number, a range "a-b", or the name of a port of endpoints; parsePortSpec() reads them. */
  readonly ports?: readonly (number | string)[];
  readonly notPorts?: readonly (number | string)[];
}

export interface PolicyRule {
  readonly action: 'allow' | 'deny' | 'pass' | 'log';
  readonly ipVersion?: 4 | 6;
  readonly protocol?: PolicyProtocol;
  readonly notProtocol?: PolicyProtocol;
  readonly icmp?: PolicyIcmp;
  readonly notIcmp?: PolicyIcmp;
  readonly source?: PolicySide;
  readonly destination?: PolicySide;
}

export interface ProfileSpec {
  /** What endpoints that name the profile have in addition to their own. */
  readonly labels?: Readonly<Record<string, string>>;
  /** None of action 'pass', as in `egress`. */
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

export interface TierSpec {
  /** Default: behind all that have one. */
  readonly order?: number;
  readonly defaultAction?: 'deny' | 'pass';
}

export interface PolicySpec {
  /** Default: each VPC by itself. */
  readonly vpc?: string;
  readonly tier?: string;
  /** Default: behind all of the tier that have one. */
  readonly order?: number;
  /** Endpoints it applies to. Default: all. */
  readonly selector?: string;
  /** Default: see policyTypes(). */
  readonly types?: readonly ('ingress' | 'egress')[];
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

/** Addresses that selectors find by the object's labels. */
export interface NetworkSetSpec {
  /** Default: each VPC. */
  readonly vpc?: string;
  /** Prefixes. */
  readonly nets: readonly string[];
}

/** A port of an endpoint, which rules may name. */
export interface EndpointPort {
  readonly name: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
}
