// SPDX-License-Identifier: Apache-2.0
import { test } from 'tap';
import { Runner, type NamedComponent } from '../../../src/base/lifecycle.js';
import { createLogger, childLogger, silentLogger } from '../../../src/base/log.js';
import { delay, systemClock, timestamp } from '../../../src/base/time.js';

const deps = { log: silentLogger() };

function component(name: string, seen: string[], fail?: 'start' | 'stop'): NamedComponent {
  const act = (what: 'start' | 'stop') => () => {
    seen.push(`${what} ${name}`);
    return fail === what ? Promise.reject(new Error(`${name} cannot ${what}`)) : Promise.resolve();
  };
  return { name, component: { start: act('start'), stop: act('stop') } };
}

test('components start in order and stop in reverse, once', async (t) => {
  const seen: string[] = [];
  const components = [component('a', seen), component('b', seen, 'stop'), component('c', seen)];
  const runner = new Runner(deps, { components });
  await runner.start(new AbortController().signal);
  await runner.stop();
  await runner.stop();
  t.same(seen, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
});

test('a start that fails stops what had started', async (t) => {
  const seen: string[] = [];
  const components = [component('a', seen), component('b', seen, 'start'), component('c', seen)];
  await t.rejects(new Runner(deps, { components }).start(new AbortController().signal), {
    code: 'START_FAILED',
    message: 'b did not start: b cannot start',
  });
  t.same(seen, ['start a', 'start b', 'stop a']);
});

test('a start can be given up', async (t) => {
  const seen: string[] = [];
  const gone = new AbortController();
  gone.abort(new Error('SIGTERM'));
  await t.rejects(new Runner(deps, { components: [component('a', seen)] }).start(gone.signal), {
    message: /SIGTERM/,
  });
  t.same(seen, []);
});

test('log lines are JSON with level, time, module and fields', (t) => {
  const lines: string[] = [];
  const log = createLogger(
    { level: 'info', instance: 'blue' },
    { write: (line: string) => lines.push(line) },
  );
  childLogger(log, 'store').info({ revision: 7 }, 'store opened');
  log.debug('not shown');
  t.equal(lines.length, 1);
  const line = JSON.parse(lines[0]!) as Record<string, unknown>;
  t.match(line, {
    level: 'info',
    instance: 'blue',
    module: 'store',
    revision: 7,
    msg: 'store opened',
  });
  t.match(line['time'], /^\d{4}-\d\d-\d\dT/);
  t.end();
});

test('time', async (t) => {
  t.match(timestamp(systemClock), /^\d{4}-\d\d-\d\dT.*Z$/);
  const before = systemClock.monotonic();
  const keep = setTimeout(() => undefined, 1000);
  await delay(systemClock, 5);
  clearTimeout(keep);
  t.ok(systemClock.monotonic() - before >= 4);
  const stop = new AbortController();
  const waiting = delay(systemClock, 60_000, stop.signal);
  stop.abort(new Error('enough'));
  await t.rejects(waiting, { message: 'enough' });
  await t.rejects(delay(systemClock, 1, stop.signal), { message: 'enough' });
  await new Promise<void>((resolve) => {
    const hold = setTimeout(() => undefined, 1000);
    const timer = systemClock.every(2, () => {
      timer.cancel();
      clearTimeout(hold);
      resolve();
    });
  });
});
