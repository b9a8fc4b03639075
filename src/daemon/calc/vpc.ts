// SPDX-License-Identifier: Apache-2.0
/** Vpc → its entry. Two Vpcs must never share a VNI: the first by name has it, the other none. */
import {
  DEFAULT_ICMP_BURST,
  DEFAULT_ICMP_RATE,
  gatewayAddress,
  gatewayMac,
  type VpcSpec,
} from '../../model/index.js';
import type { Upsert } from './output.js';
import {
  entry,
  indexFor,
  isProblem,
  problem,
  refused,
  type Context,
  type Output,
  type ProgrammedVpc,
} from './unit.js';

/** A Vpc's contributions and what the objects in it see of it. */
export function vpcOutput(
  ctx: Context,
  name: string,
  spec: VpcSpec,
): { readonly output: Output; readonly vpc: ProgrammedVpc | undefined } {
  const key = String(spec.vni);
  const holder = ctx.inputs.vpcsOfVni.sorted(key)[0];
  if (holder !== name) {
    const why = problem('VniConflict', 'spec.vni', `VNI ${key} belongs to Vpc ${holder ?? ''}`);
    return { output: refused(why), vpc: undefined };
  }
  const index = indexFor(ctx, 'vpc', key, 'spec.vni');
  if (isProblem(index)) return { output: refused(index), vpc: undefined };
  const gwMac = gatewayMac(spec);
  const value = {
    vpc: index,
    icmpRate: spec.icmp?.rate ?? DEFAULT_ICMP_RATE,
    icmpBurst: spec.icmp?.burst ?? DEFAULT_ICMP_BURST,
    gwMac,
    gw4: firstGateway(ctx, name, 'ipv4'),
    gw6: firstGateway(ctx, name, 'ipv6'),
  };
  const { timeouts = {} } = spec;
  const entries: Upsert[] = [entry('vpc', key, value)];
  if (Object.values(timeouts).some((seconds) => seconds !== undefined)) {
    const { tcpEstablished = 0, tcpTransitory = 0, udp = 0, icmp = 0, other = 0 } = timeouts;
    entries.push(entry('timeout', index, { tcpEstablished, tcpTransitory, udp, icmp, other }));
  }
  return {
    output: { entries, uses: [{ space: 'vpc', key }], problem: undefined },
    vpc: {
      vni: spec.vni,
      index,
      gwMac,
      underlay: spec.underlay ?? 'auto',
      outsideHost: spec.outside?.host,
      limits: spec.limits,
    },
  };
}

function firstGateway(ctx: Context, vpc: string, family: 'ipv4' | 'ipv6'): string | undefined {
  for (const name of ctx.inputs.subnetsOfVpc.sorted(vpc)) {
    const range = ctx.inputs.subnets.get(name)?.[family];
    if (range) return gatewayAddress(range);
  }
  return undefined;
}
