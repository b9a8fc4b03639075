// SPDX-License-Identifier: Apache-2.0
/**
 * Ordered rules of endpoints and classes of addresses in, changes of tables out. Incremental: what
 * an endpoint, a block or a class has is written when it comes and removed when its last user goes.
 */
import { CalcError } from '../errors.js';
import { IndexUses, type IndexUse } from '../index-uses.js';
import type { Finding, Indexes, Removal, Upsert } from '../output.js';
import { INDEX_EXHAUSTED_REASON, problem, type Problem } from '../unit.js';
import { TableChanges } from './changes.js';
import { cutProgram, type CutProgram } from './cut.js';
import type { PolEpEntry } from './entries.js';
import { LiveBlocks, type PolicyClass } from './live-blocks.js';
import { LivePrograms, type Program } from './live-programs.js';
import { DIRECTIONS, type Direction, type ResolvedProgram } from './types.js';

/** What a local endpoint has. Undefined: open in this direction. */
export interface EndpointPrograms extends Readonly<Record<Direction, ResolvedProgram | undefined>> {
  readonly vni: number;
  /** Of space `endpoint`. */
  readonly index: number;
}

/** Class of an entry; undefined: there is no such entry any more. */
interface ClassChange {
  readonly vni: number;
  readonly class: number | undefined;
}

export interface ClassChanges {
  readonly appeared: readonly PolicyClass[];
  readonly vanished: readonly Pick<PolicyClass, 'key'>[];
  readonly hosts: readonly (ClassChange & { readonly address: string })[];
  /** prefix: "ADDRESS/LENGTH". */
  readonly nets: readonly (ClassChange & { readonly prefix: string })[];
  readonly named: readonly (ClassChange & {
    readonly address: string;
    readonly protocol: number;
    readonly port: number;
  })[];
}

/** What changed since the last flush. */
export interface PolicyChanges {
  /** By name of the endpoint. Undefined: it is no longer of this host. */
  readonly endpoints: ReadonlyMap<string, EndpointPrograms | undefined>;
  readonly classes: ClassChanges;
}

export interface PolicyDelta {
  readonly upserts: readonly Upsert[];
  readonly removals: readonly Removal[];
  /** VNIs whose connections have to be judged again. */
  readonly vnis: ReadonlySet<number>;
  /** As of the calculation: of kind Endpoint. */
  readonly findings: readonly Finding[];
  /** As in calc/output.ts. */
  readonly released: readonly IndexUse[];
}

const TOO_MANY_RULES_REASON = 'TooManyRules';

/** What an endpoint has in the tables. */
interface Held {
  readonly index: number;
  readonly vni: number;
  readonly numbers: PolEpEntry;
  readonly programs: readonly Program[];
}

export class PolicyTables {
  private readonly uses: IndexUses;
  private readonly blocks: LiveBlocks;
  private readonly programs: LivePrograms;
  private readonly endpoints = new Map<string, Held>();
  /** By name of the endpoint. */
  private readonly problems = new Map<string, Problem>();
  /** What those should have had for which no number was free: tried again at each flush. */
  private readonly retry = new Map<string, EndpointPrograms>();

  constructor(
    deps: { readonly indexes: Indexes },
    private readonly opts: {
      /** A program that never has an entry and so denies all: of endpoints whose own is not there. */
      readonly closed: number;
    },
  ) {
    this.uses = new IndexUses(deps.indexes);
    this.blocks = new LiveBlocks(this.uses);
    this.programs = new LivePrograms(this.uses, this.blocks);
  }

  /**
   * Number of a class that appears or is there; its own until the flush that is told it vanished.
   * @throws CalcError INDEX_EXHAUSTED
   */
  classIndex(key: string): number {
    return this.uses.index('polClass', key);
  }

  /** Whether a flush has something to do even when nothing changed. */
  get dirty(): boolean {
    return this.retry.size > 0;
  }

  flush({ endpoints, classes }: PolicyChanges): PolicyDelta {
    const changes = new TableChanges();
    const vnis = new Set<number>();
    const findings: Finding[] = [];
    const cuts: Flush['cuts'] = new Map();
    const numbers: Flush['numbers'] = new Map();
    const todo = new Map<string, EndpointPrograms | undefined>([...this.retry, ...endpoints]);
    this.retry.clear();
    for (const [name, has] of todo) this.endpoint(name, has, { vnis, findings, cuts, numbers });
    for (const [index, value] of numbers)
      if (value) changes.set('pol_ep', `${index}`, value);
      else changes.remove('pol_ep', `${index}`);
    // Nothing appears before all that goes is gone: no key is written and removed.
    this.programs.removeUnused(changes);
    for (const one of classes.vanished) {
      this.blocks.classVanishes(one, changes);
      this.uses.remove({ space: 'polClass', key: one.key });
    }
    for (const one of classes.appeared) {
      this.uses.add({ space: 'polClass', key: one.key });
      this.blocks.classAppears(one, changes);
    }
    this.programs.writeNew(changes);
    putClasses(classes, changes, vnis);
    return { ...changes.all(), vnis, findings, released: this.uses.sweep() };
  }

  private endpoint(name: string, has: EndpointPrograms | undefined, flush: Flush): void {
    const { numbers, vnis, findings } = flush;
    const before = this.endpoints.get(name);
    const result = has && this.numbersOf(has, flush);
    for (const program of result?.programs ?? []) this.programs.add(program);
    for (const program of before?.programs ?? []) this.programs.remove(program);
    // An endpoint of another name may have come to its address and so have its index now.
    if (before && before.index !== has?.index && !numbers.has(before.index))
      numbers.set(before.index, undefined);
    if (has && result) {
      const now: Held = { index: has.index, vni: has.vni, ...result };
      this.endpoints.set(name, now);
      if (!sameHeld(before, now)) {
        numbers.set(now.index, now.numbers);
        vnis.add(now.vni);
      }
      if (result.problem?.reason === INDEX_EXHAUSTED_REASON) this.retry.set(name, has);
    } else this.endpoints.delete(name);
    this.complain(name, result?.problem, findings);
  }

  private numbersOf(
    has: EndpointPrograms,
    { cuts }: Flush,
  ): Pick<Held, 'numbers' | 'programs'> & { readonly problem: Problem | undefined } {
    const numbers = { ingress: 0, egress: 0 };
    const programs: Program[] = [];
    let why: Problem | undefined;
    for (const direction of DIRECTIONS) {
      const rules = has[direction];
      if (rules === undefined) continue;
      const program = this.programOf(rules, has.vni, cuts);
      if ('reason' in program) {
        numbers[direction] = this.opts.closed;
        why ??= program;
        continue;
      }
      numbers[direction] = program.index;
      programs.push(program);
    }
    return { numbers, programs, problem: why };
  }

  /** Rules of many endpoints are one object: it is cut once. */
  private programOf(rules: ResolvedProgram, vni: number, cuts: Flush['cuts']): Program | Problem {
    const ofVni = cuts.get(vni) ?? new Map<ResolvedProgram, CutProgram>();
    cuts.set(vni, ofVni);
    const cut = ofVni.get(rules) ?? cutProgram(rules, vni);
    ofVni.set(rules, cut);
    if (cut.kind === 'too-many-rules')
      return problem(
        TOO_MANY_RULES_REASON,
        'metadata.labels',
        `the rules that apply to it take ${cut.blocks} blocks of about 400 rules, and ${cut.limit} ` +
          'is the most in a direction: it is closed until fewer apply',
      );
    try {
      return this.programs.reserve(cut.blocks, vni);
    } catch (error) {
      if (!(error instanceof CalcError)) throw error;
      return problem(
        INDEX_EXHAUSTED_REASON,
        'metadata.labels',
        `no room for the rules that apply to it, so it is closed: ${error.message}`,
      );
    }
  }

  private complain(name: string, now: Problem | undefined, findings: Finding[]): void {
    const before = this.problems.get(name);
    if (before?.message === now?.message) return;
    if (now === undefined) this.problems.delete(name);
    else this.problems.set(name, now);
    findings.push({ kind: 'Endpoint', name, problem: now });
  }
}

/** What a flush collects. */
interface Flush {
  readonly vnis: Set<number>;
  readonly findings: Finding[];
  /** By VNI. */
  readonly cuts: Map<number, Map<ResolvedProgram, CutProgram>>;
  /** By index of an endpoint. */
  readonly numbers: Map<number, PolEpEntry | undefined>;
}

function sameHeld(before: Held | undefined, now: Held): boolean {
  return (
    before?.index === now.index &&
    before.numbers.ingress === now.numbers.ingress &&
    before.numbers.egress === now.numbers.egress
  );
}

function putClasses(
  { hosts, nets, named }: ClassChanges,
  changes: TableChanges,
  vnis: Set<number>,
): void {
  const put = (
    table: 'pol_host' | 'pol_net' | 'pol_named',
    key: string,
    change: ClassChange,
  ): void => {
    vnis.add(change.vni);
    if (change.class === undefined) changes.remove(table, `${change.vni}/${key}`);
    else changes.set(table, `${change.vni}/${key}`, { class: change.class });
  };
  for (const host of hosts) put('pol_host', host.address, host);
  for (const net of nets) put('pol_net', net.prefix, net);
  for (const one of named) put('pol_named', `${one.address}/${one.protocol}/${one.port}`, one);
}
