// SPDX-License-Identifier: Apache-2.0
/**
 * Many entries in few system calls. Each function answers `unsupported` when the map's type
 * has no such batch call, or when the kernel calls the arguments invalid: single calls then
 * find out which entry it means.
 */
import { constants } from 'node:os';
import { callError } from './check.js';
import { ENOTSUPP } from './errors.js';
import { map as native } from './native.js';

const { EINVAL, ENOENT, EOPNOTSUPP, EINTR, ENOSPC } = constants.errno;

/** Entries per call: few calls, and the kernel gets a chance to schedule in between. */
const CHUNK = 16384;
/** Entries per call while reading; bounds the memory of a pass. */
const READ_CHUNK = 8192;
/** A key that vanishes while it is read stops the kernel's pass; it is taken up this often. */
const INTERRUPTIONS = 1000;

export const unsupported = Symbol('no batch call');

/** What the batch calls need to know of a map. */
export interface BatchMap {
  readonly name: string;
  readonly fd: number;
  readonly keySize: number;
  readonly valueSize: number;
}

function isUnsupported(err: number): boolean {
  return err === -ENOTSUPP || err === -EOPNOTSUPP || err === -EINVAL;
}

/** @returns entries written and the errno that ended it (0: none). */
export function writeBatch(
  map: BatchMap,
  keys: Uint8Array,
  values: Uint8Array,
  count: number,
): { readonly done: number; readonly errno: number } | typeof unsupported {
  const n = new Uint32Array(1);
  let done = 0;
  while (done < count) {
    n[0] = Math.min(CHUNK, count - done);
    const err = native.updateBatch(
      map.fd,
      keys.subarray(done * map.keySize),
      values.subarray(done * map.valueSize),
      n,
      null,
    );
    if (isUnsupported(err)) return unsupported;
    done += n[0];
    if (err < 0) return { done, errno: -err };
  }
  return { done, errno: 0 };
}

/** @returns how many of the keys were there. */
export function removeBatch(
  map: BatchMap,
  keys: Uint8Array,
  count: number,
): number | typeof unsupported {
  const n = new Uint32Array(1);
  let at = 0;
  let removed = 0;
  while (at < count) {
    n[0] = Math.min(CHUNK, count - at);
    const err = native.deleteBatch(map.fd, keys.subarray(at * map.keySize), n, null);
    if (isUnsupported(err)) return unsupported;
    if (err < 0 && err !== -ENOENT) {
      throw callError('bpf_map_delete_batch', `map ${map.name}`, -err);
    }
    removed += n[0];
    at += n[0] + (err === 0 ? 0 : 1); // the missing key that stopped it
  }
  return removed;
}

/**
 * Reads the whole map, calling onBatch with buffers that are used again after it returns.
 */
export function readBatch(
  map: BatchMap,
  onBatch: (keys: Uint8Array, values: Uint8Array, count: number) => void,
): undefined | typeof unsupported {
  let room = READ_CHUNK;
  let keys = new Uint8Array(room * map.keySize);
  let values = new Uint8Array(room * map.valueSize);
  // the place of a hash is four bytes, of the others a key
  const cursorSize = Math.max(map.keySize, 8);
  let from: Uint8Array<ArrayBuffer> | null = null;
  let to = new Uint8Array(cursorSize);
  const n = new Uint32Array(1);
  for (let interruptions = 0; ;) {
    n[0] = room;
    const err = native.lookupBatch(map.fd, from, to, keys, values, n, null);
    if (isUnsupported(err)) return unsupported;
    if (err === -ENOSPC) {
      // one bucket of the hash holds more than fits
      room *= 2;
      keys = new Uint8Array(room * map.keySize);
      values = new Uint8Array(room * map.valueSize);
      continue;
    }
    const again: boolean = err === -EINTR && ++interruptions < INTERRUPTIONS;
    if (err < 0 && err !== -ENOENT && !again) {
      throw callError('bpf_map_lookup_batch', `map ${map.name}`, -err);
    }
    const got = n[0];
    if (got > 0) onBatch(keys, values, got);
    if (err === -ENOENT) return undefined;
    if (got > 0 || !again) [from, to] = [to, from ?? new Uint8Array(cursorSize)];
  }
}
