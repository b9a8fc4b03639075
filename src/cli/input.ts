// SPDX-License-Identifier: Apache-2.0
/** Reads objects from files, directories and standard input: YAML documents, JSON, lists of both. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, parseDocument, type Document } from 'yaml';
import { MAX_PROBLEMS } from '../api/index.js';
import { errorText } from '../base/errors.js';
import { problemText, type Problem } from '../model/index.js';
import { InputError } from './input-error.js';
import { isKubernetes, translate, type TranslateOptions } from './kubernetes/translate.js';
import { Progress } from './progress.js';
import type { Session } from './session.js';

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value and the document that it is of. */
interface Found {
  readonly value: unknown;
  readonly where: string;
}

/** The objects of one document: itself, or the items of a list. */
function* unfold(value: unknown, where: string): Generator<Found> {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    for (const item of value) yield* unfold(item, where);
  } else if (isFields(value) && String(value['kind']).toLowerCase() === 'list') {
    const items = value['items'];
    if (!Array.isArray(items)) throw new InputError(`${where}: a List has items`);
    for (const item of items) yield* unfold(item, where);
  } else {
    yield { value, where };
  }
}

function documentValue(document: Document, name: string, lineOffset: number): unknown {
  const [error] = document.errors;
  if (error !== undefined) {
    const line = lineOffset + (error.linePos?.[0].line ?? 1);
    const [first] = error.message.split('\n');
    throw new InputError(
      `${name}:${line}: ${(first ?? '').replace(/ at line \d+, column \d+:?$/, '')}`,
    );
  }
  try {
    return document.toJS();
  } catch (error) {
    // Aliases: unresolved, or too many.
    throw new InputError(`${name}: ${errorText(error)}`, error);
  }
}

/** YAML documents one by one: a file of many thousands shows progress and needs little memory. */
function* yamlValues(text: string, name: string): Generator {
  if (/^%/m.test(text)) {
    // Directives reach over document markers.
    for (const document of parseAllDocuments(text)) yield documentValue(document, name, 0);
    return;
  }
  let line = 0;
  for (const part of text.split(/^(?=---(?:\s|$))/m)) {
    // A lone "..." or "---" is an empty document.
    if (part.trim() !== '') yield documentValue(parseDocument(part), name, line);
    line += part.split('\n').length - 1;
  }
}

function jsonValue(text: string): { readonly value: unknown } | undefined {
  // JSON is YAML, but JSON.parse is fifty times as fast.
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    // YAML flow style looks alike; its parser also says where the mistake is.
    return undefined;
  }
}

/** Objects of one text, Kubernetes' translated. @throws InputError */
export function parseText(
  text: string,
  name: string,
  options: TranslateOptions = {},
  progress?: Progress,
): unknown[] {
  try {
    return objectsOf(text, name, options, progress);
  } catch (error) {
    // The parser, unfold() and translate() follow the text's nesting.
    if (error instanceof RangeError) throw new InputError(`${name}: is nested too deeply`, error);
    throw error;
  }
}

function* foundIn(text: string, name: string): Generator<Found> {
  const json = jsonValue(text);
  if (json !== undefined) {
    yield* unfold(json.value, name);
    return;
  }
  let document = 0;
  for (const value of yamlValues(text, name))
    yield* unfold(value, `${name}: document ${++document}`);
}

function objectsOf(
  text: string,
  name: string,
  options: TranslateOptions,
  progress?: Progress,
): unknown[] {
  const objects: unknown[] = [];
  const problems: Problem[] = [];
  for (const { value, where } of foundIn(text, name)) {
    if (isFields(value) && isKubernetes(value)) {
      const translation = translate(value, where, options);
      if (translation.ok) objects.push(translation.object);
      else problems.push(...translation.problems);
    } else {
      objects.push(value);
    }
    progress?.at(() => `reading ${name}: ${objects.length} objects`);
    if (problems.length >= MAX_PROBLEMS) break;
  }
  const [first] = problems;
  if (first === undefined) return objects;
  throw new InputError(problemText(first), undefined, problems.slice(0, MAX_PROBLEMS));
}

async function readInput(session: Session): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of session.terminal.stdin)
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

async function filesOf(path: string, recursive: boolean): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = await readdir(path, { recursive });
  return names
    .filter((name) => /\.(ya?ml|json)$/i.test(name))
    .sort()
    .map((name) => join(path, name));
}

export interface ReadOptions extends TranslateOptions {
  readonly recursive?: boolean;
}

/** Objects of files, directories and "-". @throws InputError */
export async function readObjects(
  session: Session,
  paths: readonly string[],
  options: ReadOptions = {},
): Promise<unknown[]> {
  const progress = new Progress(session);
  const objects: unknown[] = [];
  for (const path of paths) {
    const texts: { name: string; text: string }[] = [];
    if (path === '-') {
      texts.push({ name: 'standard input', text: await readInput(session) });
    } else {
      try {
        for (const name of await filesOf(path, options.recursive === true))
          texts.push({ name, text: await readFile(name, 'utf8') });
      } catch (error) {
        throw new InputError(`${path} cannot be read: ${errorText(error)}`, error);
      }
    }
    for (const { name, text } of texts) {
      for (const object of parseText(text, name, options, progress)) objects.push(object);
    }
  }
  if (objects.length === 0) throw new InputError(`${paths.join(', ')}: there are no objects`);
  return objects;
}
