// SPDX-License-Identifier: Apache-2.0
/** The log of port blocks: what it answers about a time, and what it survives. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { test, type Test } from 'tap';
import { systemClock } from '../../../src/base/time.js';
import { BlockLog, type BlockRecord, type Hold } from '../../../src/daemon/nat-log/index.js';

const T0 = Date.parse('2026-11-27T12:00:00Z');
const at = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString();

function folder(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'transit-blocks-'));
  t.teardown(() => {
    rmSync(dir, { recursive: true });
  });
  return dir;
}

function open(
  dir: string,
  more: Partial<{ segmentBytes: number; maxBytes: number; days: number }> = {},
) {
  const opts = { dir, days: 30, maxBytes: 2 ** 30, segmentBytes: 2 ** 20, ...more };
  const log = new BlockLog({ clock: systemClock }, opts);
  log.open();
  return log;
}

const hold = (sub: number, block = 5): Hold => ({
  block,
  sub,
  address: '203.0.113.1',
  first: block * 64,
  last: block * 64 + 63,
  vpc: 'red',
  endpoint: `e${sub}`,
  inside: `10.0.0.${sub}`,
  gateway: 'world',
  owner: 'gw',
});
const taken = (s: number, sub: number, block?: number): BlockRecord => ({
  time: at(s),
  event: 'taken',
  ...hold(sub, block),
});
const back = (s: number, sub: number, block?: number): BlockRecord => ({
  time: at(s),
  event: 'given-back',
  ...hold(sub, block),
});

test('who had a port when', (t) => {
  const log = open(folder(t));
  for (const record of [taken(10, 1), back(20, 1), taken(30, 2), taken(35, 3, 6), back(40, 2)])
    log.append(record);
  const who = (port: number, s: number): string[] =>
    log.at('203.0.113.1', port, T0 + s * 1000).holds.map(({ hold: { endpoint } }) => endpoint);
  t.same(who(320, 10), ['e1']);
  t.same(who(383, 19), ['e1'], 'the last port');
  t.same(who(384, 19), [], 'the next one');
  t.same(who(320, 25), [], 'between two');
  t.same(who(330, 39), ['e2']);
  t.same(who(330, 41), []);
  t.same(who(384, 999), ['e3'], 'still held');
  t.same(log.at('203.0.113.2', 330, T0 + 39_000).holds, [], 'another address');
  t.same(who(330, 5), [], 'before the log');
  t.equal(log.from, at(10));
  log.close();
  t.end();
});

test('events in the wrong order, and what was found later', (t) => {
  const log = open(folder(t));
  log.append(taken(10, 1));
  log.append(taken(30, 2));
  log.append(back(29, 1));
  t.equal(log.holds.get(5)?.hold.endpoint, 'e2', 'the event of the one before came late');
  log.append(back(31, 2));
  log.append(taken(32, 2));
  log.append(back(31, 2));
  t.equal(log.holds.get(5)?.since, at(32), 'and that of the same endpoint');
  log.append({ ...hold(7, 9), event: 'taken', time: at(100), after: at(60) });
  const found = (s: number) => log.at('203.0.113.1', 9 * 64, T0 + s * 1000).holds;
  t.same(found(50), []);
  t.match(found(80), [{ hold: { endpoint: 'e7' }, since: at(100), after: at(60) }], 'perhaps');
  t.match(found(100), [{ hold: { endpoint: 'e7' } }]);
  log.close();
  t.end();
});

test('it goes on where it ended, also behind a line that was cut short', (t) => {
  const dir = folder(t);
  const first = open(dir);
  first.append(taken(10, 1));
  first.append({
    time: at(11),
    event: 'plan',
    gateway: 'fixed',
    plan: { subnets: [], addresses: ['203.0.113.9'], blockSize: 64, blocks: 1, overflow: 0 },
  });
  // not closed: the daemon was killed
  const [name = ''] = readdirSync(dir);
  appendFileSync(join(dir, name), '{"time":"2026-11-27T12:00:12');
  const second = open(dir);
  t.equal(second.holds.get(5)?.hold.endpoint, 'e1');
  t.match(second.plans.get('fixed'), { addresses: ['203.0.113.9'] });
  t.equal(second.last, at(11));
  second.append(back(20, 1));
  t.equal(second.at('203.0.113.1', 320, T0 + 21_000).holds.length, 0);
  t.equal(second.at('203.0.113.1', 320, T0 + 19_000).plans.size, 1);
  t.equal(readFileSync(join(dir, name), 'utf8').split('\n').length, 5, 'the cut line stands alone');
  second.close();
  first.close();
  t.end();
});

test('segments: one answers, the oldest go', (t) => {
  const dir = folder(t);
  const log = open(dir, { segmentBytes: 4000, maxBytes: 60_000 });
  log.append(taken(0, 200, 900));
  for (let i = 1; i < 1000; i++) {
    log.append(taken(2 * i, 1 + (i % 100)));
    log.append(back(2 * i + 1, 1 + (i % 100)));
  }
  const names = readdirSync(dir);
  t.ok(names.length > 5 && names.length < 30, `${names.length} segments`);
  t.ok(Date.parse(log.from ?? '') > T0, 'the first one has gone');
  const late = log.at('203.0.113.1', 900 * 64, T0 + 1_990_000).holds;
  t.match(late, [{ hold: { endpoint: 'e200' }, since: at(0) }], 'what is held is in each segment');
  t.match(log.at('203.0.113.1', 320, T0 + 2 * 990_000).holds, [{ hold: { endpoint: 'e91' } }]);
  const some = [...log.records(T0 + 1_900_000, T0 + 1_950_000)];
  t.equal(some.length, 51, 'each event of a time once');
  t.ok(
    some.every((record, i) => i === 0 || record.time <= some[i - 1]!.time),
    'newest first',
  );
  log.close();
  const old = open(dir, { segmentBytes: 1, days: 1 });
  old.append(taken(86_400 * 3, 1));
  old.append(taken(86_400 * 3 + 1, 1, 6));
  t.ok(readdirSync(dir).length <= 3, 'too old');
  old.close();
  t.end();
});

test('any history, cut anywhere: the same answers as from a list', (t) => {
  const step = fc.record({
    sub: fc.integer({ min: 1, max: 3 }),
    block: fc.integer({ min: 1, max: 4 }),
    take: fc.boolean(),
    reopen: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 300, max: 3000 }),
      (steps, size) => {
        const dir = mkdtempSync(join(tmpdir(), 'transit-blocks-'));
        try {
          let log = open(dir, { segmentBytes: size });
          const now = new Map<number, string>();
          const then: Map<number, string>[] = [];
          steps.forEach(({ sub, block, take, reopen }, i) => {
            if (reopen) log = open(dir, { segmentBytes: size });
            if (take) now.set(block, `e${sub}`);
            else if (now.get(block) === `e${sub}`) now.delete(block);
            log.append(take ? taken(i, sub, block) : back(i, sub, block));
            then.push(new Map(now));
          });
          return then.every((state, i) =>
            [1, 2, 3, 4].every((block) => {
              const [found] = log.at('203.0.113.1', block * 64 + 1, T0 + i * 1000).holds;
              return found?.hold.endpoint === state.get(block);
            }),
          );
        } finally {
          rmSync(dir, { recursive: true });
        }
      },
    ),
    { numRuns: 60 },
  );
  t.end();
});
