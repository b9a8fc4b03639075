// SPDX-License-Identifier: Apache-2.0
/** What policies would say on this host if these were the objects. Nothing of it is in force. */
import type { Work } from '../../../base/portions.js';
import { STRIDE } from '../../../base/portions.js';
import type { StoredObject } from '../../../model/index.js';
import { PolicyGraph, type EndpointPrograms } from './graph.js';
import { judge, type JudgedPacket, type Membership } from './judge.js';
import { tell } from './tell.js';
import type { Direction } from './types.js';

const NO_SETS: ReadonlySet<string> = new Set();
const NO_MEMBERS: Membership = { address: () => NO_SETS, port: () => NO_SETS };

export class SupposedPolicies {
  private constructor(
    private readonly graph: PolicyGraph,
    /** Endpoint → VPC. */
    private readonly vpcs: ReadonlyMap<string, string>,
    private readonly programs: ReadonlyMap<string, EndpointPrograms | undefined>,
  ) {}

  /** Takes what the daemon's start takes for the same policies. */
  static *of(objects: readonly StoredObject[], host: string): Work<SupposedPolicies> {
    let classes = 0;
    const graph = new PolicyGraph(() => ++classes);
    const vpcs = new Map<string, string>();
    for (const [i, object] of objects.entries()) {
      const { kind, metadata } = object;
      const { name } = metadata;
      if (kind === 'Vpc') graph.vpc(name, object.spec.vni);
      if (kind === 'Endpoint') vpcs.set(name, object.spec.vpc);
      tell(graph, { kind, name, object }, host);
      if (i % STRIDE === 0) yield;
    }
    yield;
    const { programs } = graph.flush();
    return new SupposedPolicies(graph, vpcs, programs);
  }

  /**
   * The identity (types.ts) of the rule that denies a connection at an endpoint; undefined: it is
   * allowed, or the endpoint is not on this host.
   */
  denial(endpoint: string, direction: Direction, packet: JudgedPacket): string | undefined {
    const program = this.programs.get(endpoint)?.[direction];
    const vpc = this.vpcs.get(endpoint) ?? '';
    const { allowed, rule } = judge(program, packet, this.graph.membership(vpc) ?? NO_MEMBERS);
    return allowed ? undefined : rule?.identity;
  }
}
