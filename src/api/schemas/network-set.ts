// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { MAX_POLICY_LIST } from '../../model/index.js';
import { doc, nameField } from '../fields.js';
import { netsField } from './policy-fields.js';

/** Spec of a NetworkSet. */
export const networkSetSpec = z
  .strictObject({
    vpc: doc(nameField(), 'Name of the Vpc whose rules know it. Default: those of every VPC.', {
      examples: ['blue'],
    }).optional(),
    nets: doc(
      netsField(0),
      `Prefixes and addresses, at most ${MAX_POLICY_LIST}. Selectors of rules find them by metadata.labels.`,
    ),
  })
  .meta({ id: 'NetworkSetSpec', description: 'Addresses that have labels.' });
