// SPDX-License-Identifier: Apache-2.0
/** What changes of Vpcs, Endpoints and Droplets may not do to what translates for them. */
import type { StoredObject, TypedObject } from './objects.js';
import { insideAddress } from './public-addresses.js';
import { poolOf, servedEndpointKey, servedSubnetKey } from './validate-claims-nat.js';
import { someOf, type Rule, type RuleContext } from './validate-context.js';
import { forwardKey, objectId, publicKey, type ObjectId } from './validate-facts.js';
import {
  firstOther,
  inOutsidePrefix,
  outsideHost,
  publicUse,
  translatingHost,
} from './validate-outside.js';

/** Objects that translate for a VPC. */
function* translatorsOf(
  vpc: ObjectId,
  { tables }: RuleContext,
): Generator<[ObjectId, StoredObject]> {
  for (const id of tables.referrers(vpc)) {
    const object = tables.get(id);
    if (object?.kind === 'NatGateway') yield [id, object];
    if (object?.kind !== 'Endpoint') continue;
    for (const user of tables.referrers(id)) {
      const found = tables.get(user);
      if (found?.kind === 'PublicIp' || found?.kind === 'PortForward') yield [user, found];
    }
  }
}

/** Public addresses that other objects may translate as well. */
function sharedAddresses(object: StoredObject): string[] {
  if (object.kind === 'PortForward') return [object.spec.address];
  if (object.kind === 'NatGateway') return poolOf(object).map(({ address }) => address);
  return [];
}

function checkMovedHost(
  host: string,
  translators: ReadonlyMap<ObjectId, StoredObject>,
  context: RuleContext,
): void {
  const { tables, blames, report } = context;
  const addresses = new Set<string>();
  for (const [id, object] of translators) {
    for (const address of sharedAddresses(object)) addresses.add(address);
    if (object.kind !== 'NatGateway' || !blames(id)) continue;
    const other = object.spec.sources.find(({ vpc }) => {
      const there = outsideHost(tables, vpc);
      return there !== undefined && there !== host;
    });
    if (other === undefined) continue;
    report(
      'spec.outside.host',
      `${id} serves Vpc/${other.vpc}, too, which meets the outside on ${outsideHost(tables, other.vpc) ?? ''}: must be the same host`,
    );
    return;
  }
  for (const address of addresses) {
    for (const key of [publicKey(address), forwardKey(address)]) {
      for (const owner of tables.owners(key)) {
        const object = tables.get(owner);
        const there = object && translatingHost(tables, object);
        if (there === undefined || there === host || !blames(owner)) continue;
        report('spec.outside.host', `${address} is ${publicUse(owner)} on ${there}`);
        return;
      }
    }
  }
}

/** A VPC that leaves the outside, or meets it elsewhere. */
export const outsideChangeRules: Rule<'Vpc'> = ({ metadata, spec }, context) => {
  const { before, report, changes } = context;
  if (before?.kind !== 'Vpc' || before.spec.outside === undefined) return;
  if (before.spec.outside.host === spec.outside?.host) return;
  const translators = new Map(translatorsOf(objectId('Vpc', metadata.name), context));
  if (spec.outside !== undefined) {
    checkMovedHost(spec.outside.host, translators, context);
    return;
  }
  // Those that are part of the change are judged on their own.
  const left = [...translators.keys()].filter((id) => !changes(id));
  if (left.length > 0)
    report(
      'spec.outside',
      `cannot be removed while ${someOf(left)} ${left.length === 1 ? 'needs' : 'need'} it`,
    );
};

/** An endpoint that moves to a subnet which another gateway serves. */
function checkServedTwice({ metadata, spec }: TypedObject<'Endpoint'>, context: RuleContext): void {
  const { tables, report, changes } = context;
  for (const named of tables.owners(servedEndpointKey(metadata.name))) {
    for (const bySubnet of tables.owners(servedSubnetKey(spec.subnet))) {
      if (named === bySubnet || changes(named) || changes(bySubnet)) continue;
      report('spec.subnet', `Subnet/${spec.subnet} is served by ${bySubnet}, this by ${named}`);
    }
  }
}

/** An endpoint that loses an address which a public one stands for. */
function checkKept({ metadata, spec }: TypedObject<'Endpoint'>, context: RuleContext): void {
  const { tables, report, changes } = context;
  const stray: string[] = [];
  for (const id of tables.referrers(objectId('Endpoint', metadata.name))) {
    const object = tables.get(id);
    if (object?.kind !== 'PublicIp' && object?.kind !== 'PortForward') continue;
    if (changes(id)) continue;
    const inside = insideAddress(object.spec, spec);
    if (inside === undefined) stray.push(`${id} (no address for ${object.spec.address})`);
    else if (!spec.addresses.includes(inside)) stray.push(`${id} (${inside})`);
  }
  if (stray.length > 0)
    report('spec.addresses', `cannot be changed while it leaves out ${someOf(stray)}`);
}

export const natEndpointRules: Rule<'Endpoint'> = (object, context) => {
  const { before } = context;
  if (before?.kind !== 'Endpoint') return;
  if (before.spec.subnet !== object.spec.subnet) checkServedTwice(object, context);
  if (before.spec.addresses.join() !== object.spec.addresses.join()) checkKept(object, context);
};

/** An underlay address is the host's own: nothing may be translated to it. */
export const publicDropletRules: Rule<'Droplet'> = ({ metadata, spec }, context) => {
  const self = objectId('Droplet', metadata.name);
  const check = (address: string, field: string): void => {
    const owner =
      firstOther(context, publicKey(address), self) ??
      firstOther(context, forwardKey(address), self);
    if (owner !== undefined) context.report(field, `${address} is ${publicUse(owner)}`);
    const prefix = inOutsidePrefix(address, self, context);
    if (prefix !== undefined)
      context.report(field, `${address} is of the outside prefix ${prefix}`);
  };
  for (const [i, address] of spec.addresses.entries()) check(address, `spec.addresses[${i}]`);
  for (const [i, address] of (spec.services?.addresses ?? []).entries())
    check(address, `spec.services.addresses[${i}]`);
};
