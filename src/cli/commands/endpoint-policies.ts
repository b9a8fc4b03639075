// SPDX-License-Identifier: Apache-2.0
/** `get policies --endpoint NAME`: what applies to an endpoint, in order, and what it has decided. */
import type { EndpointPoliciesResponse } from '../../api/index.js';
import { UsageError } from '../exit.js';
import { tableText } from '../output/table.js';
import { countText } from '../output/text.js';
import type { View } from './view.js';

type Rule = EndpointPoliciesResponse['ingress']['rules'][number];

/** Tables write "-" for what is empty. */
function row(direction: string, rule: Rule): string[] {
  return [
    direction,
    rule.tier,
    rule.by,
    rule.rule === undefined ? '' : String(rule.rule),
    rule.action,
    countText(rule.packets),
    rule.match,
  ];
}

function rows(direction: 'ingress' | 'egress', value: EndpointPoliciesResponse): string[][] {
  const { open, rules } = value[direction];
  if (open) return [[direction, '', '', '', 'open', '', 'nothing applies: all is allowed']];
  return rules.map((rule) => row(direction, rule));
}

function noteOf({ endpoint, programmed, problem }: EndpointPoliciesResponse): string | undefined {
  if (problem !== undefined) return `${endpoint} is closed: ${problem}`;
  return programmed ? undefined : `${endpoint} is not in the data path: see its status`;
}

/** Rules of both directions. */
export const endpointPolicies: View = async (client, { endpoint }) => {
  if (endpoint === undefined) throw new UsageError('give --endpoint NAME');
  const value = await client.call('endpointPolicies', { params: { name: endpoint } });
  const note = noteOf(value);
  return {
    value,
    ...(note === undefined ? {} : { note }),
    table: () =>
      tableText(
        ['DIRECTION', 'TIER', 'BY', 'RULE', 'ACTION', 'PACKETS', 'MATCH'],
        [...rows('ingress', value), ...rows('egress', value)],
      ),
  };
};
