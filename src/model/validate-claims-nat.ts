// SPDX-License-Identifier: Apache-2.0
/** Claims, references and reads of the kinds that translate. */
import type { PortForwardSpec, TypedObject } from './objects.js';
import { parsePorts } from './ports.js';
import { entryAddresses, parsePoolEntry } from './public-addresses.js';
import {
  endpointReference,
  forwardKey,
  netClaim,
  objectId,
  OUTSIDE_KEY,
  PUBLIC_PREFIXES_KEY,
  publicKey,
  vpcReference,
  vtepKey,
  type Claim,
  type Reference,
} from './validate-facts.js';

/** All NatGateways of a VPC. */
export function servedVpcKey(vpc: string): string {
  return `nat ${vpc}`;
}

/** Those that serve all of it. */
export function wholeVpcKey(vpc: string): string {
  return `nat-all ${vpc}`;
}

/** Those that serve some of its endpoints by name. */
export function namedEndpointsKey(vpc: string): string {
  return `nat-endpoints ${vpc}`;
}

export function servedSubnetKey(subnet: string): string {
  return `nat-subnet ${subnet}`;
}

export function servedEndpointKey(endpoint: string): string {
  return `nat-endpoint ${endpoint}`;
}

/** PublicIps of an endpoint. */
export function publicIpsKey(endpoint: string): string {
  return `static ${endpoint}`;
}

/**
 * Ports are compared with those of PortForwards that have ports in the same bucket: few keys for
 * the widest range, few objects to compare with for the narrowest.
 */
const BUCKET_BITS = 8;

/** Protocols and buckets in which a PortForward's ports are. */
export function portKeys({ address, protocol, port }: PortForwardSpec): string[] {
  const { first, last } = parsePorts(port);
  const keys: string[] = [];
  for (const name of protocol === 'both' ? ['tcp', 'udp'] : [protocol]) {
    for (let bucket = first >> BUCKET_BITS; bucket <= last >> BUCKET_BITS; bucket++)
      keys.push(`${forwardKey(address)} ${name} ${bucket}`);
  }
  return keys;
}

/** A pool's addresses with the field they stand in. */
export function poolOf({ spec }: TypedObject<'NatGateway'>): { address: string; field: string }[] {
  return (spec.addresses ?? []).flatMap((text, i) =>
    Array.from(entryAddresses(parsePoolEntry(text)), (address) => ({
      address,
      field: `spec.addresses[${i}]`,
    })),
  );
}

function sharedClaim(key: string, field: string, what: string): Claim {
  return { key, field, what, scope: '', shared: true };
}

function nat64Claim(vpc: string, prefix: string): Claim {
  return { ...netClaim(vpc, prefix, 'spec.nat64.prefix'), shared: true };
}

function publicClaim(address: string, field: string): Claim {
  return { key: publicKey(address), field, what: address, scope: '' };
}

export function natGatewayClaims(object: TypedObject<'NatGateway'>): Claim[] {
  const { sources, exempt = [], nat64, prefixes } = object.spec;
  const served = sources.flatMap(({ vpc, subnets = [], endpoints = [] }, i): Claim[] => {
    const field = `spec.sources[${i}]`;
    const whole = subnets.length + endpoints.length === 0;
    return [
      sharedClaim(servedVpcKey(vpc), field, `Vpc/${vpc}`),
      ...(whole ? [sharedClaim(wholeVpcKey(vpc), field, `Vpc/${vpc}`)] : []),
      ...(endpoints.length > 0 ? [sharedClaim(namedEndpointsKey(vpc), field, `Vpc/${vpc}`)] : []),
      ...subnets.map((name, j) => ({
        key: servedSubnetKey(name),
        field: `${field}.subnets[${j}]`,
        what: `Subnet/${name}`,
        scope: '',
      })),
      ...endpoints.map((name, j) => ({
        key: servedEndpointKey(name),
        field: `${field}.endpoints[${j}]`,
        what: `Endpoint/${name}`,
        scope: '',
      })),
      ...exempt.map((prefix, j): Claim => ({
        ...netClaim(vpc, prefix, `spec.exempt[${j}]`),
        shared: true,
      })),
      ...(nat64 ? [nat64Claim(vpc, nat64.prefix)] : []),
    ];
  });
  return [
    ...poolOf(object).map(({ address, field }) => publicClaim(address, field)),
    ...(prefixes === undefined
      ? []
      : [sharedClaim(PUBLIC_PREFIXES_KEY, 'spec.prefixes', 'a public prefix')]),
    ...served,
  ];
}

export function natGatewayReferences({ spec }: TypedObject<'NatGateway'>): Reference[] {
  return spec.sources.flatMap(({ vpc, subnets = [], endpoints = [] }, i) => {
    const field = `spec.sources[${i}]`;
    return [
      vpcReference(vpc, `${field}.vpc`),
      ...subnets.map((name, j) => ({
        id: objectId('Subnet', name),
        field: `${field}.subnets[${j}]`,
      })),
      ...endpoints.map((name, j) => endpointReference(name, `${field}.endpoints[${j}]`)),
    ];
  });
}

export function natGatewayReads(object: TypedObject<'NatGateway'>): string[] {
  return [
    OUTSIDE_KEY,
    PUBLIC_PREFIXES_KEY,
    ...poolOf(object).flatMap(({ address }) => [vtepKey(address), forwardKey(address)]),
  ];
}

/** An endpoint that changes its subnet may come to be served twice. */
export function natEndpointReads({ spec }: TypedObject<'Endpoint'>): string[] {
  return [servedSubnetKey(spec.subnet)];
}

export function publicIpClaims({ spec }: TypedObject<'PublicIp'>): Claim[] {
  return [
    publicClaim(spec.address, 'spec.address'),
    sharedClaim(publicIpsKey(spec.endpoint), 'spec.endpoint', `Endpoint/${spec.endpoint}`),
  ];
}

export function publicIpReads({ spec }: TypedObject<'PublicIp'>): string[] {
  return [OUTSIDE_KEY, PUBLIC_PREFIXES_KEY, vtepKey(spec.address), forwardKey(spec.address)];
}

export function portForwardClaims({ spec }: TypedObject<'PortForward'>): Claim[] {
  return [
    sharedClaim(forwardKey(spec.address), 'spec.address', spec.address),
    ...portKeys(spec).map((key) => sharedClaim(key, 'spec.port', spec.port)),
  ];
}

export function portForwardReads({ spec }: TypedObject<'PortForward'>): string[] {
  return [OUTSIDE_KEY, PUBLIC_PREFIXES_KEY, vtepKey(spec.address), publicKey(spec.address)];
}
