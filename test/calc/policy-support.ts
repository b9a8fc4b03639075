// SPDX-License-Identifier: Apache-2.0
/** What tests of the graph of policies share: worlds, a mirror of what flushes said, walks. */
import { PolicyGraph, type PolicyDelta } from '../../src/daemon/calc/policy/graph.js';
import type { EndpointPrograms } from '../../src/daemon/calc/policy/graph.js';
import { naiveMatch, type Drawn } from '../support/policy-selectors.js';
import type { Meaning, Outcome, World } from '../support/policy-naive.js';

export const EMPTY: World = {
  vpcs: {},
  endpoints: {},
  networkSets: {},
  profiles: {},
  tiers: {},
  policies: {},
};

const KINDS = ['vpcs', 'endpoints', 'networkSets', 'profiles', 'tiers', 'policies'] as const;
export type Kind = (typeof KINDS)[number];

/** One call of the graph; undefined: it goes. */
export type Step = {
  [K in Kind]: readonly [K, string, World[K][string] | undefined];
}[Kind];

/** Selectors as worlds write them: text, normalised text, meaning. */
const SELECTORS: readonly (readonly [string, string, Drawn])[] = [
  ['', 'all()', ['all']],
  ['all()', 'all()', ['all']],
  ["role=='web'", 'role == "web"', ['==', 'role', 'web']],
  ['role == "web"', 'role == "web"', ['==', 'role', 'web']],
  ['(role == "db")', 'role == "db"', ['==', 'role', 'db']],
  ['role == "none"', 'role == "none"', ['==', 'role', 'none']],
  ['role == "db"', 'role == "db"', ['==', 'role', 'db']],
  ['role != "web"', 'role != "web"', ['!=', 'role', 'web']],
  ['role in {"web","db"}', 'role in {"db", "web"}', ['in', 'role', ['web', 'db']]],
  ['role not in {"db"}', 'role not in {"db"}', ['not in', 'role', ['db']]],
  ['has(env)', 'has(env)', ['has', 'env']],
  ['!has(env)', '!has(env)', ['!', ['has', 'env']]],
  ['env starts with "p"', 'env starts with "p"', ['starts with', 'env', 'p']],
  [
    'role == "web" && env == "prod"',
    'role == "web" && env == "prod"',
    [
      '&&',
      [
        ['==', 'role', 'web'],
        ['==', 'env', 'prod'],
      ],
    ],
  ],
  [
    'role == "db" || has(env)',
    'role == "db" || has(env)',
    [
      '||',
      [
        ['==', 'role', 'db'],
        ['has', 'env'],
      ],
    ],
  ],
];

export const SELECTOR_TEXTS = SELECTORS.map(([text]) => text);
export const BROKEN = 'role == ';

const MEANINGS = new Map<string, Meaning>(
  SELECTORS.map(([text, normal, drawn]) => [
    text,
    { text: normal, matches: (labels) => naiveMatch(drawn, labels) },
  ]),
);

export function meaning(text: string): Meaning | undefined {
  if (text !== BROKEN && !MEANINGS.has(text)) throw new Error(`no meaning for ${text}`);
  return MEANINGS.get(text);
}

export function tell(graph: PolicyGraph, step: Step): void {
  const [kind, name, value] = step;
  if (kind === 'vpcs') graph.vpc(name, value);
  else if (kind === 'endpoints') graph.endpoint(name, value);
  else if (kind === 'networkSets') graph.networkSet(name, value);
  else if (kind === 'profiles') graph.profile(name, value);
  else if (kind === 'tiers') graph.tier(name, value);
  else graph.policy(name, value);
}

export function after(world: World, [kind, name, value]: Step): World {
  const { [name]: _, ...rest } = world[kind] as Record<string, unknown>;
  return { ...world, [kind]: value === undefined ? rest : { ...rest, [name]: value } };
}

/** Steps from one world to another. */
export function difference(from: World, to: World): Step[] {
  const out: unknown[] = [];
  for (const kind of KINDS) {
    const [before, now] = [from[kind], to[kind]] as Record<string, unknown>[];
    for (const name in before) if (!(name in now!)) out.push([kind, name, undefined]);
    for (const name in now)
      if (JSON.stringify(before![name]) !== JSON.stringify(now[name]))
        out.push([kind, name, now[name]]);
  }
  return out as Step[];
}

/** Everything in a world as steps. */
export const all = (world: World): Step[] => difference(EMPTY, world);

/** What a reader of flushes has after them. Throws when a flush cannot be applied as it is. */
export class Mirror {
  readonly programs = new Map<string, EndpointPrograms>();
  private readonly classes = new Map<number, readonly string[]>();
  private readonly entries = {
    hosts: new Map<string, number>(),
    nets: new Map<string, number>(),
    named: new Map<string, number>(),
  };

  apply(delta: PolicyDelta): void {
    inOrderOf(delta.appeared.map(({ key }) => key));
    inOrderOf(delta.vanished.map(({ key }) => key));
    inOrderOf([...delta.programs.keys()]);
    for (const { id, key, sets } of delta.appeared) {
      if (id < 1 || this.classes.has(id)) throw new Error(`class ${id} appears twice`);
      if (key.split('|')[0] !== sets[0]?.split(' ')[0]) throw new Error(`class of no VPC: ${key}`);
      this.classes.set(id, sets);
    }
    for (const { vni, address, class: id } of delta.hosts)
      this.put('hosts', `${vni}/${address}`, id);
    for (const { vni, prefix, class: id } of delta.nets) this.put('nets', `${vni}/${prefix}`, id);
    for (const { vni, address, protocol, port, class: id } of delta.named)
      this.put('named', `${vni}/${address}/${protocol}/${port}`, id);
    for (const { id } of delta.vanished)
      if (!this.classes.delete(id)) throw new Error(`class ${id} was not there`);
    const used = new Set(Object.values(this.entries).flatMap((table) => [...table.values()]));
    for (const id of used)
      if (!this.classes.has(id)) throw new Error(`class ${id} is used and gone`);
    for (const id of this.classes.keys())
      if (!used.has(id)) throw new Error(`class ${id} is of nothing`);
    for (const [name, programs] of delta.programs) {
      const before = this.programs.get(name);
      if (JSON.stringify(before) === JSON.stringify(programs))
        throw new Error(`${name}: no change`);
      if (programs) this.programs.set(name, programs);
      else this.programs.delete(name);
    }
  }

  outcome(): Outcome {
    const sets = (table: ReadonlyMap<string, number>): Record<string, string[]> =>
      Object.fromEntries([...table].map(([key, id]) => [key, [...this.classes.get(id)!]]));
    return {
      programs: Object.fromEntries(this.programs),
      hosts: sets(this.entries.hosts),
      nets: sets(this.entries.nets),
      named: sets(this.entries.named),
    };
  }

  private put(kind: 'hosts' | 'nets' | 'named', key: string, id: number | undefined): void {
    const table = this.entries[kind];
    if (table.get(key) === id) throw new Error(`${kind} ${key}: no change`);
    if (id === undefined) table.delete(key);
    else table.set(key, id);
  }
}

function inOrderOf(keys: readonly string[]): void {
  if (keys.some((key, i) => i > 0 && keys[i - 1]! >= key)) throw new Error(`order: ${keys.join()}`);
}

/** Keys sorted, and nothing undefined: comparable as text. */
export function plain(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** A graph with whoever reads it; numbers of classes are the lowest free ones. */
export class Walk {
  private readonly numbers = new Set<number>();
  readonly graph = new PolicyGraph(() => {
    let number = 1;
    while (this.numbers.has(number)) number++;
    this.numbers.add(number);
    return number;
  });
  readonly mirror = new Mirror();

  tell(steps: readonly Step[]): void {
    for (const step of steps) tell(this.graph, step);
  }

  flush(): PolicyDelta {
    const delta = this.graph.flush();
    this.mirror.apply(delta);
    for (const { id } of delta.vanished) this.numbers.delete(id);
    return delta;
  }
}

export function isNothing(delta: PolicyDelta): boolean {
  const { programs, appeared, vanished, hosts, nets, named } = delta;
  return (
    [appeared, vanished, hosts, nets, named].every((list) => list.length === 0) &&
    programs.size === 0
  );
}
