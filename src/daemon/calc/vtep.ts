// SPDX-License-Identifier: Apache-2.0
/**
 * VTEP → its nh and vtep entries, as long as a route, an endpoint or another host's droplet uses it.
 *
 * An unresolved next hop keeps its place, so that what refers to it stays: only dst and port are
 * meant, src is the unspecified address of the family, everything else is zero. A way counts as
 * resolved only through a device of a droplet of ours, with a source that is a droplet's address:
 * the other side accepts no other.
 */
import { DEFAULT_TTL, VXLAN_OVERHEAD } from '../../model/index.js';
import type { NhEntry } from './output.js';
import { entry, familyOf, type Context, type Output } from './unit.js';

const NO_MAC = '00:00:00:00:00:00';

function unresolved(ctx: Context, dst: string): NhEntry {
  return {
    resolved: false,
    dmac: NO_MAC,
    smac: NO_MAC,
    ifindex: 0,
    src: familyOf(dst) === 6 ? '::' : '0.0.0.0',
    dst,
    mtu: 0,
    ttl: 0,
    dscp: 0,
    port: ctx.vxlanPort,
  };
}

function nexthop(ctx: Context, dst: string): NhEntry {
  const way = ctx.inputs.ways.get(dst);
  if (!way) return unresolved(ctx, dst);
  const family = familyOf(dst);
  const onDevice = ctx.underlay.local.filter((droplet) => droplet.ifindex === way.ifindex);
  const own = onDevice
    .flatMap((droplet) => droplet.spec.addresses)
    .find((address) => familyOf(address) === family);
  const given = ctx.underlay.isOwn(way.source) && familyOf(way.source) === family;
  const src = given ? way.source : own;
  const droplet = onDevice.find((d) => d.spec.addresses.includes(src ?? '')) ?? onDevice[0];
  if (!droplet || src === undefined) return unresolved(ctx, dst);
  return {
    resolved: true,
    dmac: way.dmac,
    smac: way.smac,
    ifindex: way.ifindex,
    src,
    dst,
    mtu: Math.max(0, way.mtu - VXLAN_OVERHEAD[family]),
    ttl: droplet.spec.ttl ?? DEFAULT_TTL,
    dscp: droplet.spec.dscp ?? 'copy',
    port: ctx.vxlanPort,
  };
}

/** A VTEP's contributions; undefined when nobody uses it. */
export function vtepOutput(ctx: Context, address: string): Output | undefined {
  const index = ctx.uses.peek('nexthop', address);
  if (index === undefined || !ctx.uses.used('nexthop', address)) return undefined;
  return {
    entries: [entry('nh', index, nexthop(ctx, address)), entry('vtep', address, { nh: index })],
    uses: [],
    problem: undefined,
  };
}
