// SPDX-License-Identifier: Apache-2.0
/** What policies say of endpoints of this host, and what their rules have decided. */
import { ApiError, type EndpointPoliciesResponse } from '../../api/index.js';
import type { StoredObject } from '../../model/index.js';
import type { Calculator, Direction, IndexAllocator, ResolvedProgram } from '../calc/index.js';
import type { PolicyCounts } from '../ports/datapath-view.js';
import type { Driver } from './driver.js';
import type { Objects } from './nat-tables.js';
import { listedRules } from './policy-rules.js';
import type { RuleHits } from './rule-hits.js';

export interface PolicyViewDeps {
  readonly calculator: Pick<Calculator, 'localPolicy'>;
  readonly indexes: Pick<IndexAllocator, 'peek' | 'used'>;
  readonly hits: Pick<RuleHits, 'sum'>;
  readonly driver: Pick<Driver, 'entries'>;
  readonly objects: Objects;
}

type Rules = EndpointPoliciesResponse['ingress'];

export class PolicyView {
  constructor(
    private readonly deps: PolicyViewDeps,
    private readonly opts: { readonly host: string },
  ) {}

  /** @throws ApiError NOT_FOUND: it does not exist here; UNAVAILABLE: it is not computed */
  endpoint(name: string): EndpointPoliciesResponse {
    const { spec } = endpointNamed(this.deps.objects, name);
    if (spec.host !== this.opts.host)
      throw new ApiError(
        'NOT_FOUND',
        `Endpoint/${name} is not on this host, ${this.opts.host}, but on ${spec.host}: its policies apply there, so ask the daemon there`,
      );
    const local = this.deps.calculator.localPolicy(name);
    if (local === undefined)
      throw new ApiError(
        'UNAVAILABLE',
        `Endpoint/${name} was not computed yet, or its Vpc has a problem: see the status of both`,
      );
    return {
      endpoint: name,
      vpc: spec.vpc,
      programmed: local.place !== undefined,
      ...(local.problem && { problem: local.problem.message }),
      ingress: this.#rules(local.has.ingress, 'ingress'),
      egress: this.#rules(local.has.egress, 'egress'),
    };
  }

  counts(): PolicyCounts {
    const entries = (map: string): number => this.deps.driver.entries(map) ?? 0;
    return {
      rules: this.deps.indexes.used('rule'),
      blocks: entries('pol_block'),
      programs: entries('pol_prog'),
      hosts: entries('pol_host'),
      nets: entries('pol_net'),
      namedPorts: entries('pol_named'),
    };
  }

  #rules(program: ResolvedProgram | undefined, direction: Direction): Rules {
    if (program === undefined) return { open: true, rules: [] };
    const { objects } = this.deps;
    return {
      open: false,
      rules: listedRules(objects, program, direction).map(({ identity, ...rule }) => ({
        ...rule,
        packets: this.#packets(identity),
      })),
    };
  }

  /** 0 for a rule of an endpoint that is not programmed: it has no counter. */
  #packets(identity: string): number {
    const index = this.deps.indexes.peek('rule', identity);
    return index === undefined ? 0 : this.deps.hits.sum(index);
  }
}

/** @throws ApiError NOT_FOUND */
export function endpointNamed(
  objects: Objects,
  name: string,
): Extract<StoredObject, { kind: 'Endpoint' }> {
  const object = objects.get('Endpoint', name);
  if (object?.kind === 'Endpoint') return object;
  throw new ApiError('NOT_FOUND', `Endpoint/${name} does not exist`);
}
