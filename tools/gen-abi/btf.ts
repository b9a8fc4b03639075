// SPDX-License-Identifier: Apache-2.0
/** Types, maps and enums of a compiled object, out of `bpftool btf dump -j`. */
import { execFileSync } from 'node:child_process';
import type { FieldLayout, MapLayout, ScalarKind, StructLayout } from '../../src/maps/layout.js';

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly type_id?: number;
  readonly nr_elems?: number;
  readonly encoding?: string;
  readonly members?: readonly { name: string; type_id: number; bits_offset: number }[];
  readonly values?: readonly { name: string; val: number }[];
  readonly vars?: readonly { type_id: number }[];
}

/** A named enum: names to numbers, in their order. */
export interface BtfEnum {
  readonly name: string;
  readonly values: readonly { readonly name: string; readonly number: number }[];
}

type Shape =
  | { readonly kind: ScalarKind; readonly size: number }
  | { readonly kind: 'bytes'; readonly size: number }
  | { readonly kind: 'struct'; readonly size: number; readonly struct: string }
  | {
      readonly kind: 'array';
      readonly size: number;
      readonly of: ScalarKind;
      readonly count: number;
    };

function fail(what: string): never {
  throw new Error(`gen-abi: ${what}`);
}

export class Btf {
  readonly #types: ReadonlyMap<number, BtfType>;
  /** Structures found so far, the inner ones first. */
  readonly structs = new Map<string, StructLayout>();

  constructor(object: string) {
    const json = execFileSync('bpftool', ['btf', 'dump', 'file', object, '-j'], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const { types } = JSON.parse(json) as { types: BtfType[] };
    this.#types = new Map(types.map((type) => [type.id, type]));
  }

  enums(): BtfEnum[] {
    return [...this.#types.values()]
      .filter((type) => type.kind === 'ENUM' && type.name !== '(anon)')
      .map(({ name, values = [] }) => ({
        name,
        // 32-bit unsigned values are printed sign-extended to 64 bits
        values: values.map((v) => ({ name: v.name, number: v.val > 2 ** 32 ? 2 ** 31 : v.val })),
      }));
  }

  /** Adds a structure that no map mentions. */
  struct(name: string): void {
    const type = [...this.#types.values()].find((t) => t.kind === 'STRUCT' && t.name === name);
    this.#shape(type?.id ?? fail(`no struct ${name}`));
  }

  /** All maps of the .maps section. about finds a map's comment. */
  maps(about: (name: string) => string): MapLayout[] {
    const section = [...this.#types.values()].find(
      (type) => type.kind === 'DATASEC' && type.name === '.maps',
    );
    const vars = section?.vars ?? fail('no .maps section');
    return vars.map((entry) => {
      const variable = this.#type(entry.type_id);
      const { members = [] } = this.#type(variable.type_id ?? 0);
      const member = (name: string): BtfType | undefined => {
        const found = members.find((m) => m.name === name);
        return found && this.#type(this.#type(found.type_id).type_id ?? 0); // behind a pointer
      };
      const number = (name: string): number => member(name)?.nr_elems ?? 0; // __uint()
      const shape = (name: string): Shape | undefined => {
        const type = member(name);
        return type && this.#shape(type.id);
      };
      const key = shape('key');
      const value = shape('value');
      return {
        name: variable.name,
        type: number('type'),
        ...(key && { key: nameOf(key) }),
        ...(value && { value: nameOf(value) }),
        keySize: key?.size ?? 0,
        valueSize: value?.size ?? 0,
        maxEntries: number('max_entries'),
        flags: number('map_flags'),
        about: about(variable.name),
      };
    });
  }

  #type(id: number): BtfType {
    return this.#types.get(id) ?? fail(`no type ${id}`);
  }

  #shape(id: number): Shape {
    const type = this.#type(id);
    const size = type.size ?? 0;
    switch (type.kind) {
      case 'TYPEDEF':
        if (/^__be(16|32|64)$/.test(type.name)) {
          const kind = type.name.slice(2) as ScalarKind;
          return { kind, size: Number(kind.slice(2)) / 8 };
        }
        return this.#shape(type.type_id ?? 0);
      case 'CONST':
      case 'VOLATILE':
        return this.#shape(type.type_id ?? 0);
      case 'INT': {
        const sign = type.encoding === 'SIGNED' ? 'i' : 'u';
        return { kind: `${sign}${size * 8}` as ScalarKind, size };
      }
      case 'ENUM':
        return { kind: `u${size * 8}` as ScalarKind, size };
      case 'ARRAY': {
        const of = this.#shape(type.type_id ?? 0);
        const count = type.nr_elems ?? 0;
        if (of.kind === 'u8') return { kind: 'bytes', size: count };
        if (of.kind === 'bytes' || of.kind === 'struct' || of.kind === 'array') {
          fail(`an array of ${of.kind} is not supported`);
        }
        return { kind: 'array', of: of.kind, count, size: count * of.size };
      }
      case 'UNION':
        // its members get codecs of their own, for who knows which one it is
        for (const m of type.members ?? []) this.#shape(m.type_id);
        return { kind: 'bytes', size };
      case 'STRUCT':
        return this.#struct(type, size);
      default:
        return fail(`${type.kind} ${type.name} is not supported`);
    }
  }

  #struct(type: BtfType, size: number): Shape {
    if (type.name.startsWith('bpf_')) return { kind: 'bytes', size }; // lock, timer: the kernel's
    const fields = (type.members ?? []).map((m): FieldLayout => {
      const place = { name: m.name, offset: m.bits_offset / 8 };
      const shape = this.#shape(m.type_id);
      if (/^pad[0-9]*$/.test(m.name)) return { ...place, size: shape.size, kind: 'pad' };
      return { ...place, ...shape };
    });
    const [only] = fields;
    if (only?.kind === 'bytes' && only.size === size) return { kind: 'bytes', size };
    if (!this.structs.has(type.name)) {
      this.structs.set(type.name, { name: type.name, size, fields: withHoles(fields, size) });
    }
    return { kind: 'struct', size, struct: type.name };
  }
}

/** What the compiler inserted is padding as well. */
function withHoles(fields: readonly FieldLayout[], size: number): FieldLayout[] {
  const out: FieldLayout[] = [];
  let at = 0;
  const hole = (end: number): void => {
    if (end > at) out.push({ name: `hole${at}`, offset: at, size: end - at, kind: 'pad' });
  };
  for (const field of fields) {
    hole(field.offset);
    out.push(field);
    at = field.offset + field.size;
  }
  hole(size);
  return out;
}

function nameOf(shape: Shape): string {
  if (shape.kind === 'struct') return shape.struct;
  return shape.kind === 'bytes' ? `bytes${shape.size}` : shape.kind;
}
