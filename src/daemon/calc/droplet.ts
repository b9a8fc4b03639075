// SPDX-License-Identifier: Apache-2.0
/** Droplet → of this host: its device and our own addresses; of another: VTEPs that may send to us. */
import type { DropletSpec } from '../../model/index.js';
import type { IndexUse } from './index-uses.js';
import type { Upsert } from './output.js';
import {
  entry,
  familyOf,
  indexFor,
  isProblem,
  problem,
  refused,
  type Context,
  type Output,
} from './unit.js';

/** A droplet's contributions. */
export function dropletOutput(ctx: Context, name: string, spec: DropletSpec): Output {
  return spec.host === ctx.host ? own(ctx, name, spec) : other(ctx, spec);
}

/** A droplet's address of a family. */
export function addressOf(spec: DropletSpec, family: 4 | 6): string | undefined {
  return spec.addresses.find((address) => familyOf(address) === family);
}

function own(ctx: Context, name: string, spec: DropletSpec): Output {
  const device = ctx.inputs.dropletDevices.get(name);
  const entries: Upsert[] = [];
  if (device) {
    const { ifindex, mac, mtu } = device;
    for (const address of spec.addresses) entries.push(entry('local', address, { ifindex }));
    if (spec.outside === true) {
      const [gw4, gw6] = [addressOf(spec, 4), addressOf(spec, 6)];
      entries.push(entry('outside', ifindex, { mac, mtu, gw4, gw6 }));
    }
    for (const address of spec.services?.addresses ?? [])
      entries.push(entry('addr', `0/${address}`, { kind: 'service', mac, ifindex }));
  }
  const aside = spec.services?.addresses?.some((address) => familyOf(address) === 6) ?? false;
  return {
    entries,
    uses: [],
    problem: device
      ? undefined
      : problem('DeviceMissing', 'spec.device', `there is no device ${spec.device} on this host`),
    droplet: {
      droplet: name,
      device: spec.device,
      addresses: spec.addresses,
      hook: spec.hook === 'tc' ? 'tc' : 'xdp',
      allowGeneric: spec.allowGeneric ?? false,
      outside: spec.outside ?? false,
      allMulticast: aside || spec.outside === true,
    },
  };
}

function other(ctx: Context, spec: DropletSpec): Output {
  const uses: IndexUse[] = [];
  for (const key of spec.addresses) {
    const index = indexFor(ctx, 'nexthop', key, 'spec.addresses');
    if (isProblem(index)) return refused(index);
    uses.push({ space: 'nexthop', key });
  }
  return { entries: [], uses, problem: undefined };
}
