// SPDX-License-Identifier: Apache-2.0
/** Rules of NatGateways. */
import { parsePrefix, unusableReason } from '../base/net.js';
import { NAT_DEFAULTS } from './defaults.js';
import type { NatGatewaySpec, NatSource } from './objects.js';
import {
  namedEndpointsKey,
  poolOf,
  servedSubnetKey,
  servedVpcKey,
  wholeVpcKey,
} from './validate-claims-nat.js';
import { someOf, type Rule, type RuleContext } from './validate-context.js';
import { forwardKey, objectId, type ObjectId } from './validate-facts.js';
import { checkNat64 } from './validate-nat64.js';
import { checkPublicAddress, checkSameHost, firstOther, outsideHost } from './validate-outside.js';

interface Place {
  readonly self: ObjectId;
  /** "spec.sources[0]". */
  readonly field: string;
}

/** Reports what is listed twice. */
function checkTwice(list: readonly string[], field: string, { report }: RuleContext): void {
  const seen = new Set<string>();
  for (const [i, entry] of list.entries()) {
    if (seen.has(entry)) report(`${field}[${i}]`, `${entry} is given twice`);
    seen.add(entry);
  }
}

/** What is listed is of the source's VPC. */
function checkMembers(source: NatSource, { field }: Place, context: RuleContext): void {
  const { vpc, subnets = [], endpoints = [] } = source;
  checkTwice(subnets, `${field}.subnets`, context);
  checkTwice(endpoints, `${field}.endpoints`, context);
  for (const [kind, key, names] of [
    ['Subnet', 'subnets', subnets],
    ['Endpoint', 'endpoints', endpoints],
  ] as const) {
    for (const [i, name] of names.entries()) {
      const found = context.tables.find(kind, name);
      if (found === undefined || found.spec.vpc === vpc) continue;
      context.report(
        `${field}.${key}[${i}]`,
        `${kind}/${name} is of Vpc/${found.spec.vpc}, not Vpc/${vpc}`,
      );
    }
  }
}

/** An endpoint that another gateway serves by name, though it is of the subnet. */
function servedByName(
  { vpc }: NatSource,
  subnet: string,
  self: ObjectId,
  { tables, blames }: RuleContext,
): string | undefined {
  for (const owner of tables.owners(namedEndpointsKey(vpc))) {
    const other = tables.get(owner);
    if (owner === self || !blames(owner) || other?.kind !== 'NatGateway') continue;
    for (const source of other.spec.sources) {
      for (const name of source.endpoints ?? []) {
        if (tables.find('Endpoint', name)?.spec.subnet === subnet)
          return `Endpoint/${name} of Subnet/${subnet} is served by ${owner}`;
      }
    }
  }
  return undefined;
}

/** No endpoint is served twice. The same subnet or endpoint in two gateways is a conflict of claims. */
function checkServedOnce(source: NatSource, { self, field }: Place, context: RuleContext): void {
  const { vpc, subnets = [], endpoints = [] } = source;
  const { tables, blames, report } = context;
  if (subnets.length + endpoints.length === 0) {
    const others = [...tables.owners(servedVpcKey(vpc))].filter(
      (owner) => owner !== self && blames(owner),
    );
    if (others.length > 0)
      report(`${field}.vpc`, `endpoints of Vpc/${vpc} are served by ${someOf(others)}`);
    return;
  }
  const whole = firstOther(context, wholeVpcKey(vpc), self);
  if (whole !== undefined)
    report(`${field}.vpc`, `all endpoints of Vpc/${vpc} are served by ${whole}`);
  for (const [i, name] of endpoints.entries()) {
    const subnet = tables.find('Endpoint', name)?.spec.subnet;
    const owner = subnet && firstOther(context, servedSubnetKey(subnet), self);
    if (owner !== undefined)
      report(
        `${field}.endpoints[${i}]`,
        `Endpoint/${name} is of Subnet/${subnet}, which is served by ${owner}`,
      );
  }
  for (const [i, name] of subnets.entries()) {
    const served = servedByName(source, name, self, context);
    if (served !== undefined) report(`${field}.subnets[${i}]`, served);
  }
}

function checkSources(spec: NatGatewaySpec, self: ObjectId, context: RuleContext): void {
  const { tables, report } = context;
  const seen = new Set<string>();
  let first: { readonly host: string; readonly vpc: string; readonly at: number } | undefined;
  for (const [i, source] of spec.sources.entries()) {
    const { vpc } = source;
    const field = `spec.sources[${i}]`;
    if (seen.has(vpc)) report(`${field}.vpc`, `Vpc/${vpc} is given twice`);
    seen.add(vpc);
    if (tables.find('Vpc', vpc) === undefined) continue;
    const host = outsideHost(tables, vpc);
    if (host === undefined) {
      report(`${field}.vpc`, `Vpc/${vpc} has no spec.outside.host`);
    } else if (first === undefined) {
      first = { host, vpc, at: i };
    } else if (first.host !== host) {
      report(
        `${field}.vpc`,
        `Vpc/${vpc} meets the outside on ${host}, Vpc/${first.vpc} of spec.sources[${first.at}] on ${first.host}: must be the same host`,
      );
    }
    checkMembers(source, { self, field }, context);
    checkServedOnce(source, { self, field }, context);
  }
}

/** A route belongs to a VPC: what one of its gateways exempts, the others must. */
function checkExempt(spec: NatGatewaySpec, self: ObjectId, context: RuleContext): void {
  const { tables, report } = context;
  const exempt = spec.exempt ?? [];
  checkTwice(exempt, 'spec.exempt', context);
  for (const [i, text] of exempt.entries()) {
    const reason = unusableReason(parsePrefix(text).address);
    // 0.0.0.0/0, ::/0 and the halves of them begin with the unspecified address.
    if (reason !== undefined && !/^(0\.0\.0\.0|::)\//.test(text))
      report(`spec.exempt[${i}]`, `${text} cannot be routed: ${reason}`);
  }
  for (const { vpc } of spec.sources) {
    const owner = firstOther(context, servedVpcKey(vpc), self);
    const other = owner && tables.get(owner);
    if (other?.kind !== 'NatGateway') continue;
    const theirs = new Set(other.spec.exempt);
    if (theirs.size === exempt.length && exempt.every((prefix) => theirs.has(prefix))) continue;
    report(
      'spec.exempt',
      `differs from that of ${owner}, which serves Vpc/${vpc}, too: change both in one request`,
    );
    return;
  }
}

export const natGatewayRules: Rule<'NatGateway'> = (object, context) => {
  const { spec } = object;
  const { before, report } = context;
  const self = objectId('NatGateway', object.metadata.name);
  const size = spec.blockSize ?? NAT_DEFAULTS.blockSize;
  const was =
    before?.kind === 'NatGateway' ? (before.spec.blockSize ?? NAT_DEFAULTS.blockSize) : size;
  if (was !== size)
    report(
      'spec.blockSize',
      `cannot be changed from ${was} to ${size}: make another NatGateway and delete this one`,
    );
  checkSources(spec, self, context);
  checkExempt(spec, self, context);
  checkTwice(spec.algs ?? [], 'spec.algs', context);
  checkNat64(spec, self, context);
  const places = new Map<string, string>();
  const bad = new Set<string>();
  for (const { address, field } of poolOf(object)) {
    const there = places.get(address);
    places.set(address, field);
    // One problem of an entry is enough: a prefix can have it 256 times.
    if (bad.has(field)) continue;
    if (there !== undefined) {
      report(
        field,
        `${address} is given twice${there === field ? '' : `: it is in ${there}, too`}`,
      );
      bad.add(field);
    } else if (checkPublicAddress(address, field, self, context)) {
      const forward = firstOther(context, forwardKey(address), self);
      checkSameHost(address, field, object, forward, context);
    } else bad.add(field);
  }
};
