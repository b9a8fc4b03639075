// SPDX-License-Identifier: Apache-2.0
/**
 * Peering → what each side exposes: the route that leads there in the other VPC, and both
 * translations. The same on every host: the sender's translates.
 */
import { visiblePrefix, type PeeringSpec } from '../../model/index.js';
import type { Upsert } from './output.js';
import {
  entry,
  isProblem,
  refused,
  vpcOf,
  type Context,
  type Output,
  type Problem,
  type ProgrammedVpc,
} from './unit.js';

/** Keys of what an exposed prefix makes, by table. */
export function exposedKeys(vni: number, peer: number, prefix: string, seen: string) {
  return {
    source: `${vni}/${peer}/source/${prefix}`,
    destination: `${peer}/${vni}/destination/${seen}`,
    route: `${peer}/${seen}`,
  };
}

/** A Peering's contributions. */
export function peeringOutput(ctx: Context, spec: PeeringSpec): Output {
  const vpcs: ProgrammedVpc[] = [];
  for (const [i, side] of spec.sides.entries()) {
    const vpc: ProgrammedVpc | Problem = vpcOf(ctx, side.vpc, `spec.sides[${i}].vpc`);
    if (isProblem(vpc)) return refused(vpc);
    vpcs.push(vpc);
  }
  const entries: Upsert[] = spec.sides.flatMap((side, i) => {
    const [vpc, peer] = [vpcs[i], vpcs[1 - i]];
    if (vpc === undefined || peer === undefined) return [];
    return side.expose.flatMap((exposed) => {
      const seen = visiblePrefix(exposed);
      const keys = exposedKeys(vpc.vni, peer.vni, exposed.prefix, seen);
      const plain = { gw: 0, adjust: undefined };
      return [
        entry('nat_prefix', keys.source, { to: seen, vni: peer.vni, ...plain }),
        entry('nat_prefix', keys.destination, { to: exposed.prefix, vni: vpc.vni, ...plain }),
        entry('route', keys.route, { kind: 'peer', vni: vpc.vni }),
      ];
    });
  });
  return { entries, uses: [], problem: undefined, peers: vpcs.map(({ index }) => index) };
}
