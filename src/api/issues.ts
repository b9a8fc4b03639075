// SPDX-License-Identifier: Apache-2.0
/** zod's issues as sentences an operator can act on. */
import type { z } from 'zod';

type Issue = z.core.$ZodIssue;

/** "spec.addresses[0]"; keys that are not plain words are quoted. */
export function fieldPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(String(part)))
      text += text === '' ? String(part) : `.${String(part)}`;
    else text += `[${JSON.stringify(String(part))}]`;
  }
  return text;
}

const ARTICLES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Readonly<Record<PropertyKey, unknown>>)[part];
  }
  return value;
}

/** JSON of any value; undefined for what JSON has no word for, whatever its types say. */
const jsonOf: (value: unknown) => string | undefined = JSON.stringify;

/** A value as a problem quotes it. */
export function show(value: unknown): string {
  try {
    const text = jsonOf(value) ?? 'nothing';
    return text.length > 60 ? `${text.slice(0, 57)}…` : text;
  } catch (error) {
    // JSON.parse has no limit of depth, JSON.stringify has.
    if (error instanceof RangeError) return 'a value nested that deeply';
    throw error;
  }
}

function listOf(values: readonly unknown[]): string {
  const texts = values.map((value) => String(value));
  const last = texts.pop() ?? '';
  return texts.length === 0 ? last : `${texts.join(', ')} or ${last}`;
}

function sizeRule(issue: Issue & { code: 'too_small' | 'too_big' }, value: unknown): string {
  const low = issue.code === 'too_small';
  const bound = low ? issue.minimum : issue.maximum;
  const word = low ? 'at least' : 'at most';
  if (issue.origin === 'array') {
    return `has ${Array.isArray(value) ? value.length : 0} entries, must have ${word} ${bound}`;
  }
  if (issue.origin === 'string') return `must have ${word} ${bound} characters`;
  return `${show(value)} is out of range: must be ${word} ${bound}`;
}

/** One sentence per issue; root is the value that was judged. */
export function issueRules(issue: Issue, root: unknown): { field: string; rule: string }[] {
  const field = fieldPath(issue.path);
  const value = valueAt(root, issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        field: fieldPath([...issue.path, key]),
        rule: 'unknown field',
      }));
    case 'invalid_type': {
      if (value === undefined) return [{ field, rule: 'is required' }];
      if (typeof value === 'number' && !Number.isFinite(value))
        return [{ field, rule: `${value} is not a finite number` }];
      const wanted = ARTICLES[issue.expected] ?? issue.expected;
      return [{ field, rule: `${show(value)} is not ${wanted}` }];
    }
    case 'invalid_value':
      if (value === undefined) return [{ field, rule: 'is required' }];
      return [{ field, rule: `${show(value)} is not allowed: must be ${listOf(issue.values)}` }];
    case 'too_small':
    case 'too_big':
      return [{ field, rule: sizeRule(issue, value) }];
    case 'invalid_union': {
      if (value === undefined) return [{ field, rule: 'is required' }];
      const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
      if (options.length > 0) {
        return [{ field, rule: `${show(value)} is not allowed: must be ${listOf(options)}` }];
      }
      return [{ field, rule: `${show(value)} is not allowed: ${issue.message}` }];
    }
    default:
      return [{ field, rule: issue.message }];
  }
}
