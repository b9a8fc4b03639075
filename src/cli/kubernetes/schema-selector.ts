// SPDX-License-Identifier: Apache-2.0
/** What Kubernetes' label selectors look like. */
import { z } from 'zod';
import {
  isLabelKey,
  isLabelValue,
  labelKeyRule,
  labelsSchema,
  labelValueRule,
} from '../../api/index.js';
import { namespaceKey } from './names.js';

const key = z.string().refine(isLabelKey, { error: ({ input }) => labelKeyRule(String(input)) });
const value = z
  .string()
  .refine(isLabelValue, { error: ({ input }) => labelValueRule(String(input)) });

const requirement = z
  .strictObject({
    key,
    operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
    values: z.array(value).optional(),
  })
  .check((context) => {
    const { operator, values = [] } = context.value;
    const needs = operator === 'In' || operator === 'NotIn';
    if (needs === values.length > 0) return;
    const message = needs
      ? `operator ${operator} needs at least one value`
      : `operator ${operator} takes no values`;
    context.issues.push({ code: 'custom', path: ['values'], input: values, message });
  });

/** Labels by equality, expressions about labels, or both: all must be met. */
export const labelSelector = z.strictObject({
  matchLabels: labelsSchema.optional(),
  matchExpressions: z.array(requirement).optional(),
});

/** The same about namespaces: keys must leave room for what is put before them. */
export const namespaceSelector = labelSelector.check((context) => {
  const { matchLabels = {}, matchExpressions = [] } = context.value;
  const check = (text: string, path: (string | number)[]): void => {
    if (!isLabelKey(text) || isLabelKey(namespaceKey(text))) return;
    const message = tooLongRule(text);
    context.issues.push({ code: 'custom', path, input: text, message });
  };
  for (const text of Object.keys(matchLabels)) check(text, ['matchLabels', text]);
  for (const [i, { key: text }] of matchExpressions.entries())
    check(text, ['matchExpressions', i, 'key']);
});

/** About a key of a namespace whose namespaceKey() is none. */
export function tooLongRule(text: string): string {
  return `"${text}" is too long for a namespace's label: its prefix may have 250 characters`;
}
