// SPDX-License-Identifier: Apache-2.0
/** Differences between objects, field by field. */
import type { StoredObject } from '../model/index.js';
import { fieldPath } from './issues.js';

export interface FieldChange {
  readonly path: string;
  readonly old?: unknown;
  readonly new?: unknown;
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function walk(path: readonly PropertyKey[], old: unknown, now: unknown, out: FieldChange[]): void {
  if (Object.is(old, now)) return;
  if (isTree(old) && isTree(now) && Array.isArray(old) === Array.isArray(now)) {
    for (const key of new Set([...Object.keys(old), ...Object.keys(now)])) {
      walk([...path, Array.isArray(old) ? Number(key) : key], old[key], now[key], out);
    }
    return;
  }
  out.push({
    path: fieldPath(path),
    ...(old === undefined ? {} : { old }),
    ...(now === undefined ? {} : { new: now }),
  });
}

/** What a client can change: labels and spec. Empty when the write would change nothing. */
export function objectChanges(old: StoredObject | undefined, now: StoredObject): FieldChange[] {
  const out: FieldChange[] = [];
  walk(['metadata', 'labels'], old?.metadata.labels ?? {}, now.metadata.labels ?? {}, out);
  walk(['spec'], old?.spec ?? {}, now.spec, out);
  return out;
}
