// SPDX-License-Identifier: Apache-2.0
/** What Kubernetes' names and namespaces are called here. */
import { createHash } from 'node:crypto';
import { isName } from '../../api/index.js';

/** Label of every endpoint of a Kubernetes namespace; its value is the namespace's name. */
export const NAMESPACE_LABEL = 'kubernetes.io/namespace';

/** Annotation of a NetworkPolicy: name of the Vpc that it is for. */
export const VPC_ANNOTATION = 'transit/vpc';

/** Label that Kubernetes gives each namespace; says what NAMESPACE_LABEL says. */
const NAME_OF_NAMESPACE = 'kubernetes.io/metadata.name';

/**
 * Key under which endpoints have a label of their namespace: "ns/KEY", or "ns.PREFIX/KEY" where it
 * has a prefix, as a key has one slash. Longer than a key may be when the prefix has more than 250
 * characters.
 */
export function namespaceKey(key: string): string {
  if (key === NAME_OF_NAMESPACE) return NAMESPACE_LABEL;
  return key.includes('/') ? `ns.${key}` : `ns/${key}`;
}

/** Characters of each part that are kept when the whole is not a name: 24 + 24 + 10 + 2 * 2 = 62. */
const KEPT = 24;
const HASH = 10;

/**
 * "FIRST--SECOND", or with the parts cut and a hash behind, "FIRST--SECOND--HASH", where that is not
 * an object's name or other parts would have it, too. Different parts have different names: only the
 * second form has "--" twice.
 */
export function joinedName(first: string, second: string): string {
  const plain = `${first}--${second}`;
  if (isName(plain) && !first.includes('--') && !second.includes('--')) return plain;
  const hash = createHash('sha256').update(`${first}/${second}`).digest('hex').slice(0, HASH);
  return `${cut(first)}--${cut(second)}--${hash}`;
}

function cut(part: string): string {
  return part.replaceAll('.', '-').slice(0, KEPT).replace(/-+$/, '');
}

/** Name of a NetworkPolicy's Policy. */
export const policyName = joinedName;

/** Name of a Namespace's Profile. */
export function profileName(namespace: string): string {
  return joinedName('kns', namespace);
}
