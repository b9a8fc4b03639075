// SPDX-License-Identifier: Apache-2.0
/** Rules of deterministic NatGateways: the arithmetic must have an answer for every address. */
import {
  blocksOfAddress,
  fixedPlan,
  insideCount,
  servedByAddress,
  type FixedPlan,
} from './deterministic.js';
import type { NatGatewaySpec } from './objects.js';
import type { Rule, RuleContext } from './validate-context.js';
import { objectId } from './validate-facts.js';
import type { StateTables } from './validate-tables.js';

const FIELD = 'spec.deterministic';

function planOf(spec: NatGatewaySpec, tables: StateTables): FixedPlan | undefined {
  return fixedPlan(spec, (name) => tables.find('Subnet', name)?.spec.ipv4?.prefix);
}

/** What keeps the pool from serving all; undefined: it does. */
function shortage(plan: FixedPlan): string | undefined {
  const need = insideCount(plan);
  const served = servedByAddress(plan);
  if (served * plan.addresses.length >= need) return undefined;
  return `${plan.addresses.length} public addresses serve ${served} inside addresses each, the subnets have ${need}: add addresses, or make blocks, overflow or blockSize smaller`;
}

function checkSources({ sources }: NatGatewaySpec, { tables, report }: RuleContext): void {
  for (const [i, { vpc, subnets, endpoints }] of sources.entries()) {
    const field = `spec.sources[${i}]`;
    if (endpoints !== undefined)
      report(`${field}.endpoints`, `cannot be used with ${FIELD}: name subnets`);
    if (subnets === undefined)
      report(
        `${field}.subnets`,
        `is required with ${FIELD}: ports are computed from the subnets of Vpc/${vpc}`,
      );
    for (const [j, name] of (subnets ?? []).entries()) {
      const subnet = tables.find('Subnet', name);
      if (subnet !== undefined && subnet.spec.ipv4 === undefined)
        report(`${field}.subnets[${j}]`, `Subnet/${name} has no IPv4 prefix (RFC 7422 is of IPv4)`);
    }
  }
}

export const deterministicRules: Rule<'NatGateway'> = ({ spec }, context) => {
  const { tables, report } = context;
  const plan = planOf(spec, tables);
  if (plan === undefined) return;
  checkSources(spec, context);
  for (const [i, text] of (spec.addresses ?? []).entries())
    if (text.includes(':'))
      report(`spec.addresses[${i}]`, `${text} is IPv6: ${FIELD} is for IPv4 (RFC 7422)`);
  const blocks = blocksOfAddress(plan);
  if (servedByAddress(plan) === 0) {
    report(
      FIELD,
      `leaves no address any ports: of ${blocks} blocks of a public address ${plan.overflow} are for overflow, an inside address has ${plan.blocks}`,
    );
    return;
  }
  const short = shortage(plan);
  if (short !== undefined) report('spec.addresses', short);
};

/** A subnet that has become too large for a gateway's pool. */
export const deterministicSubnetRules: Rule<'Subnet'> = ({ metadata }, context) => {
  const { tables, changes, report } = context;
  for (const id of tables.referrers(objectId('Subnet', metadata.name))) {
    const gateway = tables.get(id);
    if (gateway?.kind !== 'NatGateway' || changes(id)) continue;
    const plan = planOf(gateway.spec, tables);
    if (plan === undefined) continue;
    const short = shortage(plan);
    if (short !== undefined) report('spec.ipv4.prefix', `is too large for ${id}: ${short}`);
    else if (tables.find('Subnet', metadata.name)?.spec.ipv4 === undefined)
      report('spec.ipv4', `cannot be removed while ${id} computes ports from it`);
  }
};
