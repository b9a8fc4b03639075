// SPDX-License-Identifier: Apache-2.0
/** What an object file says of its variables, by libbpf: no kernel is asked. */
import koffi from 'koffi';
import type { Constant } from './port.js';

const lib = koffi.load('libbpf.so.1');
const open = lib.func('void *bpf_object__open(const char *path)');
const close = lib.func('void bpf_object__close(void *object)');
const objectBtf = lib.func('void *bpf_object__btf(void *object)');
const typeCount = lib.func('uint32_t btf__type_cnt(void *btf)');
const typeById = lib.func('void *btf__type_by_id(void *btf, uint32_t id)');
const nameByOffset = lib.func('const char *btf__name_by_offset(void *btf, uint32_t offset)');

/** @throws when it is no object */
export function objectOpen(path: string): unknown {
  const object: unknown = open(path);
  if (!object) throw new Error(`cannot open ${path}`);
  return object;
}

export function objectClose(object: unknown): void {
  close(object);
}

interface Variable {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** From the BTF that libbpf holds: the compiler leaves the offsets for it to fill in. */
function rodataVariables(object: unknown): Variable[] {
  const DATASEC = 15;
  const btf: unknown = objectBtf(object);
  const words = (id: number, count: number): number[] =>
    Array.from(koffi.decode(typeById(btf, id), 'uint32_t', count) as Iterable<number>);
  const name = (id: number): string => nameByOffset(btf, words(id, 1)[0]) as string;
  for (let id = 1; id < (typeCount(btf) as number); id++) {
    const info = words(id, 2)[1] ?? 0;
    if (((info >>> 24) & 0x1f) !== DATASEC || name(id) !== '.rodata') continue;
    const count = info & 0xffff;
    const list = words(id, 3 + 3 * count).slice(3);
    return Array.from({ length: count }, (_, i) => ({
      name: name(list[3 * i] ?? 0),
      offset: list[3 * i + 1] ?? 0,
      bytes: list[3 * i + 2] ?? 0,
    }));
  }
  return [];
}

/** Settings that an object does not know are skipped: not every object uses every one. */
export function constants(
  object: unknown,
  values: Readonly<Record<string, number>>,
): readonly Constant[] {
  if (Object.keys(values).length === 0) return [];
  return rodataVariables(object).flatMap(({ name, offset, bytes }) => {
    const value = values[name];
    return value === undefined ? [] : [{ offset, bytes, value }];
  });
}
