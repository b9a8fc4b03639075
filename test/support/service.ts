// SPDX-License-Identifier: Apache-2.0
/** Services for a rig: what the daemon would write. */
import { parseAddress, parseMac } from '../../src/base/net.js';
import type { Rig } from './rig.js';

export interface ServiceSpec {
  /** By VNI: where the VPC sees it. */
  readonly vnis: readonly number[];
  readonly address: string;
  readonly protocol: 6 | 17;
  readonly port: number;
  readonly server: string;
  readonly serverPort: number;
  readonly source: string;
  /** Source ports: the first, and how many. */
  readonly ports?: readonly [number, number];
  readonly limit?: number;
}

export interface ServicesSpec {
  readonly router: { readonly mac: string; readonly address: string };
  readonly mac: string;
  readonly mtu?: number;
  readonly resolved?: boolean;
  readonly gatewayMacs: Readonly<Record<number, string>>;
  /** Addresses of ours that the host does not have. */
  readonly setAside: readonly string[];
  readonly services: readonly ServiceSpec[];
  /** VNI and address of services that are written on their own. */
  readonly addresses?: readonly (readonly [number, string])[];
}

const ADDR_SERVICE = 7;
const NH = 61;
const NH_FLAGS = { resolved: 1, plain: 8 };

const bytes = (address: string): Uint8Array => parseAddress(address).bytes;

const addrKey = (vni: number, address: string) => ({
  struct: 'addr_key',
  value: { vni, addr: { b: bytes(address) } },
});

/** Key of map `service`. */
export const serviceKey = (vni: number, s: ServiceSpec) => ({
  struct: 'service_key',
  value: { vni, addr: bytes(s.address), port: s.port, proto: s.protocol },
});

/** Writes one service; also anew, after a change of it. */
export function writeService(rig: Rig, index: number, s: ServiceSpec): void {
  const [first, count] = s.ports ?? [1024, 64512];
  for (const vni of s.vnis)
    rig.write({
      map: 'service',
      key: serviceKey(vni, s),
      struct: 'service_val',
      value: {
        service: index,
        nh: NH,
        server: bytes(s.server),
        source: bytes(s.source),
        port: s.serverPort,
        first,
        count,
        family: s.server.includes(':') ? 6 : 4,
        limit: s.limit ?? 1024,
      },
    });
}

export function addServices(rig: Rig, spec: ServicesSpec): void {
  const droplet = rig.index.devices.get('droplet') ?? 0;
  rig.map('vpc_gen').update(rig.key(0), rig.key(1));
  rig.write({
    map: 'nh',
    key: NH,
    struct: 'nh_val',
    value: {
      dmac: parseMac(spec.router.mac),
      smac: parseMac(spec.mac),
      ifindex: droplet,
      dst: bytes(spec.router.address),
      mtu: spec.mtu ?? 1500,
      flags: NH_FLAGS.plain | (spec.resolved === false ? 0 : NH_FLAGS.resolved),
    },
  });
  for (const address of spec.setAside)
    rig.write({
      map: 'addr',
      key: addrKey(0, address),
      struct: 'addr_val',
      value: { kind: ADDR_SERVICE, mac: parseMac(spec.mac), ifindex: droplet },
    });
  const addresses = [...(spec.addresses ?? [])];
  for (const [i, service] of spec.services.entries()) {
    writeService(rig, i + 1, service);
    for (const vni of service.vnis) addresses.push([vni, service.address]);
  }
  for (const [vni, address] of addresses)
    rig.write({
      map: 'addr',
      key: addrKey(vni, address),
      struct: 'addr_val',
      value: { kind: ADDR_SERVICE, mac: parseMac(spec.gatewayMacs[vni] ?? '') },
    });
}
