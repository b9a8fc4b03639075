// SPDX-License-Identifier: Apache-2.0
/** Prefixes of NatGateways (RFC 6296) against each other and against all public addresses. */
import {
  lastAddress,
  parseAddress,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  unusableReason,
} from '../base/net.js';
import type { NatGatewaySpec, StoredObject, TypedObject } from './objects.js';
import { NAT_PREFIX_LENGTHS, vpcOfPrefix } from './prefixes.js';
import { poolOf } from './validate-claims-nat.js';
import type { Rule, RuleContext } from './validate-context.js';
import { objectId, type ObjectId } from './validate-facts.js';
import { prefixGateways, publicUse } from './validate-outside.js';

/** Public and underlay addresses that an object has, as text. */
function addressesOf(object: StoredObject): string[] {
  switch (object.kind) {
    case 'NatGateway':
      return poolOf(object).map(({ address }) => address);
    case 'PublicIp':
    case 'PortForward':
      return [object.spec.address];
    case 'Droplet':
      return [...object.spec.addresses, ...(object.spec.services?.addresses ?? [])];
    default:
      return [];
  }
}

function useText(owner: ObjectId): string {
  return owner.startsWith('Droplet/') ? `an underlay address of ${owner}` : publicUse(owner);
}

/** The prefix by itself: family, length, special-use addresses. */
function checkForm(spec: NatGatewaySpec, at: number, { report }: RuleContext): boolean {
  const prefix = spec.prefixes?.[at];
  if (prefix === undefined) return false;
  const field = `spec.prefixes[${at}]`;
  const problems: string[] = [];
  const bad = (where: 'vpc' | 'inside' | 'outside', rule: string): void => {
    report(`${field}.${where}`, rule);
    problems.push(rule);
  };
  const { min, max } = NAT_PREFIX_LENGTHS;
  for (const where of ['inside', 'outside'] as const) {
    const text = prefix[where];
    const parsed = parsePrefix(text);
    const { length } = parsed;
    const reason = unusableReason(parsed.address) ?? unusableReason(lastAddress(parsed));
    if (parsed.address.family !== 6) bad(where, `${text} is IPv4: only IPv6 prefixes (RFC 6296)`);
    else if (length < min || length > max)
      bad(where, `${text}: the length must be /${min} to /${max}`);
    else if (reason !== undefined) bad(where, `${text} cannot be translated: ${reason}`);
  }
  const [inside, outside] = [parsePrefix(prefix.inside), parsePrefix(prefix.outside)];
  if (problems.length === 0 && inside.length !== outside.length)
    bad('outside', `${prefix.outside} must be as long as ${prefix.inside}`);
  else if (problems.length === 0 && prefixesOverlap(inside, outside))
    bad('outside', `${prefix.outside} is the inside prefix ${prefix.inside}`);
  if (prefix.vpc === undefined && spec.sources.length > 1)
    bad('vpc', 'must be given, as there is more than one source');
  if (prefix.vpc !== undefined && spec.sources.every(({ vpc }) => vpc !== prefix.vpc))
    bad('vpc', `Vpc/${prefix.vpc} is none of the sources`);
  return problems.length === 0;
}

/** Against other prefixes: outside all of them, inside those of the VPC. */
function checkOtherPrefixes(
  { metadata, spec }: TypedObject<'NatGateway'>,
  at: number,
  { tables, blames, report }: RuleContext,
): void {
  const mine = spec.prefixes?.[at];
  if (mine === undefined) return;
  const self = objectId('NatGateway', metadata.name);
  const vpc = vpcOfPrefix(spec, mine);
  for (const [id, { spec: other }] of prefixGateways(tables)) {
    if (id !== self && !blames(id)) continue;
    for (const [i, theirs] of (other.prefixes ?? []).entries()) {
      if (id === self && i >= at) break;
      const whose = id === self ? `spec.prefixes[${i}]` : id;
      if (prefixesOverlap(parsePrefix(mine.outside), parsePrefix(theirs.outside)))
        report(
          `spec.prefixes[${at}].outside`,
          `${mine.outside} overlaps ${theirs.outside} of ${whose}`,
        );
      if (
        vpc !== undefined &&
        vpcOfPrefix(other, theirs) === vpc &&
        prefixesOverlap(parsePrefix(mine.inside), parsePrefix(theirs.inside))
      )
        report(
          `spec.prefixes[${at}].inside`,
          `${mine.inside} overlaps ${theirs.inside} of ${whose} in Vpc/${vpc}`,
        );
    }
  }
}

/** Against all addresses that are public, or the underlay's. */
function checkAddresses(
  object: TypedObject<'NatGateway'>,
  at: number,
  { tables, blames, report }: RuleContext,
): void {
  const prefix = object.spec.prefixes?.[at];
  if (prefix === undefined) return;
  const self = objectId('NatGateway', object.metadata.name);
  const outside = parsePrefix(prefix.outside);
  for (const [id, other] of tables.all()) {
    if (id !== self && !blames(id)) continue;
    const address = addressesOf(other).find((text) => prefixContains(outside, parseAddress(text)));
    if (address === undefined) continue;
    report(`spec.prefixes[${at}].outside`, `${prefix.outside} contains ${address}, ${useText(id)}`);
    return;
  }
}

export const natPrefixRules: Rule<'NatGateway'> = (object, context) => {
  const { spec } = object;
  for (const at of (spec.prefixes ?? []).keys()) {
    if (!checkForm(spec, at, context)) continue;
    checkOtherPrefixes(object, at, context);
    checkAddresses(object, at, context);
  }
};
