// SPDX-License-Identifier: Apache-2.0
/**
 * Subnet → a route that says "its addresses are all known", its gateways' addresses, and the
 * broadcast address of its IPv4 prefix: nobody answers for it, not even with an error.
 */
import { formatAddress, lastAddress, parsePrefix } from '../../base/net.js';
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
    const prefix = parsePrefix(range.prefix);
    // RFC 3021: a prefix of 31 bits has no broadcast address
    if (prefix.address.family === 6 || prefix.length > 30) continue;
    const last = `${vpc.vni}/${formatAddress(lastAddress(prefix))}`;
    entries.push(entry('addr', last, { kind: 'broadcast' }));
  }
  return { entries, uses: [], problem: undefined };
}
