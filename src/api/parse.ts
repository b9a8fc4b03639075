// SPDX-License-Identifier: Apache-2.0
/**
 * The way from a client's object to the model's. What comes out is canonical and its shape is
 * right; whether it agrees with the other objects is model/validate's business.
 */
import { atOnce, STRIDE, type Work } from '../base/portions.js';
import {
  KINDS,
  MAX_POLICY_ENTRIES,
  type Kind,
  type Problem,
  type StoredObject,
} from '../model/index.js';
import { issueRules, show } from './issues.js';
import { kindByWord } from './kinds.js';
import { INPUT_SCHEMAS } from './schemas/objects.js';

export interface ParsedObject {
  /** generation, resourceVersion and createdAt are empty: the server sets them. */
  readonly object: StoredObject;
  /** The resourceVersion the client gave: a precondition of the write. */
  readonly expectedVersion: number | undefined;
}

export type ParseResult =
  | { readonly ok: true; readonly value: ParsedObject }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** "Endpoint/web-1" as far as the input says so, else the fallback ("objects[3]"). */
function labelOf(value: Fields, kind: Kind, fallback: string): string {
  const metadata = value['metadata'];
  const name = isFields(metadata) ? metadata['name'] : undefined;
  return typeof name === 'string' && name !== '' ? `${kind}/${name}` : `${fallback} (${kind})`;
}

function failed(object: string, field: string, rule: string): ParseResult {
  return { ok: false, problems: [{ object, field, rule }] };
}

function kindOf(word: unknown): Kind | undefined {
  return (
    KINDS.find((kind) => kind === word) ?? (typeof word === 'string' ? kindByWord(word) : undefined)
  );
}

/** One object is judged in one go: how many entries its lists may have in all. */
const MAX_ENTRIES: Readonly<Partial<Record<Kind, number>>> = {
  Profile: MAX_POLICY_ENTRIES,
  Policy: MAX_POLICY_ENTRIES,
};

/** Entries of all lists in a value; stops soon after `most`. */
function countEntries(root: unknown, most: number): number {
  let count = 0;
  const open: unknown[] = [root];
  while (open.length > 0 && count <= most) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) count += value.length;
    if (count > most) break;
    for (const member of Object.values(value)) open.push(member);
  }
  return count;
}

/** Parses one object of any kind; `where` names it in problems while its name is not known. */
export function parseObject(input: unknown, where = 'object'): ParseResult {
  if (!isFields(input)) return failed(where, '', 'is not an object');
  const word = input['kind'];
  if (word === undefined) return failed(where, 'kind', 'is required');
  const kind = kindOf(word);
  if (kind === undefined) {
    return failed(where, 'kind', `${show(word)} is not a kind: must be ${KINDS.join(', ')}`);
  }
  const most = MAX_ENTRIES[kind];
  // Before the schema, which would judge each of them first.
  if (most !== undefined && countEntries(input['spec'], most) > most) {
    const rule = `its lists have more than ${most} entries in all`;
    return failed(labelOf(input, kind, where), 'spec', rule);
  }
  const result = INPUT_SCHEMAS[kind].safeParse(word === kind ? input : { ...input, kind });
  if (!result.success) {
    const object = labelOf(input, kind, where);
    const problems = result.error.issues
      .slice(0, MAX_PROBLEMS)
      .flatMap((issue) => issueRules(issue, input).map((rule) => ({ object, ...rule })));
    return { ok: false, problems };
  }
  const { metadata, spec } = result.data;
  const object = {
    kind,
    metadata: {
      name: metadata.name,
      ...(metadata.labels === undefined ? {} : { labels: metadata.labels }),
      generation: 0,
      resourceVersion: 0,
      createdAt: '',
    },
    spec: withoutUndefined(spec),
    // The schema of the kind has judged the spec; types cannot follow the pairing of both.
  } as StoredObject;
  return { ok: true, value: { object, expectedVersion: metadata.resourceVersion } };
}

/** Optional fields are absent, never undefined: stored text and comparisons rely on it. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (!isFields(value)) return value;
  const out: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member !== undefined) out[key] = withoutUndefined(member);
  }
  return out;
}

export interface ParsedObjects {
  readonly objects: readonly ParsedObject[];
  readonly problems: readonly Problem[];
}

/** Problems are cut at this number: nobody reads more, and a bad file has one per object. */
export const MAX_PROBLEMS = 100;

/** Parses a request's objects; one object may be given only once. */
export function* parsing(inputs: readonly unknown[]): Work<ParsedObjects> {
  const objects: ParsedObject[] = [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  for (const [index, input] of inputs.entries()) {
    if (index > 0 && index % STRIDE === 0) yield;
    const result = parseObject(input, `objects[${index}]`);
    if (!result.ok) {
      problems.push(...result.problems);
      if (problems.length >= MAX_PROBLEMS) break;
      continue;
    }
    const { kind, metadata } = result.value.object;
    const object = `${kind}/${metadata.name}`;
    if (seen.has(object)) {
      problems.push({ object, field: 'metadata.name', rule: 'is given more than once' });
    }
    seen.add(object);
    objects.push(result.value);
  }
  return { objects, problems: problems.slice(0, MAX_PROBLEMS) };
}

/** The same in one go. */
export function parseObjects(inputs: readonly unknown[]): ParsedObjects {
  return atOnce(parsing(inputs));
}
