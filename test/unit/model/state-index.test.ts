// SPDX-License-Identifier: Apache-2.0
/** Judging changes one by one must agree with judging the whole state from scratch. */
import fc from 'fast-check';
import t from 'tap';
import {
  StateIndex,
  validateState,
  type Problem,
  type ProposedChange,
  type StoredObject,
} from '../../../src/model/index.js';
import { change, make } from './fixtures.js';

// Small worlds, so that objects meet.
const vpcName = fc.constantFrom('a', 'b');
const octet = fc.constantFrom(1, 2, 5);
const object: fc.Arbitrary<StoredObject> = fc.oneof(
  fc
    .tuple(vpcName, fc.constantFrom(undefined, '02:00:00:00:00:01', '02:00:00:00:00:02'))
    .map(([name, gatewayMac]) => make('Vpc', name, { vni: name === 'a' ? 1 : 2, gatewayMac })),
  fc
    .tuple(
      fc.constantFrom('s', 'u'),
      vpcName,
      fc.constantFrom('10.0.0.0/24', '10.0.1.0/24', '10.0.0.0/23', '10.0.0.0/29'),
      fc.boolean(),
    )
    .map(([name, vpc, prefix, ipv6]) =>
      make('Subnet', name, {
        vpc,
        ipv4: { prefix },
        ipv6: ipv6 ? { prefix: '2001:db8::/64' } : undefined,
      }),
    ),
  fc
    .tuple(fc.constantFrom('d', 'e'), fc.constantFrom('h', 'i'), octet)
    .map(([name, host, last]) =>
      make('Droplet', name, { host, device: 'eth0', addresses: [`192.0.2.${last}`] }),
    ),
  fc
    .tuple(
      fc.constantFrom('w', 'x', 'y'),
      fc.constantFrom('s', 'u'),
      fc.constantFrom('10.0.0', '10.0.1'),
      octet,
      fc.constantFrom(undefined, '02:00:00:00:00:01', '02:00:00:00:00:09'),
      fc.constantFrom(undefined, 'eth0', 'tap0'),
    )
    // The VPC follows from the name: it cannot be changed, which a whole state does not show.
    .map(([name, subnet, net, last, mac, device]) =>
      make('Endpoint', name, {
        host: 'h',
        vpc: name === 'y' ? 'b' : 'a',
        subnet,
        addresses: [`${net}.${last}`],
        mac,
        device: device === undefined ? undefined : { kind: 'existing', name: device },
      }),
    ),
  fc
    .tuple(
      fc.constantFrom('r', 'q'),
      vpcName,
      fc.constantFrom('10.0.0.0/24', '10.0.0.5/32', '0.0.0.0/0'),
      fc.constantFrom('w', 'y', undefined),
    )
    .map(([name, vpc, prefix, endpoint]) =>
      make('Route', name, {
        vpc,
        prefix,
        ...(endpoint === undefined ? { blackhole: true } : { endpoint }),
      }),
    ),
);
const write: fc.Arbitrary<ProposedChange> = fc.oneof(
  { weight: 4, arbitrary: object.map(change) },
  { weight: 1, arbitrary: object.map((o) => ({ ...change(o), object: undefined })) },
);
const batches = fc.array(fc.array(write, { minLength: 1, maxLength: 5 }), { maxLength: 40 });

function after(
  state: ReadonlyMap<string, StoredObject>,
  changes: readonly ProposedChange[],
): Map<string, StoredObject> {
  const next = new Map(state);
  for (const { kind, name, object: value } of changes) {
    if (value === undefined) next.delete(`${kind}/${name}`);
    else next.set(`${kind}/${name}`, value);
  }
  return next;
}

void t.test('incremental judgement equals judgement from scratch', (t) => {
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(batches, (list) => {
      const index = new StateIndex();
      let state = new Map<string, StoredObject>();
      for (const changes of list) {
        const next = after(state, changes);
        const problems: Problem[] = index.check(changes);
        const whole = validateState([...next.values()]);
        if ((problems.length === 0) !== (whole.length === 0)) {
          throw new Error(JSON.stringify({ changes, problems, whole }));
        }
        if (problems.length > 0) {
          refused++;
          continue;
        }
        accepted++;
        index.commit(changes);
        state = next;
        if (index.size !== state.size) throw new Error('size differs');
      }
    }),
    { numRuns: 300 },
  );
  t.ok(accepted > 300, `accepted ${accepted}`);
  t.ok(refused > 300, `refused ${refused}`);
  t.end();
});

void t.test('one change among a hundred thousand costs no scan', (t) => {
  const changes = [
    change(make('Vpc', 'v', { vni: 1 })),
    change(make('Subnet', 's', { vpc: 'v', ipv4: { prefix: '10.0.0.0/8' } })),
  ];
  const endpoint = (i: number): ProposedChange => {
    const name = `e${i}`;
    const addresses = [`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`];
    const metadata = { name, generation: 1, resourceVersion: 1, createdAt: '' };
    const spec = { host: 'h', vpc: 'v', subnet: 's', addresses };
    return { kind: 'Endpoint', name, object: { kind: 'Endpoint', metadata, spec } };
  };
  for (let i = 0; i < 100000; i++) changes.push(endpoint(i + 10));
  const index = new StateIndex();
  const start = performance.now();
  t.same(index.check(changes), []);
  const whole = performance.now() - start;
  index.commit(changes);
  const then = performance.now();
  for (let i = 0; i < 100; i++) t.same(index.check([endpoint(200000 + i)]), []);
  const each = (performance.now() - then) / 100;
  t.comment(`all: ${Math.round(whole)} ms, one: ${each.toFixed(3)} ms`);
  t.ok(each * 200 < whole, 'a single change is at least 200 times cheaper than all');
  t.end();
});
