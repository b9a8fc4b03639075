// SPDX-License-Identifier: Apache-2.0
/**
 * What an object takes for itself and refers to. Two objects that claim the same key are in
 * conflict; the one key space "net" of a VPC holds subnets, routes and, as host prefixes, the
 * addresses of endpoints and gateways.
 */
import { endpointMac, gatewayAddress, gatewayMac, vethName } from './defaults.js';
import type { DeviceSpec, Kind, StoredObject, TypedObject } from './objects.js';

/** "Endpoint/web-1". */
export type ObjectId = `${Kind}/${string}`;

export interface Claim {
  readonly key: string;
  /** Field that makes the claim. */
  readonly field: string;
  /** The claimed thing in words: "VNI 100", "10.0.0.5". */
  readonly what: string;
  /** Where it must be unique, in words. */
  readonly scope: string;
}

export interface Reference {
  readonly id: ObjectId;
  readonly field: string;
}

export interface Facts {
  readonly id: ObjectId;
  readonly claims: readonly Claim[];
  readonly references: readonly Reference[];
}

/** Identity of an object. */
export function objectId(kind: Kind, name: string): ObjectId {
  return `${kind}/${name}`;
}

function netClaim(vpc: string, prefix: string, field: string, what = prefix): Claim {
  return { key: `net ${vpc} ${prefix}`, field, what, scope: ` in Vpc/${vpc}` };
}

function hostClaim(vpc: string, address: string, field: string): Claim {
  return netClaim(vpc, `${address}/${address.includes(':') ? 128 : 32}`, field, address);
}

function macClaim(vpc: string, mac: string, field: string): Claim {
  return { key: `mac ${vpc} ${mac}`, field, what: mac, scope: ` in Vpc/${vpc}` };
}

function deviceClaim(host: string, device: string, field: string): Claim {
  return {
    key: `dev ${host} ${device}`,
    field,
    what: `device ${device}`,
    scope: ` on host ${host}`,
  };
}

function vpcClaims({ metadata, spec }: TypedObject<'Vpc'>): Claim[] {
  return [
    { key: `vni ${spec.vni}`, field: 'spec.vni', what: `VNI ${spec.vni}`, scope: '' },
    macClaim(metadata.name, gatewayMac(spec), 'spec.gatewayMac'),
  ];
}

/** Which of a subnet's families there are, with the field they stand in. */
export function subnetFamilies(spec: TypedObject<'Subnet'>['spec']) {
  return (['ipv4', 'ipv6'] as const).flatMap((key) => {
    const family = spec[key];
    return family === undefined ? [] : [{ key, family }];
  });
}

function subnetClaims({ spec }: TypedObject<'Subnet'>): Claim[] {
  return subnetFamilies(spec).flatMap(({ key, family }) => [
    netClaim(spec.vpc, family.prefix, `spec.${key}.prefix`),
    hostClaim(
      spec.vpc,
      gatewayAddress(family),
      `spec.${key}.${family.gateway === undefined ? 'prefix' : 'gateway'}`,
    ),
  ]);
}

function dropletClaims({ spec }: TypedObject<'Droplet'>): Claim[] {
  return [
    deviceClaim(spec.host, spec.device, 'spec.device'),
    ...spec.addresses.map((address, i) => ({
      key: `vtep ${address}`,
      field: `spec.addresses[${i}]`,
      what: address,
      scope: '',
    })),
  ];
}

/** One spelling for a namespace given by name or by path. */
function netnsName(netns: string): string {
  return netns.replace(/^(\/var)?\/run\/netns\/(?=[^/]+$)/, '');
}

function endpointDeviceClaims(host: string, name: string, device: DeviceSpec): Claim[] {
  if (device.kind === 'existing') return [deviceClaim(host, device.name, 'spec.device.name')];
  const peer = device.peer ?? 'eth0';
  const netns = netnsName(device.netns);
  return [
    deviceClaim(host, device.name ?? vethName(name), 'spec.device.name'),
    {
      key: `peer ${host} ${netns} ${peer}`,
      field: 'spec.device.peer',
      what: `device ${peer} of network namespace ${netns}`,
      scope: ` on host ${host}`,
    },
  ];
}

function endpointClaims({ metadata, spec }: TypedObject<'Endpoint'>): Claim[] {
  return [
    ...spec.addresses.map((address, i) => hostClaim(spec.vpc, address, `spec.addresses[${i}]`)),
    macClaim(spec.vpc, endpointMac(metadata.name, spec), 'spec.mac'),
    ...(spec.device === undefined
      ? []
      : endpointDeviceClaims(spec.host, metadata.name, spec.device)),
  ];
}

function claimsOf(object: StoredObject): Claim[] {
  switch (object.kind) {
    case 'Vpc':
      return vpcClaims(object);
    case 'Subnet':
      return subnetClaims(object);
    case 'Droplet':
      return dropletClaims(object);
    case 'Endpoint':
      return endpointClaims(object);
    case 'Route':
      return [netClaim(object.spec.vpc, object.spec.prefix, 'spec.prefix')];
  }
}

function referencesOf(object: StoredObject): Reference[] {
  if (object.kind === 'Vpc' || object.kind === 'Droplet') return [];
  const vpc: Reference = { id: objectId('Vpc', object.spec.vpc), field: 'spec.vpc' };
  if (object.kind === 'Subnet') return [vpc];
  if (object.kind === 'Endpoint')
    return [vpc, { id: objectId('Subnet', object.spec.subnet), field: 'spec.subnet' }];
  const { endpoint } = object.spec;
  if (endpoint === undefined) return [vpc];
  return [vpc, { id: objectId('Endpoint', endpoint), field: 'spec.endpoint' }];
}

/** Everything that other objects' validity can depend on. */
export function factsOf(object: StoredObject): Facts {
  return {
    id: objectId(object.kind, object.metadata.name),
    claims: claimsOf(object),
    references: referencesOf(object),
  };
}
