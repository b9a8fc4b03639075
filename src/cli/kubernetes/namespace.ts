// SPDX-License-Identifier: Apache-2.0
/** A Namespace as a Profile: the labels that its pods are found by, and no rule that closes them. */
import type { ProfileSpec } from '../../model/index.js';
import { NAMESPACE_LABEL, namespaceKey, profileName } from './names.js';
import type { Namespace } from './schema.js';

export interface ProfileInput {
  readonly kind: 'Profile';
  readonly metadata: { readonly name: string };
  readonly spec: ProfileSpec;
}

export function profileOf({ metadata: { name, labels = {} } }: Namespace): ProfileInput {
  const own = Object.entries(labels).map(([key, value]) => [namespaceKey(key), value] as const);
  return {
    kind: 'Profile',
    metadata: { name: profileName(name) },
    spec: {
      // The name comes last: no label can say that the namespace is another one.
      labels: { ...Object.fromEntries(own), [NAMESPACE_LABEL]: name },
      ingress: [{ action: 'allow' }],
      egress: [{ action: 'allow' }],
    },
  };
}
