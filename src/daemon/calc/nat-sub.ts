// SPDX-License-Identifier: Apache-2.0
/** An endpoint's place among those who may reach the outside, and the NatGateway that serves it. */
import { ABI } from '../../maps/index.js';
import { fixedPlace, type EndpointSpec, type NatSource } from '../../model/index.js';
import { accountOf, limitEntries } from './limit.js';
import type { IndexUse } from './index-uses.js';
import type { NatSubEntry, Upsert } from './output.js';
import {
  entry,
  indexFor,
  isGatewayHere,
  isProblem,
  type Context,
  type Problem,
  type ProgrammedGateway,
  type ProgrammedVpc,
} from './unit.js';

export interface EndpointNat {
  /** 0: it may not reach the outside from this host. */
  readonly sub: number;
  readonly entries: readonly Upsert[];
  readonly uses: readonly IndexUse[];
  readonly problem: Problem | undefined;
}

const NONE: EndpointNat = { sub: 0, entries: [], uses: [], problem: undefined };

/** How closely a source means an endpoint: by its name, its subnet or its VPC. */
function closeness(source: NatSource, name: string, spec: EndpointSpec): number {
  if (source.vpc !== spec.vpc) return 0;
  if (source.endpoints?.includes(name) === true) return 3;
  if (source.subnets?.includes(spec.subnet) === true) return 2;
  return source.endpoints === undefined && source.subnets === undefined ? 1 : 0;
}

/** The gateway that means it most closely; of several the first by name. */
function gatewayOf(ctx: Context, name: string, spec: EndpointSpec): ProgrammedGateway | undefined {
  let best: ProgrammedGateway | undefined;
  let closest = 0;
  for (const candidate of ctx.inputs.natGatewaysOfVpc.sorted(spec.vpc)) {
    const gateway = ctx.gateways.get(candidate);
    for (const source of gateway?.sources ?? []) {
      const close = closeness(source, name, spec);
      if (close <= closest) continue;
      closest = close;
      best = gateway;
    }
  }
  return best;
}

/** The blocks that are an endpoint's by arithmetic: of its first IPv4 address that the plan knows. */
function fixedOf(
  gateway: ProgrammedGateway | undefined,
  spec: EndpointSpec,
): Pick<NatSubEntry, 'fixed' | 'fixedCount'> {
  const none = { fixed: 0, fixedCount: 0 };
  if (gateway?.fixed === undefined) return none;
  const { plan, exts } = gateway.fixed;
  for (const address of spec.addresses) {
    const place = fixedPlace(plan, spec.vpc, address);
    if (place === undefined) continue;
    const ext = exts[place.position];
    if (ext === undefined) continue;
    return {
      fixed: 1 + (ext - 1) * ABI.NAT_EXT_BLOCKS + place.block,
      fixedCount: plan.blocks,
    };
  }
  return none;
}

/**
 * An endpoint that only a PublicIp or a PortForward leads to has an index, too, without a
 * gateway. When there is none left it works, but cannot reach the outside.
 */
export function natOf(
  ctx: Context,
  name: string,
  spec: EndpointSpec,
  vpc: ProgrammedVpc,
): EndpointNat {
  if (!isGatewayHere(ctx, vpc)) return NONE;
  const gateway = gatewayOf(ctx, name, spec);
  const { publicIpsOfEndpoint, portForwardsOfEndpoint } = ctx.inputs;
  const named = publicIpsOfEndpoint.of(name).size + portForwardsOfEndpoint.of(name).size > 0;
  if (!gateway && !named) return NONE;
  const key = `${vpc.vni}/${spec.addresses[0] ?? name}`;
  const sub = indexFor(ctx, 'sub', key, 'spec');
  if (isProblem(sub)) return { ...NONE, problem: sub };
  return {
    sub,
    entries: [
      ...limitEntries(ctx, spec, vpc, accountOf('sub', sub)),
      entry('nat_sub', sub, { gw: gateway?.index ?? 0, ...fixedOf(gateway, spec) }),
    ],
    uses: [{ space: 'sub', key }],
    problem: undefined,
  };
}
