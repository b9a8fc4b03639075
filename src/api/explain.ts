// SPDX-License-Identifier: Apache-2.0
/** The schemas as a tree of documented fields, for `explain`, completion and the docs. */
import { z } from 'zod';
import type { Kind } from '../model/index.js';
import { INPUT_SCHEMAS } from './schemas/objects.js';

export interface FieldInfo {
  readonly name: string;
  /** "string", "integer 1..255", "[]string", "auto | xdp | tc". */
  readonly type: string;
  readonly description: string;
  readonly required: boolean;
  readonly default: string | undefined;
  readonly examples: readonly string[];
  readonly fields: readonly FieldInfo[];
}

type Schema = z.core.JSONSchema.JSONSchema;

interface Scope {
  readonly definitions: Readonly<Record<string, Schema>>;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function resolve(schema: Schema, scope: Scope): Schema {
  const name = schema.$ref?.split('/').pop();
  const target = name === undefined ? undefined : scope.definitions[name];
  if (target === undefined) return schema;
  const { $ref: _, ...own } = schema;
  return { ...target, ...own };
}

function alternatives(schema: Schema): Schema[] {
  return (schema.oneOf ?? schema.anyOf ?? []).filter(isSchema);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function typeText(raw: Schema, scope: Scope): string {
  const schema = resolve(raw, scope);
  if (schema.const !== undefined) return text(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(text).join(' | ');
  const options = alternatives(schema);
  if (options.length > 0)
    return [...new Set(options.map((option) => typeText(option, scope)))].join(' | ');
  if (schema.type === 'array')
    return `[]${isSchema(schema.items) ? typeText(schema.items, scope) : 'any'}`;
  if (schema.type === 'integer') {
    const { minimum, maximum } = schema;
    const low = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? '' : String(minimum);
    const high = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? '' : String(maximum);
    return low === '' && high === '' ? 'integer' : `integer ${low}..${high}`;
  }
  if (schema.type === 'object' && schema.properties === undefined) return 'map of strings';
  return typeof schema.type === 'string' ? schema.type : 'any';
}

/** Fields of a union's variants, each shown once, saying which variant has it. */
function mergeVariants(variants: readonly Schema[], scope: Scope): Map<string, FieldInfo> {
  const merged = new Map<string, FieldInfo>();
  for (const variant of variants) {
    for (const field of fieldsOf(variant, scope)) {
      const there = merged.get(field.name);
      const isTag = tagOf(variant)?.name === field.name;
      const description = isTag
        ? `${field.type}: ${field.description}`
        : `With ${tagOf(variant)?.value ?? 'this'}: ${field.description}`;
      merged.set(field.name, {
        ...field,
        required: field.required && (there?.required ?? isTag),
        type:
          there === undefined || there.type === field.type
            ? field.type
            : `${there.type} | ${field.type}`,
        description: there === undefined ? description : `${there.description} ${description}`,
        examples: [...(there?.examples ?? []), ...field.examples],
        default: there?.default ?? field.default,
      });
    }
  }
  return merged;
}

/** The constant field that tells the variants of a union apart. */
function tagOf(variant: Schema): { name: string; value: string } | undefined {
  for (const [name, property] of Object.entries(variant.properties ?? {})) {
    if (isSchema(property) && property.const !== undefined)
      return { name, value: `${name} ${text(property.const)}` };
  }
  return undefined;
}

function fieldsOf(raw: Schema, scope: Scope): FieldInfo[] {
  const schema = resolve(raw, scope);
  if (schema.type === 'array') return isSchema(schema.items) ? fieldsOf(schema.items, scope) : [];
  const merged = mergeVariants(
    alternatives(schema).map((option) => resolve(option, scope)),
    scope,
  );
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (isSchema(property))
      merged.set(name, fieldInfo(name, property, schema.required?.includes(name) === true, scope));
  }
  return [...merged.values()];
}

function fieldInfo(name: string, raw: Schema, required: boolean, scope: Scope): FieldInfo {
  const schema = resolve(raw, scope);
  return {
    name,
    type: typeText(schema, scope),
    description: schema.description ?? '',
    required,
    default: schema.default === undefined ? undefined : text(schema.default),
    examples: (Array.isArray(schema.examples) ? schema.examples : []).map(text),
    fields: fieldsOf(schema, scope),
  };
}

/** The fields of a kind; the root is the object itself. */
export function kindInfo(kind: Kind): FieldInfo {
  const schema: Schema = z.toJSONSchema(INPUT_SCHEMAS[kind], { io: 'input' });
  const definitions: Record<string, Schema> = {};
  for (const [name, definition] of Object.entries(schema.$defs ?? {})) {
    if (isSchema(definition)) definitions[name] = definition;
  }
  return { ...fieldInfo(kind, schema, true, { definitions }), type: 'object' };
}

/** The field at a path like ["spec", "device", "netns"]; undefined when there is none. */
export function fieldAt(root: FieldInfo, path: readonly string[]): FieldInfo | undefined {
  let field: FieldInfo | undefined = root;
  for (const name of path) field = field?.fields.find((candidate) => candidate.name === name);
  return field;
}
