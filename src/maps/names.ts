// SPDX-License-Identifier: Apache-2.0
/** Names and texts of the numbers the data path reports. Unknown ones stay readable. */
import { HOOK, NODES, REASONS } from './generated/abi.js';
import type { NamedNumber } from './layout.js';

function index(list: readonly NamedNumber[]): ReadonlyMap<number, NamedNumber> {
  return new Map(list.map((item) => [item.number, item]));
}

const reasons = index(REASONS);
const nodes = index(NODES);
const hooks: ReadonlyMap<number, string> = new Map(
  Object.entries(HOOK).map(([name, number]) => [number, name]),
);

/** "NO_ROUTE"; "REASON_63" for a number this build does not know. */
export function reasonName(number: number): string {
  return reasons.get(number)?.name ?? `REASON_${number}`;
}

/** "no route to the destination in the VPC" */
export function reasonText(number: number): string {
  return reasons.get(number)?.text ?? `a reason this build does not know (${number})`;
}

/** "ROUTE"; "NODE_39" for a number this build does not know. */
export function nodeName(number: number): string {
  return nodes.get(number)?.name ?? `NODE_${number}`;
}

/** "find the route of the destination" */
export function nodeText(number: number): string {
  return nodes.get(number)?.text ?? `a node this build does not know (${number})`;
}

/** "AGENT_TC"; "HOOK_9" for a number this build does not know. */
export function hookName(number: number): string {
  return hooks.get(number) ?? `HOOK_${number}`;
}
