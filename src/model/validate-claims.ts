// SPDX-License-Identifier: Apache-2.0
/**
 * What an object takes for itself and refers to. Two objects that claim the same key are in
 * conflict; the one key space "net" of a VPC holds subnets, routes and, as host prefixes, the
 * addresses of endpoints and gateways.
 */
import { endpointMac, gatewayAddress, gatewayMac, vethName } from './defaults.js';
import type { DeviceSpec, StoredObject, TypedObject } from './objects.js';
import {
  natEndpointReads,
  natGatewayClaims,
  natGatewayReads,
  natGatewayReferences,
  portForwardClaims,
  portForwardReads,
  publicIpClaims,
  publicIpReads,
} from './validate-claims-nat.js';
import { networkSetReferences, policyReferences } from './validate-claims-policy.js';
import { peeringClaims, peeringReads, peeringReferences } from './validate-claims-peering.js';
import {
  dropletServiceReads,
  endpointServiceReads,
  routeServiceReads,
  subnetServiceReads,
  virtualServiceClaims,
  virtualServiceReads,
  virtualServiceReferences,
  vpcsClaim,
} from './validate-claims-service.js';
import {
  endpointReference,
  forwardKey,
  hostClaim,
  netClaim,
  objectId,
  outsideClaim,
  PUBLIC_PREFIXES_KEY,
  publicKey,
  vpcReference,
  vtepKey,
  type Claim,
  type Facts,
  type Reference,
} from './validate-facts.js';

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
    ...(spec.outside === undefined ? [] : [outsideClaim()]),
    vpcsClaim(),
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
      key: vtepKey(address),
      field: `spec.addresses[${i}]`,
      what: address,
      scope: '',
    })),
    ...(spec.services?.addresses ?? []).map((address, i) => ({
      key: vtepKey(address),
      field: `spec.services.addresses[${i}]`,
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
    case 'NatGateway':
      return natGatewayClaims(object);
    case 'PublicIp':
      return publicIpClaims(object);
    case 'PortForward':
      return portForwardClaims(object);
    case 'VirtualService':
      return virtualServiceClaims(object);
    case 'Peering':
      return peeringClaims(object);
    case 'Profile':
    case 'Tier':
    case 'Policy':
    case 'NetworkSet':
      return [];
  }
}

function referencesOf(object: StoredObject): Reference[] {
  switch (object.kind) {
    case 'Vpc':
    case 'Droplet':
    case 'Profile':
    case 'Tier':
      return [];
    case 'Subnet':
      return [vpcReference(object.spec.vpc)];
    case 'Endpoint':
      return [
        vpcReference(object.spec.vpc),
        { id: objectId('Subnet', object.spec.subnet), field: 'spec.subnet' },
      ];
    case 'Route':
      return [
        vpcReference(object.spec.vpc),
        ...(object.spec.endpoint === undefined ? [] : [endpointReference(object.spec.endpoint)]),
      ];
    case 'NatGateway':
      return natGatewayReferences(object);
    case 'PublicIp':
    case 'PortForward':
      return [endpointReference(object.spec.endpoint)];
    case 'VirtualService':
      return virtualServiceReferences(object);
    case 'Peering':
      return peeringReferences(object);
    case 'Policy':
      return policyReferences(object);
    case 'NetworkSet':
      return networkSetReferences(object);
  }
}

function readsOf(object: StoredObject): string[] {
  switch (object.kind) {
    case 'Droplet':
      return [
        ...[...object.spec.addresses, ...(object.spec.services?.addresses ?? [])].flatMap(
          (address) => [publicKey(address), forwardKey(address)],
        ),
        ...dropletServiceReads(object),
        PUBLIC_PREFIXES_KEY,
      ];
    case 'Endpoint':
      return [...natEndpointReads(object), ...endpointServiceReads(object)];
    case 'NatGateway':
      return natGatewayReads(object);
    case 'PublicIp':
      return publicIpReads(object);
    case 'PortForward':
      return portForwardReads(object);
    case 'VirtualService':
      return virtualServiceReads(object);
    case 'Subnet':
      return [
        ...subnetFamilies(object.spec).flatMap(({ family }) =>
          subnetServiceReads(object.spec.vpc, family),
        ),
        ...peeringReads(object),
      ];
    case 'Route':
      return [...routeServiceReads(object), ...peeringReads(object)];
    case 'Vpc':
    case 'Peering':
    case 'Profile':
    case 'Tier':
    case 'Policy':
    case 'NetworkSet':
      return [];
  }
}

/** Everything that other objects' validity can depend on. */
export function factsOf(object: StoredObject): Facts {
  return {
    id: objectId(object.kind, object.metadata.name),
    claims: claimsOf(object),
    references: referencesOf(object),
    reads: readsOf(object),
  };
}
