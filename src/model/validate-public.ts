// SPDX-License-Identifier: Apache-2.0
/** Rules of PublicIps and PortForwards. */
import type { EndpointSpec, PortForwardSpec, PublicIpSpec, TypedObject } from './objects.js';
import { parsePorts } from './ports.js';
import { insideAddress } from './public-addresses.js';
import { portKeys, publicIpsKey } from './validate-claims-nat.js';
import type { Rule, RuleContext } from './validate-context.js';
import { forwardKey, objectId, publicKey, type ObjectId } from './validate-facts.js';
import { checkStaticNat64 } from './validate-nat64.js';
import {
  checkPublicAddress,
  checkSameHost,
  firstOther,
  outsideHost,
  publicUse,
} from './validate-outside.js';

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

/** The endpoint has the address meant, and its VPC meets the outside. */
function checkEndpoint(
  object: TypedObject<'PublicIp'> | TypedObject<'PortForward'>,
  context: RuleContext,
): void {
  const { tables, report } = context;
  const { spec } = object;
  const family = familyOf(spec.address);
  const { endpointAddress } = spec;
  const known = endpointAddress !== undefined;
  const endpoint = tables.find('Endpoint', spec.endpoint);
  if (endpoint === undefined) return;
  const { vpc, addresses } = endpoint.spec;
  checkStaticNat64(object, vpc, context);
  // Also when there is no such Vpc: a set on trial that deletes it may be taken back.
  if (outsideHost(tables, vpc) === undefined)
    report('spec.endpoint', `Vpc/${vpc} of Endpoint/${spec.endpoint} has no spec.outside.host`);
  if (known && !addresses.includes(endpointAddress))
    report(
      'spec.endpointAddress',
      `${endpointAddress} is not an address of Endpoint/${spec.endpoint}`,
    );
  if (insideAddress(spec, endpoint.spec) === undefined)
    report(
      'spec.endpoint',
      family === 4 && addresses.length > 0
        ? `Endpoint/${spec.endpoint} has no IPv4 address for ${spec.address}: name its IPv6 address in spec.endpointAddress (NAT64)`
        : `Endpoint/${spec.endpoint} has no IPv${family} address for ${spec.address}`,
    );
}

/** Another PublicIp of the same address of the endpoint: it may have one of each family. */
function rival(
  spec: PublicIpSpec,
  endpoint: EndpointSpec,
  self: ObjectId,
  { tables, blames }: RuleContext,
): string | undefined {
  const inside = insideAddress(spec, endpoint);
  if (inside === undefined) return undefined;
  for (const owner of tables.owners(publicIpsKey(spec.endpoint))) {
    const other = tables.get(owner);
    if (owner === self || !blames(owner) || other?.kind !== 'PublicIp') continue;
    if (familyOf(other.spec.address) !== familyOf(spec.address)) continue;
    if (insideAddress(other.spec, endpoint) === inside)
      return `${inside} of Endpoint/${spec.endpoint} has ${owner} (${other.spec.address})`;
  }
  return undefined;
}

export const publicIpRules: Rule<'PublicIp'> = (object, context) => {
  const { metadata, spec } = object;
  const { tables, report } = context;
  const self = objectId('PublicIp', metadata.name);
  checkPublicAddress(spec.address, 'spec.address', self, context);
  checkEndpoint(object, context);
  const forward = firstOther(context, forwardKey(spec.address), self);
  if (forward !== undefined) report('spec.address', `${spec.address} is ${publicUse(forward)}`);
  const endpoint = tables.find('Endpoint', spec.endpoint);
  const taken = endpoint && rival(spec, endpoint.spec, self, context);
  if (taken !== undefined)
    report(spec.endpointAddress === undefined ? 'spec.endpoint' : 'spec.endpointAddress', taken);
};

/** Protocols that both forward. */
function commonProtocol(a: PortForwardSpec, b: PortForwardSpec): string | undefined {
  if (a.protocol === 'both') return b.protocol === 'both' ? 'tcp and udp' : b.protocol;
  return b.protocol === 'both' || b.protocol === a.protocol ? a.protocol : undefined;
}

/** Which ports of another PortForward are the same; undefined: none. */
function overlap(mine: PortForwardSpec, other: PortForwardSpec): string | undefined {
  const protocol = commonProtocol(mine, other);
  if (protocol === undefined) return undefined;
  const [a, b] = [parsePorts(mine.port), parsePorts(other.port)];
  return a.first <= b.last && b.first <= a.last ? protocol : undefined;
}

function checkPorts({ metadata, spec }: TypedObject<'PortForward'>, context: RuleContext): void {
  const { tables, blames, report } = context;
  const self = objectId('PortForward', metadata.name);
  for (const key of portKeys(spec)) {
    for (const owner of tables.owners(key)) {
      const other = tables.get(owner);
      if (owner === self || !blames(owner) || other?.kind !== 'PortForward') continue;
      const protocol = overlap(spec, other.spec);
      if (protocol === undefined) continue;
      report(
        'spec.port',
        `${protocol} ${spec.port} of ${spec.address} overlaps ${other.spec.port} of ${owner}`,
      );
      // One is enough: a wide range can overlap thousands.
      return;
    }
  }
}

export const portForwardRules: Rule<'PortForward'> = (object, context) => {
  const { spec } = object;
  const { tables, blames, report } = context;
  const self = objectId('PortForward', object.metadata.name);
  checkPublicAddress(spec.address, 'spec.address', self, context);
  checkEndpoint(object, context);
  checkPorts(object, context);
  // Those at an address agree with each other: one stands for all.
  const forward = firstOther(context, forwardKey(spec.address), self);
  checkSameHost(spec.address, 'spec.address', object, forward, context);
  for (const owner of tables.owners(publicKey(spec.address))) {
    if (!blames(owner)) continue;
    if (owner.startsWith('PublicIp/'))
      report('spec.address', `${spec.address} is ${publicUse(owner)}, which takes all ports`);
    else checkSameHost(spec.address, 'spec.address', object, owner, context);
  }
};
