// SPDX-License-Identifier: Apache-2.0
/** Rules of VirtualServices, and what they ask of other kinds. */
import { parseAddress, parsePrefix, unusableReason } from '../base/net.js';
import { gatewayAddress } from './defaults.js';
import type { SubnetSpec, TypedObject, VirtualServiceSpec } from './objects.js';
import {
  everywhereKey,
  reservedAddresses,
  serverKey,
  servicePortKeys,
  vpcField,
  VPCS_KEY,
} from './validate-claims-service.js';
import type { Rule, RuleContext } from './validate-context.js';
import { hostClaim, objectId, vtepKey, type ObjectId } from './validate-facts.js';
import { firstOther } from './validate-outside.js';

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function prefixOf(address: string) {
  return parsePrefix(`${address}/${familyOf(address) === 4 ? 32 : 128}`);
}

/** IPv4 link-local addresses are allowed: metadata servers are expected at one. */
function serviceAddressReason(text: string): string | undefined {
  const address = parseAddress(text);
  const isLinkLocal4 =
    address.family === 4 && address.bytes[12] === 169 && address.bytes[13] === 254;
  return isLinkLocal4 ? undefined : unusableReason(address);
}

/** Subnets in which the address is nobody's. */
function checkReserved(
  vpc: string,
  address: string,
  { tables, blames, report }: RuleContext,
): void {
  for (const id of tables.subnetsOverlapping(vpc, prefixOf(address))) {
    const subnet = tables.get(id);
    if (subnet?.kind !== 'Subnet' || !blames(id)) continue;
    const family = familyOf(address) === 4 ? subnet.spec.ipv4 : subnet.spec.ipv6;
    if (family === undefined || !reservedAddresses(family).includes(address)) continue;
    report(
      'spec.address',
      `${address} is the first or last address of ${family.prefix} of ${id}, which nobody can have`,
    );
  }
}

/** A service that all VPCs see must not meet what one of them has at its address. */
function checkEverywhere(
  self: ObjectId,
  spec: VirtualServiceSpec,
  { tables, blames, report }: RuleContext,
): void {
  for (const id of tables.owners(VPCS_KEY)) {
    const vpc = id.slice(id.indexOf('/') + 1);
    for (const owner of tables.owners(hostClaim(vpc, spec.address, '').key)) {
      if (owner.startsWith('VirtualService/') || !blames(owner)) continue;
      report('spec.address', `${spec.address} is already used by ${owner} in ${id}`);
      return;
    }
    for (const { key, what } of servicePortKeys(spec, vpc)) {
      const owner = firstOther({ tables, blames }, key, self);
      if (owner === undefined) continue;
      report('spec.port', `${what} is already used by ${owner} in ${id}`);
      return;
    }
  }
}

function checkServer({ spec }: TypedObject<'VirtualService'>, context: RuleContext): void {
  const { tables, report } = context;
  const { address } = spec.server;
  const field = 'spec.server.address';
  const reason = unusableReason(parseAddress(address));
  if (reason !== undefined) report(field, reason);
  for (const owner of tables.owners(vtepKey(address))) {
    const droplet = tables.get(owner);
    if (droplet?.kind !== 'Droplet' || !context.blames(owner)) continue;
    if (droplet.spec.services?.addresses?.includes(address) === true)
      report(field, `${address} is set aside for services at ${owner}: no server can have it`);
  }
}

export const virtualServiceRules: Rule<'VirtualService'> = (object, context) => {
  const { spec, metadata } = object;
  const { tables, blames, report } = context;
  const self = objectId('VirtualService', metadata.name);
  const reason = serviceAddressReason(spec.address);
  if (reason !== undefined) report('spec.address', reason);
  checkServer(object, context);
  const { vpcs } = spec;
  if (vpcs === undefined) {
    checkEverywhere(self, spec, context);
    for (const id of tables.owners(VPCS_KEY))
      checkReserved(id.slice(id.indexOf('/') + 1), spec.address, context);
    return;
  }
  for (const [i, vpc] of vpcs.entries()) {
    if (vpcs.indexOf(vpc) < i) report(vpcField(i), `${vpc} is given twice`);
    else checkReserved(vpc, spec.address, context);
  }
  for (const { key, what } of servicePortKeys(spec)) {
    const owner = firstOther({ tables, blames }, key, self);
    if (owner !== undefined) report('spec.port', `${what} is already used by ${owner} in all VPCs`);
  }
};

/** An address that all VPCs see a service at is nobody's in any. */
function checkNotEverywhere(
  address: string,
  field: string,
  self: ObjectId,
  context: RuleContext,
): void {
  const owner = firstOther(context, everywhereKey(address), self);
  if (owner !== undefined)
    context.report(field, `${address} is the address of ${owner} in all VPCs`);
}

export const endpointServiceRules: Rule<'Endpoint'> = ({ metadata, spec }, context) => {
  const self = objectId('Endpoint', metadata.name);
  for (const [i, address] of spec.addresses.entries())
    checkNotEverywhere(address, `spec.addresses[${i}]`, self, context);
};

export const routeServiceRules: Rule<'Route'> = ({ metadata, spec }, context) => {
  const host = /^(.*)\/(?:32|128)$/.exec(spec.prefix)?.[1];
  if (host === undefined) return;
  checkNotEverywhere(host, 'spec.prefix', objectId('Route', metadata.name), context);
};

export const subnetServiceRules: Rule<'Subnet'> = ({ metadata, spec }, context) => {
  const self = objectId('Subnet', metadata.name);
  for (const key of ['ipv4', 'ipv6'] as const satisfies readonly (keyof SubnetSpec)[]) {
    const family = spec[key];
    if (family === undefined) continue;
    const gatewayField = family.gateway === undefined ? 'prefix' : 'gateway';
    checkNotEverywhere(gatewayAddress(family), `spec.${key}.${gatewayField}`, self, context);
    for (const address of reservedAddresses(family)) {
      const owners = [...context.tables.owners(hostClaim(spec.vpc, address, '').key)].filter((id) =>
        id.startsWith('VirtualService/'),
      );
      const owner =
        owners.find((id) => context.blames(id)) ??
        firstOther(context, everywhereKey(address), self);
      if (owner !== undefined)
        context.report(
          `spec.${key}.prefix`,
          `${address}, its first or last address, is the address of ${owner}`,
        );
    }
  }
};

/** Addresses towards servers: beside the droplet's own, and of families that it has. */
export const dropletServiceRules: Rule<'Droplet'> = ({ metadata, spec }, context) => {
  const { report } = context;
  const self = objectId('Droplet', metadata.name);
  for (const [i, address] of (spec.services?.addresses ?? []).entries()) {
    const field = `spec.services.addresses[${i}]`;
    const reason = unusableReason(parseAddress(address));
    if (reason !== undefined) report(field, reason);
    if (spec.addresses.includes(address))
      report(field, `${address} is the droplet's own: leave it out to use that`);
    else if (!spec.addresses.some((own) => familyOf(own) === familyOf(address)))
      report(field, `${address} is IPv${familyOf(address)}, which spec.addresses has none of`);
    const owner = firstOther(context, serverKey(address), self);
    if (owner !== undefined) report(field, `${address} is the server of ${owner}`);
  }
};
