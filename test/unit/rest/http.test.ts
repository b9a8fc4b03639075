// SPDX-License-Identifier: Apache-2.0
/** HTTP itself: errors, methods, bodies, health, documents. */
import { runInNewContext } from 'node:vm';
import { test } from 'tap';
import { json, startFixture, vpc } from './fixture.js';

/** Runs the page's script on as much of a DOM as it uses. @returns the text it makes. */
function rendered(script: string, data: string): string {
  class Node {
    textContent = '';
    readonly children: (Node | string)[] = [];
    append(...children: (Node | string)[]): void {
      this.children.push(...children);
    }
    text(): string {
      const inner = this.children.map((child) =>
        typeof child === 'string' ? child : child.text(),
      );
      return [this.textContent, ...inner].join(' ');
    }
  }
  const main = new Node();
  const openapi = new Node();
  openapi.textContent = data;
  runInNewContext(script, {
    document: {
      createElement: () => new Node(),
      getElementById: () => openapi,
      querySelector: () => main,
    },
    location: { hash: '' },
    addEventListener: () => undefined,
  });
  return main.text();
}

test('errors are problem documents', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const cases: [string, { method?: string; path: string; body?: unknown }, number, string][] = [
    ['unknown route', { path: '/v2/x' }, 404, 'NOT_FOUND'],
    ['no such path', { path: '/' }, 404, 'NOT_FOUND'],
    ['method', { method: 'DELETE', path: '/v1/vpcs' }, 405, 'METHOD_NOT_ALLOWED'],
    ['method of a fixed path', { path: '/v1/apply' }, 405, 'METHOD_NOT_ALLOWED'],
    ['not JSON', { method: 'POST', path: '/v1/apply', body: '{"objects": [' }, 400, 'BAD_REQUEST'],
    ['no body', { method: 'POST', path: '/v1/apply' }, 400, 'BAD_REQUEST'],
    ['wrong shape', { method: 'POST', path: '/v1/apply', body: { object: 1 } }, 400, 'BAD_REQUEST'],
    ['bad query', { path: '/v1/watch?sinceRevision=-1' }, 400, 'BAD_REQUEST'],
    ['the future', { path: '/v1/watch?sinceRevision=9' }, 410, 'REVISION_GONE'],
  ];
  for (const [name, call, status, code] of cases) {
    const answer = await f.send(call);
    t.equal(answer.status, status, name);
    t.equal(answer.headers['content-type'], 'application/problem+json', name);
    const problem = json(answer);
    t.match(problem, { status, code }, name);
    t.type(problem['title'], 'string', name);
    t.type(problem['detail'], 'string', name);
  }
  const method = await f.send({ method: 'DELETE', path: '/v1/vpcs' });
  t.equal(method.headers['allow'], 'GET');
  t.match(f.requests[2], { method: 'DELETE', route: '', status: 405 });
});

test('a body may have 64 MiB and no more', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const big = { objects: [], padding: 'x'.repeat(20 * 1024 * 1024) };
  const fits = await f.send({ method: 'POST', path: '/v1/apply', body: big });
  t.equal(fits.status, 400);
  t.match(json(fits)['detail'], /padding/, 'was read and judged');
  const answer = await f.send({
    method: 'POST',
    path: '/v1/apply',
    body: ' '.repeat(64 * 1024 * 1024 + 1),
  });
  t.match(json(answer), { code: 'TOO_LARGE' });
  t.match(answer, { status: 413 });
});

test('health', async (t) => {
  let synced = false;
  const f = await startFixture({}, [
    { name: 'store', check: () => undefined },
    { name: 'first-sync', check: () => (synced ? undefined : 'not done yet') },
    {
      name: 'programs',
      check: () => {
        if (!synced) throw new Error('no programs');
        return Promise.resolve(undefined);
      },
    },
  ]);
  t.teardown(() => f.stop());
  t.same(json(await f.send({ path: '/healthz' })), { status: 'ok' });
  const not = await f.send({ path: '/readyz' });
  t.equal(not.status, 503);
  t.same(json(not), {
    status: 'unavailable',
    checks: [
      { name: 'store', ok: true },
      { name: 'first-sync', ok: false, message: 'not done yet' },
      { name: 'programs', ok: false, message: 'no programs' },
    ],
  });
  synced = true;
  t.equal((await f.send({ path: '/readyz' })).status, 200);
});

test('the data path and the daemon', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  t.match(json(await f.send({ path: '/v1/status' })), {
    version: '0.0.1',
    instance: 'test',
    host: 'h1',
    revision: 0,
    appliedRevision: 6,
    programs: [],
  });
  t.match(json(await f.send({ path: '/v1/flows?vpc=many' })), { truncated: true }, 'limit 1000');
  t.match(json(await f.send({ path: '/v1/flows?vpc=many&limit=5' })), { truncated: false });
  t.match(json(await f.send({ path: '/v1/drops' })), { counts: [{ reason: 'NO_ROUTE' }, {}] });
  t.match(json(await f.send({ path: '/v1/nodes' })), { nodes: [{ node: 'route' }] });
  t.match(json(await f.send({ path: '/v1/maps' })), { maps: [{ name: 'flow' }, {}] });
  t.match(json(await f.send({ path: '/v1/counters' })), { hooks: [{ received: 100 }] });
  const reload = await f.send({ method: 'POST', path: '/v1/programs/reload' });
  t.same(json(reload), { replaced: [] });
  const metrics = await f.send({ path: '/metrics' });
  t.match(metrics.headers['content-type'], /^text\/plain; version=0\.0\.4/);
  t.equal(metrics.text, 'transit_up 1\n');
});

test('documents', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const openapi = json(await f.send({ path: '/openapi.json' }));
  t.match(openapi, { openapi: '3.1.0', info: { version: '0.0.1' } });
  const page = await f.send({ path: '/docs' });
  t.match(page.headers['content-type'], /^text\/html/);
  t.notMatch(page.text, /(src|href)="?https?:/, 'nothing from elsewhere');
  const data = /<script type="application\/json" id="openapi">(.*?)<\/script>/s.exec(page.text);
  t.same(JSON.parse(data?.[1] ?? ''), openapi, 'the page holds the document');
  const script = /<script>(.*)<\/script>/s.exec(page.text)?.[1] ?? '';
  const text = rendered(script, data?.[1] ?? '');
  for (const part of ['/v1/apply', 'VNI', 'DaemonStatus', 'labelSelector', 'list of'])
    t.match(text, part, part);
});

test('100,000 objects in one request', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const objects = Array.from({ length: 100_000 }, (_, i) => vpc(`v${i}`, i + 1));
  const start = performance.now();
  const answer = await f.apply(objects);
  t.equal(answer.status, 200, answer.text.slice(0, 300));
  t.comment(`${Math.round(performance.now() - start)} ms`);
  t.equal(f.store.list('Vpc').length, 100_000);
});

test('what applies to an endpoint is below the endpoint', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const answer = await f.send({ path: '/v1/endpoints/db-1/policies' });
  t.equal(answer.status, 200);
  t.match(json(answer), { endpoint: 'db-1', ingress: { open: false }, egress: { open: true } });
  t.equal((await f.send({ path: '/v1/endpoints/policies' })).status, 404, 'an object of that name');
});

test('a connection is asked about', async (t) => {
  const f = await startFixture();
  t.teardown(() => f.stop());
  const ask = (rest: string) => f.send({ path: `/v1/policy-check?from=a&to=b&${rest}` });
  t.match(json(await ask('protocol=tcp&port=443')), { vpc: 'blue', agrees: true });
  t.equal((await ask('protocol=47')).status, 200);
  for (const wrong of ['protocol=ip', 'protocol=256', 'protocol=tcp&port=65536', 'port=1'])
    t.match(json(await ask(wrong)), { code: 'BAD_REQUEST' }, wrong);
});
