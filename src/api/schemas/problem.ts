// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod';
import { doc } from '../fields.js';

/** Body of every error: application/problem+json, RFC 9457. */
export const problemSchema = z
  .object({
    type: doc(z.string(), 'URI of the kind of error.'),
    title: doc(z.string(), 'The kind of error in words.'),
    status: doc(z.int(), 'HTTP status.'),
    detail: doc(z.string(), 'What went wrong, in a sentence.'),
    code: doc(z.string(), 'Stable code for programs.', { examples: ['INVALID'] }),
    problems: doc(
      z.array(
        z.object({
          object: doc(z.string(), 'Kind/name of the object.', { examples: ['Endpoint/web-1'] }),
          field: doc(z.string(), 'Path of the field.', { examples: ['spec.addresses[0]'] }),
          rule: doc(z.string(), 'The rule that was broken.'),
        }),
      ),
      'What is wrong with the objects, field by field.',
    ).optional(),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457).' });
export type ProblemDocument = z.infer<typeof problemSchema>;
