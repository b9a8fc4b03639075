// SPDX-License-Identifier: Apache-2.0
/** Kinds of maps whose behaviour differs for user space: enum bpf_map_type, linux/bpf.h. */

export const MAP_TYPE = {
  HASH: 1,
  ARRAY: 2,
  PROG_ARRAY: 3,
  PERCPU_HASH: 5,
  PERCPU_ARRAY: 6,
  LRU_HASH: 9,
  LRU_PERCPU_HASH: 10,
  LPM_TRIE: 11,
  PERCPU_CGROUP_STORAGE: 21,
  RINGBUF: 27,
} as const;

const perCpu: ReadonlySet<number> = new Set([
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.LRU_PERCPU_HASH,
  MAP_TYPE.PERCPU_CGROUP_STORAGE,
]);

const keyed: ReadonlySet<number> = new Set([
  MAP_TYPE.HASH,
  MAP_TYPE.PERCPU_HASH,
  MAP_TYPE.LPM_TRIE,
]);

/** Has one value per possible CPU. */
export function isPerCpu(type: number): boolean {
  return perCpu.has(type);
}

/** Grows entry by entry, so that it can be full (E2BIG, ENOSPC). */
export function canBeFull(type: number): boolean {
  return keyed.has(type);
}

/** All its entries exist from the beginning. */
export function isArray(type: number): boolean {
  return type === MAP_TYPE.ARRAY || type === MAP_TYPE.PERCPU_ARRAY;
}
