// SPDX-License-Identifier: Apache-2.0
/** Objects named on the command line: "endpoint web-1 web-2" or "endpoint/web-1 vpc/blue". */
import { KIND_TABLE, kindByWord, kindNames } from '../api/index.js';
import type { Kind } from '../model/index.js';
import { UsageError } from './exit.js';

export interface ObjectName {
  readonly kind: Kind;
  readonly name: string;
}

/** @throws UsageError */
export function kindOf(word: string): Kind {
  const kind = kindByWord(word);
  if (kind !== undefined) return kind;
  const known = KIND_TABLE.map((entry) => entry.plural).join(', ');
  throw new UsageError(`"${word}" is not a kind: must be ${known}`);
}

/** "endpoint/web-1", as -o name prints it. */
export function nameText({ kind, name }: ObjectName): string {
  return `${kindNames(kind).singular}/${name}`;
}

/** @throws UsageError */
export function parseNames(words: readonly string[]): ObjectName[] {
  const [first, ...rest] = words;
  if (first === undefined) return [];
  if (!first.includes('/')) {
    const kind = kindOf(first);
    return rest.map((name) => {
      if (name.includes('/')) throw new UsageError(`"${name}": give either KIND NAME or KIND/NAME`);
      return { kind, name };
    });
  }
  return words.map((word) => {
    const [kind = '', name = '', ...more] = word.split('/');
    if (name === '' || more.length > 0) throw new UsageError(`"${word}" is not KIND/NAME`);
    return { kind: kindOf(kind), name };
  });
}
