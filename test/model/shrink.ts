// SPDX-License-Identifier: Apache-2.0
/**
 * Smaller histories: fewer steps first, in halves, quarters and so on, then fewer objects, then
 * simpler packets. What is not legal any more is left out.
 */
import type { History, Step } from './history.js';
import { Scene, type Change } from './scene.js';

/** Whether each change is legal where it stands. */
export function isLegal(history: History): boolean {
  const scene = new Scene();
  if (!scene.apply(history.start)) return false;
  return history.steps.every((step) => step.kind !== 'change' || scene.apply(step.change));
}

function without<T>(list: readonly T[], at: number, count: number): T[] {
  return [...list.slice(0, at), ...list.slice(at + count)];
}

/** Lists with a part cut out: large parts first. */
function* cuts<T>(list: readonly T[]): Generator<T[]> {
  for (
    let size = Math.ceil(list.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  )
    for (let at = 0; at < list.length; at += size) yield without(list, at, size);
}

function* smallerChange(change: Change): Generator<Change> {
  for (const objects of cuts(change.objects)) {
    const gone = new Set(change.objects.filter((o) => !objects.includes(o)).map((o) => o.name));
    const devices = Object.entries(change.devices).filter(([name]) => !gone.has(name));
    yield { ...change, objects, devices: Object.fromEntries(devices) };
  }
  for (const devices of cuts(Object.entries(change.devices)))
    yield { ...change, devices: Object.fromEntries(devices) };
  for (const ways of cuts(Object.entries(change.ways)))
    yield { ...change, ways: Object.fromEntries(ways) };
  for (const [i, item] of change.objects.entries()) {
    if (item.object?.kind !== 'Endpoint' || item.object.spec.addresses.length < 2) continue;
    for (const addresses of cuts(item.object.spec.addresses)) {
      if (addresses.length === 0) continue;
      const object = { ...item.object, spec: { ...item.object.spec, addresses } };
      yield { ...change, objects: change.objects.with(i, { ...item, object }) };
    }
  }
}

function* candidates(history: History): Generator<History> {
  const { start, steps } = history;
  // what follows the first difference does not matter: the last steps go first
  for (const kept of cuts(steps)) yield { ...history, steps: kept };
  for (const smaller of smallerChange(start)) yield { ...history, start: smaller };
  for (const [i, step] of steps.entries()) {
    if (step.kind !== 'change') continue;
    for (const change of smallerChange(step.change)) {
      const now: Step = { kind: 'change', change };
      yield { ...history, steps: steps.with(i, now) };
    }
  }
}

export function* smaller(history: History): Generator<History> {
  for (const candidate of candidates(history)) if (isLegal(candidate)) yield candidate;
}
