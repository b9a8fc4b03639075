// SPDX-License-Identifier: Apache-2.0
/** Metadata as given by clients, and as shown to them. */
import { z } from 'zod';
import { doc, nameField } from '../fields.js';

const LABEL_KEY =
  /^([a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$/;

/** Labels, with the syntax Kubernetes uses. */
export const labelsSchema = z.record(z.string(), z.string()).check((context) => {
  for (const [key, value] of Object.entries(context.value)) {
    if (!LABEL_KEY.test(key)) {
      context.issues.push({
        code: 'custom',
        path: [key],
        input: key,
        message: `"${key}" is not a label key: use [DNS prefix/]NAME, the name 1 to 63 letters, digits, "-", "_" and "."`,
      });
    }
    if (typeof value === 'string' && !LABEL_VALUE.test(value)) {
      context.issues.push({
        code: 'custom',
        path: [key],
        input: value,
        message: `"${value}" is not a label value: use at most 63 letters, digits, "-", "_" and "."`,
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
