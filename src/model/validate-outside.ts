// SPDX-License-Identifier: Apache-2.0
/** Where objects meet the outside, and rules of public addresses that several kinds have. */
import { parseAddress, parsePrefix, prefixContains, unusableReason } from '../base/net.js';
import type { StoredObject, TypedObject } from './objects.js';
import type { RuleContext } from './validate-context.js';
import { PUBLIC_PREFIXES_KEY, vtepKey, type ObjectId } from './validate-facts.js';
import type { StateTables } from './validate-tables.js';

/** Host on which a VPC meets the outside; undefined: nowhere, or there is no such Vpc. */
export function outsideHost(tables: StateTables, vpc: string): string | undefined {
  return tables.find('Vpc', vpc)?.spec.outside?.host;
}

/** Host that translates for an object; undefined when that is not known. */
export function translatingHost(tables: StateTables, object: StoredObject): string | undefined {
  if (object.kind === 'NatGateway') {
    for (const { vpc } of object.spec.sources) {
      const host = outsideHost(tables, vpc);
      if (host !== undefined) return host;
    }
    return undefined;
  }
  if (object.kind !== 'PublicIp' && object.kind !== 'PortForward') return undefined;
  const endpoint = tables.find('Endpoint', object.spec.endpoint);
  return endpoint && outsideHost(tables, endpoint.spec.vpc);
}

/** What a public address is to the object that has it, in words. */
export function publicUse(owner: ObjectId): string {
  if (owner.startsWith('NatGateway/')) return `in the pool of ${owner}`;
  return `${owner.startsWith('PublicIp/') ? 'the' : 'an'} address of ${owner}`;
}

/** First other owner of a key that this object is to be blamed for. */
export function firstOther(
  { tables, blames }: Pick<RuleContext, 'tables' | 'blames'>,
  key: string,
  self: ObjectId,
): ObjectId | undefined {
  for (const owner of tables.owners(key)) if (owner !== self && blames(owner)) return owner;
  return undefined;
}

/** NatGateways with prefixes. */
export function* prefixGateways(
  tables: StateTables,
): Generator<[ObjectId, TypedObject<'NatGateway'>]> {
  for (const id of tables.owners(PUBLIC_PREFIXES_KEY)) {
    const object = tables.get(id);
    if (object?.kind === 'NatGateway') yield [id, object];
  }
}

/** The outside prefix of a NatGateway that an address is of, in words; undefined: of none. */
export function inOutsidePrefix(
  address: string,
  self: ObjectId,
  { tables, blames }: RuleContext,
): string | undefined {
  const parsed = parseAddress(address);
  for (const [id, { spec }] of prefixGateways(tables)) {
    if (id === self || !blames(id)) continue;
    for (const { outside } of spec.prefixes ?? [])
      if (prefixContains(parsePrefix(outside), parsed)) return `${outside} of ${id}`;
  }
  return undefined;
}

/** What may not be a public address at all. */
export function checkPublicAddress(
  address: string,
  field: string,
  self: ObjectId,
  context: RuleContext,
): boolean {
  const reason = unusableReason(parseAddress(address));
  if (reason !== undefined) context.report(field, reason);
  const droplet = firstOther(context, vtepKey(address), self);
  if (droplet !== undefined)
    context.report(field, `${address} is an underlay address of ${droplet}`);
  const prefix = inOutsidePrefix(address, self, context);
  if (prefix !== undefined) context.report(field, `${address} is of the outside prefix ${prefix}`);
  return reason === undefined && droplet === undefined && prefix === undefined;
}

/** All objects that translate one public address do so on one host. */
export function checkSameHost(
  address: string,
  field: string,
  object: StoredObject,
  owner: ObjectId | undefined,
  { tables, report }: RuleContext,
): void {
  const other = owner && tables.get(owner);
  if (owner === undefined || other === undefined) return;
  const there = translatingHost(tables, other);
  const here = translatingHost(tables, object);
  if (here === undefined || there === undefined || here === there) return;
  report(field, `${address} is ${publicUse(owner)} on ${there}, cannot be on ${here}, too`);
}
