// SPDX-License-Identifier: Apache-2.0
/** Objects over HTTP: apply, diff, get, list, put, delete, and what is refused. */
import { test, type Test } from 'tap';
import { json, startFixture, subnet, vpc, type Fixture } from './fixture.js';

async function served(t: Test): Promise<Fixture> {
  const fixture = await startFixture();
  t.teardown(() => fixture.stop());
  return fixture;
}

test('apply creates, updates and leaves alone', async (t) => {
  const f = await served(t);
  const first = await f.apply([subnet('a', 'blue', '10.0.0.0/24'), vpc('blue', 7)]);
  t.equal(first.status, 200);
  t.same(json(first), {
    revision: 1,
    results: [
      { kind: 'Subnet', name: 'a', action: 'created' },
      { kind: 'Vpc', name: 'blue', action: 'created' },
    ],
  });
  const again = await f.apply([vpc('blue', 7), vpc('red', 8)]);
  t.same(
    (json(again)['results'] as { action: string }[]).map((r) => r.action),
    ['unchanged', 'created'],
  );
  t.equal(f.store.get('Vpc', 'blue')?.metadata.resourceVersion, 1, 'not written');
  t.equal(json(await f.apply([vpc('blue', 7)]))['revision'], 2, 'nothing to do, no revision');
});

test('the server sets generation, resourceVersion and createdAt', async (t) => {
  const f = await served(t);
  await f.apply([vpc('blue', 7, { labels: { a: '1' } })]);
  const created = f.store.get('Vpc', 'blue')!.metadata;
  t.match(created, { generation: 1, resourceVersion: 1 });
  t.match(created.createdAt, /^\d{4}-\d\d-\d\dT.*Z$/);
  await f.apply([vpc('blue', 7, { labels: { a: '2' } })]);
  t.match(f.store.get('Vpc', 'blue')?.metadata, { generation: 1, resourceVersion: 2 });
  await f.apply([{ ...vpc('blue', 7), spec: { vni: 7, underlay: 'ipv4' } }]);
  t.match(f.store.get('Vpc', 'blue')?.metadata, {
    generation: 2,
    resourceVersion: 3,
    createdAt: created.createdAt,
  });
});

test('a refused change leaves everything as it was', async (t) => {
  const f = await served(t);
  const shape = await f.apply([vpc('blue', 7), vpc('Bad Name', 0)]);
  t.equal(shape.status, 422);
  t.equal(shape.headers['content-type'], 'application/problem+json');
  t.match(json(shape), { code: 'INVALID', status: 422, problems: [{ field: 'metadata.name' }] });
  const rules = await f.apply([vpc('blue', 7), subnet('a', 'green', '10.0.0.0/24')]);
  t.equal(rules.status, 422);
  t.match(json(rules), { problems: [{ object: 'Subnet/a', field: 'spec.vpc' }] });
  const both = await f.apply([vpc('blue', 7), vpc('red', 7)]);
  t.match(json(both), { problems: [{ object: 'Vpc/red', field: 'spec.vni' }] });
  t.equal(f.store.revision, 0);
});

test('preconditions', async (t) => {
  const f = await served(t);
  await f.apply([vpc('blue', 7)]);
  const stale = await f.apply([vpc('blue', 9, { resourceVersion: 5 })]);
  t.equal(stale.status, 409);
  t.match(json(stale), { code: 'CONFLICT', problems: [{ object: 'Vpc/blue' }] });
  t.equal((await f.apply([vpc('blue', 7, { resourceVersion: 0 })])).status, 409, 'must not exist');
  t.equal((await f.apply([vpc('red', 8, { resourceVersion: 3 })])).status, 409, 'must exist');
  t.equal((await f.apply([vpc('red', 8, { resourceVersion: 0 })])).status, 200);
  const dry = await f.apply([vpc('blue', 7, { resourceVersion: 5 })], '?dryRun=true');
  t.equal(dry.status, 409, 'dry runs say so, too');
});

test('concurrent applies do not interleave', async (t) => {
  const f = await served(t);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => f.apply([vpc(`v${i}`, 7), vpc(`w${i}`, 100 + i)])),
  );
  t.same(
    answers.map((a) => a.status).sort(),
    [200, ...new Array<number>(19).fill(422)],
    'one VNI, one winner',
  );
  t.equal(f.store.list('Vpc').length, 2);
  const race = await Promise.all(
    [1, 2, 3].map((n) =>
      f.apply([{ ...vpc('x', 50, { resourceVersion: 0 }), spec: { vni: 50 + n } }]),
    ),
  );
  t.same(race.map((a) => a.status).sort(), [200, 409, 409]);
});

test('diff and dry runs change nothing', async (t) => {
  const f = await served(t);
  await f.apply([vpc('blue', 7)]);
  const body = { objects: [{ ...vpc('blue', 7), spec: { vni: 7, underlay: 'ipv6' } }] };
  const diff = await f.send({ method: 'POST', path: '/v1/diff', body });
  t.same(json(diff), {
    revision: 1,
    results: [
      {
        kind: 'Vpc',
        name: 'blue',
        action: 'updated',
        changes: [{ path: 'spec.underlay', new: 'ipv6' }],
      },
    ],
  });
  const dry = await f.send({ method: 'POST', path: '/v1/apply?dryRun=true', body });
  t.match(json(dry), { revision: 1, results: [{ action: 'updated' }] });
  await f.send({ method: 'DELETE', path: '/v1/vpcs/blue?dryRun=true' });
  t.equal(f.store.revision, 1);
  t.match((await f.send({ path: '/v1/vpcs/blue' })).text, '"vni":7');
});

test('get and list show the status', async (t) => {
  const f = await served(t);
  await f.apply([vpc('red', 8, { labels: { tier: 'web' } }), vpc('blue', 7)]);
  f.statuses.set('Vpc/blue', {
    observedGeneration: 1,
    conditions: [
      {
        type: 'Programmed',
        status: 'True',
        reason: 'InDataPath',
        message: 'done',
        lastTransitionTime: '2026-01-01T00:00:00.000Z',
      },
    ],
  });
  const one = json(await f.send({ path: '/v1/vpc/blue' }));
  t.match(one, { kind: 'Vpc', status: { conditions: [{ type: 'Programmed' }] } });
  const list = json(await f.send({ path: '/v1/vpcs' }));
  t.match(list, { kind: 'List', revision: 1 });
  t.same(
    (list['items'] as { metadata: { name: string } }[]).map((o) => o.metadata.name),
    ['blue', 'red'],
  );
  const web = json(await f.send({ path: '/v1/vpcs?labelSelector=tier%3Dweb' }));
  t.equal((web['items'] as unknown[]).length, 1);
  t.equal((await f.send({ path: '/v1/vpcs?labelSelector=%3D%3D' })).status, 400);
  t.equal((await f.send({ path: '/v1/vpcs/green' })).status, 404);
  t.equal((await f.send({ path: '/v1/pods' })).status, 400);
  t.equal((await f.send({ path: '/v1/vpcs/%zz' })).status, 400);
});

test('put one object', async (t) => {
  const f = await served(t);
  const put = (path: string, body: unknown) => f.send({ method: 'PUT', path, body });
  t.match(json(await put('/v1/vpcs/blue', vpc('blue', 7))), {
    revision: 1,
    action: 'created',
    object: { metadata: { resourceVersion: 1 } },
  });
  t.equal((await put('/v1/vpcs/red', vpc('blue', 7))).status, 422);
  t.equal((await put('/v1/subnets/blue', vpc('blue', 7))).status, 422);
  t.equal((await put('/v1/vpcs/blue?resourceVersion=9', vpc('blue', 8))).status, 409);
  const dry = await put('/v1/vpcs/green?dryRun=true', vpc('green', 9));
  t.match(json(dry), { revision: 1, action: 'created', object: { metadata: { name: 'green' } } });
  t.equal(f.store.get('Vpc', 'green'), undefined);
});

test('delete', async (t) => {
  const f = await served(t);
  await f.apply([vpc('blue', 7), subnet('a', 'blue', '10.0.0.0/24'), vpc('red', 8)]);
  t.equal((await f.send({ method: 'DELETE', path: '/v1/vpcs/green' })).status, 404);
  const held = await f.send({ method: 'DELETE', path: '/v1/vpcs/blue' });
  t.equal(held.status, 422);
  t.match(json(held)['detail'], /Subnet\/a/);
  const stale = await f.send({ method: 'DELETE', path: '/v1/vpcs/red?resourceVersion=4' });
  t.equal(stale.status, 409);
  const one = await f.send({ method: 'DELETE', path: '/v1/vpcs/red' });
  t.match(json(one), { revision: 2, results: [{ name: 'red', action: 'deleted' }] });
  const many = (objects: unknown[]) =>
    f.send({ method: 'POST', path: '/v1/delete', body: { objects } });
  const missing = await many([
    { kind: 'subnet', name: 'a' },
    { kind: 'vpc', name: 'gone' },
  ]);
  t.equal(missing.status, 404, 'all or none');
  t.equal((await many([{ kind: 'pod', name: 'a' }])).status, 400);
  const both = await many([
    { kind: 'vpcs', name: 'blue' },
    { kind: 'Subnet', name: 'a' },
  ]);
  t.equal(both.status, 200, both.text);
  t.same(f.store.list(), []);
});
