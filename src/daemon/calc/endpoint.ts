// SPDX-License-Identifier: Apache-2.0
/** Endpoint → local: its device, ep and addr entries; remote: addr entries behind its host's VTEP. */
import {
  endpointMac,
  gatewayAddress,
  type EndpointSpec,
  type SubnetSpec,
} from '../../model/index.js';
import { desiredDevice } from './device.js';
import { accountOf, limitEntries } from './limit.js';
import { natOf } from './nat-sub.js';
import type { EpEntry, Upsert } from './output.js';
import { poolsOf } from './peering-pool.js';
import {
  entry,
  familyOf,
  indexFor,
  isProblem,
  problem,
  refused,
  vpcOf,
  type Context,
  type Output,
  type ProgrammedVpc,
  type Target,
} from './unit.js';

/** An endpoint's contributions. */
export function endpointOutput(ctx: Context, name: string, spec: EndpointSpec): Output {
  const vpc = vpcOf(ctx, spec.vpc);
  if (isProblem(vpc)) return refused(vpc);
  const subnet = ctx.inputs.subnets.get(spec.subnet);
  if (!subnet)
    return refused(problem('SubnetMissing', 'spec.subnet', `there is no Subnet ${spec.subnet}`));
  if (subnet.vpc !== spec.vpc) {
    const text = `Subnet ${spec.subnet} is in Vpc ${subnet.vpc}, not in ${spec.vpc}`;
    return refused(problem('SubnetInOtherVpc', 'spec.subnet', text));
  }
  for (const [i, address] of spec.addresses.entries()) {
    if (familyOf(address) === 6 ? subnet.ipv6 : subnet.ipv4) continue;
    const text = `Subnet ${spec.subnet} has no IPv${familyOf(address)} prefix for ${address}`;
    return refused(problem('AddressOutsideSubnet', `spec.addresses[${i}]`, text));
  }
  return spec.host === ctx.host
    ? local(ctx, name, spec, vpc, subnet)
    : remote(ctx, name, spec, vpc);
}

function macOf(ctx: Context, name: string, spec: EndpointSpec): string {
  let mac = ctx.macs.get(spec);
  if (mac === undefined) {
    mac = endpointMac(name, spec);
    ctx.macs.set(spec, mac);
  }
  return mac;
}

function addrEntries(spec: EndpointSpec, vpc: ProgrammedVpc, target: Target): Upsert[] {
  return spec.addresses.map((address) => entry('addr', `${vpc.vni}/${address}`, target.entry));
}

function local(
  ctx: Context,
  name: string,
  spec: EndpointSpec,
  vpc: ProgrammedVpc,
  subnet: SubnetSpec,
): Output {
  const { device } = spec;
  if (!device) {
    const text = 'an endpoint of this host needs a device';
    return refused(problem('NoDevice', 'spec.device', text));
  }
  const mac = macOf(ctx, name, spec);
  const desired = desiredDevice(ctx, name, { ...spec, device }, vpc, subnet, mac);
  const fact = ctx.inputs.devices.get(name);
  if (!fact) {
    const text = `device ${desired.spec.name} is not there`;
    return { ...refused(problem('DeviceMissing', 'spec.device', text)), device: desired };
  }
  const key = `${vpc.vni}/${spec.addresses[0] ?? name}`;
  const ep = indexFor(ctx, 'endpoint', key, 'spec');
  // The device stays: a workload should not lose it because a table is full.
  if (isProblem(ep)) return { ...refused(ep), device: desired };
  const { ifindex, mtu, vethPeer: peer } = fact;
  const value: EpEntry = {
    vni: vpc.vni,
    vpc: vpc.index,
    ep,
    mtu,
    mac,
    gwMac: vpc.gwMac,
    gw4: subnet.ipv4 && gatewayAddress(subnet.ipv4),
    gw6: subnet.ipv6 && gatewayAddress(subnet.ipv6),
  };
  const nat = natOf(ctx, name, spec, vpc);
  const pools = poolsOf(ctx, spec, vpc);
  const target: Target = {
    entry: { kind: 'local', peer, mac, ep, ifindex, mtu, sub: nat.sub },
    vtep: undefined,
  };
  return {
    entries: [
      ...limitEntries(ctx, spec, vpc, accountOf('endpoint', ep)),
      entry('ep', ifindex, value),
      ...nat.entries,
      ...pools.entries,
      ...addrEntries(spec, vpc, target),
    ],
    uses: [{ space: 'endpoint', key }, ...nat.uses, ...pools.uses],
    problem: nat.problem ?? pools.problem,
    device: desired,
    target,
  };
}

function remote(ctx: Context, name: string, spec: EndpointSpec, vpc: ProgrammedVpc): Output {
  const vtep = ctx.underlay.vtepOf(spec.host, vpc.underlay);
  if (vtep === undefined) {
    const family = vpc.underlay === 'auto' ? 'of one family' : `of family ${vpc.underlay}`;
    const text = `this host and ${spec.host} do not both have a Droplet address ${family}`;
    return refused(problem('NoUnderlay', 'spec.host', text));
  }
  const nh = indexFor(ctx, 'nexthop', vtep, 'spec.host');
  if (isProblem(nh)) return refused(nh);
  const nat = natOf(ctx, name, spec, vpc);
  const pools = poolsOf(ctx, spec, vpc);
  const mac = macOf(ctx, name, spec);
  const target: Target = { entry: { kind: 'remote', mac, nh, sub: nat.sub }, vtep };
  return {
    entries: [...nat.entries, ...pools.entries, ...addrEntries(spec, vpc, target)],
    uses: [{ space: 'nexthop', key: vtep }, ...nat.uses, ...pools.uses],
    problem: nat.problem ?? pools.problem,
    target,
  };
}
