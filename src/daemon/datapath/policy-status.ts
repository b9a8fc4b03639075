// SPDX-License-Identifier: Apache-2.0
/** Whether each rule of a policy or profile can decide something, for the condition RulesReachable. */
import { unreachableRules, type StoredObject } from '../../model/index.js';
import { DIRECTIONS } from '../calc/index.js';

/** Most rules that a message names. */
const SHOWN = 3;

interface Found {
  readonly generation: number;
  readonly message: string | undefined;
}

/** Found out once for each generation of an object. */
export class PolicyStatus {
  readonly #found = new Map<string, Found>();

  /** Which rules never decide; undefined: all may. Null: it is about something else. */
  unreachable(object: StoredObject): string | undefined | null {
    if (object.kind !== 'Policy' && object.kind !== 'Profile') return null;
    const { name, generation } = object.metadata;
    const id = `${object.kind}/${name}`;
    const known = this.#found.get(id);
    if (known?.generation === generation) return known.message;
    const message = messageOf(object.spec);
    this.#found.set(id, { generation, message });
    return message;
  }

  /** The object is gone. */
  forget(id: string): void {
    this.#found.delete(id);
  }
}

function messageOf(
  spec: Extract<StoredObject, { kind: 'Policy' | 'Profile' }>['spec'],
): string | undefined {
  const all = DIRECTIONS.flatMap((direction) =>
    unreachableRules(spec[direction] ?? []).map(
      ({ rule, behind }) => `spec.${direction}[${rule}] (behind [${behind}])`,
    ),
  );
  if (all.length === 0) return undefined;
  const more = all.length > SHOWN ? ` and ${all.length - SHOWN} more` : '';
  return `can never decide, as an earlier rule decides all that they meet: ${all.slice(0, SHOWN).join(', ')}${more}`;
}
