// SPDX-License-Identifier: Apache-2.0
/** Programs of up to thousands of rules, and a set of a million addresses, in the kernel's maps. */
import suite, { test, type Test } from 'tap';
import { addressAt, formatAddress, parseAddress, parsePrefix } from '../../src/base/net.js';
import { IndexAllocator, INDEX_SPACES, type IndexLimits } from '../../src/daemon/calc/index.js';
import { PolicyTables, type ClassChanges } from '../../src/daemon/calc/policy/tables.js';
import type { ResolvedRule, ResolvedSide } from '../../src/daemon/calc/policy/types.js';
import { Random } from '../fuzz/random.js';
import { isRemote } from '../support/kernel/index.js';
import { HOOKS, isolate } from '../support/rig.js';
import { PolicyMaps, QUESTIONS, type Question } from './policy-maps.js';

isolate();
suite.setTimeout(0);

const VNI = 100;
const CLOSED = 999;
const SIZES = [1, 500, 5000, 12_000];
const MEMBERS = Number(process.env.TRANSIT_MEMBERS ?? 1_000_000);
/** Members that come at a time. */
const STEP = 50_000;
const MANY = `${VNI} s many`;
const ANY: ResolvedSide = { sets: [], notSets: [] };
const TCP = 6;
const NO_CLASSES: ClassChanges = { appeared: [], vanished: [], hosts: [], nets: [], named: [] };

/** Rule i: from net i to port i. Of 13,000 there are no two alike. */
const netOf = (i: number): string => `10.${i >> 8}.${i & 255}.0/24`;
const setOf = (i: number): string => `${VNI} n ${netOf(i)}`;
const rule = (i: number): ResolvedRule => ({
  action: 'allow',
  identity: `Policy/p${i}/ingress/0`,
  protocol: TCP,
  source: { sets: [setOf(i)], notSets: [] },
  destination: { ...ANY, ports: { ranges: [{ from: i, to: i }], named: [] } },
});
/** Address i of the set. */
const SPACE = parsePrefix('fd00::/64');
const member = (i: number): string => formatAddress(addressAt(SPACE, BigInt(i)));

function tables(): { readonly of: PolicyTables; readonly indexes: IndexAllocator } {
  const limits = Object.fromEntries(INDEX_SPACES.map((space) => [space, 100_000])) as unknown;
  const indexes = new IndexAllocator({ limits: limits as IndexLimits });
  return { of: new PolicyTables({ indexes }, { closed: CLOSED }), indexes };
}

function question(ep: number, from: string, dport: number): Question {
  const source = parseAddress(from);
  const key = { scope: 1, proto: TCP, family: source.family, sport: 1024, dport };
  const daddr = parseAddress(source.family === 4 ? '192.0.2.1' : '2001:db8::1').bytes;
  return { key: { ...key, saddr: source.bytes, daddr }, ep, reply: false, sends: false };
}

/** Both builds say the same of all. */
function ask(t: Test, maps: PolicyMaps, list: readonly Question[], allowed: boolean): void {
  for (const hook of HOOKS) {
    let wrong = 0;
    for (let i = 0; i < list.length; i += QUESTIONS)
      wrong += maps.ask(hook, list.slice(i, i + QUESTIONS)).filter((one) => one !== allowed).length;
    t.equal(wrong, 0, `${hook}: ${list.length} connections, ${allowed ? 'allowed' : 'denied'}`);
  }
}

test('programs of 1 to 12,000 rules', { timeout: 0 }, (t) => {
  const maps = new PolicyMaps(new Random(1));
  const { of, indexes } = tables();
  const most = Math.max(...SIZES);
  const all = Array.from({ length: most }, (_, i) => i);
  const classes = all.map((i) => {
    const key = `${VNI}|${setOf(i)}`;
    return { key, sets: [setOf(i)], id: of.classIndex(key) };
  });
  const nets = classes.map(({ id }, i) => ({ vni: VNI, prefix: netOf(i), class: id }));
  const endpoints = new Map(
    SIZES.map((size, i) => {
      const ingress = [all.slice(0, size).map(rule)];
      return [`e${size}`, { vni: VNI, index: i + 1, ingress, egress: undefined }];
    }),
  );
  const delta = of.flush({ endpoints, classes: { ...NO_CLASSES, appeared: classes, nets } });
  t.same(delta.findings, []);
  maps.write(delta);
  for (const [i, size] of SIZES.entries()) {
    const ep = i + 1;
    const step = Math.max(1, Math.floor(size / 1500));
    const some = all.slice(0, size).filter((one) => one % step === 0 || one === size - 1);
    const from = (one: number): string => `10.${one >> 8}.${one & 255}.7`;
    t.comment(`${size} rules`);
    ask(
      t,
      maps,
      some.map((one) => question(ep, from(one), one)),
      true,
    );
    ask(
      t,
      maps,
      some.map((one) => question(ep, from(one), one + 1)),
      false,
    );
    ask(t, maps, [question(ep, from(size), size), question(ep, '11.0.0.1', 0)], false);
    const rules = some.map((one) => indexes.peek('rule', rule(one).identity)!);
    const hits = maps.hits(rules).map((hit) => hit > 0);
    t.ok(
      hits.every((hit) => hit),
      'each was counted for its rule',
    );
  }
  maps.close();
  t.end();
});

test('many rules that log, then one that allows', { timeout: 0 }, (t) => {
  const maps = new PolicyMaps(new Random(3));
  const { of, indexes } = tables();
  const sizes = [16, 17, 600];
  const log = (size: number, i: number): ResolvedRule => ({
    ...rule(443),
    action: i < size ? 'log' : 'allow',
    identity: `Policy/log${size}/ingress/${i}`,
    source: ANY,
  });
  const endpoints = new Map(
    sizes.map((size, i) => {
      const ingress = [Array.from({ length: size + 1 }, (_, n) => log(size, n))];
      return [`e${size}`, { vni: VNI, index: i + 1, ingress, egress: undefined }];
    }),
  );
  maps.write(of.flush({ endpoints, classes: NO_CLASSES }));
  for (const [i, size] of sizes.entries()) {
    ask(t, maps, [question(i + 1, '10.0.0.1', 443)], true);
    ask(t, maps, [question(i + 1, '10.0.0.1', 444)], false);
    const rules = Array.from({ length: size + 1 }, (_, n) => log(size, n).identity);
    const hits = maps.hits(rules.map((identity) => indexes.peek('rule', identity)!));
    t.same([...new Set(hits)], [HOOKS.length], `${size} rules that log, each counted`);
  }
  maps.close();
  t.end();
});

test(`a set of ${MEMBERS} addresses`, { timeout: 0 }, (t) => {
  const random = new Random(2);
  const maps = new PolicyMaps(random);
  const { of } = tables();
  const key = `${VNI}|${MANY}`;
  const id = of.classIndex(key);
  const source = { sets: [MANY], notSets: [] };
  const ingress = [[{ ...rule(443), source }]];
  const endpoint = { vni: VNI, index: 1, ingress, egress: undefined };
  for (let first = 0; first < MEMBERS; first += STEP) {
    const hosts = Array.from({ length: STEP }, (_, i) => {
      return { vni: VNI, address: member(first + i), class: id };
    });
    const appeared = first === 0 ? [{ key, sets: [MANY], id }] : [];
    const endpoints = new Map(first === 0 ? [['e', endpoint]] : []);
    maps.write(of.flush({ endpoints, classes: { ...NO_CLASSES, appeared, hosts } }));
  }
  const some = Array.from({ length: 20 * QUESTIONS }, () => random.below(MEMBERS));
  ask(
    t,
    maps,
    [...some, 0, MEMBERS - 1].map((i) => question(1, member(i), 443)),
    true,
  );
  ask(
    t,
    maps,
    some.map((i) => question(1, member(i), 444)),
    false,
  );
  ask(
    t,
    maps,
    some.map((i) => question(1, member(MEMBERS + i), 443)),
    false,
  );
  // another process' kernel is not asked
  if (!isRemote)
    t.comment(`${Math.round(maps.map('pol_host').memoryBytes() / MEMBERS)} bytes an address`);
  maps.close();
  t.end();
});
