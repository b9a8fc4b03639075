// SPDX-License-Identifier: Apache-2.0
/**
 * Reads and writes map entries as the compiled object's BTF lays them out. Apart from the
 * daemon's codecs on purpose: a mistake there cannot hide itself in these tests.
 */
import { execFileSync } from 'node:child_process';

interface Member {
  readonly name: string;
  readonly type_id: number;
  readonly bits_offset: number;
}

interface Type {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly type_id?: number;
  readonly nr_elems?: number;
  readonly encoding?: string;
  readonly members?: readonly Member[];
}

/** Numbers, bytes as they are in memory, or members by name; what is left out is zero. */
export type Value =
  number | bigint | Uint8Array | readonly Value[] | { readonly [name: string]: Value };

export class Layouts {
  private readonly byId: ReadonlyMap<number, Type>;
  private readonly structs: ReadonlyMap<string, Type>;

  constructor(objectPath: string) {
    const out = execFileSync('bpftool', ['btf', 'dump', 'file', objectPath, '-j'], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const { types } = JSON.parse(out) as { types: readonly Type[] };
    this.byId = new Map(types.map((t) => [t.id, t]));
    this.structs = new Map(
      types.filter((t) => /STRUCT|UNION/.test(t.kind)).map((t) => [t.name, t]),
    );
  }

  size(struct: string): number {
    return this.sizeOf(this.struct(struct));
  }

  encode(struct: string, value: Value): Uint8Array {
    const type = this.struct(struct);
    const out = new Uint8Array(this.sizeOf(type));
    this.write(new DataView(out.buffer), 0, type, value, false);
    return out;
  }

  /** Members by name; byte arrays as bytes, other arrays as arrays, 64-bit numbers as bigint. */
  decode(struct: string, bytes: Uint8Array): Record<string, Value> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.read(view, 0, this.struct(struct), false) as Record<string, Value>;
  }

  private struct(name: string): Type {
    const type = this.structs.get(name);
    if (!type) throw new Error(`no struct ${name} in the object's BTF`);
    return type;
  }

  private resolve(id: number): Type {
    let type = this.byId.get(id);
    while (type && /^(TYPEDEF|CONST|VOLATILE)$/.test(type.kind)) {
      type = this.byId.get(type.type_id ?? 0);
    }
    if (!type) throw new Error(`no type ${id} in the object's BTF`);
    return type;
  }

  private isBigEndian(id: number): boolean {
    const type = this.byId.get(id);
    return type?.kind === 'TYPEDEF' && /^__be\d+$/.test(type.name);
  }

  private sizeOf(type: Type): number {
    if (type.kind === 'ARRAY') {
      return (type.nr_elems ?? 0) * this.sizeOf(this.resolve(type.type_id ?? 0));
    }
    return type.size ?? 0;
  }

  private write(view: DataView, at: number, type: Type, value: Value, big: boolean): void {
    if (value instanceof Uint8Array) {
      if (value.length !== this.sizeOf(type)) throw new Error(`${type.name}: wrong length`);
      new Uint8Array(view.buffer, view.byteOffset + at, value.length).set(value);
    } else if (typeof value === 'number' || typeof value === 'bigint') {
      const n = BigInt(value);
      const size = this.sizeOf(type);
      for (let i = 0; i < size; i++) {
        const shift = BigInt(8 * (big ? size - 1 - i : i));
        view.setUint8(at + i, Number((n >> shift) & 0xffn));
      }
    } else if (Array.isArray(value)) {
      const element = this.resolve(type.type_id ?? 0);
      const step = this.sizeOf(element);
      value.forEach((v: Value, i) => {
        this.write(view, at + i * step, element, v, big);
      });
    } else {
      for (const [name, v] of Object.entries(value)) {
        const member = type.members?.find((m) => m.name === name);
        if (!member) throw new Error(`${type.name} has no member ${name}`);
        const offset = at + member.bits_offset / 8;
        const inner = this.resolve(member.type_id);
        this.write(view, offset, inner, v, this.isBigEndian(member.type_id));
      }
    }
  }

  private read(view: DataView, at: number, type: Type, big: boolean): Value {
    if (type.kind === 'ARRAY') {
      const element = this.resolve(type.type_id ?? 0);
      const step = this.sizeOf(element);
      const count = type.nr_elems ?? 0;
      if (step === 1) return Uint8Array.from({ length: count }, (_, i) => view.getUint8(at + i));
      return Array.from({ length: count }, (_, i) => this.read(view, at + i * step, element, big));
    }
    if (type.members) {
      const entries = type.members.map((m): [string, Value] => [
        m.name,
        this.read(
          view,
          at + m.bits_offset / 8,
          this.resolve(m.type_id),
          this.isBigEndian(m.type_id),
        ),
      ]);
      return Object.fromEntries(entries);
    }
    if (type.size === 8) return view.getBigUint64(at, !big);
    if (type.size === 4) return view.getUint32(at, !big);
    return type.size === 2 ? view.getUint16(at, !big) : view.getUint8(at);
  }
}
