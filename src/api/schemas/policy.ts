// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { POLICY_DEFAULTS } from '../../model/index.js';
import { doc, nameField } from '../fields.js';
import { orderField } from './policy-fields.js';
import { policyRules } from './policy-rule.js';
import { selectorField } from './policy-selector.js';

const types = z
  .array(z.enum(['ingress', 'egress']))
  .min(1)
  .max(2)
  .check((context) => {
    const [first, second] = context.value;
    if (first === undefined || first !== second) return;
    context.issues.push({
      code: 'custom',
      path: [1],
      input: second,
      message: `${first} is given twice`,
    });
  });

/** Spec of a Policy. */
export const policySpec = z
  .strictObject({
    vpc: doc(
      nameField(),
      'Name of the Vpc whose endpoints it applies to. Default: those of every VPC, each VPC by itself.',
      { examples: ['blue'] },
    ).optional(),
    tier: doc(nameField(), 'Name of the Tier.', { default: POLICY_DEFAULTS.tier }).optional(),
    order: doc(
      orderField(),
      'Place in the tier: smaller ones first, equal ones by name. Default: behind all that have one.',
    ).optional(),
    selector: doc(selectorField(), 'Endpoints it applies to, by their labels.', {
      default: POLICY_DEFAULTS.selector,
      examples: ["role == 'db'"],
    }).optional(),
    types: doc(
      types,
      'Directions it applies in. One without rules is closed. Default: those that have a list, ingress when there is none.',
    ).optional(),
    ...policyRules,
  })
  .meta({
    id: 'PolicySpec',
    description: 'Who may open connections to the selected endpoints, and whom they may open to.',
  });
