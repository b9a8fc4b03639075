// SPDX-License-Identifier: Apache-2.0
/** Quotas of an endpoint, by the account that its connections are charged to. */
import { limitsOf, type EndpointSpec } from '../../model/index.js';
import type { Upsert } from './output.js';
import { entry, type Context, type ProgrammedVpc } from './unit.js';

/** An account: of an endpoint of this host, or of one that is served here, by its index. */
export function accountOf(space: 'endpoint' | 'sub', index: number): number {
  return index * 2 + (space === 'sub' ? 1 : 0);
}

/** No entry: no limits. */
export function limitEntries(
  ctx: Context,
  spec: EndpointSpec,
  vpc: ProgrammedVpc,
  account: number,
): Upsert[] {
  const { connections, halfOpen, newPerSecond, burst } = limitsOf(
    spec.limits,
    vpc.limits,
    ctx.limits,
  );
  if (connections === 0 && halfOpen === 0 && newPerSecond === 0) return [];
  return [entry('limit', account, { connections, halfOpen, rate: newPerSecond, burst })];
}
