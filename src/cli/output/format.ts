// SPDX-License-Identifier: Apache-2.0
/** The -o option: values as JSON or YAML, objects by name. */
import { Option } from 'commander';
import { stringify } from 'yaml';

export const FORMATS = ['table', 'wide', 'json', 'yaml', 'name'] as const;
export type Format = (typeof FORMATS)[number];

/** The -o option of a command. */
export function formatOption(choices: readonly Format[] = FORMATS): Option {
  return new Option('-o, --output <format>', 'how to print').choices([...choices]).default('table');
}

/** A document of JSON, two spaces deep, or YAML. */
export function documentText(value: unknown, format: 'json' | 'yaml'): string {
  return format === 'json'
    ? `${JSON.stringify(value, undefined, 2)}\n`
    : stringify(value, { aliasDuplicateObjects: false });
}
