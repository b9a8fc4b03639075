// SPDX-License-Identifier: Apache-2.0
/** How keys and values lie in memory, as data: what generated/abi.ts is written in. */

/** Numbers. u and i are host byte order (little endian), be is network order; u64 are bigint. */
export type ScalarKind =
  'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64' | 'be16' | 'be32' | 'be64';

interface Place {
  /** As in C. */
  readonly name: string;
  /** Bytes from the beginning of the structure. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
}

export type FieldLayout = Place &
  (
    | { readonly kind: ScalarKind }
    /** Network order, or opaque (locks, timers, unions: the reader knows which member). */
    | { readonly kind: 'bytes' }
    | { readonly kind: 'struct'; readonly struct: string }
    | { readonly kind: 'array'; readonly of: ScalarKind; readonly count: number }
    /** Explicit padding: written zero, never read. */
    | { readonly kind: 'pad' }
  );

export interface StructLayout {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly fields: readonly FieldLayout[];
}

/** One map as declared in maps.h. max_entries is the default: the loader may set another. */
export interface MapLayout {
  readonly name: string;
  /** enum bpf_map_type */
  readonly type: number;
  /** Name of a structure, a scalar kind or "bytes16"; a ring buffer has none. */
  readonly key?: string;
  readonly value?: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one CPU's value. */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* */
  readonly flags: number;
  /** Its comment in maps.h. */
  readonly about: string;
}

/** A number with a meaning, from a list in C. */
export interface NamedNumber {
  readonly number: number;
  readonly name: string;
  /** For people. */
  readonly text: string;
}
