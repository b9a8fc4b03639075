// SPDX-License-Identifier: Apache-2.0
/** Quotas of endpoints, by account: whose limits hold, and that a change of them walks nothing again. */
import { test } from 'tap';
import { accountOf, Calculator } from '../../src/daemon/calc/index.js';
import type { ConnectionLimits, StoredObject } from '../../src/model/index.js';
import { allocator, device, droplet, kernelRoute } from './support.js';
import { HOST, object, PORT, tell, Walk, way, type State } from './support.js';
import { blueNet, d1, d2, db, web } from './states.js';

const vpc = (limits?: ConnectionLimits): StoredObject =>
  object('Vpc', 'blue', { vni: 100, outside: { host: 'h1' }, ...(limits && { limits }) });
const nat = object('NatGateway', 'nat', {
  sources: [{ vpc: 'blue' }],
  addresses: ['203.0.113.9'],
});
const exit = object('Droplet', 'a-exit', {
  host: 'h1',
  device: 'eth9',
  addresses: ['203.0.113.2'],
  outside: true,
});
const facts = [
  droplet('d1', 2, 9000),
  droplet('a-exit', 9, 1500),
  device('web', 7),
  way('192.0.2.2', 2, '192.0.2.1'),
  kernelRoute('0.0.0.0/0', 9, '203.0.113.1', 1500),
];
const state = (blue: StoredObject, endpoint: StoredObject = web): State => ({
  objects: [blue, blueNet, d1, d2, exit, endpoint, db, nat],
  facts,
});
const withLimits = (limits: ConnectionLimits): StoredObject => {
  if (web.kind !== 'Endpoint') throw new Error('web is an endpoint');
  return object('Endpoint', 'web', { ...web.spec, limits });
};

const limitsOf = (walk: Walk): Record<string, unknown> =>
  Object.fromEntries(walk.mirror.tables.limit);

test('of the endpoint, else of its VPC; of one that is served here, too', (t) => {
  const walk = new Walk();
  walk.to(state(vpc()));
  t.same(limitsOf(walk), {}, 'no limits');
  const delta = walk.to(state(vpc({ connections: 100, newPerSecond: 5 })));
  const blue = { connections: 100, halfOpen: 0, rate: 5, burst: 5 };
  const entry = (name: string): string => {
    const value = walk.mirror.tables.addr.get(name) as { ep?: number; sub: number };
    return String(
      value.ep === undefined ? accountOf('sub', value.sub) : accountOf('endpoint', value.ep),
    );
  };
  const [near, far] = [entry('100/10.0.0.5'), entry('100/10.0.0.6')];
  // web has an index of those who reach the outside, too, which nothing is charged to
  t.same(limitsOf(walk)[near], blue, 'an endpoint of this host');
  t.same(limitsOf(walk)[far], blue, 'one of another host, which leaves here');
  t.same(delta.touchedVpcs, [], 'nothing walks again');
  const own = walk.to(state(vpc({ connections: 100, newPerSecond: 5 }), withLimits({ burst: 20 })));
  t.same(limitsOf(walk)[near], { ...blue, burst: 20 }, 'its own field wins, others stay');
  t.same(limitsOf(walk)[far], blue, 'and only for it');
  t.same(own.touchedVpcs, []);
  walk.to(state(vpc({ connections: 100 }), withLimits({ connections: 0 })));
  t.equal(limitsOf(walk)[near], undefined, '0 lifts a limit');
  walk.to({ objects: [], facts: [] });
  t.same(limitsOf(walk), {});
  t.end();
});

test("the host's where nobody says anything", (t) => {
  const limits = { connections: 7, halfOpen: 3, newPerSecond: 0, burst: 0 };
  const calculator = new Calculator(
    { indexes: allocator() },
    { host: HOST, vxlanPort: PORT, limits },
  );
  const { objects } = state(vpc({ halfOpen: 2 }));
  calculator.objects(objects.map((o) => ({ kind: o.kind, name: o.metadata.name, object: o })));
  for (const fact of facts) tell(calculator, fact);
  const made = calculator.flush().upserts.filter(({ table }) => table === 'limit');
  t.ok(made.length > 0);
  for (const { value } of made) t.same(value, { connections: 7, halfOpen: 2, rate: 0, burst: 0 });
  t.end();
});
