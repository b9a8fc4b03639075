// SPDX-License-Identifier: Apache-2.0
/** Cells of policies' tables. */
import type { ApiObject } from '../../api/index.js';
import { POLICY_DEFAULTS, policyTypes } from '../../model/index.js';

type PolicySpec = Extract<ApiObject, { kind: 'Policy' }>['spec'];

/** Most nets that a row shows. */
const SHOWN_NETS = 3;

/** "10", "-" for what has none and so is last. */
export function orderText(order: number | undefined): string {
  return order === undefined ? '-' : String(order);
}

/** The selector on one line. */
export function selectorText({ selector }: PolicySpec): string {
  const text = selector?.replace(/\s+/g, ' ').trim() ?? '';
  return text === '' ? POLICY_DEFAULTS.selector : text;
}

/** "ingress,egress": directions it applies in, whether or not it says so. */
export function typesText({ types, ingress, egress }: PolicySpec): string {
  return policyTypes({
    ...(types === undefined ? {} : { types }),
    ...(ingress === undefined ? {} : { ingress: [] }),
    ...(egress === undefined ? {} : { egress: [] }),
  }).join(',');
}

/** "2/1": rules of ingress and of egress. */
export function rulesText({
  ingress = [],
  egress = [],
}: {
  readonly ingress?: readonly unknown[] | undefined;
  readonly egress?: readonly unknown[] | undefined;
}): string {
  return `${ingress.length}/${egress.length}`;
}

/** "10.0.0.0/8,10.1.0.0/16,10.2.0.0/16 and 5 more". */
export function netsText(nets: readonly string[]): string {
  const head = nets.slice(0, SHOWN_NETS).join(',');
  return nets.length > SHOWN_NETS ? `${head} and ${nets.length - SHOWN_NETS} more` : head;
}
