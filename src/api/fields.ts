// SPDX-License-Identifier: Apache-2.0
/**
 * Field types shared by the kinds. A check both judges a text and replaces it by its canonical
 * form, so that what passes the schema is canonical. Each use of a field states its description,
 * and its default where it has one, through doc().
 */
import { z } from 'zod';
import { canonicalAddress, formatMac, formatPrefix, parseMac, parsePrefix } from '../base/net.js';
import { errorText } from '../base/errors.js';
import { formatPorts, parsePoolEntry, parsePorts } from '../model/index.js';

export interface FieldDoc {
  readonly default?: string | number | boolean;
  readonly examples?: readonly (string | number)[];
}

/** Attaches what OpenAPI, `explain` and the docs say about a field. */
export function doc<S extends z.ZodType>(schema: S, description: string, more: FieldDoc = {}): S {
  return schema.meta({
    description,
    ...(more.default === undefined ? {} : { default: more.default }),
    ...(more.examples === undefined ? {} : { examples: [...more.examples] }),
  });
}

function canonical(convert: (text: string) => string): z.ZodString {
  return z.string().check((context) => {
    try {
      context.value = convert(context.value);
    } catch (error) {
      context.issues.push({ code: 'custom', message: errorText(error), input: context.value });
    }
  });
}

/** IPv4 or IPv6 address, RFC 5952 afterwards. */
export const addressField = (): z.ZodString => canonical(canonicalAddress);

/** ADDRESS/LENGTH without host bits. */
export const prefixField = (): z.ZodString => canonical((text) => formatPrefix(parsePrefix(text)));

/** Six bytes with colons, lower case afterwards. */
export const macField = (): z.ZodString => canonical((text) => formatMac(parseMac(text)));

/** Address, range "a-b" of addresses, or prefix. */
export const poolEntryField = (): z.ZodString => canonical((text) => parsePoolEntry(text).text);

/** A port or a range of ports: a text afterwards, also where a number was given. */
export function portsField() {
  return z
    .union([z.string(), z.int()], { error: 'must be a port or a range of ports, as 8000-8099' })
    .check((context) => {
      try {
        context.value = formatPorts(parsePorts(String(context.value)));
      } catch (error) {
        context.issues.push({ code: 'custom', message: errorText(error), input: context.value });
      }
    });
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const NAME_RULE =
  'a name is 1 to 63 lower-case letters, digits and hyphens, and starts and ends with a letter or digit (RFC 1123)';

/** True for what may name an object. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Name of an object, or a reference to one. */
export const nameField = (): z.ZodString =>
  z.string().regex(NAME, { error: (issue) => `${quote(issue.input)} is not a name: ${NAME_RULE}` });

/** Name of a host, as the daemon's `host` setting has it. */
export const hostField = (): z.ZodString =>
  z.string().regex(/^[A-Za-z0-9]([-.A-Za-z0-9]{0,251}[A-Za-z0-9])?$/, {
    error: (issue) =>
      `${quote(issue.input)} is not a host name: use 1 to 253 letters, digits, hyphens and dots (RFC 1123)`,
  });

/** True for what the kernel takes as a device name (dev_valid_name(), IFNAMSIZ less the NUL). */
export function isDeviceName(text: string): boolean {
  return /^[^\s/:%\0]{1,15}$/.test(text) && text !== '.' && text !== '..';
}

/** Name of a network device. */
export const deviceField = (): z.ZodString =>
  z.string().refine(isDeviceName, {
    error: (issue) =>
      `${quote(issue.input)} is not a device name: use 1 to 15 characters without "/", ":", "%" and white space`,
  });

/** A named network namespace or the absolute path of one. */
export const netnsField = (): z.ZodString =>
  z.string().refine((text) => /^\/[^\0]+$/.test(text) || /^[^/\s\0]{1,255}$/.test(text), {
    error: (issue) =>
      `${quote(issue.input)} is not a network namespace: give a name under /run/netns or an absolute path`,
  });

/** Largest packet, L3 bytes. */
export const mtuField = (): z.ZodInt => z.int().min(576).max(65535);

function quote(value: unknown): string {
  return JSON.stringify(value);
}
