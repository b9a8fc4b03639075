// SPDX-License-Identifier: Apache-2.0
/**
 * How the packets of one direction of a connection are translated, and what entitles them to it: each
 * of these may end, and with it the translation.
 */
import type { Address } from './bytes.js';
import { reversed } from './flows.js';
import type { FlowIdentity } from './hash.js';
import type { Inside, Outside } from './outside.js';
import type { Mapping, Mappings } from './mappings.js';

export type Basis =
  /** A port (or address) of a pool. */
  | { readonly kind: 'mapping'; readonly mapping: Mapping }
  /** A PublicIp. */
  | { readonly kind: 'one-to-one'; readonly address: Address; readonly inside: Inside }
  /** A PortForward. */
  | {
      readonly kind: 'forward';
      readonly address: Address;
      readonly protocol: number;
      readonly port: number;
      readonly inside: Inside;
      readonly insidePort: number;
    }
  /** An exempt destination: nothing is changed. */
  | { readonly kind: 'exempt'; readonly inside: Inside };

export interface Translation {
  readonly before: FlowIdentity;
  readonly after: FlowIdentity;
  readonly source: Basis | undefined;
  readonly destination: Basis | undefined;
}

/** Of the connection's other direction. */
export function reverse(t: Translation): Translation {
  const { before, after, source, destination } = t;
  return {
    before: reversed(after),
    after: reversed(before),
    source: destination,
    destination: source,
  };
}

export function insideOf(basis: Basis): Inside {
  return basis.kind === 'mapping' ? basis.mapping.inside : basis.inside;
}

/** Whether what entitled a connection still does. */
export function holds(basis: Basis | undefined, outside: Outside, mappings: Mappings): boolean {
  if (!basis) return true;
  switch (basis.kind) {
    case 'mapping':
      return mappings.isAlive(basis.mapping, outside);
    case 'one-to-one': {
      const now = outside.insideOf(basis.address);
      return now?.vni === basis.inside.vni && now.address === basis.inside.address;
    }
    case 'forward': {
      const now = outside.forward(basis.address, basis.protocol, basis.port);
      return (
        now?.inside.vni === basis.inside.vni &&
        now.inside.address === basis.inside.address &&
        now.port === basis.insidePort
      );
    }
    case 'exempt':
      return outside.isExempt(basis.inside.vni);
  }
}

export function isGood(t: Translation, outside: Outside, mappings: Mappings): boolean {
  return holds(t.source, outside, mappings) && holds(t.destination, outside, mappings);
}
