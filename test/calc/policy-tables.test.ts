// SPDX-License-Identifier: Apache-2.0
/** Tables of policies after any changes are those of a calculation that begins with the last state. */
import fc from 'fast-check';
import { test } from 'tap';
import { IndexAllocator, TABLE_NAMES, type TableName } from '../../src/daemon/calc/index.js';
import {
  PolicyTables,
  type ClassChanges,
  type EndpointPrograms,
  type PolicyChanges,
  type PolicyDelta,
} from '../../src/daemon/calc/policy/tables.js';
import type { ResolvedProgram, ResolvedRule } from '../../src/daemon/calc/policy/types.js';
import { INDEX_SPACES, type IndexLimits } from '../../src/daemon/calc/index.js';
import { limits } from './support.js';

const CLOSED = 9999;
const NO_CLASSES: ClassChanges = { appeared: [], vanished: [], hosts: [], nets: [], named: [] };

/** What one or many deltas add up to, checked write by write. */
class Mirror {
  readonly indexes: IndexAllocator;
  readonly tables: PolicyTables;
  readonly entries = new Map<string, unknown>();
  readonly findings = new Map<string, string>();
  last: PolicyDelta | undefined;

  constructor(some: Partial<IndexLimits> = {}) {
    this.indexes = new IndexAllocator({ limits: { ...limits(10_000), ...some } });
    this.tables = new PolicyTables({ indexes: this.indexes }, { closed: CLOSED });
  }

  flush(changes: Partial<PolicyChanges>): PolicyDelta {
    const delta = this.tables.flush({ endpoints: new Map(), classes: NO_CLASSES, ...changes });
    const seen = new Set<string>();
    const once = (id: string): void => {
      if (seen.has(id)) throw new Error(`${id} twice`);
      seen.add(id);
    };
    for (const { table, key, value } of delta.upserts) {
      once(`${table} ${key}`);
      this.entries.set(`${table} ${key}`, value);
    }
    this.dangling();
    for (const { table, key } of delta.removals) {
      once(`${table} ${key}`);
      if (!this.entries.delete(`${table} ${key}`)) throw new Error(`${table} ${key} not there`);
    }
    this.dangling();
    for (const { name, problem } of delta.findings)
      if (problem) this.findings.set(name, problem.reason);
      else this.findings.delete(name);
    for (const { space, key } of delta.released) this.indexes.release(space, key);
    for (const { space, key } of delta.released) this.indexes.free(space, key);
    this.last = delta;
    return delta;
  }

  of(table: TableName): Map<string, unknown> {
    const start = `${table} `;
    return new Map(
      [...this.entries]
        .filter(([id]) => id.startsWith(start))
        .map(([id, value]) => [id.slice(start.length), value]),
    );
  }

  /** @throws Error when something refers to what is not there */
  dangling(): void {
    const blocks = this.of('pol_block');
    const programs = this.of('pol_prog') as Map<string, { blocks: { block: number }[] }>;
    for (const { blocks: of } of programs.values())
      for (const { block } of of) if (!blocks.has(`${block}`)) throw new Error(`no block ${block}`);
    for (const value of this.of('pol_ep').values())
      for (const index of Object.values(value as Record<string, number>))
        if (index !== 0 && index !== CLOSED && !programs.has(`${index}`))
          throw new Error(`no program ${index}`);
  }

  /** With names in place of numbers. */
  plain(state: State): unknown {
    const names = new Map<string, string>();
    const blocks = this.of('pol_block');
    const rules = this.of('pol_rule') as Map<string, { hit: number; action: string }>;
    const identity = new Map<number, string>();
    for (const id of identities(state)) {
      const index = this.indexes.peek('rule', id);
      if (index !== undefined) identity.set(index, id);
    }
    for (const index of blocks.keys()) {
      const content: string[] = [];
      for (let i = 0; rules.has(`${index}/${i}`); i++) {
        const { action, hit } = rules.get(`${index}/${i}`)!;
        content.push(`${action} ${identity.get(hit)!}`);
      }
      names.set(index, content.join());
    }
    const classes = new Map<string, string>();
    for (const key of classKeys(state))
      classes.set(`${this.indexes.peek('polClass', key)!}`, `class ${key}`);
    const row = (id: string): string => {
      const [block = '', dim = '', family = '', value = ''] = id.split('/');
      const named = Number(dim) >= 3 ? classes.get(value) : value;
      return `${names.get(block)!} ${dim} ${family} ${named!}`;
    };
    const class_ = ([key, value]: [string, unknown]): [string, string] => [
      key,
      classes.get(`${(value as { class: number }).class}`)!,
    ];
    return {
      rows: [...this.of('pol_row')]
        .map(([id, value]) => `${row(id)} ${JSON.stringify(value)}`)
        .sort(),
      blocks: [...blocks].map(([id, value]) => `${names.get(id)!} ${JSON.stringify(value)}`).sort(),
      ports: [...this.of('pol_port').values()].length,
      rules: rules.size,
      programs: this.of('pol_prog').size,
      hosts: [...this.of('pol_host')].map(class_).sort(),
      nets: [...this.of('pol_net')].map(class_).sort(),
      named: [...this.of('pol_named')].map(class_).sort(),
      eps: [...this.of('pol_ep')]
        .map(([key, value]) => [key, Object.values(value as object).map((n) => n !== 0)])
        .filter(([, value]) => (value as boolean[]).includes(true))
        .sort(),
      spaces: ['polBlock', 'polProgram', 'polClass', 'rule'].length,
    };
  }
}

interface State {
  /** By name. */
  readonly endpoints: Readonly<Record<string, EndpointPrograms>>;
  /** Sets of addresses. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
}

const SETS = ['100 s a', '100 s b', '100 n 10.0.0.0/8'];
const classKey = (sets: readonly string[]): string => `100|${sets.join('|')}`;
const classKeys = (state: State): string[] => Object.values(state.hosts).map(classKey);

function identities({ endpoints }: State): string[] {
  return Object.values(endpoints)
    .flatMap(({ ingress, egress }) => [...(ingress ?? []), ...(egress ?? [])])
    .flat()
    .map(({ identity }) => identity);
}

const rule = (i: number): ResolvedRule => ({
  action: i % 3 === 0 ? 'deny' : 'allow',
  identity: `Policy/p${i}/ingress/0`,
  protocol: 6,
  source: { sets: i % 2 === 0 ? [SETS[i % 3]!] : [], notSets: i % 5 === 0 ? [SETS[2]!] : [] },
  destination: {
    sets: [],
    notSets: [],
    ports: { ranges: [{ from: i, to: i % 4 === 0 ? i : i + 10 }], named: [] },
  },
});
const program = fc
  .array(fc.array(fc.nat(12), { minLength: 1, maxLength: 4 }), { maxLength: 2 })
  .map((tiers): ResolvedProgram => tiers.map((tier) => tier.map(rule)));
const state: fc.Arbitrary<State> = fc.record({
  endpoints: fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.record({
      vni: fc.constant(100),
      index: fc.integer({ min: 1, max: 4 }),
      ingress: fc.option(program, { nil: undefined }),
      egress: fc.option(program, { nil: undefined }),
    }),
    { maxKeys: 3 },
  ),
  hosts: fc.dictionary(
    fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.0.3'),
    fc.subarray(SETS, { minLength: 1 }),
    { maxKeys: 3 },
  ),
});
/** Two endpoints have never one index. */
const states = state.filter(({ endpoints }) => {
  const indexes = Object.values(endpoints).map(({ index }) => index);
  return new Set(indexes).size === indexes.length;
});

function changes(mirror: Mirror, before: State, now: State): PolicyChanges {
  const endpoints = new Map<string, EndpointPrograms | undefined>();
  for (const name of Object.keys(before.endpoints)) endpoints.set(name, undefined);
  for (const [name, has] of Object.entries(now.endpoints)) endpoints.set(name, has);
  const [old, next] = [new Set(classKeys(before)), new Set(classKeys(now))];
  const all = Object.fromEntries(
    [...Object.values(before.hosts), ...Object.values(now.hosts)].map((s) => [classKey(s), s]),
  );
  const about = (key: string) => ({ id: mirror.tables.classIndex(key), key, sets: all[key]! });
  const addresses = new Set([...Object.keys(before.hosts), ...Object.keys(now.hosts)]);
  return {
    endpoints,
    classes: {
      ...NO_CLASSES,
      appeared: [...next].filter((key) => !old.has(key)).map(about),
      vanished: [...old].filter((key) => !next.has(key)).map(about),
      hosts: [...addresses].flatMap((address) => {
        const [was, is] = [before.hosts[address], now.hosts[address]].map((s) => s && classKey(s));
        if (was === is) return [];
        const number = is === undefined ? undefined : mirror.tables.classIndex(is);
        return [{ vni: 100, address, class: number }];
      }),
    },
  };
}

const EMPTY: State = { endpoints: {}, hosts: {} };

test('any states, one after the other', (t) => {
  fc.assert(
    fc.property(fc.array(states, { minLength: 2, maxLength: 5 }), (all) => {
      const one = new Mirror();
      let before = EMPTY;
      for (const now of all) {
        one.flush(changes(one, before, now));
        before = now;
      }
      const fresh = new Mirror();
      fresh.flush(changes(fresh, EMPTY, before));
      const [got, expected] = [one, fresh].map((m) => JSON.stringify(m.plain(before)));
      if (got !== expected) throw new Error(`${got!}\nis not\n${expected!}`);
      const again = one.flush(changes(one, before, before));
      if (again.upserts.length + again.removals.length > 0) throw new Error('written again');
      one.flush(changes(one, before, EMPTY));
      if (one.entries.size > 0) throw new Error(`left: ${[...one.entries.keys()].join(' ')}`);
      for (const space of INDEX_SPACES)
        for (const key of [...identities(before), ...classKeys(before)])
          if (one.indexes.peek(space, key) !== undefined) throw new Error(`${space} ${key}`);
    }),
    { numRuns: Number(process.env.TRANSIT_RUNS ?? 500) },
  );
  t.end();
});

const endpoint = (index: number, ingress: ResolvedProgram | undefined): EndpointPrograms => ({
  vni: 100,
  index,
  ingress,
  egress: undefined,
});

test('blocks are shared, and a class is written where it matters', (t) => {
  const mirror = new Mirror();
  const rules = [[rule(0), rule(2)], [rule(7)]];
  const two = new Map([
    ['a', endpoint(1, rules)],
    ['b', endpoint(2, [...rules])],
  ]);
  const first = mirror.flush({ endpoints: two });
  t.same([...first.vnis], [100]);
  t.equal(mirror.of('pol_block').size, 2);
  t.same(mirror.of('pol_prog').get('1'), {
    vni: 100,
    blocks: [
      { block: 1, first: true },
      { block: 2, first: true },
    ],
  });
  t.same(
    [...mirror.of('pol_ep').values()],
    [1, 1].map((ingress) => ({ ingress, egress: 0 })),
  );
  const key = classKey([SETS[0]!]);
  const id = mirror.tables.classIndex(key);
  const hosts = [{ vni: 100, address: '10.0.0.1', class: id }];
  const appeared = [{ id, key, sets: [SETS[0]!] }];
  const more = mirror.flush({ classes: { ...NO_CLASSES, appeared, hosts } });
  t.same(
    more.upserts.map(({ table, key: text }) => `${table} ${text}`),
    [`pol_row 1/3/0/${id}`, 'pol_host 100/10.0.0.1'],
  );
  const open = mirror.flush({ endpoints: new Map([['a', endpoint(1, undefined)]]) });
  t.same(open.upserts, [{ table: 'pol_ep', key: '1', value: { ingress: 0, egress: 0 } }]);
  t.same(open.removals, []);
  const moved = new Map([
    ['b', undefined],
    ['c', endpoint(2, rules)],
  ]);
  const renamed = mirror.flush({ endpoints: moved });
  t.same(renamed.removals, [], 'another name for the same address');
  const gone = mirror.flush({ endpoints: new Map([['c', undefined]]) });
  t.match(gone.removals[0], { table: 'pol_ep', key: '2' });
  t.equal(mirror.of('pol_row').size, 0);
  t.same(gone.released.map(({ space }) => space).sort(), [
    ...['polBlock', 'polBlock', 'polProgram', 'rule', 'rule', 'rule'],
  ]);
  t.end();
});

test('what does not fit is closed and told', (t) => {
  const mirror = new Mirror({ polBlock: 1 });
  const one = endpoint(1, [[rule(1)]]);
  const other = endpoint(2, [[rule(2)]]);
  mirror.flush({
    endpoints: new Map([
      ['a', one],
      ['b', other],
    ]),
  });
  t.same([...mirror.findings], [['b', 'IndexExhausted']]);
  t.same(mirror.of('pol_ep').get('2'), { ingress: CLOSED, egress: 0 });
  t.equal(mirror.tables.dirty, true);
  mirror.flush({ endpoints: new Map([['a', undefined]]) });
  t.equal(mirror.findings.size, 1, 'its index is free behind the flush');
  mirror.flush({});
  t.equal(mirror.findings.size, 0);
  t.equal(mirror.tables.dirty, false);
  t.same(mirror.of('pol_ep').get('2'), { ingress: 1, egress: 0 });
  const tiers = Array.from({ length: 65 }, (_, i) => [rule(i)]);
  mirror.flush({ endpoints: new Map([['a', endpoint(1, tiers)]]) });
  t.same([...mirror.findings], [['a', 'TooManyRules']]);
  t.same(mirror.of('pol_ep').get('1'), { ingress: CLOSED, egress: 0 });
  t.ok(TABLE_NAMES.includes('pol_ep'));
  t.end();
});
