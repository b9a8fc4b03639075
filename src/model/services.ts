// SPDX-License-Identifier: Apache-2.0
/** What a VirtualService's fields mean. */
import { SERVICE_DEFAULTS } from './defaults.js';
import type { DropletSpec, VirtualServiceSpec } from './objects.js';
import { parsePorts, type PortRange } from './ports.js';

export type ServiceProtocol = 'tcp' | 'udp';

/** The protocols of a service, one by one. */
export function serviceProtocols({
  protocol,
}: Pick<VirtualServiceSpec, 'protocol'>): ServiceProtocol[] {
  return protocol === 'both' ? ['tcp', 'udp'] : [protocol];
}

export interface ServiceSource {
  readonly address: string;
  readonly ports: PortRange;
  /** The host does not have it: ARP and neighbour discovery for it are answered for the host. */
  readonly aside: boolean;
}

/** Address and ports that a droplet's packets to servers of a family have; undefined: none. */
export function serviceSource(
  { addresses, services = {} }: Pick<DropletSpec, 'addresses' | 'services'>,
  family: 4 | 6,
): ServiceSource | undefined {
  const ofFamily = (address: string): boolean => address.includes(':') === (family === 6);
  const set = services.addresses?.find(ofFamily);
  const address = set ?? addresses.find(ofFamily);
  if (address === undefined) return undefined;
  const aside = set !== undefined;
  const { ports } = SERVICE_DEFAULTS;
  return { address, ports: parsePorts(services.ports ?? ports[aside ? 'aside' : 'own']), aside };
}
