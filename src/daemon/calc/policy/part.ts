// SPDX-License-Identifier: Apache-2.0
/**
 * Policies as a part of the calculation: objects to the graph, and what the graph says of the
 * endpoints that are placed on this host to the tables.
 */
import type { Indexes, ObjectChange } from '../output.js';
import { same } from '../same.js';
import { PolicyGraph, type EndpointPrograms } from './graph.js';
import type { Membership } from './judge.js';
import { PolicyTables, type EndpointPrograms as Placed, type PolicyDelta } from './tables.js';
import { tell } from './tell.js';

/** Where a local endpoint's programs are looked for. */
export interface PolicyPlace {
  readonly vni: number;
  /** Of space `endpoint`. */
  readonly index: number;
}

export class PolicyPart {
  private readonly tables: PolicyTables;
  private readonly graph: PolicyGraph;
  private readonly programs = new Map<string, EndpointPrograms>();
  private readonly places = new Map<string, PolicyPlace>();
  /** Endpoints whose place, or programs, are others than at the last flush. */
  private readonly changed = new Set<string>();
  private told = false;

  constructor(
    deps: { readonly indexes: Indexes },
    private readonly opts: {
      readonly host: string;
      /** A program that denies all; see PolicyTables. */
      readonly closed: number;
    },
  ) {
    this.tables = new PolicyTables(deps, { closed: opts.closed });
    this.graph = new PolicyGraph((key) => this.tables.classIndex(key));
  }

  /** Whether a flush has something to compute. */
  get dirty(): boolean {
    return this.told || this.changed.size > 0;
  }

  /** An object that appeared, changed or went. */
  object(change: ObjectChange): void {
    if (tell(this.graph, change, this.opts.host)) this.told = true;
  }

  /** A VPC's VNI while it is programmed. */
  vpc(name: string, vni: number | undefined): void {
    this.graph.vpc(name, vni);
    this.told = true;
  }

  /** Where an endpoint of this host is; undefined: it is not programmed. */
  place(endpoint: string, place: PolicyPlace | undefined): void {
    if (same(this.places.get(endpoint), place)) return;
    if (place) this.places.set(endpoint, place);
    else this.places.delete(endpoint);
    this.changed.add(endpoint);
  }

  /** What changed since the last flush. */
  flush(): PolicyDelta {
    const { programs, ...classes } = this.graph.flush();
    this.told = false;
    for (const [name, now] of programs) {
      if (now) this.programs.set(name, now);
      else this.programs.delete(name);
      this.changed.add(name);
    }
    const endpoints = new Map<string, Placed | undefined>();
    for (const name of [...this.changed].sort()) {
      const [has, place] = [this.programs.get(name), this.places.get(name)];
      endpoints.set(name, place && has && { ...place, ...has });
    }
    this.changed.clear();
    return this.tables.flush({ endpoints, classes });
  }

  /** Ordered rules of an endpoint of this host, and where it is when it is programmed. */
  local(
    endpoint: string,
  ): { readonly has: EndpointPrograms; readonly place?: PolicyPlace } | undefined {
    const has = this.programs.get(endpoint);
    const place = this.places.get(endpoint);
    return has && { has, ...(place && { place }) };
  }

  membership(vpc: string): Membership | undefined {
    return this.graph.membership(vpc);
  }
}
