// SPDX-License-Identifier: Apache-2.0
/** Field types that policies have in common; each judges a text and makes it canonical. */
import { z } from 'zod';
import { errorText } from '../../base/errors.js';
import { formatPrefix, parseAddress, parsePrefix } from '../../base/net.js';
import { canonicalPortSpec, isPortName, MAX_POLICY_LIST } from '../../model/index.js';
import { doc } from '../fields.js';

/** Adds an issue of the value itself. */
function wrong(context: { issues: z.core.$ZodRawIssue[]; value: unknown }, error: unknown): void {
  context.issues.push({ code: 'custom', message: errorText(error), input: context.value });
}

function canonicalNet(text: string): string {
  if (text.includes('/')) return formatPrefix(parsePrefix(text));
  const address = parseAddress(text);
  return formatPrefix({ address, length: address.family === 4 ? 32 : 128 });
}

/** Prefix without host bits, or an address: afterwards the prefix of that alone. */
function netField() {
  return z.string().check((context) => {
    try {
      context.value = canonicalNet(context.value);
    } catch (error) {
      wrong(context, error);
    }
  });
}

/** List of prefixes and addresses, at least `min`. */
export function netsField(min: 0 | 1) {
  return z
    .array(
      doc(netField(), 'Prefix without host bits, or an address.', { examples: ['10.0.0.0/24'] }),
    )
    .min(min)
    .max(MAX_POLICY_LIST);
}

/** List of ports, ranges and names of ports. */
export function portSpecsField() {
  const entry = z
    .union([z.string(), z.int()], {
      error: 'must be a port, a range of ports as 8000-8099, or the name of a port',
    })
    .check((context) => {
      try {
        context.value = canonicalPortSpec(context.value);
      } catch (error) {
        wrong(context, error);
      }
    });
  return z
    .array(
      doc(entry, 'Port, range FIRST-LAST, or name of a port of endpoints.', {
        examples: [443, '8000-8099', 'http'],
      }),
    )
    .min(1)
    .max(MAX_POLICY_LIST);
}

/** Name of a port. */
export const portNameField = (): z.ZodString =>
  z.string().refine(isPortName, {
    error: (issue) =>
      `${JSON.stringify(issue.input)} is not the name of a port: use 1 to 15 lower-case letters, digits and hyphens; it starts with a letter and ends with a letter or digit (RFC 6335)`,
  });

/** Where among others of its kind; equal ones by name. */
export const orderField = () => z.number().meta({ examples: [100] });
