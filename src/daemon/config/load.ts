// SPDX-License-Identifier: Apache-2.0
/** Reads the settings file. Everything wrong with it is reported at once, line by line. */
import { readFileSync } from 'node:fs';
import { isNode, LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { errorText } from '../../base/errors.js';
import { ConfigError } from './errors.js';
import { settingsSchema } from './schema.js';
import { completeSettings, type Settings } from './settings.js';

export interface ConfigProblem {
  /** 1 is the first; undefined when the file does not mention the field. */
  readonly line: number | undefined;
  /** "datapath.maxFlows"; '' is the file itself. */
  readonly field: string;
  readonly rule: string;
}

/** @throws ConfigError CONFIG_UNREADABLE, CONFIG_INVALID naming file, field and rule. */
export function loadSettings(path: string): Settings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(
      'CONFIG_UNREADABLE',
      `${path} cannot be read: ${errorText(error)}`,
      { path },
      error,
    );
  }
  return parseSettings(text, path);
}

/** @throws ConfigError CONFIG_INVALID. */
export function parseSettings(text: string, path: string): Settings {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const broken = [...document.errors, ...document.warnings].map((error) => ({
    line: lines.linePos(error.pos[0]).line,
    field: '',
    rule: error.message,
  }));
  if (broken.length > 0) throw invalid(path, broken);
  let value: unknown;
  try {
    value = document.toJS() as unknown;
  } catch (error) {
    // Aliases: unresolved, or too many.
    throw invalid(path, [{ line: undefined, field: '', rule: errorText(error) }]);
  }
  // An empty file, or one with comments only: all defaults.
  const result = settingsSchema.safeParse(value ?? {});
  if (result.success) return completeSettings(result.data);
  throw invalid(
    path,
    result.error.issues.flatMap((issue) => problems(issue, document, lines)),
  );
}

function problems(
  issue: z.core.$ZodIssue,
  document: Document,
  lines: LineCounter,
): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return {
        line: lineOf(path, document, lines),
        field: fieldName(path),
        rule: 'is not a setting',
      };
    });
  }
  const line = lineOf(issue.path, document, lines);
  return [{ line, field: fieldName(issue.path), rule: issue.message }];
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

function lineOf(
  path: readonly PropertyKey[],
  document: Document,
  lines: LineCounter,
): number | undefined {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isNode(node) || node.range == null) return undefined;
  return lines.linePos(node.range[0]).line;
}

function invalid(path: string, found: readonly ConfigProblem[]): ConfigError {
  const text = found.map(({ line, field, rule }) =>
    [line === undefined ? path : `${path}:${line}`, ...(field === '' ? [] : [field]), rule].join(
      ': ',
    ),
  );
  return new ConfigError('CONFIG_INVALID', text.join('\n'), {
    path,
    ...(found[0] === undefined ? {} : { field: found[0].field }),
    problems: found,
  });
}
