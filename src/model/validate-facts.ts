// SPDX-License-Identifier: Apache-2.0
/** What rules know of an object without asking others: see validate-claims.ts. */
import type { Kind } from './objects.js';

/** "Endpoint/web-1". */
export type ObjectId = `${Kind}/${string}`;

export interface Claim {
  readonly key: string;
  /** Field that makes the claim. */
  readonly field: string;
  /** The claimed thing in words: "VNI 100", "10.0.0.5". */
  readonly what: string;
  /** Where it must be unique, in words. */
  readonly scope: string;
  /** Several objects of the same kind may claim it; their rules compare the details. */
  readonly shared?: true;
  /**
   * Nobody is in another's way: the key only lists who has it, for rules that ask. It may have a
   * hundred thousand owners, so claimants are not compared with each other.
   */
  readonly listed?: true;
}

export interface Reference {
  readonly id: ObjectId;
  readonly field: string;
}

export interface Facts {
  readonly id: ObjectId;
  readonly claims: readonly Claim[];
  readonly references: readonly Reference[];
  /** Keys that the object's rules ask about without claiming them. */
  readonly reads: readonly string[];
}

/** Identity of an object. */
export function objectId(kind: Kind, name: string): ObjectId {
  return `${kind}/${name}`;
}

/** @param what the prefix in words, when it is something better */
export function netClaim(vpc: string, prefix: string, field: string, what = prefix): Claim {
  return { key: `net ${vpc} ${prefix}`, field, what, scope: ` in Vpc/${vpc}` };
}

export function hostClaim(vpc: string, address: string, field: string): Claim {
  return netClaim(vpc, `${address}/${address.includes(':') ? 128 : 32}`, field, address);
}

/** Underlay addresses. */
export function vtepKey(address: string): string {
  return `vtep ${address}`;
}

/** Public addresses of pools and PublicIps: each has one owner. */
export function publicKey(address: string): string {
  return `public ${address}`;
}

/** Public addresses of PortForwards: several may be at one. */
export function forwardKey(address: string): string {
  return `forward ${address}`;
}

/**
 * Claimed by every Vpc that meets the outside: whose rules compare the hosts on which VPCs do that
 * reads it. One key for all, as which VPCs that are follows from other objects.
 */
export const OUTSIDE_KEY = 'outside';

/**
 * Claimed by every NatGateway with prefixes: whoever has a public address reads it. One key for
 * all, as a prefix may contain any of them.
 */
export const PUBLIC_PREFIXES_KEY = 'public-prefixes';

export function outsideClaim(): Claim {
  return { key: OUTSIDE_KEY, field: 'spec.outside', what: 'the outside', scope: '', listed: true };
}

export function vpcReference(vpc: string, field = 'spec.vpc'): Reference {
  return { id: objectId('Vpc', vpc), field };
}

export function endpointReference(endpoint: string, field = 'spec.endpoint'): Reference {
  return { id: objectId('Endpoint', endpoint), field };
}
