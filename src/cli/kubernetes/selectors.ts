// SPDX-License-Identifier: Apache-2.0
/** Kubernetes' label selectors as expressions (model/policy-selector.ts). */
import type { z } from 'zod';
import { namespaceKey, NAMESPACE_LABEL } from './names.js';
import type { labelSelector } from './schema-selector.js';

export type LabelSelector = z.output<typeof labelSelector>;

/** Terms that must all be met; none for an empty selector. Keys and values were judged. */
function termsOf(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  keyOf: (key: string) => string,
): string[] {
  const equal = Object.entries(matchLabels).map(([key, value]) => `${keyOf(key)} == '${value}'`);
  const others = matchExpressions.map(({ key: given, operator, values = [] }) => {
    const key = keyOf(given);
    const list = values.map((value) => `'${value}'`).join(', ');
    switch (operator) {
      case 'In':
        return `${key} in {${list}}`;
      case 'NotIn':
        return `${key} not in {${list}}`;
      case 'Exists':
        return `has(${key})`;
      case 'DoesNotExist':
        return `!has(${key})`;
    }
  });
  return [...equal, ...others];
}

/** Pods of one namespace. */
export function podsOf(namespace: string, pods: LabelSelector): string {
  const own = `${NAMESPACE_LABEL} == '${namespace}'`;
  return [own, ...termsOf(pods, (key) => key)].join(' && ');
}

/**
 * Pods of the namespaces that are selected. An endpoint that is in no namespace is a pod of none,
 * also where the selector is empty or only says what is not.
 */
export function podsIn(namespaces: LabelSelector, pods: LabelSelector = {}): string {
  return [
    `has(${NAMESPACE_LABEL})`,
    ...termsOf(namespaces, namespaceKey),
    ...termsOf(pods, (key) => key),
  ].join(' && ');
}
