// SPDX-License-Identifier: Apache-2.0
/** What applies to an endpoint, in order, with counts. */
import { test } from 'tap';
import { IndexReuse } from '../../../src/daemon/datapath/index-reuse.js';
import { PolicyView, RuleHits } from '../../../src/daemon/datapath/index.js';
import { decode, encode, MAPS } from '../../../src/maps/index.js';
import { HOST, objectsOf, POLICY_OBJECTS, policyCalculator } from '../../support/policy-world.js';
import { FakeMap } from './fake-map.js';

const packets: Record<string, number> = {
  'Policy/db/ingress/0': 12,
  'Policy/no-telnet/ingress/0': 3,
  'Default/egress': 4,
};

function world() {
  const { calculator, indexes } = policyCalculator();
  calculator.flush();
  const names = Object.keys(packets).map((name) => [indexes.peek('rule', name), name] as const);
  const sum = (index: number): number => packets[new Map(names).get(index) ?? ''] ?? 0;
  const objects = objectsOf(POLICY_OBJECTS);
  const driver = { entries: (map: string) => (map === 'pol_named' ? undefined : map.length) };
  return new PolicyView({ calculator, indexes, hits: { sum }, driver, objects }, { host: HOST });
}

const lines = (rules: ReturnType<PolicyView['endpoint']>['ingress']['rules']): string[] =>
  rules.map(
    ({ tier, by, rule, action, packets, match }) =>
      `${tier}|${by}|${rule ?? '-'}|${action}|${packets}|${match}`,
  );

test('rules are in the order in which they are asked, with whose they are', (t) => {
  const { ingress, egress, ...about } = world().endpoint('db-1');
  t.same(about, { endpoint: 'db-1', vpc: 'blue', programmed: true });
  t.same(lines(ingress.rules), [
    'security|Policy/no-telnet|0|deny|3|tcp to ports 23',
    'security|Tier/security|-|pass|0|what no policy of the tier has decided',
    "default|Policy/db|0|allow|12|tcp from (role == 'web') to ports postgres",
    'default|Policy/db|1|allow|0|icmp type 8',
    'default|Policy/db|2|log|0|from 203.0.113.0/24',
    'default|Tier/default|-|deny|0|what no policy of the tier has decided',
    '|Default|-|deny|0|what nothing before has decided',
  ]);
  t.same(lines(egress.rules), [
    'default|Tier/default|-|deny|0|what no policy of the tier has decided',
    '|Default|-|deny|4|what nothing before has decided',
  ]);
  t.end();
});

test('open, and closed by a profile that is not there', (t) => {
  const view = world();
  t.same(view.endpoint('free-1').ingress, { open: true, rules: [] });
  t.same(view.endpoint('free-1').egress, { open: true, rules: [] });
  t.same(lines(view.endpoint('lost-1').ingress.rules), [
    '|Profile/nowhere|-|deny|0|there is no such profile',
    '|Default|-|deny|0|what nothing before has decided',
  ]);
  t.end();
});

test('how much there is', (t) => {
  t.same(world().counts(), {
    rules: 10,
    blocks: 9,
    programs: 8,
    hosts: 8,
    nets: 7,
    namedPorts: 0,
  });
  t.end();
});

test('of another host, and unknown', (t) => {
  const view = world();
  t.throws(() => view.endpoint('web-2'), {
    code: 'NOT_FOUND',
    message: /Endpoint\/web-2 is not on this host, h1, but on h2/,
  });
  t.throws(() => view.endpoint('no'), { code: 'NOT_FOUND', message: 'Endpoint/no does not exist' });
  t.end();
});

/** An array of one CPU's counters. */
class CounterArray extends FakeMap {
  override readonly perCpu = true as never;
}

test('a rule does not begin with what another one has counted', (t) => {
  const map = new CounterArray({ keySize: 4, valueSize: 8, maxEntries: 5000, array: true });
  const hits = new RuleHits({ map });
  const key = (index: number) => encode(MAPS.pol_hit.key, index);
  const count = (index: number) => {
    map.update(key(index), encode(MAPS.pol_hit.value, 5n));
  };
  for (const index of [1, 2, 4999]) count(index);
  t.equal(hits.sum(4999), 5);
  hits.clearAll();
  t.same(
    [1, 2, 4999].map((index) => hits.sum(index)),
    [0, 0, 0],
    'of the daemon before',
  );
  const held = new Map([
    ['gone', 1],
    ['again', 2],
  ]);
  const indexes = {
    peek: (_: string, name: string) => held.get(name),
    free: (_: string, name: string) => {
      if (name === 'gone') held.delete(name);
    },
  };
  const reuse = new IndexReuse({ indexes, maps: { pol_hit: map } as never });
  count(1);
  count(2);
  for (const name of held.keys()) reuse.free('rule', name);
  t.equal(hits.sum(1), 0, 'its rule is gone');
  t.equal(hits.sum(2), 5, 'its rule has come again');
  t.equal(decode(MAPS.pol_hit.value, map.lookup(key(2))!), 5n);
  t.end();
});
