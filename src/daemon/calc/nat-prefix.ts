// SPDX-License-Identifier: Apache-2.0
/** A NatGateway's prefixes → both directions of each, and the way in from outside (RFC 6296). */
import { prefixAdjustment, vpcOfPrefix, type NatGatewaySpec } from '../../model/index.js';
import type { Upsert } from './output.js';
import { entry, isGatewayHere, type Context } from './unit.js';

/** Keys of what a prefix makes, by table. */
export function natPrefixKeys(
  vni: number,
  { inside, outside }: { readonly inside: string; readonly outside: string },
) {
  return {
    source: `${vni}/0/source/${inside}`,
    destination: `0/0/destination/${outside}`,
    route: `0/${outside}`,
  };
}

/** @param gw index of the gateway, whose endpoints the prefixes are for */
export function natPrefixEntries(ctx: Context, gw: number, spec: NatGatewaySpec): Upsert[] {
  return (spec.prefixes ?? []).flatMap((prefix) => {
    const vpc = ctx.vpcs.get(vpcOfPrefix(spec, prefix) ?? '');
    if (vpc === undefined || !isGatewayHere(ctx, vpc)) return [];
    const { vni } = vpc;
    const { inside, outside } = prefix;
    const keys = natPrefixKeys(vni, prefix);
    const adjust = prefixAdjustment(inside, outside);
    const back = prefixAdjustment(outside, inside);
    return [
      entry('nat_prefix', keys.source, { to: outside, vni: 0, gw, adjust }),
      entry('nat_prefix', keys.destination, { to: inside, vni, gw, adjust: back }),
      entry('route', keys.route, { kind: 'public' }),
    ];
  });
}
