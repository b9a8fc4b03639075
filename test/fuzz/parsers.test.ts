// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that reads text or bytes of others, with damaged input: it says what is wrong in
 * its own words, or reads it; nothing else is thrown. TRANSIT_SEED repeats a run.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import suite, { test, type Test } from 'tap';
import { MAX_PROBLEMS, parseObjects } from '../../src/api/index.js';
import { TransitError } from '../../src/base/errors.js';
import { parseText } from '../../src/cli/input.js';
import { parseSettings } from '../../src/daemon/config/index.js';
import { DropSamples } from '../../src/daemon/datapath/index.js';
import { decode, encode, type Codec } from '../../src/maps/index.js';
import * as maps from '../../src/maps/index.js';
import { Random } from './random.js';
import {
  ALIAS_BOMB,
  damagedText,
  deepJson,
  deepYaml,
  DOCUMENT,
  KUBERNETES,
  SETTINGS,
} from './text.js';

const INPUTS = Number(process.env.TRANSIT_INPUTS ?? 1000);
const SEED = Number(process.env.TRANSIT_SEED ?? Date.now() % 2 ** 31);
const BOMBS = [ALIAS_BOMB, deepJson(20_000), deepYaml(3000), deepJson(5000).slice(0, 7000)];
/** Bytes of a frame that an event holds. */
const EVENT_DATA = 128;
suite.setTimeout(0);

/** How many of the inputs were read; others must be refused by a TransitError with a message. */
function readAll(t: Test, inputs: Iterable<string>, read: (text: string) => unknown): number {
  let accepted = 0;
  for (const input of inputs) {
    try {
      read(input);
      accepted++;
    } catch (error) {
      if (error instanceof TransitError && error.message !== '') continue;
      t.fail(`${String(error).slice(0, 200)} for ${JSON.stringify(input.slice(0, 600))}`);
      return accepted;
    }
  }
  return accepted;
}

function* damaged(text: string): Generator<string> {
  const r = new Random(SEED);
  for (let i = 0; i < INPUTS; i++) yield damagedText(r, text);
  yield* BOMBS;
}

test(`${INPUTS} damaged settings files, TRANSIT_SEED=${SEED}`, (t) => {
  t.ok(parseSettings(SETTINGS, 'settings'));
  const accepted = readAll(t, damaged(SETTINGS), (text) => parseSettings(text, 'settings'));
  t.ok(accepted < INPUTS, `${accepted} are settings`);
  t.end();
});

test(`${INPUTS} damaged files of objects, TRANSIT_SEED=${SEED}`, (t) => {
  let refused = 0;
  const accepted = readAll(t, damaged(DOCUMENT), (text) => {
    const { problems } = parseObjects(parseText(text, 'file'));
    refused += problems.length > 0 ? 1 : 0;
    t.ok(problems.every((p) => p.object !== '' && p.rule !== '') || problems);
  });
  t.ok(accepted > 0 && refused > 0, `${accepted} are YAML, ${refused} of them no objects`);
  t.equal((Object.prototype as { polluted?: unknown }).polluted, undefined, 'no pollution');
  t.end();
});

test(`${INPUTS} damaged NetworkPolicies, TRANSIT_SEED=${SEED}`, (t) => {
  t.same(parseObjects(parseText(KUBERNETES, 'file')).problems, []);
  const wrong: unknown[] = [];
  const accepted = readAll(t, damaged(KUBERNETES), (text) => {
    const objects = parseText(text, 'file').filter(isTranslated);
    const { problems } = parseObjects(objects);
    // what is translated is right; two objects may have got one name
    wrong.push(...problems.filter(({ rule }) => rule !== 'is given more than once'));
  });
  t.same(wrong, []);
  t.ok(accepted > 0 && accepted < INPUTS, `${accepted} are read`);
  t.end();
});

/** By what the translation writes, and the document does not have. */
function isTranslated(object: unknown): boolean {
  return /"kind":"(Policy|Profile)"/.test(JSON.stringify(object));
}

test('any JSON value as an object', (t) => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({
      kind: fc.oneof(fc.constantFrom('Vpc', 'Subnet', 'Endpoint', 'Route', 'Droplet'), fc.string()),
      metadata: fc.oneof(fc.record({ name: fc.string(), labels: fc.jsonValue() }), fc.jsonValue()),
      spec: fc.oneof(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue()),
    }),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 5 }), (inputs) => {
      const { objects, problems } = parseObjects(inputs);
      const named = problems.every((p) => p.rule !== '' && p.object !== '');
      return (
        named &&
        problems.length <= MAX_PROBLEMS &&
        (problems.length > 0 || objects.length === inputs.length)
      );
    }),
    { numRuns: INPUTS, seed: SEED },
  );
  t.pass('refused by name, or read');
  t.end();
});

test('any bytes as a record of the event ring', (t) => {
  const samples = new DropSamples({
    names: { device: () => undefined, endpoint: () => undefined, vpcs: () => new Map() },
    clock: { now: () => 1_700_000_000_000 },
    monotonicNs: () => 5_000_000_000n,
  } as unknown as ConstructorParameters<typeof DropSamples>[0]);
  const { size } = maps.event;
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: size + 16 }),
    fc.uint8Array({ minLength: size, maxLength: size }).map((b) => {
      b[22] = 1; // a drop
      return b;
    }),
  );
  fc.assert(
    fc.property(bytes, (record) => {
      samples.add(record);
      const [last] = samples.list();
      JSON.stringify(last);
      return (
        last === undefined || (last.reason !== '' && (last.data ?? '').length <= 2 * EVENT_DATA)
      );
    }),
    { numRuns: INPUTS, seed: SEED },
  );
  t.ok(samples.list().length > 10, 'some were drops');
  t.end();
});

test('any bytes of a map: what was decoded encodes to the same value', (t) => {
  const codecs = Object.values(maps).flatMap((v): Codec<unknown>[] =>
    typeof v === 'object' && 'write' in v && 'read' in v ? [v as unknown as Codec<unknown>] : [],
  );
  t.ok(codecs.length > 15, `${codecs.length} codecs`);
  for (const codec of codecs) {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: codec.size, maxLength: codec.size }), (bytes) => {
        const value = decode(codec, bytes);
        const again = encode(codec, value);
        if (!isDeepStrictEqual(decode(codec, again), value)) return false;
        return again.every((byte, i) => byte === bytes[i] || byte === 0); // padding is zero
      }),
      { numRuns: 20, seed: SEED },
    );
  }
  t.end();
});
