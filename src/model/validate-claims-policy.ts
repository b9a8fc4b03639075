// SPDX-License-Identifier: Apache-2.0
/** References of policies. An endpoint's profiles are none: one that is not there denies all. */
import type { TypedObject } from './objects.js';
import { DEFAULT_TIER } from './policy-rules.js';
import { objectId, vpcReference, type Reference } from './validate-facts.js';

export function policyReferences({ spec }: TypedObject<'Policy'>): Reference[] {
  const { vpc, tier = DEFAULT_TIER } = spec;
  return [
    ...(vpc === undefined ? [] : [vpcReference(vpc)]),
    // The default tier is there without an object.
    ...(tier === DEFAULT_TIER ? [] : [{ id: objectId('Tier', tier), field: 'spec.tier' }]),
  ];
}

export function networkSetReferences({ spec }: TypedObject<'NetworkSet'>): Reference[] {
  return spec.vpc === undefined ? [] : [vpcReference(spec.vpc)];
}
