// SPDX-License-Identifier: Apache-2.0
/** Selectors of policies: what they mean, their normalised text, what they restrict. */
import fc from 'fast-check';
import { test } from 'tap';
import {
  matchesSelector,
  parsePolicySelector,
  SelectorError,
  selectorRestrictions,
} from '../../../src/model/policy-selector.js';
import { drawnSelector, naiveMatch, VALUES, writings } from '../../support/policy-selectors.js';

const labelSets = fc.dictionary(
  fc.constantFrom('a', 'b', 'has', 'in', 'x.io/y-z'),
  fc.constantFrom(...VALUES),
);

const met = (text: string, labels: Record<string, string>): boolean =>
  matchesSelector(parsePolicySelector(text), (key) => labels[key]);

test('what selectors mean', (t) => {
  const web = { role: 'web', 'x.io/tier': 'front-end', in: 'in', has: 'has' };
  for (const [text, expected] of [
    ['', true],
    [' \t\n', true],
    ['all()', true],
    ['all ( )', true],
    ['!all()', false],
    ['role == "web"', true],
    ["role=='web'", true],
    ['role == "db"', false],
    ['none == ""', false],
    ['role != "db"', true],
    ['none != "db"', true],
    ['role in {"db", "web"}', true],
    ['role in {}', false],
    ['none in {"db"}', false],
    ['role not in {"db"}', true],
    ['role not in {"web"}', false],
    ['none not in {"web"}', true],
    ['role not in {}', true],
    ['x.io/tier contains "t-e"', true],
    ['x.io/tier starts with "front"', true],
    ['x.io/tier   ends   with "front"', false],
    ['none contains ""', false],
    ['role starts with ""', true],
    ['has(role)', true],
    ['has( none )', false],
    ['!has(none)', true],
    ['!!has(none)', false],
    ['in in {"in"} && has == "has" && has(has)', true],
    ['has(none) && has(none) || has(role)', true],
    ['has(none) && (has(none) || has(role))', false],
    ['!has(none) && has(role)', true],
    ['!role == "db" && all()', true],
  ] as const)
    t.equal(met(text, web), expected, text);
  t.end();
});

test('the normalised text', (t) => {
  for (const [text, expected] of [
    ['', 'all()'],
    ["a=='x'", 'a == "x"'],
    [`a=='"'`, `a == '"'`],
    [`a=="'"`, `a == "'"`],
    ['((a=="x"))', 'a == "x"'],
    ['(has(a)&&(has(b)))&&has(c)', 'has(a) && has(b) && has(c)'],
    ['has(a)||(has(b)||has(c))', 'has(a) || has(b) || has(c)'],
    ['(has(a)||has(b))&&has(c)', '(has(a) || has(b)) && has(c)'],
    ['(has(a)&&has(b))||has(c)', 'has(a) && has(b) || has(c)'],
    ['!(has(a))', '!has(a)'],
    ['! ! (has(a)&&all())', '!!(has(a) && all())'],
    ['a in{"y",\'x\',"y"}', 'a in {"x", "y"}'],
    ['a not  in { }', 'a not in {}'],
    ['a starts\twith "x"', 'a starts with "x"'],
  ] as const)
    t.equal(parsePolicySelector(text).text, expected, text);
  t.end();
});

test('what is not a selector, and where', (t) => {
  const deep = (depth: number): string => `${'('.repeat(depth)}all()${')'.repeat(depth)}`;
  for (const [text, position] of [
    ['a', 1],
    ['a = "x"', 2],
    ['a == x', 5],
    ['a == "x', 5],
    ['a == "x\'', 5],
    ['a == "x" b', 9],
    ['a == "x" &&', 11],
    ['a == "x" & b', 9],
    ['a == "x" || || all()', 12],
    ['(all()', 6],
    ['all())', 5],
    ['has()', 4],
    ['has(a b)', 6],
    ['all', 3],
    ['all(a)', 4],
    ['a in "x"', 5],
    ['a in {"x" "y"}', 10],
    ['a in {"x",}', 10],
    ['a not "x"', 6],
    ['a starts "x"', 9],
    ['a ends without "x"', 7],
    ['!', 1],
    ['ä == "x"', 0],
    [`${'k'.repeat(513)} == "x"`, 0],
    [deep(101), 100],
    [`${'!'.repeat(101)}all()`, 100],
    ['('.repeat(100_000), 100],
  ] as const) {
    try {
      parsePolicySelector(text);
      t.fail(text);
    } catch (error) {
      t.ok(error instanceof SelectorError, text.slice(0, 80));
      t.equal((error as SelectorError).position, position, text.slice(0, 80));
    }
  }
  t.equal(parsePolicySelector(deep(100)).text, 'all()');
  t.equal(parsePolicySelector(`${'k'.repeat(512)} == "x"`).root.kind, 'equals');
  t.throws(() => parsePolicySelector('a == "x" b'), {
    message: 'at character 10: expected "&&", "||" or the end',
  });
  t.throws(() => parsePolicySelector('a =='), {
    message: 'at the end: expected a string in quotes',
  });
  t.end();
});

test('what selectors restrict', (t) => {
  for (const [text, expected] of [
    ['', []],
    ['a == "x"', [{ key: 'a', oneOf: ['x'] }]],
    ['a in {"y","x"}', [{ key: 'a', oneOf: ['x', 'y'] }]],
    ['a != "x" && b not in {"x"} && !has(a)', []],
    ['has(b) && a contains "x"', [{ key: 'a' }, { key: 'b' }]],
    ['has(a) && a == "x"', [{ key: 'a', oneOf: ['x'] }]],
    ['a in {"x","y"} && a in {"y","z"}', [{ key: 'a', oneOf: ['y'] }]],
    ['a == "x" && a == "y"', [{ key: 'a', oneOf: [] }]],
    ['a == "x" || a == "y" && has(b)', [{ key: 'a', oneOf: ['x', 'y'] }]],
    ['a == "x" || has(a)', [{ key: 'a' }]],
    ['a == "x" || b == "y"', []],
    ['a == "x" || all()', []],
  ] as const)
    t.same(selectorRestrictions(parsePolicySelector(text)), expected, text);
  t.end();
});

test('any way to write a selector has one normalised text, which is a fixed point', (t) => {
  fc.assert(
    fc.property(
      drawnSelector.chain((node) => writings(node)),
      ([one, other]) => {
        const selector = parsePolicySelector(one);
        const again = parsePolicySelector(selector.text);
        return (
          again.text === selector.text &&
          JSON.stringify(again) === JSON.stringify(selector) &&
          parsePolicySelector(other).text === selector.text
        );
      },
    ),
    { numRuns: 2000 },
  );
  t.pass();
  t.end();
});

test('they mean what a naive evaluation says, and hold to their restrictions', (t) => {
  fc.assert(
    fc.property(
      drawnSelector.chain((node) => fc.tuple(fc.constant(node), writings(node))),
      labelSets,
      ([node, [text]], labels) => {
        const selector = parsePolicySelector(text);
        const expected = naiveMatch(node, labels);
        if (matchesSelector(selector, (key) => labels[key]) !== expected) return false;
        const restrictions = selectorRestrictions(selector);
        return (
          !expected ||
          restrictions.every(({ key, oneOf }) => {
            const value = labels[key];
            return value !== undefined && (oneOf?.includes(value) ?? true);
          })
        );
      },
    ),
    { numRuns: 5000 },
  );
  t.pass();
  t.end();
});
