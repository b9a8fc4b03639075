// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { POLICY_DEFAULTS } from '../../model/index.js';
import { doc } from '../fields.js';
import { orderField } from './policy-fields.js';

/** Spec of a Tier. */
export const tierSpec = z
  .strictObject({
    order: doc(
      orderField(),
      'Place among the tiers: smaller ones first, equal ones by name. Default: behind all that have one.',
    ).optional(),
    defaultAction: doc(
      z.enum(['deny', 'pass']),
      'What becomes of what no rule decides, where a policy of the tier applies.',
      { default: POLICY_DEFAULTS.tierAction },
    ).optional(),
  })
  .meta({ id: 'TierSpec', description: 'Policies that are asked together.' });
