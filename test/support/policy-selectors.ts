// SPDX-License-Identifier: Apache-2.0
/**
 * Selectors drawn at random as trees of their own, written as text in several ways, and evaluated
 * without the parser.
 */
import fc from 'fast-check';

export type Drawn =
  | readonly ['all']
  | readonly ['has', string]
  | readonly ['==' | '!=' | 'contains' | 'starts with' | 'ends with', string, string]
  | readonly ['in' | 'not in', string, readonly string[]]
  | readonly ['!', Drawn]
  | readonly ['&&' | '||', readonly Drawn[]];

export const KEYS = ['a', 'b', 'has', 'in', 'x.io/y-z'];
export const VALUES = ['', 'x', 'y', 'xy', "it's", 'say "x"', '&& (', 'ä'];

const key = fc.constantFrom(...KEYS);
const value = fc.constantFrom(...VALUES);

export const drawnSelector: fc.Arbitrary<Drawn> = fc.letrec<{ node: Drawn }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constant(['all'] as const),
    fc.tuple(fc.constant('has' as const), key),
    fc.tuple(fc.constantFrom('==', '!=', 'contains', 'starts with', 'ends with'), key, value),
    fc.tuple(fc.constantFrom('in', 'not in'), key, fc.array(value, { maxLength: 3 })),
    fc.tuple(fc.constant('!' as const), tie('node')),
    fc.tuple(fc.constantFrom('&&', '||'), fc.array(tie('node'), { minLength: 2, maxLength: 3 })),
  ),
})).node;

export function naiveMatch(node: Drawn, labels: Readonly<Record<string, string>>): boolean {
  const of = (name: string): string | undefined =>
    Object.hasOwn(labels, name) ? labels[name] : undefined;
  switch (node[0]) {
    case 'all':
      return true;
    case 'has':
      return of(node[1]) !== undefined;
    case '==':
      return of(node[1]) === node[2];
    case '!=':
      return !naiveMatch(['==', node[1], node[2]], labels);
    case 'contains':
      return Array.from({ length: (of(node[1]) ?? '').length + 1 }).some((_, at) =>
        naiveMatch(['starts with', 'rest', node[2]], rest(of(node[1]), at)),
      );
    case 'starts with':
      return of(node[1])?.slice(0, node[2].length) === node[2];
    case 'ends with': {
      const text = of(node[1]);
      return (
        text !== undefined && text.slice(Math.max(0, text.length - node[2].length)) === node[2]
      );
    }
    case 'in':
      return node[2].some((one) => of(node[1]) === one);
    case 'not in':
      return node[2].every((one) => of(node[1]) !== one);
    case '!':
      return !naiveMatch(node[1], labels);
    case '&&':
      return !node[1].some((one) => !naiveMatch(one, labels));
    case '||':
      return !node[1].every((one) => !naiveMatch(one, labels));
  }
}

const rest = (text: string | undefined, at: number): Record<string, string> =>
  text === undefined ? {} : { rest: text.slice(at) };

/** Two texts of a selector, with spaces, quotes and parentheses drawn by themselves. */
export function writings(node: Drawn): fc.Arbitrary<[string, string]> {
  const choices = fc.infiniteStream(fc.nat(5));
  return fc
    .tuple(choices, choices)
    .map(([one, other]) => [write(node, one), write(node, other)] as [string, string]);
}

/** Plainly. */
export function written(node: Drawn): string {
  return write(node, [][Symbol.iterator]());
}

function write(root: Drawn, choices: Iterator<number>): string {
  const draw = (): number => {
    const next = choices.next();
    return next.done === true ? 1 : next.value;
  };
  const gap = (): string => ['', ' ', ' ', '  ', '\t', '\n '][draw()] ?? '';
  const space = (): string => gap() || ' ';
  const quoted = (text: string): string => {
    const quote = text.includes('"') ? "'" : text.includes("'") || draw() > 0 ? '"' : "'";
    return quote + text + quote;
  };
  const part = (node: Drawn, bare: boolean): string =>
    bare && draw() > 0 ? text(node) : `(${gap()}${text(node)}${gap()})`;
  const text = (node: Drawn): string => {
    switch (node[0]) {
      case 'all':
        return `all${gap()}(${gap()})`;
      case 'has':
        return `has${gap()}(${gap()}${node[1]}${gap()})`;
      case '==':
      case '!=':
        return node[1] + gap() + node[0] + gap() + quoted(node[2]);
      case 'contains':
      case 'starts with':
      case 'ends with':
        return node[1] + space() + node[0].replace(' ', space()) + gap() + quoted(node[2]);
      case 'in':
      case 'not in': {
        const list = node[2].map((one) => gap() + quoted(one) + gap()).join(',');
        return `${node[1]}${space()}${node[0].replace(' ', space())}${gap()}{${list}${gap()}}`;
      }
      case '!':
        return `!${gap()}${part(node[1], node[1][0] !== '&&' && node[1][0] !== '||')}`;
      case '&&':
      case '||':
        return node[1]
          .map((one) => part(one, one[0] !== '||' || node[0] === '||'))
          .join(gap() + node[0] + gap());
    }
  };
  return text(root);
}
