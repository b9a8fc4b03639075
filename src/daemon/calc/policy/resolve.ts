// SPDX-License-Identifier: Apache-2.0
/**
 * Rules as parsed to rules of a VPC: conditions on addresses become sets. Depends on the rules and
 * the VNI only; which addresses are in the sets is found elsewhere.
 */
import type { ParsedPorts, ParsedRule, ParsedRules, ParsedSide } from './parse.js';
import { namedSet, netsSet, selectorSet, type SetDefinition } from './sets.js';
import {
  DIRECTIONS,
  type Direction,
  type ResolvedRule,
  type ResolvedSide,
  type SetId,
} from './types.js';

export interface ResolvedRules {
  /** Undefined: it does not apply in this direction. */
  readonly rules: Readonly<Record<Direction, readonly ResolvedRule[] | undefined>>;
  /** All that the rules use. */
  readonly sets: ReadonlyMap<SetId, SetDefinition>;
}

/** `owner`: what its rules' identities begin with, as "Policy/NAME". */
export function resolveRules(vni: number, owner: string, parsed: ParsedRules): ResolvedRules {
  const resolver = new Resolver(vni);
  const [ingress, egress] = DIRECTIONS.map((direction) =>
    parsed[direction]?.map((rule, at) => resolver.rule(rule, `${owner}/${direction}/${at}`)),
  );
  return { rules: { ingress, egress }, sets: resolver.sets };
}

class Resolver {
  readonly sets = new Map<SetId, SetDefinition>();

  constructor(private readonly vni: number) {}

  rule({ base, source, destination }: ParsedRule, identity: string): ResolvedRule {
    return {
      ...base,
      identity,
      source: this.side(source),
      destination: this.side(destination),
    };
  }

  private side(side: ParsedSide): ResolvedSide {
    return {
      sets: this.addresses(side.selector, side.nets),
      notSets: this.addresses(side.notSelector, side.notNets),
      ...(side.ports && { ports: this.ports(side.ports) }),
      ...(side.notPorts && { notPorts: this.ports(side.notPorts) }),
    };
  }

  private addresses(selector: ParsedSide['selector'], nets: ParsedSide['nets']): SetId[] {
    const out: SetId[] = [];
    if (selector) out.push(this.use(selectorSet(this.vni, selector)));
    if (nets) out.push(this.use(netsSet(this.vni, nets)));
    return out;
  }

  private ports({ ranges, named }: ParsedPorts): NonNullable<ResolvedSide['ports']> {
    return {
      ranges,
      named: named.map(({ protocol, name }) => this.use(namedSet(this.vni, protocol, name))),
    };
  }

  private use(set: SetDefinition): SetId {
    this.sets.set(set.id, set);
    return set.id;
  }
}
