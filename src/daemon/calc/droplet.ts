// SPDX-License-Identifier: Apache-2.0
/** Droplet → of this host: its device and our own addresses; of another: VTEPs that may send to us. */
import type { DropletSpec } from '../../model/index.js';
import type { IndexUse } from './index-uses.js';
import { entry, indexFor, isProblem, problem, refused, type Context, type Output } from './unit.js';

/** A droplet's contributions. */
export function dropletOutput(ctx: Context, name: string, spec: DropletSpec): Output {
  return spec.host === ctx.host ? own(ctx, name, spec) : other(ctx, spec);
}

function own(ctx: Context, name: string, spec: DropletSpec): Output {
  const device = ctx.inputs.dropletDevices.get(name);
  return {
    entries: device
      ? spec.addresses.map((address) => entry('local', address, { ifindex: device.ifindex }))
      : [],
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
