// SPDX-License-Identifier: Apache-2.0
/** Objects, as the graph of policies is told of them. */
import type { TypedObject } from '../../../model/index.js';
import type { ObjectChange } from '../output.js';
import type { PolicyGraph } from './graph.js';
import type { EndpointInput } from './inputs.js';

/**
 * Tells of an object that appeared, changed or went. A VPC is none of them: its VNI is told by
 * whoever knows whether it is in use. @returns whether it concerns policies
 */
export function tell(
  graph: PolicyGraph,
  { kind, name, object }: ObjectChange,
  host: string,
): boolean {
  switch (kind) {
    case 'Endpoint':
      graph.endpoint(name, object?.kind === kind ? endpointInput(object, host) : undefined);
      return true;
    case 'NetworkSet': {
      const set = object?.kind === kind ? object : undefined;
      graph.networkSet(name, set && { ...set.spec, labels: set.metadata.labels ?? {} });
      return true;
    }
    case 'Profile':
      graph.profile(name, object?.kind === kind ? object.spec : undefined);
      return true;
    case 'Tier':
      graph.tier(name, object?.kind === kind ? object.spec : undefined);
      return true;
    case 'Policy':
      graph.policy(name, object?.kind === kind ? object.spec : undefined);
      return true;
    default:
      return false;
  }
}

function endpointInput({ spec, metadata }: TypedObject<'Endpoint'>, host: string): EndpointInput {
  return {
    vpc: spec.vpc,
    labels: metadata.labels ?? {},
    profiles: spec.profiles ?? [],
    addresses: spec.addresses,
    ports: spec.ports ?? [],
    local: spec.host === host,
  };
}
