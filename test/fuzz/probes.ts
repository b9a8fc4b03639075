// SPDX-License-Identifier: Apache-2.0
/** Flows that are right, one of every way through the programs: they must work at any time. */
import * as p from '../support/packet/index.js';
import type { Input } from './check/check.js';
import {
  DROPLET,
  DROPLET_MAC,
  endpointName,
  GATEWAY_MAC,
  LOCAL,
  MAC,
  REMOTE,
  VNI,
  VPCS,
  VTEPS,
} from './world.js';

/** Ports that no generated packet has. */
const PORTS = { sport: 33333, dport: 33334 };

const ip = (six: boolean, src: readonly string[], dst: readonly string[]): p.Layer =>
  six ? p.ip6({ src: src[1]!, dst: dst[1]! }) : p.ip4({ src: src[0]!, dst: dst[0]! });

export function goodFlows(): Input[] {
  const out: Input[] = [];
  for (const vpc of VPCS) {
    for (const six of [false, true]) {
      const data = [p.udp(PORTS), p.raw(32)];
      for (const to of [LOCAL.b, LOCAL.c, REMOTE.r, REMOTE.s, REMOTE.t, REMOTE.p]) {
        const eth = p.ether({ dst: GATEWAY_MAC, src: MAC.a });
        const frame = p.packet(eth, ip(six, LOCAL.a.addresses, to.addresses), ...data);
        out.push({ program: 'agent', from: endpointName(vpc, 'a'), frame });
      }
      for (const [vtep, local, outer] of [
        [VTEPS.v1, DROPLET[0], p.ip4({ src: VTEPS.v1.address, dst: DROPLET[0] })],
        [VTEPS.six, DROPLET[1], p.ip6({ src: VTEPS.six.address, dst: DROPLET[1] })],
      ] as const) {
        const from = local === DROPLET[0] ? REMOTE.r : REMOTE.s;
        const frame = p.packet(
          p.ether({ dst: DROPLET_MAC, src: vtep.mac }),
          outer,
          p.udp({ sport: 50001, dport: 4789, checksum: 0 }),
          p.vxlan({ vni: VNI[vpc] }),
          p.ether({ dst: MAC.a, src: GATEWAY_MAC }),
          ip(six, from.addresses, LOCAL.a.addresses),
          ...data,
        );
        out.push({ program: 'transit', from: 'droplet', frame });
      }
    }
  }
  return out;
}
