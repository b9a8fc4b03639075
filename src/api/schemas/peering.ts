// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { doc, nameField, prefixField } from '../fields.js';

const exposed = z.strictObject({
  prefix: doc(prefixField(), 'Prefix of the VPC, without host bits.', {
    examples: ['10.0.0.0/24'],
  }),
  as: doc(
    prefixField(),
    'Prefix of the same length that the other VPC sees instead, address by address. Default: the same prefix.',
    { examples: ['100.64.1.0/24'] },
  ).optional(),
});

const side = z.strictObject({
  vpc: doc(nameField(), 'Name of the Vpc.', { examples: ['blue'] }),
  expose: doc(
    z.array(exposed).min(1).max(256),
    'What the other VPC may reach, and whence this VPC may reach the other; 1 to 256 prefixes.',
  ),
});

/** Spec of a Peering. */
export const peeringSpec = z
  .strictObject({
    sides: doc(
      z.array(side).length(2),
      'The two VPCs. Each reaches what the other exposes, from what it exposes itself.',
    ),
  })
  .meta({ id: 'PeeringSpec', description: 'Which VPCs shall reach each other, and how.' });
