// SPDX-License-Identifier: Apache-2.0
/** Watching over HTTP. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import { test } from 'tap';
import { startFixture, vpc, type Fixture } from './fixture.js';

interface Event {
  readonly type: string;
  readonly revision: number;
  readonly object?: { readonly kind: string; readonly metadata: { readonly name: string } };
}

function reader(message: IncomingMessage) {
  const lines = createInterface({ input: message })[Symbol.asyncIterator]();
  const next = async (): Promise<Event | undefined> => {
    const line = await lines.next();
    return line.done === true ? undefined : (JSON.parse(line.value) as Event);
  };
  /** The next events that are no bookmarks. */
  const changes = async (count: number): Promise<string[]> => {
    const out: string[] = [];
    while (out.length < count) {
      const event = await next();
      if (event === undefined) break;
      if (event.type !== 'BOOKMARK')
        out.push(`${event.revision} ${event.type} ${event.object?.metadata.name ?? ''}`);
    }
    return out;
  };
  return { next, changes };
}

async function watch(f: Fixture, query = '') {
  const message = await f.open({ path: `/v1/watch${query}` });
  return { message, ...reader(message) };
}

test('what is there first, a bookmark, then changes', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  await f.apply([vpc('a', 1), vpc('b', 2)]);
  const w = await watch(f);
  t.equal(w.message.statusCode, 200);
  t.equal(w.message.headers['content-type'], 'application/x-ndjson');
  t.match(await w.next(), { type: 'ADDED', revision: 1, object: { metadata: { name: 'a' } } });
  t.match(await w.next(), { type: 'ADDED', revision: 1, object: { metadata: { name: 'b' } } });
  t.same(await w.next(), { type: 'BOOKMARK', revision: 1 });
  await f.apply([vpc('c', 3), vpc('a', 1, { labels: { x: 'y' } })]);
  await f.send({ method: 'DELETE', path: '/v1/vpcs/b' });
  t.same((await w.changes(3)).sort(), ['2 ADDED c', '2 MODIFIED a', '3 DELETED b']);
  t.same(await w.next(), { type: 'BOOKMARK', revision: 3 }, 'while nothing happens');
  w.message.destroy();
});

test('from a revision', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  await f.apply([vpc('a', 1)]);
  await f.apply([vpc('b', 2)]);
  await f.send({ method: 'DELETE', path: '/v1/vpcs/a' });
  const w = await watch(f, '?sinceRevision=1&kind=vpc');
  t.same(await w.changes(2), ['2 ADDED b', '3 DELETED a']);
  w.message.destroy();
  const other = await watch(f, '?kind=route');
  t.same(await other.next(), { type: 'BOOKMARK', revision: 3 }, 'no routes');
  await f.apply([vpc('c', 3)]);
  t.equal((await other.next())?.type, 'BOOKMARK', 'other kinds are not told');
  other.message.destroy();
  await f.apply(Array.from({ length: 60 }, (_, i) => vpc(`x${i}`, 100 + i)));
  const gone = await f.send({ path: '/v1/watch?sinceRevision=1' });
  t.equal(gone.status, 410);
  t.match(gone.text, 'REVISION_GONE');
});

test('ends with the client, and with the server', async (t) => {
  const f = await startFixture();
  const first = await watch(f);
  const second = await watch(f);
  await first.next();
  await second.next();
  first.message.destroy();
  await once(first.message, 'close');
  await f.apply([vpc('a', 1)]);
  t.same(await second.changes(1), ['1 ADDED a'], 'others go on');
  const start = performance.now();
  const ended = (async () => {
    while ((await second.next()) !== undefined);
  })();
  await f.stop();
  await ended;
  t.ok(performance.now() - start < 400, 'without waiting for the grace period');
});

test('a client that does not read is cut off, not remembered for ever', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const slow = await f.open({ path: '/v1/watch' });
  slow.pause();
  const labels = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`label-${i}`, 'x'.repeat(60)]),
  );
  for (let n = 0; n < 12; n++) {
    const objects = Array.from({ length: 60 }, (_, i) =>
      vpc(`v${i}`, i + 1, { labels: { ...labels, n: String(n) } }),
    );
    const answer = await f.apply(objects);
    if (answer.status !== 200) t.fail(answer.text);
  }
  const { changes } = reader(slow);
  const got = await changes(Number.MAX_SAFE_INTEGER);
  t.ok(got.length > 0 && got.length < 720, `${got.length} of 720 changes, then the end`);
});
