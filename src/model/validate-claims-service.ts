// SPDX-License-Identifier: Apache-2.0
/** Claims, references and reads that have to do with VirtualServices. */
import { lastAddress, formatAddress, parsePrefix } from '../base/net.js';
import { gatewayAddress } from './defaults.js';
import type { SubnetFamily, TypedObject, VirtualServiceSpec } from './objects.js';
import { serviceProtocols } from './services.js';
import { hostClaim, vpcReference, vtepKey, type Claim, type Reference } from './validate-facts.js';

/** Claimed by every Vpc. */
export const VPCS_KEY = 'vpcs';

/** Claimed by every VirtualService that lists its VPCs. */
export const LISTED_SERVICES_KEY = 'services';

/** VirtualServices that all VPCs see at an address. */
export function everywhereKey(address: string): string {
  return `service-all ${address}`;
}

const EVERYWHERE = '*';

interface PortKey {
  readonly key: string;
  readonly what: string;
}

/** Ports of a service in a VPC, or in all of them. */
export function servicePortKeys(spec: VirtualServiceSpec, vpc = EVERYWHERE): PortKey[] {
  return serviceProtocols(spec).map((protocol) => ({
    key: `service ${vpc} ${spec.address} ${protocol} ${spec.port}`,
    what: `${protocol} ${spec.port} of ${spec.address}`,
  }));
}

export function vpcsClaim(): Claim {
  return { key: VPCS_KEY, field: 'metadata.name', what: 'a Vpc', scope: '', listed: true };
}

/** Places of VPC names in a spec. */
export function vpcField(index: number): string {
  return `spec.vpcs[${index}]`;
}

/** Servers of VirtualServices. */
export function serverKey(address: string): string {
  return `server ${address}`;
}

export function virtualServiceClaims({ spec }: TypedObject<'VirtualService'>): Claim[] {
  const field = 'spec.port';
  const server: Claim = {
    key: serverKey(spec.server.address),
    field: 'spec.server.address',
    what: spec.server.address,
    scope: '',
    shared: true,
  };
  if (spec.vpcs === undefined)
    return [
      server,
      {
        key: everywhereKey(spec.address),
        field: 'spec.address',
        what: spec.address,
        scope: '',
        shared: true,
      },
      ...servicePortKeys(spec).map((port) => ({ ...port, field, scope: ' in all VPCs' })),
    ];
  return [
    server,
    { key: LISTED_SERVICES_KEY, field: 'spec.vpcs', what: 'a VPC', scope: '', listed: true },
    ...spec.vpcs.flatMap((vpc): Claim[] => [
      { ...hostClaim(vpc, spec.address, 'spec.address'), shared: true },
      ...servicePortKeys(spec, vpc).map((port) => ({ ...port, field, scope: ` in Vpc/${vpc}` })),
    ]),
  ];
}

export function virtualServiceReferences({ spec }: TypedObject<'VirtualService'>): Reference[] {
  return (spec.vpcs ?? []).map((vpc, i) => vpcReference(vpc, vpcField(i)));
}

export function virtualServiceReads({ spec }: TypedObject<'VirtualService'>): string[] {
  const server = vtepKey(spec.server.address);
  if (spec.vpcs === undefined) return [server, VPCS_KEY, LISTED_SERVICES_KEY];
  return [server, everywhereKey(spec.address), ...servicePortKeys(spec).map(({ key }) => key)];
}

/** Addresses of a subnet that nobody can have. */
export function reservedAddresses({ prefix }: SubnetFamily): string[] {
  const parsed = parsePrefix(prefix);
  const first = formatAddress(parsed.address);
  return parsed.address.family === 4 ? [first, formatAddress(lastAddress(parsed))] : [first];
}

export function subnetServiceReads(vpc: string, family: SubnetFamily): string[] {
  const reserved = reservedAddresses(family);
  return [
    everywhereKey(gatewayAddress(family)),
    ...reserved.map(everywhereKey),
    ...reserved.map((address) => hostClaim(vpc, address, '').key),
  ];
}

export function endpointServiceReads({ spec }: TypedObject<'Endpoint'>): string[] {
  return spec.addresses.map(everywhereKey);
}

/** What no server may have. */
export function dropletServiceReads({ spec }: TypedObject<'Droplet'>): string[] {
  return (spec.services?.addresses ?? []).map(serverKey);
}

/** A host route. */
export function routeServiceReads({ spec }: TypedObject<'Route'>): string[] {
  const host = /^(.*)\/(?:32|128)$/.exec(spec.prefix)?.[1];
  return host === undefined ? [] : [everywhereKey(host)];
}
