// SPDX-License-Identifier: Apache-2.0
/** Large JSON in portions must be what JSON.parse and JSON.stringify make of it. */
import fc from 'fast-check';
import { test } from 'tap';
import { atOnce } from '../../../src/base/portions.js';
import { parsingJson, writingJson } from '../../../src/daemon/rest/large-json.js';
import { json, startFixture, vpc } from './fixture.js';

const parse = (text: string): unknown => atOnce(parsingJson(Buffer.from(text)));

function same(text: string): void {
  let expected: unknown;
  let fails = false;
  try {
    expected = JSON.parse(text);
  } catch {
    fails = true;
  }
  let got: unknown;
  try {
    got = parse(text);
  } catch (error) {
    if (fails && error instanceof SyntaxError) return;
    throw error;
  }
  if (fails) throw new Error(`was taken: ${text.slice(0, 200)}`);
  if (JSON.stringify(got) !== JSON.stringify(expected))
    throw new Error(`differs: ${text.slice(0, 200)}`);
}

// Longer than a part, so that arrays of a few items are cut.
const filler = 'x'.repeat(40_000);
const item = fc.oneof(
  fc.json(),
  fc.constantFrom(
    `"${filler}"`,
    `{"a":"${filler}"}`,
    '"]"',
    '"\\""',
    '"\\\\"',
    '[[],{}]',
    '{"objects":[1]}',
  ),
);
const body = fc
  .tuple(
    fc.array(item, { maxLength: 8 }),
    fc.constantFrom(',', ' ,\n'),
    fc.constantFrom('{"objects":[', '{ "a" : "objects", "objects" : [', '{"b":[1,{}],"objects":['),
    fc.constantFrom(']}', '] , "c": {"d":1}}', '],"objects":[7]}', '],"objects":null}\n'),
  )
  .map(([items, comma, head, tail]) => head + items.join(comma) + tail);

test('parsing in portions is parsing', (t) => {
  fc.assert(fc.property(body, same), { numRuns: 300 });
  t.pass();
  t.end();
});

test('what is not JSON is refused, wherever the mistake is', (t) => {
  const mistake = fc.tuple(body, fc.nat(), fc.constantFrom('', ',', ']', '}', '"', '{', '\\'));
  fc.assert(
    fc.property(mistake, ([text, at, put]) => {
      const i = at % text.length;
      same(text.slice(0, i) + put + text.slice(i + 1));
      same(text.slice(0, i));
    }),
    { numRuns: 300 },
  );
  for (const text of [
    `{"objects":["${filler}${filler}",]}`,
    `{"objects":["${filler}${filler}",,1]}`,
    `{"objects":[,"${filler}${filler}"]}`,
    `{"objects":["${filler}${filler}"}`,
  ])
    t.throws(() => parse(text), SyntaxError);
  t.end();
});

test('writing in pieces is writing', (t) => {
  const many = fc.array(fc.jsonValue(), { minLength: 0, maxLength: 1500 });
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), many)), (value) => {
      if (atOnce(writingJson(value)).join('') !== JSON.stringify(value))
        throw new Error(JSON.stringify(value).slice(0, 200));
    }),
    { numRuns: 30 },
  );
  t.end();
});

test('a large apply goes through HTTP, and its answer comes whole', async (t) => {
  const fixture = await startFixture();
  t.teardown(fixture.stop);
  const objects = Array.from({ length: 6000 }, (_, i) => vpc(`v${i}`, i + 1));
  const answer = await fixture.apply(objects);
  t.equal(answer.status, 200);
  t.equal((json(answer)['results'] as unknown[]).length, 6000);
  t.equal(fixture.store.list('Vpc').length, 6000);
  const text = JSON.stringify({ objects });
  const broken = await fixture.send({ method: 'POST', path: '/v1/apply', body: text.slice(0, -9) });
  t.equal(broken.status, 400);
  t.match(json(broken)['detail'], /the body is not JSON/);
});
