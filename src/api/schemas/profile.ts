// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { doc } from '../fields.js';
import { labelsSchema } from './metadata.js';
import { profileRules } from './policy-rule.js';

/** Spec of a Profile. */
export const profileSpec = z
  .strictObject({
    labels: doc(
      labelsSchema,
      'Labels of the endpoints that name the profile. Their own win, and those of profiles named before.',
    ).optional(),
    ...profileRules,
  })
  .meta({
    id: 'ProfileSpec',
    description: 'Labels and rules of endpoints that name it; rules count behind all tiers.',
  });
