// SPDX-License-Identifier: Apache-2.0
/** Rules of prefixes under which a VPC finds IPv4, and of what stands for addresses there. */
import { parseAddress, parsePrefix, prefixContains, prefixesOverlap } from '../base/net.js';
import { isStaticNat64, nat64Reason } from './nat64.js';
import type { NatGatewaySpec, StoredObject, SubnetSpec, TypedObject } from './objects.js';
import { parsePoolEntry } from './public-addresses.js';
import { servedVpcKey } from './validate-claims-nat.js';
import { someOf, type RemovalContext, type RuleContext } from './validate-context.js';
import { objectId, type ObjectId } from './validate-facts.js';
import { firstOther } from './validate-outside.js';
import type { StateTables } from './validate-tables.js';

const FIELD = 'spec.nat64.prefix';

/** The prefix under which a VPC finds IPv4; undefined: none. */
export function nat64PrefixOf(tables: StateTables, vpc: string): string | undefined {
  for (const owner of tables.owners(servedVpcKey(vpc))) {
    const gateway = tables.get(owner);
    if (gateway?.kind === 'NatGateway' && gateway.spec.nat64) return gateway.spec.nat64.prefix;
  }
  return undefined;
}

/** Static entries of NAT64 in a VPC: PublicIps and PortForwards. */
function* staticEntriesOf(vpc: string, tables: StateTables): Generator<ObjectId> {
  for (const id of tables.referrers(objectId('Vpc', vpc))) {
    if (!id.startsWith('Endpoint/')) continue;
    for (const user of tables.referrers(id)) {
      const found: StoredObject | undefined = tables.get(user);
      if (found?.kind !== 'PublicIp' && found?.kind !== 'PortForward') continue;
      if (isStaticNat64(found.spec)) yield user;
    }
  }
}

/** Static entries that had a prefix by a gateway and have none any more: "PublicIp/a needs", or none. */
function leftBehind(
  before: NatGatewaySpec,
  { tables, changes }: Pick<RuleContext, 'tables' | 'changes'>,
): string | undefined {
  if (before.nat64 === undefined) return undefined;
  const left = before.sources.flatMap(({ vpc }) =>
    nat64PrefixOf(tables, vpc) === undefined
      ? [...staticEntriesOf(vpc, tables)].filter((id) => !changes(id))
      : [],
  );
  if (left.length === 0) return undefined;
  return `${someOf(left)} ${left.length === 1 ? 'needs' : 'need'}`;
}

/** A prefix that goes takes the addresses that are shown under it along. */
function checkNeeded(spec: NatGatewaySpec, context: RuleContext): void {
  const { before, report } = context;
  const left = before?.kind === 'NatGateway' ? leftBehind(before.spec, context) : undefined;
  if (left === undefined) return;
  if (spec.nat64 === undefined) report('spec.nat64', `cannot be removed while ${left} it`);
  else report('spec.sources', `must keep the Vpc of what needs spec.nat64: ${left} it`);
}

/** The same when the gateway is deleted. */
export function checkNat64Removal(before: StoredObject, context: RemovalContext): void {
  const left = before.kind === 'NatGateway' ? leftBehind(before.spec, context) : undefined;
  if (left !== undefined) context.report('', `cannot be deleted: ${left} its spec.nat64`);
}

/** A prefix is routed: nothing else of the VPC may be in it. */
function checkApart(spec: NatGatewaySpec, prefix: string, context: RuleContext): void {
  const { tables, report, blames } = context;
  const parsed = parsePrefix(prefix);
  for (const [i, text] of (spec.exempt ?? []).entries()) {
    const exempt = parsePrefix(text);
    // what is shorter is a way around it
    if (prefixesOverlap(exempt, parsed) && exempt.length >= parsed.length)
      report(`spec.exempt[${i}]`, `${text} is within ${prefix} of spec.nat64`);
  }
  for (const [i, text] of (spec.addresses ?? []).entries())
    if (prefixContains(parsed, parsePoolEntry(text).first))
      report(`spec.addresses[${i}]`, `${text} is within ${prefix} of spec.nat64`);
  for (const { vpc } of spec.sources) {
    for (const owner of tables.subnetsOverlapping(vpc, parsed)) {
      if (!blames(owner)) continue;
      report(FIELD, `${prefix} overlaps ${owner} in Vpc/${vpc}`);
      break;
    }
  }
}

/** spec.nat64 of a NatGateway. */
export function checkNat64(spec: NatGatewaySpec, self: ObjectId, context: RuleContext): void {
  const { tables, report } = context;
  checkNeeded(spec, context);
  const prefix = spec.nat64?.prefix;
  for (const { vpc } of spec.sources) {
    const owner = firstOther(context, servedVpcKey(vpc), self);
    const other = owner && tables.get(owner);
    if (other?.kind !== 'NatGateway' || other.spec.nat64?.prefix === prefix) continue;
    report(
      prefix === undefined ? 'spec.nat64' : FIELD,
      `differs from that of ${owner}, which serves Vpc/${vpc}, too: change both in one request`,
    );
    break;
  }
  if (prefix === undefined) return;
  const reason = nat64Reason(prefix);
  if (reason !== undefined) {
    report(FIELD, reason);
    return;
  }
  if ((spec.addresses ?? []).every((text) => text.includes(':')))
    report('spec.nat64', 'spec.addresses has no IPv4 address to translate to');
  checkApart(spec, prefix, context);
}

/** A subnet may not take addresses under which IPv4 is found. */
export function checkSubnetNat64(spec: SubnetSpec, { tables, report }: RuleContext): void {
  const prefix = nat64PrefixOf(tables, spec.vpc);
  if (prefix === undefined || spec.ipv6 === undefined) return;
  if (!prefixesOverlap(parsePrefix(spec.ipv6.prefix), parsePrefix(prefix))) return;
  report(
    'spec.ipv6.prefix',
    `${spec.ipv6.prefix} overlaps ${prefix}, under which Vpc/${spec.vpc} finds IPv4`,
  );
}

/** What a PublicIp or PortForward of one family for an address of the other needs. */
export function checkStaticNat64(
  { spec }: TypedObject<'PublicIp'> | TypedObject<'PortForward'>,
  vpc: string,
  { tables, report }: RuleContext,
): void {
  const { address, endpointAddress } = spec;
  if (endpointAddress === undefined) return;
  const [outside, inside] = [parseAddress(address).family, parseAddress(endpointAddress).family];
  if (outside === inside) return;
  if (outside === 6)
    report(
      'spec.endpointAddress',
      `${endpointAddress} is IPv4, spec.address is IPv6: only an IPv6 address can stand behind one of the other family (NAT64)`,
    );
  else if (nat64PrefixOf(tables, vpc) === undefined)
    report(
      'spec.endpointAddress',
      `${endpointAddress} is IPv6, spec.address is IPv4: Vpc/${vpc} needs a NatGateway with spec.nat64`,
    );
}
