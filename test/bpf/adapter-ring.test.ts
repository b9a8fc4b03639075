// SPDX-License-Identifier: Apache-2.0
/** Ring buffer records reach the main thread while its event loop keeps ticking. */
import { compile, load, loader } from './fixtures/adapter.js';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { test } from 'tap';

const object = load(compile('adapter'), 'ring');
const ring = object.maps.get('t_ring')!;
const program = object.programs.get('tc_event')!;
const frame = new Uint8Array(60);
/** Emulated machines (test/vm) are slow. */
const TIME_SCALE = Number(process.env.TRANSIT_TIME_SCALE ?? 1);

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000 * TIME_SCALE;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('deadline passed');
    await setTimeout(2);
  }
}

test('records arrive whole and in order', async (t) => {
  const numbers: bigint[] = [];
  program.testRun({ data: frame, repeat: 3 }); // before anybody listens
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const reader = loader.consumeRing(ring, (data) => {
    const [number, length, pattern] = new BigUint64Array(data.slice().buffer);
    if (data.length !== 24 || length !== 60n || pattern !== 0x1122334455667788n) {
      throw new Error('a torn record');
    }
    numbers.push(number!);
  });
  await until(() => numbers.length === 3);
  t.ok(ticks > 0, 'the event loop ticks while the reader waits');
  for (let i = 0; i < 100; i++) {
    program.testRun({ data: frame, repeat: 100 });
    await setImmediate();
  }
  await until(() => numbers.length === 10_003);
  clearInterval(timer);
  t.ok(numbers.every((number, i) => number === BigInt(i)));
  await reader.stop();
  await reader.stop();
  program.testRun({ data: frame });
  t.equal(numbers.length, 10_003, 'nothing after stop');
});

test('a reader takes up where another stopped', async (t) => {
  let count = 0;
  const reader = loader.consumeRing(ring, () => count++);
  await until(() => count === 1);
  const before = Date.now();
  await reader.stop();
  t.ok(Date.now() - before < 200 * TIME_SCALE, 'stop does not wait for a timeout');
  t.equal(count, 1);
});

test('what cannot be read is reported', async (t) => {
  const errors: unknown[] = [];
  const reader = loader.consumeRing(
    object.maps.get('t_hash')!,
    () => undefined,
    (error) => errors.push(error),
  );
  await until(() => errors.length === 1);
  await reader.stop();
  t.match(String(errors[0]), /ring_buffer__new\(map t_hash\): EINVAL/);
});
