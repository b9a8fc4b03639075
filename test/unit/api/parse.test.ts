// SPDX-License-Identifier: Apache-2.0
import t from 'tap';
import {
  ApiError,
  invalid,
  kindByWord,
  objectChanges,
  parseObject,
  parseObjects,
  parseSelector,
  problemDocument,
  fieldPath,
} from '../../../src/api/index.js';
import { TransitError } from '../../../src/base/errors.js';
import { make } from '../model/fixtures.js';

void t.test('what passes is canonical', (t) => {
  const result = parseObject({
    kind: 'endpoint',
    metadata: { name: 'web-1', resourceVersion: 7, labels: { tier: 'web' } },
    spec: {
      host: 'host-a',
      vpc: 'blue',
      subnet: 'blue-a',
      addresses: ['2001:DB8:0:0::5'],
      mac: '0A:00:00:00:00:0B',
      mtu: undefined,
    },
    status: { conditions: 'whatever' },
  });
  t.same(result, {
    ok: true,
    value: {
      expectedVersion: 7,
      object: {
        kind: 'Endpoint',
        metadata: {
          name: 'web-1',
          labels: { tier: 'web' },
          generation: 0,
          resourceVersion: 0,
          createdAt: '',
        },
        spec: {
          host: 'host-a',
          vpc: 'blue',
          subnet: 'blue-a',
          addresses: ['2001:db8::5'],
          mac: '0a:00:00:00:00:0b',
        },
      },
    },
  });
  t.notOk(
    result.ok && Object.hasOwn(result.value.object.spec, 'mtu'),
    'an undefined field is absent',
  );
  t.end();
});

void t.test('what a read shows can be written', (t) => {
  const stored = make('Vpc', 'blue', { vni: 100 });
  const shown = { ...stored, metadata: { ...stored.metadata, createdAt: '2026-01-01T00:00:00Z' } };
  t.ok(parseObject(JSON.parse(JSON.stringify(shown))).ok);
  t.end();
});

void t.test('an object may be given once only', (t) => {
  const vpc = { kind: 'Vpc', metadata: { name: 'a' }, spec: { vni: 1 } };
  t.match(parseObjects([vpc, vpc]).problems, [
    { object: 'Vpc/a', field: 'metadata.name', rule: 'is given more than once' },
  ]);
  t.end();
});

void t.test('kinds have plural, singular and short names in any case', (t) => {
  for (const word of ['endpoints', 'Endpoint', 'EP']) t.equal(kindByWord(word), 'Endpoint');
  for (const [word, kind] of [
    ['vpc', 'Vpc'],
    ['sn', 'Subnet'],
    ['dr', 'Droplet'],
    ['rt', 'Route'],
  ] as const)
    t.equal(kindByWord(word), kind);
  t.equal(kindByWord('pod'), undefined);
  t.end();
});

void t.test('selectors', (t) => {
  const web = { tier: 'web', env: 'prod' };
  for (const [text, expected] of [
    ['', true],
    ['tier=web', true],
    ['tier==web,env!=test', true],
    ['tier=db', false],
    ['tier!=web', false],
    ['owner!=x', true],
    ['tier', true],
    ['!tier', false],
    ['!owner', true],
  ] as const) {
    t.equal(parseSelector(text)(web), expected, text);
  }
  t.equal(parseSelector('a=b')(undefined), false);
  for (const bad of ['=x', 'a=b=c', 'a in (b)', '!a=b'])
    t.throws(() => parseSelector(bad), { code: 'BAD_REQUEST' }, bad);
  t.end();
});

void t.test('differences', (t) => {
  const spec = { host: 'h', vpc: 'v', subnet: 's', addresses: ['10.0.0.1', '10.0.0.2'], mtu: 1400 };
  const old = make('Endpoint', 'e', spec);
  t.same(objectChanges(old, make('Endpoint', 'e', spec)), []);
  const { mtu: _, ...less } = spec;
  const now = make('Endpoint', 'e', { ...less, addresses: ['10.0.0.1', '10.0.0.3'], hook: 'tc' });
  t.same(
    [...objectChanges(old, now)].sort((a, b) => a.path.localeCompare(b.path)),
    [
      { path: 'spec.addresses[1]', old: '10.0.0.2', new: '10.0.0.3' },
      { path: 'spec.hook', new: 'tc' },
      { path: 'spec.mtu', old: 1400 },
    ],
  );
  t.equal(objectChanges(undefined, old).length, 5, 'all is new');
  t.end();
});

void t.test('problem documents', (t) => {
  const problems = [{ object: 'Vpc/a', field: 'spec.vni', rule: 'is required' }];
  t.match(problemDocument(invalid(problems)), {
    type: 'urn:transit:error:invalid',
    status: 422,
    code: 'INVALID',
    detail: 'Vpc/a: spec.vni: is required',
    problems,
  });
  t.match(problemDocument(new ApiError('CONFLICT', 'x')), { status: 409, code: 'CONFLICT' });
  t.match(problemDocument(new TransitError('REVISION_GONE', 'x')), { status: 410 });
  t.match(problemDocument(new TransitError('MAP_FULL', 'x')), { status: 500, code: 'MAP_FULL' });
  t.match(problemDocument('text'), { status: 500, code: 'INTERNAL', detail: 'text' });
  t.equal(fieldPath(['a', 'b/c', 0, 'd']), 'a["b/c"][0].d');
  t.end();
});
