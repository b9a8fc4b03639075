// SPDX-License-Identifier: Apache-2.0
/**
 * Kubernetes objects as objects of ours. The daemon never sees the former: whoever reads files
 * translates.
 */
import type { z } from 'zod';
import { issueRules, show } from '../../api/index.js';
import type { Problem } from '../../model/index.js';
import { profileOf, type ProfileInput } from './namespace.js';
import { DEFAULT_NAMESPACE, policyOf, type PolicyInput } from './network-policy.js';
import { namespace, networkPolicy } from './schema.js';

export interface TranslateOptions {
  /** Name of the Vpc of NetworkPolicies that name none. */
  readonly vpc?: string;
}

export type Translation =
  | { readonly ok: true; readonly object: PolicyInput | ProfileInput }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Fields = Readonly<Record<string, unknown>>;

const UNDERSTOOD = 'NetworkPolicy of networking.k8s.io/v1 and Namespace of v1 are understood';

/** Objects of ours have no apiVersion, and no kind of these names. */
export function isKubernetes(value: Fields): boolean {
  return 'apiVersion' in value || ['NetworkPolicy', 'Namespace'].includes(String(value['kind']));
}

/** `where`: file and document, as problems name them. */
export function translate(
  given: Fields,
  where: string,
  { vpc }: TranslateOptions = {},
): Translation {
  const value = withoutNull(given) as Fields;
  const { apiVersion, kind } = value;
  const object = `${where}: ${labelOf(value)}`;
  if (apiVersion === 'networking.k8s.io/v1' && kind === 'NetworkPolicy')
    return judged(networkPolicy, value, object, (policy) => policyOf(policy, vpc));
  if (apiVersion === 'v1' && kind === 'Namespace')
    return judged(namespace, value, object, profileOf);
  const field = apiVersion === undefined ? 'apiVersion' : '';
  const what = apiVersion === undefined ? 'is required' : `${show(kind)} of ${show(apiVersion)}`;
  return { ok: false, problems: [{ object, field, rule: `${what}: ${UNDERSTOOD}` }] };
}

function judged<S extends z.ZodType>(
  schema: S,
  value: Fields,
  object: string,
  make: (parsed: z.output<S>) => PolicyInput | ProfileInput,
): Translation {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, object: make(result.data) };
  const problems = result.error.issues.flatMap((issue) =>
    issueRules(issue, value).map((rule) => ({ object, ...rule })),
  );
  return { ok: false, problems };
}

/** "NetworkPolicy/shop/web" as far as the input says so. */
function labelOf({ kind, metadata }: Fields): string {
  const { name, namespace: of } = isFields(metadata) ? metadata : {};
  const parts = kind === 'NetworkPolicy' ? [kind, of ?? DEFAULT_NAMESPACE, name] : [kind, name];
  return parts.filter((part) => typeof part === 'string').join('/') || 'object';
}

/** Members that are null count as absent in Kubernetes; entries of lists stay. */
function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull);
  if (!isFields(value)) return value;
  const present = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(present.map(([key, member]) => [key, withoutNull(member)]));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
