// SPDX-License-Identifier: Apache-2.0
/** Metadata as given by clients, and as shown to them. */
import { z } from 'zod';
import { doc, nameField } from '../fields.js';
import { isLabelKey, isLabelValue, labelKeyRule, labelValueRule } from '../labels.js';

/** Labels, with the syntax Kubernetes uses. */
export const labelsSchema = z.record(z.string(), z.string()).check((context) => {
  for (const [key, value] of Object.entries(context.value)) {
    if (!isLabelKey(key)) {
      context.issues.push({
        code: 'custom',
        path: [key],
        input: key,
        message: labelKeyRule(key),
      });
    }
    if (typeof value === 'string' && !isLabelValue(value)) {
      context.issues.push({
        code: 'custom',
        path: [key],
        input: value,
        message: labelValueRule(value),
      });
    }
  }
});

const generation = doc(z.int().min(0), 'Raised by each change of the spec. Set by the server.');
const createdAt = doc(z.string(), 'Time of creation (RFC 3339). Set by the server.');
const resourceVersion = z.int().min(0);
const name = doc(nameField(), 'Name, unique within the kind.', { examples: ['web-1'] });
const labels = doc(labelsSchema, 'Keys and values to select objects by.').optional();

export const metadataInput = z.strictObject({
  name,
  labels,
  generation: generation.optional(),
  resourceVersion: doc(
    resourceVersion,
    'Revision of the last change. When given, the write is refused unless the stored object has this one; 0 means that the object must not exist.',
  ).optional(),
  createdAt: createdAt.optional(),
});

export const metadataOutput = z.object({
  name,
  labels,
  generation,
  resourceVersion: doc(resourceVersion, 'Store revision of the last change.'),
  createdAt,
});
