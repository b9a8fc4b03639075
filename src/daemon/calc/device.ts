// SPDX-License-Identifier: Apache-2.0
/** The device that a local endpoint should have. */
import {
  gatewayAddress,
  vethName,
  VXLAN_OVERHEAD,
  type DeviceSpec,
  type EndpointSpec,
  type SubnetSpec,
} from '../../model/index.js';
import type { DesiredDevice } from './output.js';
import { familyOf, type Context, type ProgrammedVpc } from './unit.js';

/** Prefix length, for addresses of a family the subnet has. */
function prefixLength(subnet: SubnetSpec, address: string): string {
  const range = familyOf(address) === 6 ? subnet.ipv6 : subnet.ipv4;
  return range?.prefix.split('/')[1] ?? (familyOf(address) === 6 ? '128' : '32');
}

function mtuOf(
  ctx: Context,
  vpc: ProgrammedVpc,
  spec: EndpointSpec,
  device: DeviceSpec,
): number | undefined {
  if (spec.mtu !== undefined) return spec.mtu;
  const underlay = ctx.underlay.smallestMtu;
  if (device.kind === 'existing' || underlay === undefined) return undefined;
  return underlay - VXLAN_OVERHEAD[ctx.underlay.widestFamily(vpc.underlay)];
}

/** @param mac the endpoint's, given or derived. */
export function desiredDevice(
  ctx: Context,
  name: string,
  spec: EndpointSpec & { readonly device: DeviceSpec },
  vpc: ProgrammedVpc,
  subnet: SubnetSpec,
  mac: string,
): DesiredDevice {
  const { device } = spec;
  const families = new Set(spec.addresses.map(familyOf));
  const gateways: string[] = [];
  if (subnet.ipv4 && families.has(4)) gateways.push(gatewayAddress(subnet.ipv4));
  if (subnet.ipv6 && families.has(6)) gateways.push(gatewayAddress(subnet.ipv6));
  const auto = device.kind === 'veth' ? 'tc' : 'xdp';
  return {
    endpoint: name,
    spec: {
      kind: device.kind,
      name: device.name ?? vethName(name),
      netns: device.kind === 'veth' ? device.netns : undefined,
      peer: (device.kind === 'veth' ? device.peer : undefined) ?? 'eth0',
      mac,
      mtu: mtuOf(ctx, vpc, spec, device),
      addresses: spec.addresses.map((address) => `${address}/${prefixLength(subnet, address)}`),
      gateways,
      hook: spec.hook === undefined || spec.hook === 'auto' ? auto : spec.hook,
    },
  };
}
