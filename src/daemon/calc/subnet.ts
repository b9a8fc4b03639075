// SPDX-License-Identifier: Apache-2.0
/** Subnet → a route that says "its addresses are all known", and its gateways' addresses. */
import { gatewayAddress, type SubnetSpec } from '../../model/index.js';
import type { Upsert } from './output.js';
import { entry, isProblem, refused, vpcOf, type Context, type Output } from './unit.js';

/** A subnet's contributions. */
export function subnetOutput(ctx: Context, spec: SubnetSpec): Output {
  const vpc = vpcOf(ctx, spec.vpc);
  if (isProblem(vpc)) return refused(vpc);
  const entries: Upsert[] = [];
  for (const range of [spec.ipv4, spec.ipv6]) {
    if (!range) continue;
    entries.push(entry('route', `${vpc.vni}/${range.prefix}`, { kind: 'subnet' }));
    const gateway = `${vpc.vni}/${gatewayAddress(range)}`;
    entries.push(entry('addr', gateway, { kind: 'gateway', mac: vpc.gwMac }));
  }
  return { entries, uses: [], problem: undefined };
}
